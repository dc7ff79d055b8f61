#include "net/control/registry.hpp"

#include <algorithm>

namespace lanrage::net::control {
namespace {

/// A lease is looked for this often: with half of all addresses taken, failing that often has a
/// chance below 10^-300.
constexpr std::uint32_t lease_attempts_max = 1'024;
/// What a record costs in a message besides its sealed octets: key, name, version, field names.
constexpr std::size_t record_overhead = 200;

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};

std::size_t octets_of(const sealed_record& record) {
  return record.sealed.size() * 4 / 3 + record_overhead;
}

std::optional<party_id> party_of(const client_message& message) {
  return std::visit([](const auto& m) { return std::optional{m.party}; }, message);
}

} // namespace

/// One event at work: the registry, the moment, and the effects so far.
class registry::run {
 public:
  run(registry& in, moment at) : r_(in), at_(at) {}

  effects take() { return std::move(out_); }

  void open(session_id id, const login& request, const channel_binding& binding);
  void handle(session_id id, session& s, const client_message& message);
  void refuse(session_id to, error why, request_kind about, std::optional<party_id> party) {
    send(to, request_refused{std::move(why), about, party});
  }
  bool within_rate(session_id id, session& s);
  void close(session_id id);
  void renew_tokens(session_id id, session& s);
  void relays_changed_for_all();
  void end(session_id id, error why) {
    close(id);
    out_.emplace_back(end_session{id, std::move(why)});
  }

 private:
  using records = std::vector<sealed_record>;

  void store(change what) { out_.emplace_back(save{std::move(what)}); }
  void send(session_id to, server_message message) {
    out_.emplace_back(send_message{{to}, std::move(message)});
  }
  void send_to_party(const party_id& id, const wg_public_key& except, server_message message);
  const session* online(const party_id& id, const wg_public_key& key) const;

  result<void> join(session& s, const join_request& request);
  result<void> check_join(const session& s, const join_request& request, const party* known) const;
  result<void> ensure_member(const session& s, const join_request& request);
  result<virtual_ip> lease(const peer_id& name) const;
  result<void> claim_name(const party_id& id, party& in, const wg_public_key& key,
                          const peer_id& name);
  result<void> leave(session_id id, session& s, const leave_request& request);
  result<void> publish(session& s, const publish_request& request);
  result<void> signal(session& s, const signal_request& request);
  void joined(session_id id, session& s, const join_request& request);
  /// The parties of the session that a newer login of the same key ends.
  std::set<party_id> end_older(const wg_public_key& key);

  party_view view_of(const party_id& id, const wg_public_key& key) const;
  records records_of(const party_id& id) const;
  /// Moves into `view` what fits into `budget`; the rest goes out later as party_records.
  records fill(party_view& view, records all, std::size_t& budget) const;
  void send_rest(session_id to, const party_id& id, records rest);
  void tokens_for(const wg_public_key& key, const party_id& id, std::vector<bytes>& out) const;
  std::vector<bytes> all_tokens(session& s) const;
  void announce(const party_id& id, const wg_public_key& key, bool is_online);

  registry& r_;
  moment at_;
  effects out_;
};

// --- logging in ---------------------------------------------------------------------------------

