#include "net/control/registry.hpp"

#include "config/canary.hpp"
#include "net/control/registry_run.hpp"

namespace lanrage::net::control {
namespace {

/// A lease is looked for this often: with half of all addresses taken, failing that often has a
/// chance below 10^-300.
constexpr std::uint32_t lease_attempts_max = 1'024;

} // namespace

// --- logging in ---------------------------------------------------------------------------------

void registry::run::open(session_id id, const login& request, const channel_binding& binding) {
  const auto no = [&](error why) { out_.emplace_back(refuse_login{id, std::move(why)}); };
  const auto is_online = [&](const wg_public_key& key) { return r_.online_.contains(key); };
  const bool comes_again =
      is_online(request.key) || (request.replaces && is_online(request.replaces->key));
  if (r_.sessions_.size() >= r_.limits_.sessions && !comes_again)
    return no(fail(errc::limit_reached, "sessions"));
  if (const auto proven = check_login(request, r_.login_key_, binding); !proven)
    return no(proven.error());
  const auto known = r_.members_.find(request.key);
  if (known != r_.members_.end() && known->second.sign_key != request.sign_key)
    return no(fail(errc::bad_login, "this WireGuard key came with another signature key before"));

  const bool rotated = request.replaces && rotate(request.replaces->key, request);
  if (rotated) out_.emplace_back(note{note::kind::rotated, id, "a member replaced its key"});

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
  // What was moved is the new key's, whatever becomes of this login: it must know.
  if (!rotated && s.parties.empty() && !answer.refused.empty())
    return no(answer.refused.front().why);

  const auto before = end_older(s.key);
  r_.online_[s.key] = id;
  auto& kept = r_.sessions_.emplace(id, std::move(s)).first->second;
  out_.emplace_back(accept_login{id});

  answer.time_unix_ms = at_.unix_ms;
  answer.rotates = true;
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
    const bool taken =
        r_.leases_.contains(address) && !config::planted(config::canary::lease_twice);
    if (!address.reserved() && !taken) return address;
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
