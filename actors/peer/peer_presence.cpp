#include "actors/peer/peer_connection.hpp"

#include <algorithm>
#include <utility>

/// What the directory says of the peer: its record, and whether it is there at all.
namespace lanrage::actors {

void peer_connection::learn(const msg::known_peer& known) {
  if (known.record.key != record_.key) return;
  presence_ = known.online           ? presence::online
              : known.presence_known ? presence::offline
                                     : presence::unknown;
  near_ = known.near;
  // Versions rise over all parties, yet a member may be there in one and not in another.
  if (known.record.party == record_.party && known.record.version < record_.version) return;
  const auto moved = known.record.address != record_.address;
  record_ = known.record;
  const auto age = std::max(now_.wall - known.heard, msg::unix_ms{});
  heard(talk_.record(record_, now_.at - age, now_.at));
  if (moved && configured_ && record_.address.leased()) {
    auto peer = *configured_;
    peer.address = record_.address;
    write(peer, false);
  }
}

void peer_connection::on(const msg::peer_known& known) {
  const auto was_online = presence_ == presence::online;
  const auto version = record_.version;
  learn(known.peer);
  if (offline()) return went_offline();
  if (in<discovering>() && record_.address.leased()) {
    find_asked_ = no_ticket;
    return negotiate("record known");
  }
  if (known.peer.online && !was_online) {
    const auto* f = in<failed>();
    if (f && f->why == net::errc::peer_offline) may_start_unasked_ = initiator_ && knows_us_;
    talk_.owe(now_.at);
    hope(near_ ? "the peer announces itself on this network" : "the peer came online");
  } else if (record_.version != version) {
    hope("the peer's record changed");
  }
  if (near_) tell_lost();
}

void peer_connection::on(const msg::control_state& control) {
  talk_.own_delay(control.delay);
  if (control.up && !control_up_) talk_.owe(now_.at); // the last one may be lost
  control_up_ = control.up;
  tell_lost();
  if (control.up || !offline()) return;
  // Nobody would tell us that it came.
  presence_ = presence::unknown;
  if (auto* s = in<failed>(); s && !s->by_peer()) s->retry = now_.at + slow_retry_.next();
}

/// A living session goes on without the control server, and who is being looked for may come yet.
void peer_connection::went_offline() {
  if (auto* s = in<failed>()) {
    if (s->why == net::errc::peer_offline) s->retry.reset();
    if (!s->retry) return;
    return wait_for_presence();
  }
  if (!in<negotiating>()) return;
  if (!asked_until_ || now_.at >= *asked_until_) return wait_for_presence();
  talk_.stop_repeating();
  punching_until_.reset();
  punch_at_.reset();
  enter(discovering{no_ticket, *asked_until_}, "waiting for the peer to come online");
}

/// Known to WireGuard, so that the peer's handshake is answered when it comes, but silent; nothing
/// is said or tried until the directory says that it is there.
void peer_connection::wait_for_presence() {
  fail(net::errc::peer_offline, to_string(record_.id) + " is offline");
  in<failed>()->retry.reset();
  slow_retry_.reset();
  if (configured_ != base() || base_asked_ == no_ticket) configure_base();
}

bool peer_connection::rests() const {
  const auto* s = in<failed>();
  return s && s->why == net::errc::peer_offline && !s->retry && offline() && ready_ &&
         base_asked_ == no_ticket && configured_ == base() && !rewritten_;
}

} // namespace lanrage::actors
