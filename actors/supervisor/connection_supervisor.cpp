#include "actors/supervisor/connection_supervisor.hpp"

#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"
#include "actors/supervisor/guardian.hpp"
#include "actors/supervisor/saved_peers.hpp"

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace lanrage::actors {

namespace {

namespace defaults = config::defaults;
using net::wg_public_key;

using save_atom = caf::atom_constant<caf::atom("savepeers")>;
using lease_atom = caf::atom_constant<caf::atom("useaddress")>;
using own_interface =
    msg::connection_supervisor_actor::extend<caf::reacts_to<save_atom>, caf::reacts_to<lease_atom>>;

struct supervisor_state {
  static inline const char* name = "connections";
  msg::roles roles;
  connection_settings settings;
  std::shared_ptr<connection_memory> memory;
  std::map<wg_public_key, std::vector<promise_guard<msg::connection_view>>> connecting;
  std::map<wg_public_key, std::vector<promise_guard<msg::done>>> disconnecting;
  bool save_pending = false;
};
using pointer = own_interface::stateful_pointer<supervisor_state>;

msg::peer_actor address_of(const kept_peer& peer) {
  return caf::actor_cast<msg::peer_actor>(peer.guardian);
}

template <class Message>
void tell_all(pointer self, const Message& message) {
  for (const auto& [key, peer] : self->state.memory->peers)
    if (peer.guardian) self->send(address_of(peer), message);
}

void publish(pointer self, std::string what, std::string text,
             std::optional<msg::connection_view> view = std::nullopt) {
  auto& s = self->state;
  const msg::connection_event event{s.settings.wall(), std::move(what), std::move(text),
                                    std::move(view)};
  for (const auto& sink : s.memory->subscribers)
    self->send(sink, event);
}

// --- saving
// -----------------------------------------------------------------------------------------

void save_soon(pointer self) {
  if (std::exchange(self->state.save_pending, true)) return;
  self->delayed_send(self, defaults::save_after, save_atom::value);
}

void save(pointer self) {
  auto& s = self->state;
  s.save_pending = false;
  std::vector<msg::saved_peer> all;
  for (const auto& [key, peer] : s.memory->peers)
    all.push_back(peer.saved);
  self->request(s.roles.store, defaults::configure_deadline,
                msg::store_put{std::string(saved_peers_document), encode_saved_peers(all)})
      .then([](const msg::done&) {},
            [self](caf::error& e) {
              spdlog::warn("connections: records not saved, trying again: {}", text_of(e));
              save_soon(self);
            });
}

// --- running peers
// ----------------------------------------------------------------------------------

/// The latest word on a member, of any party of ours.
const msg::known_peer* known_record(const connection_memory& memory, const wg_public_key& key) {
  const auto first = memory.known.lower_bound({key, net::party_id{}});
  return first != memory.known.end() && first->first.first == key ? &first->second : nullptr;
}

void start_peer(pointer self, const wg_public_key& key) {
  auto& s = self->state;
  auto& peer = s.memory->peers.at(key);
  if (peer.guardian) return;
  guardian_settings settings;
  settings.name = "peer " + to_string(peer.saved.record.id);
  settings.budget = s.settings.peer_budget;
  settings.owner = caf::actor_cast<caf::actor>(s.roles.supervisor);
  // The actor's own memory: touched by one incarnation at a time, never by us.
  const auto saved = std::make_shared<msg::saved_peer>(peer.saved);
  settings.make = [make = s.settings.make_peer, roles = s.roles, saved](caf::actor_system& system,
                                                                        const caf::actor& address) {
    return caf::actor_cast<caf::actor>(
        make(system, roles, saved, caf::actor_cast<msg::peer_actor>(address)));
  };
  settings.notify = [saved, roles = s.roles, wall = s.settings.wall](const death_notice& death) {
    ++saved->counters.restarts;
    caf::anon_send(
        roles.supervisor,
        msg::connection_event{wall(), "actor", death.name + " died: " + death.cause, std::nullopt});
  };
  peer.guardian = spawn_guardian(self->system(), std::move(settings));
  self->monitor(peer.guardian);
  start_guardian(peer.guardian);
  const auto address = address_of(peer);
  if (const auto* known = known_record(*s.memory, key))
    self->send(address, msg::peer_known{*known});
  if (s.memory->paths) self->send(address, *s.memory->paths);
  if (s.memory->legs) self->send(address, *s.memory->legs);
  self->send(address, s.memory->self.control);
}

kept_peer& keep(connection_memory& memory, const net::peer_record& record) {
  const auto [found, added] = memory.peers.try_emplace(record.key);
  if (added) found->second.saved.record = record;
  return found->second;
}

void answer_connecting(pointer self, const msg::connection_view& view) {
  auto& waiting = self->state.connecting;
  const auto found = waiting.find(view.key);
  if (found == waiting.end()) return;
  const auto up = view.at == msg::phase::connected || view.at == msg::phase::degraded ||
                  view.at == msg::phase::trialling;
  const auto down = view.at == msg::phase::failed;
  if (!up && !down) return;
  for (auto& promise : found->second) {
    if (up)
      promise.deliver(view);
    else
      promise.fail(net::fail(view.error.value_or(net::errc::connection_failed), view.reason));
  }
  waiting.erase(found);
}

void answer_disconnecting(pointer self, const wg_public_key& key) {
  auto& waiting = self->state.disconnecting;
  const auto found = waiting.find(key);
  if (found == waiting.end()) return;
  for (auto& promise : found->second)
    promise.deliver(msg::done{});
  waiting.erase(found);
}

void on_update(pointer self, const msg::peer_update& update) {
  auto& s = self->state;
  const auto found = s.memory->peers.find(update.view.key);
  if (found == s.memory->peers.end()) return;
  auto& peer = found->second;
  const auto quiet = peer.view && peer.view->at == update.view.at &&
                     peer.view->where == update.view.where && peer.view->is == update.view.is;
  peer.view = update.view;
  const auto wanted = peer.saved.wanted;
  peer.saved = update.saved;
  peer.saved.wanted = wanted;
  if (!quiet) {
    const auto& v = update.view;
    auto text = to_string(v.id) + ": " + std::string(to_string(v.at));
    if (!v.reason.empty()) text += " (" + v.reason + ")";
    spdlog::info("connection {}", text);
    publish(self, "connection", std::move(text), v);
    save_soon(self);
  }
  answer_connecting(self, update.view);
  if (!update.gone) return;
  peer.view.reset();
  save_soon(self);
}

/// The guardian of a peer ended: on purpose, or past its budget.
void on_down(pointer self, caf::down_msg& down) {
  auto& s = self->state;
  auto& subscribers = s.memory->subscribers;
  std::erase_if(subscribers, [&](const auto& sink) { return sink.address() == down.source; });
  const auto found = std::find_if(s.memory->peers.begin(), s.memory->peers.end(), [&](auto& p) {
    return p.second.guardian && p.second.guardian.address() == down.source;
  });
  if (found == s.memory->peers.end()) return;
  const auto key = found->first;
  found->second.guardian = nullptr;
  found->second.view.reset();
  if (down.reason) return self->quit(down.reason); // our own guardian decides what next
  answer_disconnecting(self, key);
  if (!found->second.saved.wanted) s.connecting.erase(key);
  if (!known_record(*s.memory, key)) {
    s.memory->peers.erase(found); // it left our parties
    s.connecting.erase(key);
  } else if (found->second.saved.wanted) {
    start_peer(self, key); // wanted again while it was closing
  }
  save_soon(self);
}

// --- directory
// --------------------------------------------------------------------------------------

void use_lease(pointer self) {
  auto& s = self->state;
  if (!s.memory->self.address.leased()) return;
  self->request(s.roles.writer, defaults::wg_call_deadline,
                msg::use_address{s.memory->self.address})
      .then([](const msg::done&) {},
            [self](caf::error& e) {
              spdlog::warn("connections: address not set, trying again: {}", text_of(e));
              self->delayed_send(self, defaults::wg_retry_after, lease_atom::value);
            });
}

struct directory_news {
  pointer self;
  supervisor_state& s() const { return self->state; }

  void operator()(const msg::peer_known& news) const {
    const auto& record = news.peer.record;
    if (record.key == s().settings.own) return;
    s().memory->known[{record.key, record.party}] = news.peer;
    const auto kept = s().memory->peers.find(record.key);
    const auto have = kept != s().memory->peers.end();
    if (have && kept->second.guardian) {
      if (kept->second.saved.record.party == record.party)
        self->send(address_of(kept->second), news);
      return;
    }
    if (have ? !kept->second.saved.wanted : !s().settings.auto_connect) return;
    keep(*s().memory, record);
    start_peer(self, record.key);
  }
  void operator()(const msg::peer_gone& news) const {
    s().memory->known.erase({news.key, news.party});
    const auto kept = s().memory->peers.find(news.key);
    if (kept == s().memory->peers.end()) return;
    if (const auto* elsewhere = known_record(*s().memory, news.key)) {
      if (kept->second.guardian)
        self->send(address_of(kept->second), msg::peer_known{*elsewhere});
      else
        kept->second.saved.record = elsewhere->record;
    } else if (kept->second.guardian) {
      self->send(address_of(kept->second), msg::close_peer{false});
    } else {
      s().memory->peers.erase(kept);
      save_soon(self);
    }
  }
  void operator()(const msg::signal_received& news) const {
    const auto kept = s().memory->peers.find(news.from);
    if (kept != s().memory->peers.end() && kept->second.guardian)
      return self->send(address_of(kept->second), news);
    // Disconnected on purpose: the other side should know, or it would keep trying.
    if (kept != s().memory->peers.end() && news.signal.kind == net::signal_kind::offer) {
      net::peer_signal bye;
      bye.kind = net::signal_kind::bye;
      self->send(s().roles.directory, msg::send_signal{news.party, news.from, bye});
    }
  }
  void operator()(const msg::relays_listed& news) const { s().memory->self.relays = news.relays; }
  void operator()(const msg::address_leased& news) const {
    s().memory->self.address = news.address;
    use_lease(self);
  }
  void operator()(const msg::control_state& news) const {
    if (news.up != s().memory->self.control.up)
      publish(self, "control",
              news.up ? "connected to the control server" : "no connection to the control server");
    s().memory->self.control = news;
    tell_all(self, news);
  }
};

// --- requests
// ---------------------------------------------------------------------------------------

/// The peer a user means, among those we keep.
std::map<wg_public_key, kept_peer>::iterator find_kept(connection_memory& memory,
                                                       const net::peer_id& id) {
  return std::find_if(memory.peers.begin(), memory.peers.end(),
                      [&](const auto& p) { return p.second.saved.record.id == id; });
}

void connect(pointer self, const msg::known_peer& found, const msg::connect_peer& asked,
             promise_guard<msg::connection_view> promise) {
  auto& s = self->state;
  const auto& key = found.record.key;
  s.memory->known[{key, found.record.party}] = found;
  auto& peer = keep(*s.memory, found.record);
  peer.saved.wanted = true;
  save_soon(self);
  if (peer.view &&
      (peer.view->at == msg::phase::connected || peer.view->at == msg::phase::degraded ||
       peer.view->at == msg::phase::trialling))
    return promise.deliver(*peer.view);
  s.connecting[key].push_back(std::move(promise));
  start_peer(self, key);
  self->send(address_of(peer), asked);
}

caf::typed_response_promise<msg::connection_view> on_connect(pointer self,
                                                             const msg::connect_peer& asked) {
  promise_guard<msg::connection_view> promise{self->make_response_promise<msg::connection_view>()};
  self->request(self->state.roles.directory, defaults::discover_deadline,
                msg::find_peer{asked.party, asked.id})
      .then([self, asked,
             promise](const msg::known_peer& found) { connect(self, found, asked, promise); },
            [promise](caf::error& e) mutable { promise.fail(msg::from_caf(e)); });
  return promise.promise();
}

caf::typed_response_promise<msg::done> on_disconnect(pointer self,
                                                     const msg::disconnect_peer& asked) {
  auto& s = self->state;
  promise_guard<msg::done> promise{self->make_response_promise<msg::done>()};
  const auto kept = find_kept(*s.memory, asked.id);
  if (kept == s.memory->peers.end()) {
    promise.fail(net::fail(net::errc::peer_not_found, "not connected to " + to_string(asked.id)));
    return promise.promise();
  }
  kept->second.saved.wanted = false;
  save_soon(self);
  if (!kept->second.guardian) {
    promise.deliver(msg::done{});
  } else {
    s.disconnecting[kept->first].push_back(promise);
    self->send(address_of(kept->second), msg::close_peer{true});
  }
  return promise.promise();
}

caf::result<msg::connection_view> on_status(pointer self, const msg::get_status& asked) {
  auto& memory = *self->state.memory;
  const auto kept = find_kept(memory, asked.id);
  if (kept != memory.peers.end() && kept->second.view) return *kept->second.view;
  return msg::to_caf(
      net::fail(net::errc::peer_not_found, "no connection to " + to_string(asked.id)));
}

msg::status_report on_list(pointer self) {
  const auto& memory = *self->state.memory;
  msg::status_report out;
  out.self = memory.self;
  for (const auto& [key, peer] : memory.peers)
    if (peer.view && peer.view->at != msg::phase::closing) out.peers.push_back(*peer.view);
  std::sort(out.peers.begin(), out.peers.end(), [](const auto& a, const auto& b) {
    return std::tie(a.id, a.key) < std::tie(b.id, b.key);
  });
  return out;
}

void subscribe(pointer self, const msg::event_sink& sink) {
  auto& subscribers = self->state.memory->subscribers;
  if (std::find(subscribers.begin(), subscribers.end(), sink) != subscribers.end()) return;
  subscribers.push_back(sink);
  self->monitor(sink);
}

void start(pointer self) {
  auto& s = self->state;
  s.memory->self.id = s.settings.id;
  s.memory->self.key = s.settings.own;
  self->send(s.roles.directory, msg::attach_directory{s.roles.supervisor});
  self->send(s.roles.route_watch, msg::attach_network{s.roles.supervisor});
  for (const auto& sink : s.memory->subscribers)
    self->monitor(sink);
  std::vector<wg_public_key> wanted;
  for (const auto& [key, peer] : s.memory->peers) {
    if (peer.guardian)
      self->monitor(peer.guardian); // outlived our predecessor
    else if (peer.saved.wanted)
      wanted.push_back(key);
  }
  for (const auto& key : wanted)
    start_peer(self, key);
  use_lease(self);
}

own_interface::behavior_type
connection_supervisor(pointer self, const msg::roles& roles, const connection_settings& settings,
                      const std::shared_ptr<connection_memory>& memory) {
  auto& s = self->state;
  s.roles = roles;
  s.settings = settings;
  s.memory = memory;
  install_handlers(self, "connections");
  self->set_down_handler([self](caf::down_msg& down) { on_down(self, down); });
  start(self);
  return {
      [self](const msg::connect_peer& m) { return on_connect(self, m); },
      [self](const msg::disconnect_peer& m) { return on_disconnect(self, m); },
      [self](const msg::get_status& m) { return on_status(self, m); },
      [self](const msg::list_status&) { return on_list(self); },
      [self](const msg::attach_events& m) { subscribe(self, m.sink); },
      [self](const msg::connection_event& m) {
        for (const auto& sink : self->state.memory->subscribers)
          self->send(sink, m);
      },
      [self](const msg::peer_update& m) { on_update(self, m); },
      [self](const msg::directory_event& m) { std::visit(directory_news{self}, m.what); },
      [self](const msg::own_paths& m) {
        auto& kept = *self->state.memory;
        kept.self.nat = m.nat;
        kept.self.candidates = m.candidates;
        kept.paths = m;
        tell_all(self, m);
      },
      [self](const msg::own_legs& m) {
        auto& kept = *self->state.memory;
        kept.self.legs = m.legs;
        kept.legs = m;
        tell_all(self, m);
      },
      [self](const msg::network_changed& m) {
        publish(self, "network", "addresses or routes changed");
        tell_all(self, m);
      },
      [self](save_atom) { save(self); },
      [self](lease_atom) { use_lease(self); },
  };
}

} // namespace

std::shared_ptr<connection_memory> restore_connections(std::vector<msg::saved_peer> saved) {
  auto memory = std::make_shared<connection_memory>();
  for (auto& peer : saved) {
    const auto key = peer.record.key;
    memory->peers[key].saved = std::move(peer);
  }
  return memory;
}

msg::connection_supervisor_actor
spawn_connection_supervisor(caf::actor_system& system, const msg::roles& roles,
                            connection_settings settings,
                            std::shared_ptr<connection_memory> memory) {
  return system.spawn(connection_supervisor, roles, std::move(settings), std::move(memory));
}

} // namespace lanrage::actors
