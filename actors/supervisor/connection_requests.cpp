#include "actors/supervisor/connections_actor.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

/// What users ask the connection supervisor for.
namespace lanrage::actors::connections {

namespace {

namespace defaults = config::defaults;
using net::wg_public_key;

bool is_up(const msg::connection_view& view) {
  return view.at == msg::phase::connected || view.at == msg::phase::degraded ||
         view.at == msg::phase::trialling;
}

/// A connection remembered from a time that the directory knows nothing of, or does not answer for.
std::optional<wg_public_key> remembered(const connection_memory& memory, const net::peer_id& id,
                                        const net::error& why) {
  const auto silent = why.code != net::errc::peer_not_found;
  for (const auto& [key, peer] : memory.peers)
    if (peer.saved->record.id == id && (silent || !known_record(memory, key, {}))) return key;
  return std::nullopt;
}

/// The kept connection that a user means; the directory knows names and parties.
template <class Result, class Asked, class Then>
caf::typed_response_promise<Result> with_kept(pointer self, const Asked& asked, Then then) {
  promise_guard<Result> promise{self->make_response_promise<Result>()};
  auto use = [self, then, promise, id = asked.id](const wg_public_key& key) mutable {
    const auto kept = self->state.memory->peers.find(key);
    if (kept != self->state.memory->peers.end()) return then(kept->first, kept->second, promise);
    promise.fail(net::fail(net::errc::peer_not_found, "no connection to " + to_string(id)));
  };
  self->request(self->state.roles.directory, defaults::discover_deadline,
                msg::find_peer{asked.party, asked.id})
      .then([use](const msg::known_peer& found) mutable { use(found.record.key); },
            [self, use, promise, asked](caf::error& failed) mutable {
              const auto why = msg::from_caf(failed);
              const auto key =
                  asked.party ? std::nullopt : remembered(*self->state.memory, asked.id, why);
              if (key) return use(*key);
              promise.fail(why);
            });
  return promise.promise();
}

// --- connect -------------------------------------------------------------------------------------

void connect(pointer self, const msg::known_peer& found, const msg::connect_peer& asked,
             promise_guard<msg::connection_view> promise) {
  auto& s = self->state;
  const auto& key = found.record.key;
  s.memory->known[{key, found.record.party}] = found;
  auto& peer = keep(*s.memory, found.record);
  peer.closing.reset();
  if (std::exchange(peer.wanted, true))
    save_soon(self);
  else
    save(self); // a user's will does not wait
  if (peer.view && is_up(*peer.view)) return promise.deliver(*peer.view);
  s.connecting[key].push_back(std::move(promise));
  start_peer(self, key, asked);
}

/// Whether this name may still come: nobody has it, so it is no question of which.
bool may_come(const connection_memory& memory, const msg::connect_peer& asked,
              const net::error& why) {
  if (why.code != net::errc::peer_not_found) return false;
  return asked.party || std::none_of(memory.known.begin(), memory.known.end(),
                                     [&](const auto& k) { return k.second.record.id == asked.id; });
}

void look_up(pointer self, awaited_peer who) {
  const auto asked = who.asked;
  self->request(self->state.roles.directory, defaults::discover_deadline,
                msg::find_peer{asked.party, asked.id})
      .then([self,
             who](const msg::known_peer& found) { connect(self, found, who.asked, who.promise); },
            [self, who](caf::error& failed) mutable {
              const auto why = msg::from_caf(failed);
              auto& s = self->state;
              const auto left = who.until - self->clock().now();
              if (left <= left.zero() || !may_come(*s.memory, who.asked, why))
                return who.promise.fail(why);
              s.awaited.push_back(std::move(who));
              self->delayed_send(self, left, patience_atom::value);
            });
}

/// Takes out those that wait and fit.
template <class Fits>
std::vector<awaited_peer> take(std::vector<awaited_peer>& awaited, Fits fits) {
  const auto rest =
      std::stable_partition(awaited.begin(), awaited.end(), [&](auto& a) { return !fits(a); });
  std::vector<awaited_peer> out{std::make_move_iterator(rest),
                                std::make_move_iterator(awaited.end())};
  awaited.erase(rest, awaited.end());
  return out;
}

/// Nothing is tried of one that is away.
msg::explanation explain_resting(const msg::connection_view& view, const net::peer_record& record) {
  msg::explanation out{view, view.reason, {}, {}};
  for (const auto& each : record.candidates) {
    auto& one = out.candidates.emplace_back();
    one.tried.what = each;
    one.verdict = "not tried: the peer is offline";
  }
  return out;
}

/// Between its start and its first word.
msg::connection_view starting(const msg::saved_peer& saved) {
  msg::connection_view out;
  out.party = saved.record.party;
  out.id = saved.record.id;
  out.key = saved.record.key;
  out.address = saved.record.address;
  out.at = msg::phase::discovering;
  out.is = msg::status_of(out.at, false);
  out.reason = "starting";
  return out;
}

} // namespace

caf::typed_response_promise<msg::connection_view> on_connect(pointer self,
                                                             const msg::connect_peer& asked) {
  promise_guard<msg::connection_view> promise{self->make_response_promise<msg::connection_view>()};
  look_up(self, {asked, promise, self->clock().now() + defaults::discover_deadline});
  return promise.promise();
}

void connect_awaited(pointer self, const net::peer_id& id) {
  for (auto& who : take(self->state.awaited, [&](auto& a) { return a.asked.id == id; }))
    look_up(self, std::move(who));
}

void end_patience(pointer self) {
  const auto now = self->clock().now();
  for (auto& who : take(self->state.awaited, [&](auto& a) { return a.until <= now; }))
    who.promise.fail(net::fail(net::errc::peer_not_found, to_string(who.asked.id)));
}

// --- disconnect and status -----------------------------------------------------------------------

caf::typed_response_promise<msg::done> on_disconnect(pointer self,
                                                     const msg::disconnect_peer& asked) {
  return with_kept<msg::done>(self, asked, [self](const auto& key, auto& peer, auto& promise) {
    peer.wanted = false;
    save_soon(self);
    if (!peer.guardian && !peer.rests) return save_and_answer(self, {promise});
    self->state.disconnecting[key].push_back(promise);
    close_peer(self, key, true);
  });
}

caf::typed_response_promise<msg::connection_view> on_status(pointer self,
                                                            const msg::get_status& asked) {
  return with_kept<msg::connection_view>(
      self, asked, [id = asked.id](const auto&, const auto& peer, auto& promise) {
        if (peer.view) return promise.deliver(*peer.view);
        if (peer.guardian || peer.wanted) return promise.deliver(starting(*peer.saved));
        promise.fail(net::fail(net::errc::peer_not_found, "no connection to " + to_string(id)));
      });
}

caf::typed_response_promise<msg::explanation> on_explain(pointer self,
                                                         const msg::explain_peer& asked) {
  return with_kept<msg::explanation>(
      self, asked, [self, id = asked.id](const auto&, const auto& peer, auto& promise) {
        if (peer.view && (peer.rests || peer.held))
          return promise.deliver(explain_resting(*peer.view, peer.saved->record));
        if (!peer.guardian)
          return promise.fail(
              net::fail(net::errc::peer_not_found, "no connection to " + to_string(id)));
        self->request(address_of(peer), defaults::configure_deadline, msg::get_explanation{})
            .then([promise](const msg::explanation& all) mutable { promise.deliver(all); },
                  [promise](caf::error& failed) mutable { promise.fail(msg::from_caf(failed)); });
      });
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

} // namespace lanrage::actors::connections
