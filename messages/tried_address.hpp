#pragma once

#include "net/record.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace lanrage::msg {

/// What the last run of punching made of one of the peer's addresses.
struct tried_address {
  net::candidate what;
  std::uint16_t sent = 0;                      ///< probes of ours
  std::uint16_t answered = 0;                  ///< of them
  bool heard = false;                          ///< probes of the peer's came from there
  std::optional<std::chrono::nanoseconds> rtt; ///< answered: the best one
  friend bool operator==(const tried_address&, const tried_address&) = default;
};
using tried_addresses = std::vector<tried_address>;
struct get_tried {
  net::wg_public_key key;
};

} // namespace lanrage::msg
