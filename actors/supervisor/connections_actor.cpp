#include "actors/supervisor/connections_actor.hpp"

#include "actors/supervisor/guardian.hpp"
#include "actors/supervisor/saved_peers.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

/// The peers below the supervisor: started, heard, saved, and picked up when they fall.
namespace lanrage::actors::connections {

namespace defaults = config::defaults;
using net::wg_public_key;

void publish(pointer self, std::string what, std::string text,
             std::optional<msg::connection_view> view) {
  auto& s = self->state;
  const msg::connection_event event{s.settings.wall(), std::move(what), std::move(text),
                                    std::move(view)};
  for (const auto& sink : s.memory->subscribers)
    self->send(sink, event);
}

// --- saving --------------------------------------------------------------------------------------

void save_soon(pointer self) {
  if (std::exchange(self->state.save_pending, true)) return;
  self->delayed_send(self, defaults::save_after, save_atom::value);
}

static msg::saved_peer as_wanted(const kept_peer& peer) {
  auto out = *peer.saved;
  out.wanted = peer.wanted;
  return out;
}

/// What its actor starts from; what it said itself, where nothing else is known.
static msg::peer_memory starting_with(const connection_memory& memory, const kept_peer& peer) {
  const auto& record = peer.saved->record;
  const auto* known = known_record(memory, record.key, record.party);
  const auto away = known && is_away(*known);
  if (peer.saved->wanted == peer.wanted && peer.saved->away == away) return peer.saved;
  auto out = as_wanted(peer);
  out.away = away;
  return out;
}

static auto store(pointer self) {
  auto& s = self->state;
  std::vector<msg::saved_peer> all;
  for (const auto& [key, peer] : s.memory->peers)
    all.push_back(as_wanted(peer));
  return self->request(s.roles.store, defaults::configure_deadline,
                       msg::store_put{std::string(saved_peers_document), encode_saved_peers(all)});
}

static void not_saved(pointer self, const caf::error& why) {
  spdlog::warn("connections: records not saved, trying again: {}", text_of(why));
  save_soon(self);
}

void save(pointer self) {
  self->state.save_pending = false;
  store(self).then([](const msg::done&) {}, [self](caf::error& why) { not_saved(self, why); });
}

void save_and_answer(pointer self, std::vector<promise_guard<msg::done>> promises) {
  store(self).then(
      [promises](const msg::done&) mutable {
        for (auto& promise : promises)
          promise.deliver(msg::done{});
      },
      [self, promises](caf::error& why) mutable {
        not_saved(self, why);
        for (auto& promise : promises)
          promise.fail(net::fail(net::errc::not_stored, "disconnected, but a restart may connect "
                                                        "again: " +
                                                            text_of(why)));
      });
}

// --- running peers -------------------------------------------------------------------------------

const msg::known_peer* known_record(const connection_memory& memory, const wg_public_key& key,
                                    const net::party_id& in) {
  const msg::known_peer* best = nullptr;
  const auto rank = [&](const msg::known_peer& known) {
    return std::pair{known.online && known.presence_known, known.record.party == in};
  };
  for (auto at = memory.known.lower_bound({key, net::party_id{}});
       at != memory.known.end() && at->first.first == key; ++at)
    if (!best || rank(at->second) > rank(*best)) best = &at->second;
  return best;
}

static void tell_what_is_known(pointer self, const kept_peer& peer);

void start_peer(pointer self, const wg_public_key& key,
                const std::optional<msg::connect_peer>& asked) {
  auto& s = self->state;
  auto& peer = s.memory->peers.at(key);
  if (peer.guardian) {
    if (asked) tell(self, peer, *asked);
    return;
  }
  peer.rests = false;
  guardian_settings settings;
  settings.name = "peer " + to_string(peer.saved->record.id);
  settings.budget = s.settings.peer_budget;
  settings.owner = caf::actor_cast<caf::actor>(s.roles.supervisor);
  // The actor's own memory: touched by one incarnation at a time, never by us.
  const auto memory = std::make_shared<msg::peer_memory>(starting_with(*s.memory, peer));
  settings.make = [origin = s.origin, memory](caf::actor_system& system,
                                              const caf::actor& address) {
    return caf::actor_cast<caf::actor>(
        origin->make(system, origin->roles, memory, caf::actor_cast<msg::peer_actor>(address)));
  };
  settings.notify = [origin = s.origin, memory](const death_notice& death) {
    auto saved = **memory;
    ++saved.counters.restarts;
    *memory = std::move(saved);
    caf::anon_send(origin->roles->supervisor,
                   msg::connection_event{origin->wall(), "actor",
                                         death.name + " died: " + death.cause, std::nullopt});
  };
  peer.guardian = spawn_guardian(self->system(), std::move(settings));
  self->monitor(peer.guardian);
  start_guardian(peer.guardian);
  peer.speaker = nullptr;
  peer.closing.reset();
  if (asked) self->send(address_of(peer), *asked);
  tell_what_is_known(self, peer);
}

void start_in_turn(pointer self, const wg_public_key& key) {
  self->state.in_turn.push_back(key);
  if (!self->state.turn_pending) take_turn(self);
}

void take_turn(pointer self) {
  auto& s = self->state;
  s.turn_pending = !s.in_turn.empty();
  const auto most = std::max(defaults::peers_in_turn, s.in_turn.size() / defaults::turn_share);
  for (std::size_t started = 0; started < most && !s.in_turn.empty();) {
    const auto key = s.in_turn.front();
    s.in_turn.pop_front();
    const auto kept = s.memory->peers.find(key);
    if (kept == s.memory->peers.end() || !kept->second.wanted || kept->second.guardian) continue;
    start_peer(self, key);
    ++started;
  }
  if (s.turn_pending) self->delayed_send(self, defaults::turn_gap, turn_atom::value);
}

void wake_peer(pointer self, const wg_public_key& key) {
  const auto kept = self->state.memory->peers.find(key);
  if (kept == self->state.memory->peers.end()) return;
  auto& peer = kept->second;
  if (peer.held) peer.held->any = true;
  if (!peer.guardian && (peer.wanted || peer.rests)) start_peer(self, key);
}

void close_peer(pointer self, const wg_public_key& key, bool tell_it) {
  wake_peer(self, key);
  auto& peer = self->state.memory->peers.at(key);
  peer.closing = msg::close_peer{tell_it};
  tell(self, peer, *peer.closing);
}

/// What a peer's actor has to know besides its record.
static void tell_what_is_known(pointer self, const kept_peer& peer) {
  const auto& s = self->state;
  const auto address = address_of(peer);
  const auto& record = peer.saved->record;
  if (const auto* known = known_record(*s.memory, record.key, record.party))
    self->send(address, msg::peer_known{*known});
  if (s.memory->paths) self->send(address, *s.memory->paths);
  if (s.memory->legs) self->send(address, *s.memory->legs);
  self->send(address, s.memory->self.control);
}

kept_peer& keep(connection_memory& memory, const net::peer_record& record) {
  const auto [found, added] = memory.peers.try_emplace(record.key);
  if (added) {
    msg::saved_peer first;
    first.record = record;
    found->second.saved = std::move(first);
  }
  return found->second;
}

static void answer_connecting(pointer self, const msg::connection_view& view) {
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

static void answer_disconnecting(pointer self, const wg_public_key& key) {
  auto& waiting = self->state.disconnecting;
  const auto found = waiting.find(key);
  if (found == waiting.end()) return;
  save_and_answer(self, std::move(found->second));
  waiting.erase(found);
}

// --- peers that rest -----------------------------------------------------------------------------

/// Its actor has ended, or goes on; nothing that was to be said to it is lost.
static void rest_answered(pointer self, const wg_public_key& key, kept_peer& peer, bool rests) {
  const auto held = *std::exchange(peer.held, std::nullopt);
  const auto closing = peer.closing;
  if (rests) {
    self->demonitor(peer.guardian);
    peer.guardian = nullptr;
    peer.rests = true;
    if (!held.any) return;
    start_peer(self, key);
    peer.closing = closing;
  } else {
    tell_what_is_known(self, peer);
  }
  if (held.asked) tell(self, peer, *held.asked);
  for (const auto& signal : held.signals)
    tell(self, peer, signal);
  if (closing) tell(self, peer, *closing);
}

static void let_rest(pointer self, const wg_public_key& key, kept_peer& peer) {
  if (!peer.guardian || peer.held || peer.closing) return;
  peer.held.emplace();
  // Its end may be heard of before its answer.
  const auto heard = [self, key, of = peer.guardian.address()](bool rests) {
    const auto found = self->state.memory->peers.find(key);
    if (found == self->state.memory->peers.end()) return;
    auto& asked = found->second;
    if (asked.held && asked.guardian && asked.guardian.address() == of)
      rest_answered(self, key, asked, rests);
  };
  self->request(address_of(peer), defaults::configure_deadline, msg::rest_peer{})
      .then([heard](const msg::rest_answer& answer) { heard(answer.rests); },
            [heard](caf::error&) { heard(false); });
}

// --- what peers say ------------------------------------------------------------------------------

void on_update(pointer self, const msg::peer_update& update) {
  auto& s = self->state;
  const auto& v = *update.view;
  const auto found = s.memory->peers.find(v.key);
  if (found == s.memory->peers.end()) return;
  auto& peer = found->second;
  // One that was restarted after a crash heard nothing of what its predecessor was told.
  const auto speaker = caf::actor_cast<caf::actor_addr>(self->current_sender());
  const bool restarted = peer.speaker && peer.speaker != speaker;
  const bool first_word = !peer.speaker;
  peer.speaker = speaker;
  if (restarted && peer.guardian && !update.gone) {
    tell_what_is_known(self, peer);
    if (peer.closing) tell(self, peer, *peer.closing);
  }
  const auto quiet = peer.view && peer.view->at == v.at && peer.view->where == v.where &&
                     peer.view->is == v.is && peer.view->how == v.how &&
                     peer.view->relay == v.relay;
  peer.view = update.view;
  peer.saved = update.saved;
  if (!quiet) {
    auto text = to_string(v.id) + ": " + std::string(to_string(v.at));
    if (!v.reason.empty()) text += " (" + v.reason + ")";
    spdlog::info("connection {}", text);
    publish(self, "connection", std::move(text), v);
    save_soon(self);
  }
  // One that begins where its predecessor ended has not heard yet what it is asked for.
  if (!first_word || v.at != msg::phase::failed) answer_connecting(self, v);
  if (update.rests) let_rest(self, v.key, peer);
  if (!update.gone) return;
  peer.view.reset();
  save_soon(self);
}

void on_down(pointer self, caf::down_msg& down) {
  auto& s = self->state;
  auto& subscribers = s.memory->subscribers;
  std::erase_if(subscribers, [&](const auto& sink) { return sink.address() == down.source; });
  const auto found = std::find_if(s.memory->peers.begin(), s.memory->peers.end(), [&](auto& p) {
    return p.second.guardian && p.second.guardian.address() == down.source;
  });
  if (found == s.memory->peers.end()) return;
  const auto key = found->first;
  if (found->second.held && !down.reason) return rest_answered(self, key, found->second, true);
  found->second.guardian = nullptr;
  found->second.view.reset();
  if (down.reason) return self->quit(down.reason); // our own guardian decides what next
  answer_disconnecting(self, key);
  if (!found->second.wanted) s.connecting.erase(key);
  if (!known_record(*s.memory, key, {})) {
    s.memory->peers.erase(found); // it left our parties
    s.connecting.erase(key);
  } else if (found->second.wanted) {
    start_peer(self, key); // wanted again while it was closing
  }
  save_soon(self);
}

} // namespace lanrage::actors::connections
