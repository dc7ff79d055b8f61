#pragma once

#include "actors/peer/peer_connection.hpp"
#include "tests/support/peers.hpp"
#include "tests/support/splitmix.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Two peer connection cores back to back in a small deterministic world: a control plane that
/// delays, loses and reorders signals, relays that die, a NAT pair that can be punched or not, and
/// WireGuard reduced to what matters here: sessions, endpoints, who started the handshake.
namespace lanrage::test {

using actors::effect;
using actors::event;
using actors::moment;
using nanos = std::chrono::nanoseconds;

class two_cores {
 public:
  struct side {
    side(const net::wg_public_key& own, msg::saved_peer other) : core(own, std::move(other), {}) {}
    actors::peer_connection core;
    net::endpoint at;
    // WireGuard
    bool configured = false;
    std::optional<net::endpoint> where;
    bool keepalive = false;
    std::uint64_t session = 0;
    std::optional<nanos> handshake;
    std::uint64_t rx = 0, tx = 0;
    std::pair<std::uint64_t, std::uint64_t> counted; ///< at the last look
    bool eager = false;                              ///< looked at all the time
    bool traffic = false;                            ///< of a user, 30 packets a second
    struct holding {
      net::endpoint where;
      actors::ticket asked;
      nanos until, stable_for;
      std::optional<net::endpoint> before;
      std::optional<nanos> stable_since;
    };
    std::optional<holding> held; ///< the writer asserts an endpoint
    int initiations = 0;
    int removals = 0;
    int resets = 0;
    int writes = 0;
    std::uint64_t handshake_try = 0;
    std::optional<std::pair<net::endpoint, nanos>> initiated; ///< where to, when
    struct waiting {
      actors::ticket asked;
      nanos sent;
    };
    std::vector<waiting> waiting_probes;
    // nat
    std::optional<std::uint32_t> punch_epoch;
    bool expecting = false;
    // control
    std::uint64_t sent = 0, heard = 0;
    // what was seen
    std::vector<msg::phase> phases;
    bool gone = false;
    bool running = true;
    int life = 0; ///< of its daemon: what an earlier one asked for is answered to nobody
  };

  explicit two_cores(std::uint64_t seed = 1)
      : sides{side{alice_key, saved_of(published("bob", 2))},
              side{bob_key, saved_of(published("alice", 1))}},
        random{seed} {
    sides[0].at = alice_at;
    sides[1].at = bob_at;
    later(1s, [this] { look(0); });
    later(1300ms, [this] { look(1); });
  }

  std::array<side, 2> sides; ///< 0 initiates
  splitmix random;
  nanos control_delay = 15ms;
  nanos control_jitter = 0ms;
  double signal_loss = 0;
  bool control_up = true;
  /// What becomes of the next check or answer between the two: extra delay; none: lost.
  std::function<std::optional<nanos>()> fate = [] { return std::optional{nanos{0}}; };
  /// Whether what a side sends there arrives, if the path is up at all.
  std::function<bool(std::size_t who, const net::endpoint& where)> carries =
      [](std::size_t, const net::endpoint&) { return true; };
  std::function<void()> watch = [] {}; ///< called when something happened
  bool can_punch = true;               ///< the NATs allow a direct path
  bool direct_up = true;               ///< and it carries packets
  std::map<net::endpoint, nanos> relays{{relay1_at, 30ms}, {relay2_at, 40ms}}; ///< one way; alive
  nanos direct_delay = 15ms;
  nanos now{0};
  int handshakes = 0;

  void start(std::size_t who) {
    give(who, actors::started{});
    msg::known_peer other{sides[who].core.saved().record, true, {}};
    give(who, msg::peer_known{other});
    msg::control_state control;
    control.up = true;
    control.delay = std::chrono::duration_cast<std::chrono::microseconds>(control_delay / 2);
    give(who, control);
    give(who, msg::own_legs{both_legs()});
    give(who, msg::own_paths{{}, {candidate_at(sides[who].at)}});
  }
  void start() {
    start(0);
    start(1);
  }

