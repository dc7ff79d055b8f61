#pragma once

#include "messages/error.hpp"
#include "messages/interfaces.hpp"
#include "sim/virtual_time.hpp"
#include "tests/support/peers.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// Stand-ins for everybody around the connection supervisor: they answer, and write down what they
/// were told.
namespace lanrage::test {

struct told {
  std::vector<std::string> writer; ///< "set", "reset", "remove", "interface", "no interface"
  std::vector<net::signal_kind> signals;
  std::vector<std::string> stored;
  std::vector<net::wg_public_key> probed;
  std::optional<msg::known_peer> findable;
  std::string party = "friends"; ///< the only one there is
  int lookups = 0;               ///< of members at the directory
  bool tunnel_answers = true;
  bool disk_full = false;
  bool writer_knows_session = false;
};

namespace fake {
struct none {};

inline msg::wireguard_writer_actor::behavior_type
writer(msg::wireguard_writer_actor::stateful_pointer<none> self, std::shared_ptr<told> t) {
  const auto note = [t](const char* what) { t->writer.emplace_back(what); };
  return {[note](const msg::interface_wanted& m) {
            note(m.there ? "interface" : "no interface");
            return msg::done{};
          },
          [note](const msg::set_peer& m) {
            note("set");
            return msg::peer_applied{m.peer.key};
          },
          [note](const msg::reset_peer& m) {
            note("reset");
            return msg::peer_applied{m.peer.key};
          },
          [note](const msg::remove_peer& m) {
            note("remove");
            return msg::peer_applied{m.key};
          },
          [](const msg::assert_endpoint& m) {
            return msg::assert_report{m.key, true};
          },
          [self, t](const msg::attach_wg& m) {
            msg::wg_signal seen;
            seen.key = m.what.key;
            if (t->writer_knows_session) {
              seen.latest_handshake = self->clock().now().time_since_epoch();
              seen.where = relay1_at;
            }
            self->send(m.sink, seen);
          },
          [](const msg::unwatch_peer&) {}};
}

inline msg::prober_actor::behavior_type prober(msg::prober_actor::stateful_pointer<none>,
                                               std::shared_ptr<told> t) {
  return {[t](const msg::probe_tunnel&) -> msg::probe_report {
    if (t->tunnel_answers) return {40ms};
    return {};
  }};
}

inline msg::store_actor::behavior_type store(msg::store_actor::stateful_pointer<none>,
                                             std::shared_ptr<told> t) {
  return {[t](const msg::store_put& m) -> caf::result<msg::done> {
    if (t->disk_full) return msg::to_caf(net::fail(net::errc::bad_state, "no space"));
    t->stored.push_back(m.text);
    return msg::done{};
  }};
}

inline msg::relay_selector_actor::behavior_type
relays(msg::relay_selector_actor::stateful_pointer<none>, int) {
  return {[](const msg::frame_received&) {},
          [](const msg::network_changed&) {},
          [](const msg::directory_event&) {},
          [](const msg::rank_relays&) {
            return msg::relay_ranking{{relay1(), relay2()}};
          },
          [](const msg::prepare_relay&) { return msg::done{}; },
          [](const msg::relay_trouble&) {},
          [](const msg::stream_opened&) {},
          [](const msg::stream_closed&) {}};
}

/// Told of the ports that a router forwards; may be empty.
using ports_ear = std::function<void(const msg::ports_mapped&)>;

inline msg::nat_actor::behavior_type nat(msg::nat_actor::stateful_pointer<none>,
                                         const ports_ear& mapped) {
  return {[](const msg::frame_received&) {},
          [](const msg::network_changed&) {},
          [](const msg::directory_event&) {},
          [](const msg::get_paths&) { return msg::own_paths{}; },
          [](const msg::get_tried&) { return msg::tried_addresses{}; },
          [](const msg::attach_paths&) {},
          [](const msg::forget_peer&) {},
          [](const msg::start_punch&) {},
          [](const msg::nominate_path&) {},
          [](const msg::release_path&) {},
          [](const msg::check_path&) {},
          [mapped](const msg::ports_mapped& news) {
            if (mapped) mapped(news);
          }};
}

inline msg::route_watch_actor::behavior_type
route_watch(msg::route_watch_actor::stateful_pointer<none>, int) {
  return {[](const msg::get_host_addresses&) { return msg::host_addresses{}; },
          [](const msg::attach_network&) {}};
}

inline msg::directory_actor::behavior_type directory(msg::directory_actor::stateful_pointer<none>,
                                                     std::shared_ptr<told> t) {
  return {[](const msg::control_heard&) {},
          [t](const msg::find_peer& m) -> caf::result<msg::known_peer> {
            ++t->lookups;
            if (m.party && *m.party != t->party && *m.party != to_string(record_of("bob", 2).party))
              return msg::to_caf(net::fail(net::errc::party_not_found, *m.party));
            if (t->findable && t->findable->record.id == m.id) return *t->findable;
            return msg::to_caf(net::fail(net::errc::peer_not_found, to_string(m.id)));
          },
          [](const msg::list_peers&) { return std::vector<msg::known_peer>{}; },
          [](const msg::list_parties&) { return std::vector<msg::party_info>{}; },
          [](const msg::party_create&) { return msg::invitation{}; },
          [](const msg::party_join&) { return msg::party_info{}; },
          [](const msg::party_invite&) { return msg::invitation{}; },
          [](const msg::party_leave&) { return msg::done{}; },
          [](const msg::party_forget&) { return msg::done{}; },
          [](const msg::rotate_key&) { return msg::key_rotated{}; },
          [t](const msg::send_signal& m) { t->signals.push_back(m.signal.kind); },
          [](const msg::own_paths&) {},
          [](const msg::own_legs&) {},
          [](const msg::network_changed&) {},
          [](const msg::lan_heard&) {},
          [](const msg::lan_ready&) {},
          [](const msg::attach_directory&) {}};
}
} // namespace fake

inline msg::roles fake_roles(sim::virtual_time& time, const std::shared_ptr<told>& t) {
  auto& system = time.system();
  msg::roles roles;
  roles.writer = time.own(system.spawn(fake::writer, t));
  roles.prober = time.own(system.spawn(fake::prober, t));
  roles.store = time.own(system.spawn(fake::store, t));
  roles.relays = time.own(system.spawn(fake::relays, 0));
  roles.nat = time.own(system.spawn(fake::nat, fake::ports_ear{}));
  roles.route_watch = time.own(system.spawn(fake::route_watch, 0));
  roles.directory = time.own(system.spawn(fake::directory, t));
  return roles;
}

} // namespace lanrage::test
