#pragma once

#include "lab/party_words.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::lab {

using milliseconds_f = std::chrono::duration<double, std::milli>;

/// What the demo saw of one pair of members.
struct demo_pair {
  std::string a, b;
  std::string nat_a, nat_b;
  std::string strategy;                  ///< "direct", "relay"; empty: never connected
  std::string relay;                     ///< while relayed
  std::string endpoint;                  ///< where a's WireGuard sends
  std::optional<milliseconds_f> connect; ///< from joining to the first answer through the tunnel
  std::optional<milliseconds_f> rtt;     ///< median through the tunnel
  std::size_t lost = 0;                  ///< pings lost from connect to the relay kill
};

struct demo_result {
  bool simulated = false; ///< on virtual time, where no laboratory could be built
  std::size_t peers = 0;
  std::vector<demo_pair> pairs;
  std::string killed_relay;
  std::string relay_kill_pair;          ///< "p1-p3"; empty: no pair was relayed
  std::optional<milliseconds_f> outage; ///< empty: it never recovered
  std::string killed_daemon;
  std::size_t daemon_kill_lost = 0;
  std::vector<std::string> problems; ///< empty: ok
};

/// The one line of interfaces.md, without its newline.
std::string to_json(const demo_result& result);
/// Table of pairs and the two kills, for people.
std::string to_text(const demo_result& result);
/// Table of one member's `status`.
std::string to_text(const std::string& member, const words::status_view& status);

/// How one pair of NATs ended.
struct matrix_cell {
  std::string nat_a, nat_b;                ///< "port-restricted"; nat_b empty: nat_a says all of it
  std::string strategy;                    ///< empty: never connected
  std::string expected;                    ///< empty: no path is there
  std::optional<milliseconds_f> connect{}; ///< from `connect` to the first answer in the tunnel
  std::optional<milliseconds_f> direct{};  ///< from there to the first data that came directly
  std::optional<milliseconds_f> relayed{}; ///< and to the first that came by a relay
  std::string problem{};                   ///< besides the strategy
  bool wrong() const;                      ///< worse than expected
};
struct matrix_result {
  std::vector<matrix_cell> pairs; ///< every pair of types
  std::vector<matrix_cell> more;  ///< what no pair of types is: double NAT, one network
  bool ok() const;
  /// Over the direct pairs, the time that 95 of 100 do not exceed.
  std::optional<milliseconds_f> direct_p95() const;
  std::optional<milliseconds_f> relayed_p95() const; ///< of the relay's first packet in all pairs
};
/// The one line of interfaces.md, without its newline.
std::string to_json(const matrix_result& result);
std::string to_text(const matrix_result& result);

/// Rows of cells with columns as wide as needed; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

} // namespace lanrage::lab