  void run_for(nanos span) {
    const auto end = now + span;
    for (;;) {
      // The cores' own deadlines and the world's events, whichever is first.
      std::optional<std::pair<nanos, std::size_t>> due;
      for (std::size_t who = 0; who < 2; ++who)
        if (sides[who].running)
          if (const auto wake = sides[who].core.wake_at()) {
            const auto when = std::max(now, nanos{wake->at.time_since_epoch()});
            if (!due || when < due->first) due = {when, who};
          }
      const auto first = queue.begin();
      const auto world_due = first != queue.end();
      if (world_due && first->first.first <= end && (!due || first->first.first <= due->first)) {
        now = std::max(now, first->first.first);
        auto action = std::move(first->second);
        queue.erase(first);
        action();
      } else if (due && due->first <= end) {
        spin(due->first);
        now = due->first;
        give(due->second, actors::wake{sides[due->second].core.wake_at()->epoch});
      } else {
        break;
      }
    }
    now = end;
  }
  /// Both sides' counters as they are looked at under traffic.
  void carry_traffic() {
    sides[0].traffic = sides[1].traffic = true;
    later(100ms, [this] { look_at_traffic(); });
  }
  /// Runs until `until` holds or `limit` has passed; the time it took.
  template <class Predicate>
  std::optional<nanos> run_until(Predicate until, nanos limit, nanos step = 1ms) {
    const auto began = now;
    while (!until()) {
      if (now - began >= limit) return std::nullopt;
      run_for(step);
    }
    return now - began;
  }

  msg::connection_view view(std::size_t who) const { return sides[who].core.view(); }
  bool connected(std::size_t who) const { return view(who).at == msg::phase::connected; }
  bool both_connected() const { return connected(0) && connected(1); }
  bool both(msg::strategy how) const {
    return both_connected() && view(0).how == how && view(1).how == how;
  }

  void give(std::size_t who, const event& what) {
    auto& s = sides[who];
    if (!s.running) return;
    for (const auto& e : s.core.handle(what, clock()))
      std::visit([&](const auto& x) { act(who, e.asked, x); }, e.what);
    if (s.phases.empty() || s.phases.back() != s.core.phase()) s.phases.push_back(s.core.phase());
    if (s.core.gone()) s.gone = true;
    watch();
  }
  moment clock() const {
    return {msg::time_point{now}, std::chrono::duration_cast<msg::unix_ms>(epoch + now)};
  }
  void later(nanos delay, std::function<void()> action) {
    queue.emplace(std::pair{now + delay, ++sequence}, std::move(action));
  }
  /// The WireGuard device of one side is made anew: peers stay as configured, sessions are gone.
  void lose_session(std::size_t who) {
    auto& s = sides[who];
    s.session = 0;
    s.initiated.reset();
    s.handshake.reset();
    s.rx = 0;
    auto signal = signal_of(who);
    signal.session_lost = true;
    give(who, signal);
  }
  /// The side's daemon is killed and started again from what was saved; WireGuard lives on.
  void restart(std::size_t who) {
    auto& s = sides[who];
    const auto saved = s.core.saved();
    const auto own = who == 0 ? alice_key : bob_key;
    s.core.~peer_connection();
    new (&s.core) actors::peer_connection(own, saved, {});
    ++s.life;
    s.held.reset();
    s.expecting = false;
    s.waiting_probes.clear();
    s.punch_epoch.reset();
    start(who);
  }
  /// WireGuard shakes hands again, as it does every two minutes, over where this side sends.
  void rekey(std::size_t who) {
    const auto there = way(who);
    if (!there) return;
    sides[who].tx += 148;
    later(*there, [this, who, from = as_seen(who, *sides[who].where)] {
      sides[1 - who].rx += 148;
      sides[1 - who].tx += 92;
      give(1 - who, signal_of(1 - who, roam(1 - who, from)));
      const auto back = way_to(1 - who, from);
      if (!back) return;
      later(*back, [this, who, from = as_seen(1 - who, from)] {
        sides[who].rx += 92;
        const auto roamed = roam(who, from);
        sides[0].session = sides[1].session = static_cast<std::uint64_t>(++handshakes);
        sides[0].handshake = sides[1].handshake = epoch + now;
        renew_later(sides[0].session, 120s);
        give(who, signal_of(who, roamed));
        give(1 - who, signal_of(1 - who));
      });
    });
  }

