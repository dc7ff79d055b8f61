#include "sim/invariants/liveness.hpp"

#include "config/path_defaults.hpp"
#include "sim/scenario/judge.hpp"

#include <algorithm>

namespace lanrage::sim::invariants {
namespace {

namespace defaults = config::defaults;
using namespace std::chrono_literals;
using scenario::seconds_text;

std::string about_ms(duration time) {
  return std::to_string(time / 1ms) + " ms";
}

void mark(std::optional<duration>& since, bool holds, duration now) {
  if (!holds)
    since.reset();
  else if (!since)
    since = now;
}

std::string ways(const liveness_rules::pair_now& is) {
  std::string out = is.direct == reach::direct::never    ? "the boxes let nobody through directly"
                    : is.direct == reach::direct::surely ? "a direct path is possible"
                                                         : "a direct path is a matter of luck";
  if (is.best_relay) out += ", the best relay takes " + about_ms(*is.best_relay);
  return out;
}

} // namespace

/// A lost check, three repairs, and the control connection's longest wait; who has failed already
/// waits for the slow retry, if no news comes.
duration liveness_rules::connect_bound(bool failed) {
  const auto all = duration{defaults::check_interval} + defaults::check_timeout +
                   defaults::repair_attempts * duration{defaults::repair_interval} +
                   defaults::control_retry_max + defaults::discover_deadline +
                   defaults::negotiate_deadline + defaults::configure_deadline +
                   defaults::verify_deadline;
  return failed ? all + defaults::slow_retry_max : all;
}

/// The longest wait of a relayed pair, twice: a punch may be lost to chance.
duration liveness_rules::direct_bound() {
  return 2 * (duration{defaults::punch_again_max} + 2 * defaults::punch_deadline);
}

/// A relay is measured again after relay_measure_every; a gain has to last (decision 8).
duration liveness_rules::relay_bound() {
  return 2 * duration{defaults::relay_measure_every} + 4 * duration{defaults::path_dwell};
}

void liveness_rules::look(std::uint32_t a, std::uint32_t b, const std::string& who,
                          const pair_now& is, duration now) {
  auto& s = pairs_[{a, b}];
  const bool direct = is.wanted && is.direct == reach::direct::surely && is.direct_sound;
  const bool way = is.wanted && is.controlled && (direct || is.best_relay);
  mark(s.sound, way, now);
  mark(s.direct, direct && is.controlled && is.up, now);
  mark(s.relayed, is.wanted && is.up && is.used_relay && !direct, now);
  // Who was seen failed once since there was a way had to wait for its slow retry.
  s.was_failed = s.sound && (s.was_failed || is.failed);
  const auto calm = [&](const std::optional<duration>& since) {
    return now - std::max(*since, disturbed_);
  };
  if (s.sound && !is.up && calm(s.sound) > connect_bound(s.was_failed))
    found_.add("L1", now, who,
               "not connected " + seconds_text(calm(s.sound)) +
                   " after there was a way: " + is.views + "; " + ways(is));
  if (is.up) s.was_failed = false;
  if (s.direct && !is.is_direct && calm(s.direct) > direct_bound())
    found_.add("L2", now, who,
               "not direct after " + seconds_text(calm(s.direct)) + ": " + is.views);
  if (s.relayed && is.used_relay && is.best_relay && calm(s.relayed) > relay_bound()) {
    const auto margin =
        std::max<duration>(2 * duration{defaults::path_gain_least},
                           2 * *is.used_relay * defaults::path_gain_least_percent / 100);
    if (*is.used_relay - *is.best_relay > margin)
      found_.add("L3", now, who,
                 "on a relay that takes " + about_ms(*is.used_relay) + " since " +
                     seconds_text(*s.relayed) + ", the best one takes " + about_ms(*is.best_relay) +
                     ": " + is.views);
  }
}

} // namespace lanrage::sim::invariants
