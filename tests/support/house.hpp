#pragma once

#include "actors/peer/peer_actor.hpp"
#include "actors/supervisor/connection_supervisor.hpp"
#include "actors/supervisor/guardian.hpp"
#include "tests/support/fake_roles.hpp"

#include <caf/event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <utility>

namespace lanrage::test {

/// The real supervisor with real peers between fakes; we are alice, bob is the other.
struct house {
  sim::virtual_time time;
  std::shared_ptr<told> seen = std::make_shared<told>();
  msg::roles roles = fake_roles(time, seen);
  std::shared_ptr<actors::connection_memory> memory;
  std::shared_ptr<int> crashes = std::make_shared<int>(0); ///< the next n events kill a peer
  bool supervisor_dies = false;                            ///< at its next line for listeners
  std::shared_ptr<std::vector<actors::death_notice>> deaths =
      std::make_shared<std::vector<actors::death_notice>>();
  bool auto_connect = true;
  actors::peer_factory other_peers; ///< set: instead of real ones

  explicit house(std::vector<msg::saved_peer> saved = {}, bool connect_all = true)
      : memory(actors::restore_connections(std::move(saved))), auto_connect(connect_all) {
    actors::guardian_settings guard;
    guard.name = "connections";
    guard.budget = {100ms, 30s, 2, 60s, 60s};
    // The factory reads the roles only when started, when the guardian's own address is in them.
    guard.make = [this](caf::actor_system& system, const caf::actor&) {
      return caf::actor_cast<caf::actor>(
          actors::spawn_connection_supervisor(system, roles, settings(), memory));
    };
    guard.notify = [kept = deaths](const actors::death_notice& d) { kept->push_back(d); };
    const auto guardian = time.own(actors::spawn_guardian(time.system(), guard));
    roles.supervisor = caf::actor_cast<msg::connection_supervisor_actor>(guardian);
    actors::start_guardian(guardian);
    time.settle();
  }

  msg::unix_ms wall() {
    return std::chrono::duration_cast<msg::unix_ms>(time.now().time_since_epoch());
  }
  actors::connection_settings settings() {
    actors::connection_settings s;
    s.own = alice_key;
    s.id = *net::peer_id::parse("alice");
    s.auto_connect = auto_connect;
    s.wall = [this] {
      if (std::exchange(supervisor_dies, false)) throw std::runtime_error("a defect of the test's");
      return wall();
    };
    s.peer_budget = {100ms, 30s, 3, 60s, 60s};
    s.make_peer = [this](caf::actor_system& system, const std::shared_ptr<const msg::roles>& r,
                         std::shared_ptr<msg::peer_memory> saved, const msg::peer_actor& address) {
      if (other_peers) return other_peers(system, r, std::move(saved), address);
      actors::peer_settings p;
      p.own = alice_key;
      p.wall = [this] {
        if (*crashes > 0 && --*crashes >= 0) throw std::runtime_error("a defect of the test's");
        return wall();
      };
      return actors::spawn_peer(system, r, std::make_shared<const actors::peer_settings>(p),
                                std::move(saved), address);
    };
    return s;
  }
  void tell(const decltype(msg::directory_event::what)& what) {
    caf::anon_send(roles.supervisor, msg::directory_event{what});
    time.settle();
  }
  /// The control server is there, and says that bob is not.
  void bob_is_offline() {
    msg::control_state up;
    up.up = true;
    tell(up);
    caf::anon_send(roles.supervisor, msg::own_legs{both_legs()});
    seen->findable = msg::known_peer{record_of("bob", 2), false, {}, true};
    tell(msg::peer_known{*seen->findable});
  }
  void bob_is_known() {
    seen->findable = msg::known_peer{record_of("bob", 2), true, {}};
    tell(msg::peer_known{*seen->findable});
  }
  void bob_says(net::signal_kind kind) {
    net::peer_signal signal;
    signal.kind = kind;
    signal.ready = true;
    signal.relays = both_legs();
    tell(msg::signal_received{record_of("bob", 2).party, bob_key, signal});
  }
  void bob_connects() {
    caf::anon_send(roles.supervisor, msg::own_legs{both_legs()});
    bob_is_known();
    bob_says(net::signal_kind::offer);
    time.run_for(100ms);
  }
  caf::expected<msg::connection_view> status() {
    return time.ask<msg::connection_view>(roles.supervisor, 0s, msg::get_status{{}, bob()});
  }
  msg::phase phase() {
    const auto view = status();
    REQUIRE(view);
    return view->at;
  }
  static net::peer_id bob() { return *net::peer_id::parse("bob"); }
  long count(const std::string& what) const {
    return std::count(seen->writer.begin(), seen->writer.end(), what);
  }
};

} // namespace lanrage::test
