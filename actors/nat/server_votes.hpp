#pragma once

#include "net/endpoint.hpp"

#include <optional>
#include <span>
#include <vector>

namespace lanrage::actors {

/// What one STUN server saw of us.
struct stun_observation {
  net::endpoint server;
  net::endpoint mapped;
};

/// The mapping that more than half of the servers' addresses saw, and at least two; absent: nothing
/// is decided, and all observations stand.
///
/// Servers at two addresses that see one mapping prove that it is endpoint-independent (RFC 5780
/// 4.3), so whoever names another one lies or looks from elsewhere. A symmetric NAT shows every
/// address a mapping of its own: there nobody agrees with anybody but by a draw in tens of
/// thousands. A liar who would call it a cone has to name what another server sees, which it is not
/// told. So only liars that conspire and are more than half deceive. Two servers that disagree
/// decide nothing: a symmetric NAT and a liar look the same there, and the NAT is more common.
///
/// An address votes once for what it saw at any of its ports: address-dependent mapping shows all
/// of them the same. A private address outvotes nobody: who sees us there is on our side of a NAT.
std::optional<net::endpoint> agreed_mapping(std::span<const stun_observation> seen);

/// Those that saw the agreed mapping; all, when there is none.
std::vector<stun_observation> believed(std::span<const stun_observation> seen);

} // namespace lanrage::actors
