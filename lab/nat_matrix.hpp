#pragma once

#include "lab/party.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lanrage::lab {

/// How a pair of NATs can end, worst first.
enum class reach {
  none,  ///< not at all
  relay, ///< no side can know where the other will be
  direct,
};
/// "direct", "relay", and nothing for none.
std::string_view to_string(reach how);

/// One box of each kind that the matrix pairs up. Its public ports are never those of its hosts.
std::span<const nat_settings> matrix_nats();
inline constexpr std::size_t matrix_nat_count = 10;

/// What plain physics allows to a pair of matrix_nats(), by position; symmetric. The laboratory and
/// the simulation are both held against it: no pair may end worse.
reach matrix_expects(std::size_t a, std::size_t b);
/// Whether the pair is direct or relayed by who comes first: a box that answers what nobody asked
/// for gives the port away to a probe that is early. Expected is the worse of both.
bool matrix_races(std::size_t a, std::size_t b);

/// All pairs with a <= b in rounds: in one round no NAT is in two pairs, except in the last, which
/// has all pairs of the NAT that blocks UDP.
std::vector<std::vector<std::pair<std::size_t, std::size_t>>> matrix_rounds();

/// The party of the matrix: two members behind each of matrix_nats(), and those of matrix_more().
/// IPv4 only, but for those who are there for IPv6.
std::vector<party_member> matrix_members();
std::vector<party_carrier> matrix_carriers();
/// The member behind matrix_nats()[nat]; `which`: 'a' or 'b'.
std::string matrix_member(std::size_t nat, char which);

/// What no two of matrix_nats() make: two boxes in a row, one network, IPv6.
struct matrix_extra {
  std::string a, b;         ///< of matrix_members()
  std::string nat_a, nat_b; ///< for people; nat_b empty: nat_a says all of it
  reach expected;
  /// What the endpoint in use begins with; empty: anything.
  std::string endpoint{};
};
std::vector<matrix_extra> matrix_more();

} // namespace lanrage::lab
