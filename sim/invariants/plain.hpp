#pragma once

#include "sim/invariants/table.hpp"
#include "sim/world/fabric.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The invariants that need no memory of who said what.
namespace lanrage::sim::invariants {

/// S17: the world's time and its events'.
class clock_rules {
 public:
  explicit clock_rules(findings& found) : found_(found) {}
  void event(duration due, duration now);

 private:
  findings& found_;
  duration last_{};
};

/// S18.
void check_fabric(const fabric_counters& count, std::size_t under_way, duration now,
                  findings& found);

/// S15: what waits in the world, by what there is to wait for.
struct waiting {
  std::size_t timers = 0;   ///< of actors
  std::size_t events = 0;   ///< of the world
  std::size_t packets = 0;  ///< of them
  std::size_t requests = 0; ///< of actors, without an answer
  std::size_t members = 0;
  std::size_t connections = 0; ///< that members have
  std::size_t streams = 0;     ///< of pings
};
void check_waiting(const waiting& now_waits, duration now, findings& found);

/// S2: addresses in use, by name.
struct holder {
  std::string name;
  net::virtual_ip address;
};
/// What is wrong with them; empty: nothing.
std::string clash_among(const std::vector<holder>& all);

/// S19: a line of error. `ordered_deaths`: of actors, by somebody's will.
void check_error(std::string_view line, std::uint64_t ordered_deaths, duration now,
                 findings& found);

/// S20: texts that must not be written.
class secret_rules {
 public:
  explicit secret_rules(findings& found) : found_(found) {}
  void keep(std::string secret);
  void line(std::string_view text, duration now);

 private:
  static constexpr std::size_t shortest = 40; ///< no secret has a shorter text
  findings& found_;
  std::set<std::string, std::less<>> secrets_;
};

} // namespace lanrage::sim::invariants
