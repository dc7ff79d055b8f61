#pragma once

#include "config/defaults.hpp"
#include "messages/values.hpp"
#include "net/frames.hpp"

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace lanrage::actors {

/// Which probes of one peer were answered, and how many more may be. Bounded. Only authentic
/// probes get here. Pure.
class answer_book {
 public:
  using time_point = msg::time_point;

  enum class verdict : std::uint8_t {
    answer,    ///< the first of its kind: answer it
    duplicate, ///< this (source, transaction) was answered: do nothing
    over_rate, ///< treat it as lost; a repetition has a transaction of its own
  };
  /// Notes the probe when the verdict is `answer`.
  verdict admit(const net::endpoint& from, const net::probe_transaction& id, time_point now);

 private:
  std::vector<std::pair<net::endpoint, net::probe_transaction>> answered_;
  time_point paid_until_{}; ///< the rate limit as one time (GCRA, ITU-T I.371)
};

/// Which probes already had their effect, by transaction alone: a copy that comes from elsewhere is
/// answered but moves nothing. Bounded; only the peer can make new entries. Pure.
class effect_book {
 public:
  /// Whether this is the first time; notes it.
  bool first(const net::probe_transaction& id, std::uint32_t epoch);
  /// Probes of older epochs have no effect any more, so they need no memory.
  void forget_before(std::uint32_t epoch);

 private:
  std::vector<std::pair<net::probe_transaction, std::uint32_t>> seen_;
};

} // namespace lanrage::actors
