#include "actors/supervisor/connection_supervisor.hpp"

#include "actors/supervisor/connections_actor.hpp"

#include <caf/actor_system.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

/// What the supervisor hears from the directory, and its start.
namespace lanrage::actors {

namespace {

using namespace connections;
namespace defaults = config::defaults;
using net::wg_public_key;

// --- directory -----------------------------------------------------------------------------------

void want_interface(pointer self) {
  auto& s = self->state;
  if (!s.memory->interface) return;
  self->request(s.roles.writer, defaults::wg_call_deadline, *s.memory->interface)
      .then([](const msg::done&) {},
            [self](caf::error& e) {
              spdlog::warn("connections: interface not as wanted, trying again: {}", text_of(e));
              self->delayed_send(self, defaults::wg_retry_after, interface_atom::value);
            });
}

void remember_record(kept_peer& peer, const net::peer_record& record) {
  auto saved = *peer.saved;
  saved.record = record;
  peer.saved = std::move(saved);
}

struct directory_news {
  pointer self;
  supervisor_state& s() const { return self->state; }

  void operator()(const msg::peer_known& news) const {
    const auto& record = news.peer.record;
    if (record.key == s().settings.own) return;
    s().memory->known[{record.key, record.party}] = news.peer;
    make_way(record);
    use(record);
    connect_awaited(self, record.id);
  }
  void use(const net::peer_record& record) const {
    const auto kept = s().memory->peers.find(record.key);
    const auto have = kept != s().memory->peers.end();
    if (have && (kept->second.guardian || kept->second.rests)) {
      auto& peer = kept->second;
      const auto in = peer.saved->record.party;
      const auto* best = known_record(*s().memory, record.key, in);
      if (in != record.party && best->record.party != record.party) return;
      if (peer.guardian) return tell(self, peer, msg::peer_known{*best});
      if (!is_away(*best) || best->record != peer.saved->record) start_peer(self, record.key);
      return;
    }
    if (have ? !kept->second.wanted : !s().settings.auto_connect) return;
    keep(*s().memory, record);
    if (is_away(*known_record(*s().memory, record.key, record.party)))
      start_in_turn(self, record.key);
    else
      start_peer(self, record.key);
  }
  /// Names and addresses are one member's. Who is kept with either and known to no directory is of
  /// files that were damaged or are older than a new key; its probes would be answered by this one.
  void make_way(const net::peer_record& record) const {
    const auto& before = s().memory->restored;
    std::set<wg_public_key> same;
    const auto add = [&](const auto& keys, const auto& of) {
      for (auto [at, end] = keys.equal_range(of); at != end; ++at)
        same.insert(at->second);
    };
    add(before.by_id, record.id);
    if (record.address.leased()) add(before.by_address, record.address);
    same.erase(record.key);
    for (const auto& key : same) {
      const auto kept = s().memory->peers.find(key);
      if (kept == s().memory->peers.end() || kept->second.closing) continue;
      const auto in = kept->second.saved->record.party;
      if (!known_record(*s().memory, key, in)) (*this)(msg::peer_gone{in, key});
    }
  }
  void operator()(const msg::peer_gone& news) const {
    s().memory->known.erase({news.key, news.party});
    const auto kept = s().memory->peers.find(news.key);
    if (kept == s().memory->peers.end()) return;
    if (const auto* elsewhere = known_record(*s().memory, news.key, news.party)) {
      if (kept->second.guardian)
        tell(self, kept->second, msg::peer_known{*elsewhere});
      else if (kept->second.rests)
        start_peer(self, news.key);
      else
        remember_record(kept->second, elsewhere->record);
    } else if (kept->second.guardian || kept->second.rests || kept->second.wanted) {
      close_peer(self, news.key, false);
    } else {
      s().memory->peers.erase(kept);
      save_soon(self);
    }
  }
  void operator()(const msg::members_listed& now) const {
    std::vector<msg::peer_gone> missed;
    for (const auto& [of, known] : s().memory->known)
      if (!now.members.contains(of)) missed.push_back({of.second, of.first});
    for (const auto& gone : missed)
      (*this)(gone);
  }
  void operator()(const msg::signal_received& news) const {
    wake_peer(self, news.from);
    const auto kept = s().memory->peers.find(news.from);
    if (kept != s().memory->peers.end() && kept->second.guardian)
      return tell(self, kept->second, news);
    // Disconnected on purpose: the other side should know, or it would keep trying.
    if (kept != s().memory->peers.end() && news.signal.kind == net::signal_kind::offer) {
      net::peer_signal bye;
      bye.kind = net::signal_kind::bye;
      self->send(s().roles.directory, msg::send_signal{news.party, news.from, bye});
    }
  }
  void operator()(const msg::relays_listed& news) const { s().memory->self.relays = news.relays; }
  void operator()(const msg::interface_wanted& news) const {
    s().memory->self.address = news.address;
    s().memory->interface = news;
    want_interface(self);
    if (news.there) return;
    // In no party there is nobody, nor who was kept by a run that ended before it had parted.
    s().memory->known.clear();
    std::vector<msg::peer_gone> everybody;
    for (const auto& [key, peer] : s().memory->peers)
      if (!peer.closing) everybody.push_back({peer.saved->record.party, key});
    for (const auto& gone : everybody)
      (*this)(gone);
  }
  void operator()(const msg::lan_state& news) const {
    for (const auto& id : news.near)
      if (!std::binary_search(s().memory->self.lan.near.begin(), s().memory->self.lan.near.end(),
                              id))
        publish(self, "network", to_string(id) + " is on this network");
    s().memory->self.lan = news;
  }
  void operator()(const msg::control_state& news) const {
    if (news.up != s().memory->self.control.up)
      publish(self, "control",
              news.up ? "connected to the control server" : "no connection to the control server");
    s().memory->self.control = news;
    tell_all(self, news);
    if (news.up) return;
    // Nobody would tell us who comes.
    for (auto& [of, known] : s().memory->known)
      known.presence_known = false;
    for (auto& [key, peer] : s().memory->peers)
      if (std::exchange(peer.rests, false)) start_in_turn(self, key);
  }
};

/// WireGuard may have whom the last daemon had not yet removed, or was asked for again too late.
void remove_leftover(pointer self, const wg_public_key& key) {
  self->request(self->state.roles.writer, defaults::configure_deadline, msg::remove_peer{key})
      .then([](const msg::peer_applied&) {},
            [](caf::error& e) {
              spdlog::warn("connections: a disconnected peer may be left: {}", text_of(e));
            });
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
  for (auto& [key, peer] : s.memory->peers) {
    peer.held.reset(); // one that ended meanwhile is started again
    if (peer.guardian)
      self->monitor(peer.guardian); // outlived our predecessor
    else if (peer.rests)
      continue;
    else if (peer.wanted)
      wanted.push_back(key);
    else
      remove_leftover(self, key);
  }
  for (const auto& key : wanted) {
    // Whom we were connected to when the last daemon ended; WireGuard may have the session still.
    const auto& configured = s.memory->peers.at(key).saved->configured;
    if (configured && configured->keepalive)
      start_peer(self, key);
    else
      start_in_turn(self, key);
  }
  want_interface(self);
}

own_interface::behavior_type
connection_supervisor(pointer self, const msg::roles& roles, const connection_settings& settings,
                      const std::shared_ptr<connection_memory>& memory) {
  auto& s = self->state;
  s.roles = roles;
  s.settings = settings;
  s.origin = std::make_shared<const peer_origin>(
      peer_origin{settings.make_peer, std::make_shared<const msg::roles>(roles), settings.wall});
  s.memory = memory;
  install_handlers(self, "connections");
  self->set_down_handler([self](caf::down_msg& down) { on_down(self, down); });
  start(self);
  return {
      [self](const msg::connect_peer& m) { return on_connect(self, m); },
      [self](const msg::disconnect_peer& m) { return on_disconnect(self, m); },
      [self](const msg::get_status& m) { return on_status(self, m); },
      [self](const msg::list_status&) { return on_list(self); },
      [self](const msg::explain_peer& m) { return on_explain(self, m); },
      [self](const msg::attach_events& m) { subscribe(self, m.sink); },
      [self](const msg::connection_event& m) {
        for (const auto& sink : self->state.memory->subscribers)
          self->send(sink, m);
      },
      [self](const msg::peer_update& m) { on_update(self, m); },
      [self](const msg::handshake_seen& m) { wake_peer(self, m.key); },
      [self](const msg::directory_event& m) { std::visit(directory_news{self}, m.what); },
      [self](const msg::own_paths& m) {
        auto& kept = *self->state.memory;
        kept.self.nat = m.nat;
        kept.self.candidates = m.candidates;
        kept.self.nat_more = m.details;
        kept.paths = m;
        tell_all(self, m);
      },
      [self](const msg::own_legs& m) {
        auto& kept = *self->state.memory;
        kept.self.legs = m.legs;
        kept.self.streams = m.streams;
        kept.legs = m;
        tell_all(self, m);
      },
      [self](const msg::network_changed& m) {
        publish(self, "network", "addresses or routes changed");
        tell_all(self, m);
      },
      [self](patience_atom) { end_patience(self); },
      [self](turn_atom) { take_turn(self); },
      [self](save_atom) { save(self); },
      [self](interface_atom) { want_interface(self); },
  };
}

} // namespace

std::shared_ptr<connection_memory> restore_connections(std::vector<msg::saved_peer> saved) {
  auto memory = std::make_shared<connection_memory>();
  for (auto& peer : saved) {
    const auto& record = peer.record;
    memory->restored.by_id.emplace(record.id, record.key);
    memory->restored.by_address.emplace(record.address, record.key);
    auto& kept = memory->peers[record.key];
    kept.wanted = peer.wanted;
    kept.saved = std::move(peer);
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
