#pragma once

#include "messages/connections.hpp"
#include "messages/path_forecast.hpp"
#include "net/endpoint.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lanrage::actors {

/// A path that a pair could be on. `where` is what tells it from others: where WireGuard sends.
struct path_candidate {
  net::endpoint where;
  msg::strategy by = msg::strategy::direct;
  msg::path_forecast forecast;     ///< of the whole path; of a relayed one the sum of both legs
  bool living = true;              ///< false: known not to work now
  bool pinned = false;             ///< relays: asked for by the user
  int failures = 0;                ///< times that it died within the last minutes
  std::uint16_t load_permille = 0; ///< relays
};

/// Why to stay or to go.
enum class path_reason : std::uint8_t {
  good,       ///< stay: nothing is better
  not_enough, ///< stay: `there` is better, but not by `needed`
  unmeasured, ///< stay: nothing is known of the path in use yet
  no_path,    ///< stay: nothing else lives
  start,      ///< go: no path is in use
  dead,       ///< go: the path in use does not work
  pinned,     ///< go: a relay that the user asked for is there
  much,       ///< go: `there` costs less by at least `needed`
  lasting,    ///< go: `there` has cost less for so long that it adds up
};

struct path_decision {
  path_reason why = path_reason::good;
  std::optional<net::endpoint> to;    ///< where to go; absent: stay
  std::optional<net::endpoint> rival; ///< not_enough: the best of the others
  std::chrono::microseconds here{};   ///< cost of the path in use
  std::chrono::microseconds there{};  ///< cost of `to` or `rival`
  std::chrono::microseconds needed{}; ///< gain that is worth a switch at once
};

/// "12.3 ms", for people. Not negative.
std::string in_ms(std::chrono::nanoseconds time);
/// The decision in a sentence, for people. Names as they know the paths: "direct", "relay1".
std::string sentence(const path_decision& of, std::string_view here, std::string_view there);

/// What a path costs: its expected delay, a part of its jitter, and delay's worth of what speaks
/// against it (recent deaths, a crowded relay, a relay at all).
std::chrono::microseconds path_cost(const path_candidate& of);

/// Which path one pair should be on. Pure.
///
/// 1. A dead path is left at once, for the cheapest living one.
/// 2. A much cheaper path is taken at once: cheaper by 240 ms, or by twice what is usual here.
/// 3. A somewhat cheaper one is waited for: what staying costs beyond 20 % and 10 ms is added up,
///    and forgotten as soon as it turns; at three times the usual delay for 15 s it is worth it.
/// 4. After a switch only 1 and 2 hold for a minute.
/// 5. A switch that is taken back at once was a bad one: the next needs twice the gain, and so on.
///
/// Delays are forecast (delay_history), as most of what a sample says is over with the next one.
/// Ask after every round of measurements; who moved the path, and why, does not matter.
class path_chooser {
 public:
  using time_point = msg::time_point;

  /// `current`: where WireGuard sends now. At most path_candidates_max candidates are looked at.
  path_decision decide(time_point now, const std::optional<net::endpoint>& current,
                       std::span<const path_candidate> candidates);

 private:
  /// What staying instead of being there has cost, in microseconds for microseconds.
  struct debt {
    net::endpoint where;
    std::int64_t owed = 0;
  };

  void noticed(time_point now, const std::optional<net::endpoint>& current);
  using candidates = std::vector<const path_candidate*>;
  const path_candidate* owed(std::chrono::microseconds elapsed, const path_candidate& here,
                             const candidates& rivals);
  path_decision weigh(time_point now, std::chrono::microseconds elapsed, const path_candidate& here,
                      const candidates& rivals);

  std::optional<net::endpoint> current_;
  std::optional<net::endpoint> before_; ///< the path that was left last
  std::optional<time_point> moved_;
  std::optional<time_point> asked_;
  time_point calmer_{};
  int caution_ = 0;
  std::vector<debt> debts_;
};

} // namespace lanrage::actors
