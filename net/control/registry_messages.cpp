#include "net/control/overloaded.hpp"
#include "net/control/registry_run.hpp"

#include <algorithm>
#include <iterator>

namespace lanrage::net::control {
namespace {

/// What a record costs in a message besides its sealed octets: key, name, version, field names.
constexpr std::size_t record_overhead = 200;

std::size_t octets_of(const sealed_record& record) {
  return record.sealed.size() * 4 / 3 + record_overhead;
}

std::optional<party_id> party_of(const client_message& message) {
  return std::visit([](const auto& m) { return std::optional{m.party}; }, message);
}

} // namespace

// --- messages -----------------------------------------------------------------------------------

bool registry::run::within_rate(session_id id, session& s) {
  const std::chrono::duration<double> passed = at_.now - s.allowance_at;
  s.allowance_at = at_.now;
  s.allowance = std::min<double>(r_.limits_.messages_burst,
                                 s.allowance + passed.count() * r_.limits_.messages_per_s);
  if (s.allowance < 1) {
    end(id, fail(errc::limit_reached, "too many messages"));
    return false;
  }
  s.allowance -= 1;
  return true;
}

void registry::run::handle(session_id id, session& s, const client_message& message) {
  const auto done =
      std::visit(overloaded{[&](const join_request& m) -> result<void> {
                              if (const auto in = join(s, m); !in) return in.error();
                              joined(id, s, m);
                              return {};
                            },
                            [&](const leave_request& m) { return leave(id, s, m); },
                            [&](const publish_request& m) { return publish(s, m); },
                            [&](const signal_request& m) { return signal(s, m); },
                            [&](const forget_request& m) { return forget(id, s, m); }},
                 message);
  if (!done) refuse(id, done.error(), kind_of(message), party_of(message));
}

void registry::run::joined(session_id id, session& s, const join_request& request) {
  party_joined answer{view_of(request.party, s.key), {}};
  tokens_for(s.key, request.party, answer.tokens);
  auto budget = r_.limits_.octets_per_message;
  auto rest = fill(answer.view, records_of(request.party), budget);
  send(id, std::move(answer));
  if (!rest.empty()) send_rest(id, request.party, std::move(rest));
  announce(request.party, s.key, true);
}

result<void> registry::run::leave(session_id id, session& s, const leave_request& request) {
  if (s.parties.erase(request.party) == 0) return fail(errc::not_a_member, "of that party");
  remove(request.party, s.key);
  send_to_party(request.party, s.key, member_gone{request.party, s.key});
  if (r_.parties_[request.party].members.empty()) {
    r_.parties_.erase(request.party);
    store(drop_party{request.party});
  }
  send(id, party_left{request.party});
  return {};
}

void registry::run::remove(const party_id& id, const wg_public_key& key) {
  auto& in = r_.parties_[id];
  in.names.erase(in.members[key].id);
  in.members.erase(key);
  store(drop_membership{id, key});
  auto& self = r_.members_[key];
  self.parties.erase(id);
  if (!self.parties.empty()) return;
  r_.leases_.erase(self.address);
  r_.members_.erase(key);
  store(drop_member{key});
}

result<void> registry::run::forget(session_id id, const session& s, const forget_request& request) {
  if (!s.parties.contains(request.party)) return fail(errc::not_a_member, "of that party");
  const auto& names = r_.parties_[request.party].names;
  const auto found = names.find(request.id);
  if (found == names.end()) return fail(errc::peer_not_found, request.id.str());
  const auto key = found->second;
  // Of whatever party its connection is: it lives, so it can speak for itself.
  if (r_.online_.contains(key)) return fail(errc::peer_online, request.id.str());
  remove(request.party, key);
  out_.emplace_back(note{note::kind::forgotten, id,
                         request.id.str() + " was forgotten in party " + to_string(request.party)});
  // The one who asked hears it, too, and before the answer.
  send_to_party(request.party, key, member_gone{request.party, key});
  send(id, member_forgotten{request.party, request.id});
  return {};
}

result<void> registry::run::publish(session& s, const publish_request& request) {
  if (!s.parties.contains(request.party)) return fail(errc::not_a_member, "of that party");
  if (request.sealed.size() > sealed_max) return fail(errc::message_too_large, "the record");
  auto& in = r_.parties_[request.party];
  auto& self = in.members[s.key];
  if (self.record && request.version <= self.record->version)
    return fail(errc::stale_version,
                "version " + std::to_string(self.record->version) + " is known already");
  if (const auto named = claim_name(request.party, in, s.key, request.id); !named)
    return named.error();
  self.record = stored_record{request.version, request.sealed};
  store(stored_membership{request.party, s.key, self.id, self.record});
  send_to_party(
      request.party, s.key,
      record_changed{request.party, {s.key, self.id, request.version, true, request.sealed}});
  return {};
}

result<void> registry::run::signal(session& s, const signal_request& request) {
  if (!s.parties.contains(request.party)) return fail(errc::not_a_member, "of that party");
  if (request.sealed.size() > sealed_max) return fail(errc::message_too_large, "the signal");
  if (request.to == s.key || online(request.party, request.to) == nullptr)
    return fail(errc::peer_not_found, "not in the party or not online");
  send(r_.online_[request.to], signal_arrived{request.party, s.key, request.sealed});
  return {};
}

// --- leaving and time ---------------------------------------------------------------------------

void registry::run::close(session_id id) {
  const auto found = r_.sessions_.find(id);
  if (found == r_.sessions_.end()) return;
  const auto s = std::move(found->second);
  r_.sessions_.erase(found);
  r_.online_.erase(s.key);
  for (const auto& party : s.parties)
    announce(party, s.key, false);
}

void registry::run::renew_tokens(session_id id, session& s) {
  if (at_.now < s.tokens_due) return;
  s.tokens_due = at_.now + r_.limits_.token_lifetime / 2;
  if (auto tokens = all_tokens(s); !tokens.empty()) send(id, tokens_renewed{std::move(tokens)});
}

void registry::run::relays_changed_for_all() {
  for (auto& [id, s] : r_.sessions_) {
    s.tokens_due = at_.now + r_.limits_.token_lifetime / 2;
    send(id, relays_changed{r_.relays_, all_tokens(s)});
  }
}

// --- what members get to see --------------------------------------------------------------------

const registry::session* registry::run::online(const party_id& id, const wg_public_key& key) const {
  const auto at = r_.online_.find(key);
  if (at == r_.online_.end()) return nullptr;
  const auto found = r_.sessions_.find(at->second);
  if (found == r_.sessions_.end() || !found->second.parties.contains(id)) return nullptr;
  return &found->second;
}

void registry::run::send_to_party(const party_id& id, const wg_public_key& except,
                                  server_message message) {
  std::vector<session_id> to;
  for (const auto& [key, each] : r_.parties_[id].members)
    if (key != except && online(id, key) != nullptr) to.push_back(r_.online_[key]);
  if (!to.empty()) out_.emplace_back(send_message{std::move(to), std::move(message)});
}

void registry::run::announce(const party_id& id, const wg_public_key& key, bool is_online) {
  const auto& self = r_.parties_[id].members[key];
  if (self.record) send_to_party(id, key, presence_changed{id, key, is_online});
}

party_view registry::run::view_of(const party_id& id, const wg_public_key& key) const {
  return {id, r_.parties_[id].name, r_.members_[key].address, {}, true};
}

registry::run::records registry::run::records_of(const party_id& id) const {
  records out;
  for (const auto& [key, each] : r_.parties_[id].members)
    if (each.record)
      out.push_back(
          {key, each.id, each.record->version, online(id, key) != nullptr, each.record->sealed});
  return out;
}

registry::run::records registry::run::fill(party_view& view, records all,
                                           std::size_t& budget) const {
  std::size_t taken = 0;
  while (taken < all.size() && octets_of(all[taken]) <= budget)
    budget -= octets_of(all[taken++]);
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(taken);
  records rest{std::make_move_iterator(middle), std::make_move_iterator(all.end())};
  all.resize(taken);
  view.records = std::move(all);
  view.complete = rest.empty();
  return rest;
}

void registry::run::send_rest(session_id to, const party_id& id, records rest) {
  while (!rest.empty()) {
    party_view piece;
    auto budget = std::max(r_.limits_.octets_per_message, octets_of(rest.front()));
    rest = fill(piece, std::move(rest), budget);
    send(to, party_records{id, std::move(piece.records), rest.empty()});
  }
}

void registry::run::tokens_for(const wg_public_key& key, const party_id& id,
                               std::vector<bytes>& out) const {
  const auto lifetime = static_cast<std::uint64_t>(r_.limits_.token_lifetime.count());
  for (const auto& relay : r_.relays_) {
    relay_token token{key, id, relay.id(), at_.unix_ms / 1000 + lifetime, 0, {}};
    out.push_back(encode(sign(token, r_.token_key_)));
  }
}

std::vector<bytes> registry::run::all_tokens(session& s) const {
  std::vector<bytes> out;
  for (const auto& party : s.parties)
    tokens_for(s.key, party, out);
  return out;
}

} // namespace lanrage::net::control
