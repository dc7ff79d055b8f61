#pragma once

#include "actors/peer/peer_states.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace lanrage::actors {

/// What checks said of the paths to one peer: which answered when, and how fast. Bounded. Pure.
class path_book {
 public:
  using time_point = msg::time_point;

  struct entry {
    path what;
    std::optional<time_point> answered;          ///< the last answer came
    std::optional<std::chrono::nanoseconds> rtt; ///< smoothed
    time_point asked{};                          ///< the last check left
    std::uint32_t sent = 0;                      ///< checks, ever
    std::uint32_t history = 0;                   ///< bit n: the nth last check was answered
    std::chrono::nanoseconds last{};             ///< round trip of the latest answer
    int in_a_row = 0;                            ///< the latest checks that were all answered

    /// Of the last 32 checks those after the first `count`, and how many had no answer (yet).
    std::uint32_t asked_since(std::uint32_t count) const;
    std::uint32_t lost_since(std::uint32_t count) const;
    std::uint32_t asked_of_late() const { return asked_since(0); }
    std::uint32_t lost_of_late() const { return lost_since(0); }
    /// How often of late one or two checks between answered ones were lost: a path that loses does
    /// that again and again, one that was gone for long does not.
    int hiccups_of_late() const;
  };

  /// A check of this path leaves now; its number.
  std::uint32_t ask(const path& over, time_point now);
  /// Its answer; the path as it is known now, or nothing when nobody waits for this number.
  const entry* answer(std::uint32_t number, std::chrono::nanoseconds rtt, time_point now);
  /// Of all paths but one, the fastest that answered since then.
  std::optional<path> alive_since(time_point since, const std::optional<path>& but) const;
  const entry* find(const net::endpoint& where) const;
  void forget(const net::endpoint& where);
  const std::vector<entry>& all() const { return entries_; }

 private:
  struct open_check {
    std::uint32_t number = 0;
    net::endpoint where;
    std::uint32_t count = 0; ///< the entry's `sent` when it left
  };
  entry& at(const path& over);

  std::vector<entry> entries_;   ///< least recently asked first
  std::vector<open_check> open_; ///< oldest first, bounded
  std::uint32_t last_ = 0;
};

} // namespace lanrage::actors
