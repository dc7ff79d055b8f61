#include "actors/peer/peer_connection.hpp"

#include <algorithm>
#include <utility>

/// What a new daemon does with what the last one knew: a session that WireGuard still has, or the
/// path that led to the peer.
namespace lanrage::actors {

namespace defaults = config::defaults;

void peer_connection::adopt(const msg::wg_signal& seen) {
  const auto alive_session =
      seen.latest_handshake && now_.wall - *seen.latest_handshake < defaults::session_lifetime;
  if (!alive_session || !seen.where) return session_was_lost("the remembered session is over");
  path_ = attributed(*seen.where);
  // WireGuard may have followed the peer to a relay since.
  if (path_->where == was_direct_at_) path_->guessed = false;
  // Names the peer to a writer that forgot it; equal to what WireGuard has, so nothing is written.
  write(used(*path_), false);
  auto& v = *in<verifying>();
  v.adopting = false;
  probe_next(v.probes);
}

/// The other side may believe in it still: the responder has to say so, the initiator's handshake
/// says it by itself.
void peer_connection::session_was_lost(std::string why) {
  tell_lost_ = !initiator_;
  negotiate(std::move(why));
}

void peer_connection::tell_lost() {
  if (!tell_lost_ || !ready_ || !(control_up_ || near_) || !in<negotiating>()) return;
  tell_lost_ = false;
  signal(net::signal_kind::reset, true);
}

/// A peer that knew us when we were last here, or before it went offline, knows us still, unless it
/// forgot everything. So the handshake starts while our offer is on its way; little is lost when
/// nobody answers.
void peer_connection::try_remembered() {
  if (!may_start_unasked_ || ranking_.empty()) return;
  may_start_unasked_ = false;
  configure(through(ranking_.front()));
  in<configuring>()->unasked = true;
}

void peer_connection::verify_remembered() {
  verify("trying the remembered path");
  auto& v = *in<verifying>();
  v.until = now_.at + defaults::remembered_deadline;
  v.answered_by = now_.at + 2 * path_->rtt + defaults::remembered_margin;
}

/// It lost a session, perhaps the one before ours: only what is answered from now on counts.
void peer_connection::verify_again() {
  auto& v = *in<verifying>();
  v.probes = probe_series{health_.degraded_above};
  v.answered_by = std::max(*v.answered_by, now_.at + path_->rtt + defaults::remembered_margin);
  probe_next(v.probes);
}

/// Ready it may be since just now: then our handshake found nobody and has to be said again.
void peer_connection::hurry_remembered() {
  auto* v = in<verifying>();
  if (v && v->answered_by && talk_.peer_ready())
    v->until = std::min(v->until, std::max(now_.at, *v->answered_by));
}

} // namespace lanrage::actors