  /// The machine of one side starts again: its WireGuard is new, too.
  void reboot(std::size_t who) {
    auto& s = sides[who];
    s.configured = s.keepalive = false;
    s.where.reset();
    s.initiated.reset();
    s.session = s.rx = 0;
    s.handshake.reset();
    ++s.handshake_try;
    restart(who);
  }

  bool is_up(const net::endpoint& where) const {
    return where == relay1_at || where == relay2_at ? relays.count(where) != 0 : direct_up;
  }
  /// The same path, as the other side has it.
  net::endpoint as_seen(std::size_t who, const net::endpoint& where) const {
    return where == relay1_at || where == relay2_at ? where : sides[who].at;
  }

 private:
  static net::peer_record published(const std::string& name, std::uint8_t n) {
    auto record = record_of(name, n);
    record.relays = both_legs();
    return record;
  }
  static constexpr nanos epoch = 1'700'000'000s;

  msg::wg_signal signal_of(std::size_t who, bool roamed = false) const {
    const auto& s = sides[who];
    msg::wg_signal out;
    out.key = who == 0 ? bob_key : alice_key;
    out.rx = s.rx;
    out.tx = s.tx;
    out.latest_handshake = s.handshake;
    out.where = s.where;
    out.roamed = roamed;
    return out;
  }
  void look_at_traffic() {
    std::array<std::optional<net::endpoint>, 2> came; // from where, all at the same moment
    for (std::size_t who = 0; who < 2; ++who) {
      const auto& s = sides[who];
      const auto& other = sides[1 - who];
      if (other.traffic && way(1 - who) && s.session && s.session == other.session)
        came[who] = as_seen(1 - who, *other.where);
    }
    for (std::size_t who = 0; who < 2; ++who) {
      auto& s = sides[who];
      if (s.traffic) s.tx += 300;
      if (came[who]) s.rx += 300;
      const auto roamed = came[who] && roam(who, *came[who]);
      give(who, signal_of(who, roamed));
    }
    later(100ms, [this] { look_at_traffic(); });
  }
  /// A packet came from there, and WireGuard follows; whether that is roaming.
  bool roam(std::size_t who, const net::endpoint& from) {
    auto& s = sides[who];
    const auto followed = s.where && *s.where != from;
    s.where = from;
    return followed && !s.held;
  }
  static net::wg_public_key key_of(std::size_t who) { return who == 0 ? alice_key : bob_key; }
  /// One way from this side over that path; none: nothing arrives.
  std::optional<nanos> way_to(std::size_t who, const net::endpoint& where) const {
    if (!carries(who, where)) return std::nullopt;
    if (const auto relay = relays.find(where); relay != relays.end()) return relay->second;
    if (where == sides[1 - who].at && direct_up) return direct_delay;
    return std::nullopt;
  }
  /// Through what its WireGuard points at.
  std::optional<nanos> way(std::size_t who) const {
    const auto& s = sides[who];
    return s.where ? way_to(who, *s.where) : std::nullopt;
  }

  /// WireGuard's own rekey, as soon as packets get through.
  void renew_later(std::uint64_t session, nanos after) {
    later(after, [this, session] {
      if (sides[0].session != session || sides[1].session != session) return;
      if (!way(0) || !way(1)) return renew_later(session, 5s);
      for (std::size_t who = 0; who < 2; ++who) {
        sides[who].handshake = epoch + now;
        give(who, signal_of(who));
      }
      renew_later(session, 120s);
    });
  }

