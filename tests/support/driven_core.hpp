#pragma once

#include "actors/peer/peer_connection.hpp"
#include "tests/support/peers.hpp"

#include <optional>
#include <stdexcept>
#include <vector>

namespace lanrage::test {

/// One core whose surroundings are played by the test, effect by effect.
class driven_core {
 public:
  enum class role { initiator, responder };

  explicit driven_core(role who = role::initiator)
      : initiator(who == role::initiator),
        core(initiator ? alice_key : bob_key, saved_of(other()), {}) {}

  bool initiator;
  actors::peer_connection core;
  std::chrono::nanoseconds now{0};
  bool renews = true; ///< WireGuard of the initiator renews its sessions
  std::chrono::nanoseconds renewed{0};
  std::optional<msg::wg_signal> shown; ///< the last of WireGuard's signals with a session
  actors::effects last;                ///< of the last event
  actors::effects open;                ///< requests without an answer so far

  net::peer_record other() const { return initiator ? record_of("bob", 2) : record_of("alice", 1); }
  msg::phase phase() const { return core.phase(); }
  msg::connection_view view() const { return core.view(); }

  actors::moment clock() const {
    return {msg::time_point{now}, std::chrono::duration_cast<msg::unix_ms>(epoch + now)};
  }
  const actors::effects& give(const actors::event& what) {
    last = core.handle(what, clock());
    if (const auto* seen = std::get_if<msg::wg_signal>(&what); seen && seen->latest_handshake) {
      if (!shown || shown->latest_handshake != seen->latest_handshake) renewed = now;
      shown = *seen;
    }
    std::visit(
        [this](const auto& e) {
          if constexpr (requires { e.asked; })
            std::erase_if(open, [&](const actors::effect& o) { return o.asked == e.asked; });
        },
        what);
    for (const auto& e : last)
      if (e.asked != actors::no_ticket) open.push_back(e);
    return last;
  }
  template <class T>
  std::optional<T> said() const {
    for (const auto& e : last)
      if (const auto* x = std::get_if<T>(&e.what)) return *x;
    return std::nullopt;
  }
  template <class T>
  actors::ticket ticket_of() const {
    for (const auto& e : last)
      if (std::holds_alternative<T>(e.what)) return e.asked;
    throw std::logic_error("no such effect");
  }
  /// The last request of these types that was not answered.
  template <class... Requests>
  std::optional<actors::ticket> awaited() const {
    std::optional<actors::ticket> out;
    for (const auto& e : open)
      if ((std::holds_alternative<Requests>(e.what) || ...)) out = e.asked;
    return out;
  }
  bool said_signal(net::signal_kind kind) const {
    for (const auto& e : last)
      if (const auto* x = std::get_if<msg::send_signal>(&e.what); x && x->signal.kind == kind)
        return true;
    return false;
  }
  /// Lets time pass to the core's own deadline and wakes it.
  const actors::effects& wake() {
    auto due = core.wake_at();
    if (!due) throw std::logic_error("nothing to wake for");
    const auto renewal = renewed + 120s;
    if (renews && !initiator && view().connected_at && due->at >= msg::time_point{renewal}) {
      now = std::max(now, renewal);
      auto seen = shown ? *shown : handshake();
      seen.latest_handshake = epoch + now;
      seen.where = view().where;
      seen.roamed = false;
      give(seen);
      due = core.wake_at();
    }
    now = std::max(now, std::chrono::nanoseconds{due->at.time_since_epoch()});
    return give(actors::wake{due->epoch});
  }
  /// Wakes it until it probes the tunnel; the probe's ticket.
  actors::ticket wake_until_probe() {
    for (int i = 0; i < 1000; ++i)
      if (wake(), said<msg::probe_tunnel>()) return ticket_of<msg::probe_tunnel>();
    throw std::logic_error("it never probes");
  }
  void answer(actors::ticket probe, std::chrono::nanoseconds rtt) {
    give(actors::tunnel_report{probe, actors::probe_outcome::answered, rtt});
  }
  void lose(actors::ticket probe) {
    give(actors::tunnel_report{probe, actors::probe_outcome::lost, {}});
  }
  net::peer_signal offer(bool ready = true) const {
    net::peer_signal s;
    s.kind = net::signal_kind::offer;
    s.epoch = initiator ? core.saved().epoch : 1;
    s.ready = ready;
    s.candidates = {candidate_at(initiator ? bob_at : alice_at)};
    s.relays = both_legs();
    s.control_delay = 10ms;
    return s;
  }
  msg::wg_signal handshake(const net::endpoint& where = relay1_at) {
    msg::wg_signal s;
    s.key = other().key;
    s.latest_handshake = epoch + now;
    s.where = where;
    s.rx = ++rx;
    return s;
  }

