#include "actors/peer/peer_connection.hpp"
#include "config/path_defaults.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

/// A slow relayed connection tries another relay: the session moves there, both are compared, and
/// it moves back unless that was faster.
namespace lanrage::actors {

namespace defaults = config::defaults;
using std::chrono::nanoseconds;

namespace {
std::string improvement(nanoseconds from, nanoseconds to) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%",
                100.0 *
                    (1.0 - static_cast<double>(to.count()) / static_cast<double>(from.count())));
  return text;
}
/// A move is over by then, one way or the other.
constexpr auto trial_move_limit = defaults::prepare_deadline + defaults::move_deadline +
                                  defaults::assert_deadline + defaults::configure_deadline +
                                  defaults::move_again;
} // namespace

void peer_connection::maybe_trial(nanoseconds measured) {
  if (!initiator_ || !path_ || move_) return;
  // One slow answer of many is no reason to go, nor one to stay on a relay that is no faster.
  const auto known = here_.forecast(persistence_);
  const auto usual = known.samples >= defaults::trial_samples
                         ? std::min<nanoseconds>(measured, known.usual)
                         : measured;
  const auto choice = trials_.candidate(now_.at, *path_, usual, ranking_);
  if (!choice) return;
  trials_.begun(now_.at);
  trialling t;
  t.old = *path_;
  t.fresh = through(*choice);
  t.old_rtt = usual;
  t.until = now_.at + trial_move_limit;
  enter(std::move(t), "Current latency: " + in_ms(measured) + "; found alternative relay: " +
                          choice->name + " " + to_string(choice->address));
  start_move(in<trialling>()->fresh, move_kind::planned);
}

/// The session is on the other relay, or back from it; or it could not be moved.
void peer_connection::trial_moved(trialling& t, bool landed) {
  const auto trying = t.at == trialling::stage::trying;
  if (!landed && !trying)
    return reconnect(1, "the old relay does not take the session back", first_repair::keep);
  if (!landed) { // it is on the old one still, which is looked at before we say so
    t.at = trialling::stage::restoring;
    reason_ = t.fresh.relay->name + " does not take the session";
  }
  t.until = now_.at + (landed && trying ? defaults::trial_deadline : defaults::verify_deadline);
  probe_next(t.probes);
}

void peer_connection::restore_relay(trialling& t, std::string why) {
  t.at = trialling::stage::restoring;
  t.until = now_.at + trial_move_limit;
  t.probes = probe_series{};
  reason_ = std::move(why);
  start_move(t.old, move_kind::planned);
}

void peer_connection::due(trialling& t) {
  if (now_.at >= t.until && !move_) {
    if (t.at == trialling::stage::trying) return restore_relay(t, "the other relay did not answer");
    return reconnect(1, "the old relay does not answer any more", first_repair::keep);
  }
  if (t.probes.next() && now_.at >= *t.probes.next()) probe_next(t.probes);
}

void peer_connection::report(trialling& t, const tunnel_report& answer) {
  if (t.probes.settle(answer) != probe_series::verdict::measured) return;
  if (t.at == trialling::stage::restoring) return come_up(answer.rtt, "back on the old relay");
  if (!relay_trial_policy::better(t.old_rtt, answer.rtt))
    return restore_relay(t, "the other relay is not faster: " + in_ms(answer.rtt));
  come_up(answer.rtt, "Switched to better relay: " + in_ms(answer.rtt) + " (improved by " +
                          improvement(t.old_rtt, answer.rtt) + ")");
}

} // namespace lanrage::actors