void registry::run::open(session_id id, const login& request, const channel_binding& binding) {
  const auto no = [&](error why) { out_.emplace_back(refuse_login{id, std::move(why)}); };
  if (r_.sessions_.size() >= r_.limits_.sessions && !r_.online_.contains(request.key))
    return no(fail(errc::limit_reached, "sessions"));
  if (const auto proven = check_login(request, r_.login_key_, binding); !proven)
    return no(proven.error());
  const auto known = r_.members_.find(request.key);
  if (known != r_.members_.end() && known->second.sign_key != request.sign_key)
    return no(fail(errc::bad_login, "this WireGuard key came with another signature key before"));

  session s;
  s.key = request.key;
  s.sign_key = request.sign_key;
  s.binding = binding;
  s.tokens_due = at_.now + r_.limits_.token_lifetime / 2;
  s.allowance = r_.limits_.messages_burst;
  s.allowance_at = at_.now;

  welcome answer;
  for (const auto& each : request.parties)
    if (const auto in = join(s, each); !in) answer.refused.push_back({each.party, in.error()});
  if (s.parties.empty() && !answer.refused.empty()) return no(answer.refused.front().why);

  const auto before = end_older(s.key);
  r_.online_[s.key] = id;
  auto& kept = r_.sessions_.emplace(id, std::move(s)).first->second;
  out_.emplace_back(accept_login{id});

  answer.time_unix_ms = at_.unix_ms;
  answer.relays = r_.relays_;
  answer.tokens = all_tokens(kept);
  auto budget = r_.limits_.octets_per_message;
  std::vector<std::pair<party_id, records>> rest;
  for (const auto& party : kept.parties) {
    auto view = view_of(party, kept.key);
    if (auto left = fill(view, records_of(party), budget); !left.empty())
      rest.emplace_back(party, std::move(left));
    answer.parties.push_back(std::move(view));
  }
  send(id, std::move(answer));
  for (auto& [party, left] : rest)
    send_rest(id, party, std::move(left));
  // Who was online and still is needs no announcement.
  for (const auto& party : kept.parties)
    if (!before.contains(party)) announce(party, kept.key, true);
  for (const auto& party : before)
    if (!kept.parties.contains(party)) announce(party, kept.key, false);
}

std::set<party_id> registry::run::end_older(const wg_public_key& key) {
  const auto old = r_.online_.find(key);
  if (old == r_.online_.end()) return {};
  const auto gone = r_.sessions_.extract(old->second);
  out_.emplace_back(end_session{gone.key(), fail(errc::closed, "replaced by a newer login")});
  return gone.mapped().parties;
}

result<void> registry::run::check_join(const session& s, const join_request& request,
                                       const party* known) const {
  if (known == nullptr && !request.create)
    return fail(errc::party_not_found, "the server knows no such party");
  const auto& verifier = known != nullptr ? known->verifier : request.create->verifier;
  if (const auto proven = check_proof(request, verifier, s.binding, s.key); !proven)
    return proven.error();
  if (known == nullptr && r_.parties_.size() >= r_.limits_.parties)
    return fail(errc::limit_reached, "parties on this server");
  if (!s.parties.contains(request.party) && s.parties.size() >= r_.limits_.parties_per_member)
    return fail(errc::limit_reached, "parties of one member");
  if (known == nullptr) return {};
  if (!known->members.contains(s.key) && known->members.size() >= r_.limits_.members_per_party)
    return fail(errc::limit_reached, "members of the party");
  const auto holder = known->names.find(request.id);
  if (holder != known->names.end() && holder->second != s.key)
    return fail(errc::name_taken, "'" + request.id.str() + "' is another member's name");
  return {};
}

result<void> registry::run::join(session& s, const join_request& request) {
  const auto found = r_.parties_.find(request.party);
  const auto* known = found == r_.parties_.end() ? nullptr : &found->second;
  if (const auto allowed = check_join(s, request, known); !allowed) return allowed.error();
  if (const auto leased = ensure_member(s, request); !leased) return leased.error();
  if (known == nullptr) {
    const auto& made = *request.create;
    r_.parties_[request.party] = {made.name, made.verifier, {}, {}};
    store(stored_party{request.party, made.name, made.verifier});
  }
  auto& in = r_.parties_[request.party];
  r_.members_[s.key].parties.insert(request.party);
  if (const auto named = claim_name(request.party, in, s.key, request.id); !named)
    return named.error();
  s.parties.insert(request.party);
  return {};
}

result<void> registry::run::ensure_member(const session& s, const join_request& request) {
  const auto known = r_.members_.find(s.key);
  if (known != r_.members_.end()) {
    if (known->second.parties.size() >= r_.limits_.parties_per_member &&
        !known->second.parties.contains(request.party))
      return fail(errc::limit_reached, "parties of one member");
    return {};
  }
  const auto address = lease(request.id);
  if (!address) return address.error();
  r_.members_[s.key] = {s.sign_key, *address, {}};
  r_.leases_[*address] = s.key;
  store(stored_member{s.key, s.sign_key, *address});
  return {};
}