  // --- WireGuard --------------------------------------------------------------------------------
  void initiate(std::size_t who) {
    auto& s = sides[who];
    if (s.session || !s.where) return;
    ++s.initiations;
    const auto attempt = ++s.handshake_try;
    s.initiated = {*s.where, now};
    const auto target = *s.where;
    if (const auto there = way(who); there && sides[1 - who].configured) {
      later(2 * *there, [this, who, target, attempt] {
        auto& me = sides[who];
        auto& other = sides[1 - who];
        if (me.handshake_try != attempt || !other.configured) return;
        me.where = target; // whence the answer comes
        me.session = other.session = static_cast<std::uint64_t>(++handshakes);
        me.handshake = other.handshake = epoch + now;
        renew_later(me.session, 120s);
        me.tx += 148;
        me.rx += 92;
        other.rx += 148;
        other.tx += 92;
        give(1 - who, signal_of(1 - who, roam(1 - who, as_seen(who, target))));
        give(who, signal_of(who));
        for (const auto& probe : std::exchange(me.waiting_probes, {}))
          send_probe(who, probe);
      });
    }
    later(5s, [this, who, attempt] { // WireGuard's own retry
      if (sides[who].handshake_try == attempt && !sides[who].session && sides[who].keepalive)
        initiate(who);
    });
  }
  void put(std::size_t who, const msg::wg_peer& peer, bool anew) {
    auto& s = sides[who];
    ++s.writes;
    if (anew) {
      ++s.resets;
      s.session = 0;
      s.where.reset();
      s.initiated.reset();
      ++s.handshake_try;
    }
    s.configured = true;
    if (peer.where) s.where = peer.where;
    s.keepalive = peer.keepalive;
    if (s.keepalive && s.where && !s.session) initiate(who);
  }
  void send_probe(std::size_t who, side::waiting probe) {
    const auto there = way(who);
    if (!there || sides[0].session != sides[1].session || !sides[who].session) return;
    sides[who].tx += 80;
    later(*there, [this, who, probe, from = as_seen(who, *sides[who].where)] {
      auto& other = sides[1 - who];
      other.rx += 80;
      const auto roamed = roam(1 - who, from);
      other.tx += 80;
      moved(1 - who, roamed);
      const auto back = way_to(1 - who, from);
      if (!back) return;
      later(*back, [this, who, probe, from = as_seen(1 - who, from)] {
        sides[who].rx += 80;
        const auto roamed = roam(who, from);
        if (const auto rtt = now - probe.sent; rtt <= 1s)
          reply(who, 0ns, actors::tunnel_report{probe.asked, actors::probe_outcome::answered, rtt});
        moved(who, roamed);
      });
    });
  }
  /// Counters moved: told at once where they are looked at often, else within a second.
  void moved(std::size_t who, bool roamed) {
    if (roamed || sides[who].eager) give(who, signal_of(who, roamed));
  }
  void look(std::size_t who) {
    auto& s = sides[who];
    const std::pair counted{s.rx, s.tx};
    if (std::exchange(s.counted, counted) != counted) give(who, signal_of(who));
    later(1s, [this, who] { look(who); });
  }
  /// To the daemon that asked, if it still runs then.
  void reply(std::size_t who, nanos after, const event& what) {
    const auto life = sides[who].life;
    if (after == 0ns) return give(who, what);
    later(after, [this, who, life, what] {
      if (sides[who].life == life) give(who, what);
    });
  }