  // --- ways into every state, with the relay as path ---------------------------------------------
  void negotiate() {
    give(actors::started{});
    give(actors::write_done{ticket_of<msg::set_peer>(), std::nullopt});
    give(msg::own_paths{{}, {candidate_at(initiator ? alice_at : bob_at)}});
    give(msg::own_legs{both_legs()});
  }
  void configure() { // initiator
    negotiate();
    give(offer());
    give(actors::relays_ranked{ticket_of<msg::rank_relays>(), {relay1(), relay2()}});
  }
  actors::ticket verify() {
    if (initiator) {
      configure();
      give(actors::write_done{ticket_of<msg::reset_peer>(), std::nullopt});
    } else {
      negotiate();
      give(offer());
      give(actors::relays_ranked{ticket_of<msg::rank_relays>(), {relay1(), relay2()}});
      give(handshake());
    }
    return ticket_of<msg::probe_tunnel>();
  }
  void connect(std::chrono::nanoseconds rtt = 50ms) { answer(verify(), rtt); }
  void degrade() {
    connect();
    answer(wake_until_probe(), 250ms);
  }
  void trial() { // initiator
    degrade();
    answer(wake_until_probe(), 250ms);
  }
  /// The peer, without a relay.
  net::endpoint straight() const { return initiator ? bob_at : alice_at; }
  /// Connected through the relay, and the move to the direct path is with the writer.
  void move_straight() {
    connect();
    const auto news = [&](msg::path_news what, std::uint32_t number) {
      give(msg::path_event{other().key, number, what, straight(), 30ms, true});
    };
    if (initiator)
      news(msg::path_news::proven, core.saved().epoch);
    else
      news(msg::path_news::asked, 1);
    const auto told = said<msg::check_path>().value();
    news(msg::path_news::checked, told.number);
    if (initiator) news(msg::path_news::asked, told.move);
  }
  void go_straight() {
    move_straight();
    give(actors::move_done{ticket_of<msg::assert_endpoint>(), true});
  }
  /// The move that was just started takes its course and lands; where to.
  std::optional<net::endpoint> move_lands() {
    if (said<msg::prepare_relay>())
      give(actors::relay_prepared{ticket_of<msg::prepare_relay>(), true});
    const auto told = said<msg::check_path>();
    if (!told || told->move == 0) return std::nullopt;
    give(msg::path_event{other().key, told->number, msg::path_news::checked, told->where, 80ms});
    give(msg::path_event{other().key, told->move, msg::path_news::asked, told->where});
    if (!said<msg::assert_endpoint>()) return std::nullopt;
    const auto where = said<msg::assert_endpoint>()->where;
    give(actors::move_done{ticket_of<msg::assert_endpoint>(), true});
    return where;
  }
  void lose_check() {
    std::vector<actors::ticket> out{wake_until_probe()};
    for (const auto began = now; core.wake_at()->at < msg::time_point{began + 1s};)
      if (wake(), said<msg::probe_tunnel>()) out.push_back(ticket_of<msg::probe_tunnel>());
    now = std::max(now, now + 200ms);
    for (const auto probe : out)
      lose(probe);
  }
  void reconnect() {
    connect();
    lose_check();
  }
  void fail() {
    reconnect();
    while (phase() != msg::phase::failed)
      wake();
  }
  void close() {
    connect();
    give(msg::close_peer{});
  }
  void reach(msg::phase target) {
    switch (target) {
    case msg::phase::discovering:
      fail();
      return void(give(actors::user_connect{}));
    case msg::phase::negotiating:
      return negotiate();
    case msg::phase::configuring:
      return configure();
    case msg::phase::verifying:
      return void(verify());
    case msg::phase::connected:
      return connect();
    case msg::phase::degraded:
      return degrade();
    case msg::phase::trialling:
      return trial();
    case msg::phase::reconnecting:
      return reconnect();
    case msg::phase::failed:
      return fail();
    case msg::phase::closing:
      return close();
    }
  }

 private:
  static constexpr std::chrono::nanoseconds epoch = 1'700'000'000s;
  std::uint64_t rx = 0;
};

} // namespace lanrage::test
