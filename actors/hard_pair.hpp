#pragma once

#include "net/record.hpp"

#include <cstdint>

namespace lanrage::actors {

/// What a NAT is in the one pair that only birthday probing makes direct: a symmetric one, and one
/// that shows everybody the same port but lets nobody in unasked.
enum class hard_side : std::uint8_t { none, symmetric, cone };

inline hard_side side_of(const net::nat_report& nat) {
  using enum net::nat_behavior;
  const bool lets_in = nat.filtering == endpoint_independent || nat.filtering == address_dependent;
  switch (nat.mapping) {
  case endpoint_independent:
    return lets_in ? hard_side::none : hard_side::cone;
  case address_dependent:
  case address_and_port_dependent:
    return nat.translated ? hard_side::symmetric : hard_side::none;
  case unknown:
    break;
  }
  return hard_side::none;
}

inline bool is_hard_pair(hard_side a, hard_side b) {
  return a != b && a != hard_side::none && b != hard_side::none;
}

} // namespace lanrage::actors