  // --- effects ----------------------------------------------------------------------------------
  void act(std::size_t who, actors::ticket asked, const msg::find_peer&) {
    reply(who, 1ms,
          actors::record_found{asked, msg::known_peer{sides[who].core.saved().record, true, {}}});
  }
  void act(std::size_t who, actors::ticket, const msg::send_signal& what) {
    if (!control_up || random.chance(signal_loss)) return;
    const auto number = ++sides[who].sent;
    const auto jitter =
        control_jitter.count()
            ? nanos{random.below(static_cast<std::uint64_t>(control_jitter.count()))}
            : nanos{};
    later(control_delay + jitter, [this, who, number, signal = what.signal] {
      auto& receiver = sides[1 - who];
      if (number <= receiver.heard) return; // the directory drops what was overtaken
      receiver.heard = number;
      give(1 - who, signal);
    });
  }
  void act(std::size_t who, actors::ticket asked, const msg::rank_relays&) {
    std::vector<msg::relay_choice> choices;
    for (const auto& choice : {relay1(), relay2()})
      if (relays.count(choice.address)) choices.push_back(choice);
    reply(who, 1us, actors::relays_ranked{asked, choices});
  }
  void act(std::size_t, actors::ticket, const msg::relay_trouble&) {}
  void act(std::size_t who, actors::ticket asked, const msg::prepare_relay&) {
    reply(who, 60ms, actors::relay_prepared{asked, true});
  }
  void act(std::size_t who, actors::ticket asked, const msg::learn_index&) {
    reply(who, 1ms, actors::index_learned{asked, std::nullopt});
  }
  /// A check over any path, and its answer, from where it went.
  void act(std::size_t who, actors::ticket, const msg::check_path& what) {
    const auto there = way_to(who, what.where);
    if (!there) return;
    const auto late = fate();
    if (!late) return;
    later(*there + *late, [this, who, what, sent = now, life = sides[who].life] {
      const auto other = 1 - who;
      const auto from = as_seen(who, what.where);
      const auto back = way_to(other, from);
      if (!way_to(who, what.where) || !sides[other].expecting) return;
      if (const auto slow = back ? fate() : std::nullopt)
        later(*back + *slow, [this, who, what, sent, life] {
          if (sides[who].life != life || !is_up(what.where)) return;
          give(who, msg::path_event{key_of(1 - who), what.number, msg::path_news::checked,
                                    what.where, now - sent, false});
        });
      msg::path_event news{key_of(who), what.move, msg::path_news::asked, from, {}, false};
      news.doubt = what.doubt;
      give(other, news);
    });
  }
  void act(std::size_t who, actors::ticket, const msg::expect_peer&) {
    sides[who].expecting = true;
  }
  void act(std::size_t who, actors::ticket, const msg::forget_peer&) {
    sides[who].expecting = false;
  }
  void act(std::size_t, actors::ticket, const msg::release_path&) {}
  void act(std::size_t who, actors::ticket, const msg::start_punch& what) {
    later(what.after, [this, who, number = what.epoch] {
      sides[who].punch_epoch = number;
      const auto& other = sides[1 - who];
      const auto key = who == 0 ? bob_key : alice_key;
      if (can_punch && direct_up && other.punch_epoch == number) {
        for (std::size_t one = 0; one < 2; ++one)
          later(2 * direct_delay, [this, one, number] {
            give(one,
                 msg::path_event{one == 0 ? bob_key : alice_key, number, msg::path_news::proven,
                                 sides[1 - one].at, 2 * direct_delay, sides[1 - one].configured});
          });
      } else {
        later(2s, [this, who, number, key] {
          const auto met = can_punch && direct_up && sides[1 - who].punch_epoch == number;
          if (!met && sides[who].punch_epoch == number)
            give(who, msg::path_event{key, number, msg::path_news::failed, {}, {}, false});
        });
      }
    });
  }
  void act(std::size_t who, actors::ticket, const msg::nominate_path& what) {
    if (!direct_up) return;
    later(direct_delay, [this, who, what] {
      give(1 - who,
           msg::path_event{who == 0 ? alice_key : bob_key, what.epoch, msg::path_news::nominated,
                           sides[who].at, 2 * direct_delay, true});
    });
    later(2 * direct_delay, [this, who, what] {
      give(who, msg::path_event{what.key, what.epoch, msg::path_news::nominated, what.where,
                                2 * direct_delay, true});
    });
  }
  template <class Change>
  void write(std::size_t who, actors::ticket asked, const Change& what, bool anew) {
    later(2ms, [this, who, asked, peer = what.peer, anew, life = sides[who].life] {
      if (sides[who].life != life) return;
      put(who, peer, anew);
      give(who, actors::write_done{asked, std::nullopt});
    });
  }
  void act(std::size_t who, actors::ticket asked, const msg::set_peer& what) {
    write(who, asked, what, false);
  }
  void act(std::size_t who, actors::ticket asked, const msg::reset_peer& what) {
    write(who, asked, what, true);
  }
  void act(std::size_t who, actors::ticket asked, const msg::remove_peer&) {
    later(2ms, [this, who, asked] {
      auto& s = sides[who];
      ++s.removals;
      s.configured = s.keepalive = false;
      s.where.reset();
      s.session = 0;
      give(who, actors::write_done{asked, std::nullopt});
    });
  }
  void act(std::size_t who, actors::ticket asked, const msg::assert_endpoint& what) {
    auto& s = sides[who];
    const auto before = s.held ? s.held->before : s.where;
    const auto looks = !s.held;
    s.held = {what.where, asked, now + 3s, std::max<nanos>(50ms, 2 * what.rtt), before, {}};
    if (looks) later(2ms, [this, who, life = s.life] { hold(who, life); });
  }
  /// As the writer does: written again until it stays, or given up (actors/wg/endpoint_assertion).
  void hold(std::size_t who, int life) {
    auto& s = sides[who];
    if (s.life != life || !s.held) return;
    auto& h = *s.held;
    const auto landed =
        h.stable_since && s.where == h.where && now - *h.stable_since >= h.stable_for;
    if (landed || now >= h.until) {
      if (!landed) s.where = h.before;
      const auto asked = h.asked;
      s.held.reset();
      return give(who, actors::move_done{asked, landed});
    }
    if (s.where != h.where)
      h.stable_since.reset();
    else if (!h.stable_since)
      h.stable_since = now;
    s.where = h.where;
    later(5ms, [this, who, life] { hold(who, life); });
  }
  void act(std::size_t who, actors::ticket, const msg::watch_peer& what) {
    sides[who].eager = what.eager;
    later(0ms, [this, who] { give(who, signal_of(who)); });
  }
  void act(std::size_t, actors::ticket, const msg::unwatch_peer&) {}
  void act(std::size_t who, actors::ticket asked, const msg::probe_tunnel& what) {
    auto& s = sides[who];
    // The core drops it when it was answered.
    later(what.timeout, [this, who, asked, life = s.life] {
      if (sides[who].life != life) return;
      auto& waiting = sides[who].waiting_probes;
      std::erase_if(waiting, [&](const auto& w) { return w.asked == asked; });
      give(who, actors::tunnel_report{asked, actors::probe_outcome::lost, {}});
    });
    if (!s.session) {
      s.waiting_probes.push_back({asked, now});
      const auto& last = s.initiated; // not again within WireGuard's five seconds
      if (s.where && !(last && last->first == *s.where && now - last->second < 5s)) initiate(who);
      return;
    }
    send_probe(who, {asked, now});
  }
  void act(std::size_t, actors::ticket, const msg::peer_update&) {}

  /// A core that wants to be woken again and again at the same moment never lets time pass.
  void spin(nanos when) {
    spins = when == now ? spins + 1 : 0;
    if (spins > 1000) throw std::runtime_error("two_cores: a core does not let time pass");
  }

  std::map<std::pair<nanos, std::uint64_t>, std::function<void()>> queue;
  std::uint64_t sequence = 0;
  int spins = 0;
};

} // namespace lanrage::test