result<virtual_ip> registry::run::lease(const peer_id& name) const {
  if (r_.leases_.size() >= r_.limits_.leases) return fail(errc::limit_reached, "addresses");
  for (std::uint32_t attempt = 0; attempt < lease_attempts_max; ++attempt) {
    const auto address = virtual_ip::derive(name, attempt);
    if (!address.reserved() && !r_.leases_.contains(address)) return address;
  }
  return fail(errc::limit_reached, "addresses");
}

result<void> registry::run::claim_name(const party_id& id, party& in, const wg_public_key& key,
                                       const peer_id& name) {
  if (const auto holder = in.names.find(name); holder != in.names.end()) {
    if (holder->second == key) return {};
    return fail(errc::name_taken, "'" + name.str() + "' is another member's name");
  }
  auto& self = in.members[key];
  if (!self.id.empty()) in.names.erase(self.id);
  // A record under the old name contradicts the new one; the member publishes another at once.
  self = {name, std::nullopt};
  in.names[name] = key;
  store(stored_membership{id, key, name, std::nullopt});
  return {};
}

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
  const auto done = std::visit(overloaded{[&](const join_request& m) -> result<void> {
                                            if (const auto in = join(s, m); !in) return in.error();
                                            joined(id, s, m);
                                            return {};
                                          },
                                          [&](const leave_request& m) { return leave(id, s, m); },
                                          [&](const publish_request& m) { return publish(s, m); },
                                          [&](const signal_request& m) { return signal(s, m); }},
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
  auto& in = r_.parties_[request.party];
  in.names.erase(in.members[s.key].id);
  in.members.erase(s.key);
  store(drop_membership{request.party, s.key});
  auto& self = r_.members_[s.key];
  self.parties.erase(request.party);
  if (self.parties.empty()) {
    r_.leases_.erase(self.address);
    r_.members_.erase(s.key);
    store(drop_member{s.key});
  }
  send_to_party(request.party, s.key, member_gone{request.party, s.key});
  if (in.members.empty()) {
    r_.parties_.erase(request.party);
    store(drop_party{request.party});
  }
  send(id, party_left{request.party});
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

// --- the public face ----------------------------------------------------------------------------

registry::registry(registry_limits limits, login_private_key login_key, token_private_key token_key,
                   std::vector<relay_info> relays, const stored_state& stored)
    : limits_(limits), login_key_(login_key), token_key_(token_key), relays_(std::move(relays)) {
  for (const auto& each : stored.parties)
    parties_[each.party] = {each.name, each.verifier, {}, {}};
  for (const auto& each : stored.members) {
    members_[each.key] = {each.sign_key, each.address, {}};
    leases_[each.address] = each.key;
  }
  for (const auto& each : stored.memberships) {
    auto& in = parties_[each.party];
    in.members[each.key] = {each.id, each.record};
    in.names[each.id] = each.key;
    members_[each.key].parties.insert(each.party);
  }
}

effects registry::opened(session_id id, const login& request, const channel_binding& binding,
                         moment at) {
  run event{*this, at};
  event.open(id, request, binding);
  return event.take();
}

effects registry::received(session_id id, const client_message& message, moment at) {
  run event{*this, at};
  if (const auto found = sessions_.find(id); found != sessions_.end())
    if (event.within_rate(id, found->second)) event.handle(id, found->second, message);
  return event.take();
}

effects registry::received(session_id id, const undecodable& message, moment at) {
  run event{*this, at};
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || !event.within_rate(id, found->second)) return event.take();
  if (message.fatal)
    event.end(id, message.why);
  else
    event.refuse(id, message.why, message.about, message.party);
  return event.take();
}

effects registry::closed(session_id id, moment at) {
  run event{*this, at};
  event.close(id);
  return event.take();
}

effects registry::tick(moment at) {
  run event{*this, at};
  for (auto& [id, s] : sessions_)
    event.renew_tokens(id, s);
  return event.take();
}

effects registry::set_relays(std::vector<relay_info> relays, moment at) {
  relays_ = std::move(relays);
  run event{*this, at};
  event.relays_changed_for_all();
  return event.take();
}

std::optional<virtual_ip> registry::lease_of(const wg_public_key& key) const {
  const auto found = members_.find(key);
  if (found == members_.end()) return std::nullopt;
  return found->second.address;
}

} // namespace lanrage::net::control
