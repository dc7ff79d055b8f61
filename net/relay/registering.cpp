#include "net/relay/routing.hpp"
#include "net/stun.hpp"

#include <algorithm>

namespace lanrage::net::relay {

using namespace std::chrono_literals;

namespace {

std::uint64_t unix_ms(unix_time when) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(when.time_since_epoch().count(), 0));
}
/// A member may be refused this much ahead of its rate: after a restart of the relay each of its
/// sessions asks for its index once.
constexpr std::chrono::nanoseconds refusal_burst = 1s;
/// The frame's field holds no more; a longer life is just not told.
constexpr std::chrono::seconds lifetime_told_max{0xffff};

std::uint64_t unix_s(unix_time when) {
  return unix_ms(when) / 1'000;
}

} // namespace

/// The answer never goes to another address than the request's, whatever it asks for.
verdict relay_core::stun_request(byte_view datagram, const arrival& from, instant now) {
  const auto asked = stun::parse_request(datagram);
  if (!asked) return dropped(&counters::malformed);
  const auto& wanted = asked->wanted;
  auto to = from;
  if (wanted.response_port != 0) to.from.port = wanted.response_port;
  std::optional<stun::server_addresses> here;
  if (stun_places_) {
    const auto& all = stun_places_->all;
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const auto& place) { return place.via == from.via; });
    if (at != all.end()) {
      const auto number = static_cast<std::size_t>(at - all.begin());
      const auto& leaves =
          all[number ^ (wanted.change_address ? 2u : 0u) ^ (wanted.change_port ? 1u : 0u)];
      const bool moved = leaves.at.address != at->at.address;
      if (wanted.change_address && !moved) return dropped(&counters::not_ours);
      to.via = leaves.via;
      here = stun::server_addresses{leaves.at, all[number ^ 3u].at};
    }
  }
  if (!here && (wanted.change_address || wanted.change_port)) return dropped(&counters::not_ours);
  if (!stun_gates_.admit(from.from.address, now.steady)) return dropped(&counters::stun_limited);
  ++count_.stun;
  return answer(stun::binding_success(asked->id, from.from, here), to, datagram.size(),
                proof::stun);
}

verdict relay_core::frame(byte_view datagram, const arrival& from, instant now) {
  switch (*kind_of(datagram)) {
  case frame_kind::hello:
    return on_hello(datagram, from, now);
  case frame_kind::registration:
    return on_registration(datagram, from, now);
  case frame_kind::ping:
    return on_ping(datagram, from, now);
  case frame_kind::bye:
    on_bye(datagram, now);
    return {};
  default: // what only a relay says, and probes between members
    return dropped(&counters::not_ours);
  }
}

verdict relay_core::on_hello(byte_view datagram, const arrival& from, instant now) {
  const auto said = decode_hello(datagram);
  if (!said) return dropped(&counters::malformed);
  ++count_.hellos;
  return challenge_to(from, said->member, datagram.size(), now);
}

verdict relay_core::on_registration(byte_view datagram, const arrival& from, instant now) {
  const auto said = decode_registration(datagram);
  if (!said) return dropped(&counters::malformed);
  if (!cookie_holds(said->value, from.from, said->member)) {
    ++count_.bad_cookie;
    return challenge_to(from, said->member, datagram.size(), now);
  }
  auto* known = members_.find(said->member, now.steady);
  // Whoever is here may send from this address, but it may send anything: asymmetric cryptography
  // is rationed per source.
  const bool cheap = known && known->mac_key && said->tokens.empty();
  if (!cheap && !proof_gates_.admit(from.from.address, now.steady))
    return dropped(&counters::proofs_limited);
  const auto key = known && known->mac_key ? known->mac_key : key_for(said->member);
  if (!key || !verify_frame(datagram, *key)) return dropped(&counters::bad_mac);
  return admit(*said, datagram.size(), from, now, *key);
}

/// A registration that its member made and sent from where it says.
verdict relay_core::admit(const registration& said, std::size_t request, const arrival& from,
                          instant now, const shared_key& key) {
  auto* known = members_.find(said.member, now.steady);
  const auto refuse = [&](refusal code, std::uint64_t counters::*reason) {
    ++(count_.*reason);
    ++count_.refusals;
    const auto value = cookie_for(from.from, said.member, false);
    return answer(encode(refused{code, {}, value, true}, &key), from, request, proof::source);
  };
  const auto last = known ? known->timestamp : members_.departed_timestamp(said.member);
  const auto latest = unix_ms(now.unix + limits_.timestamp_ahead);
  if (said.timestamp <= last || said.timestamp > latest)
    return refuse(refusal::stale, &counters::stale);

  const auto tokens = good_tokens(said, now);
  if (tokens.empty() && !said.tokens.empty())
    return refuse(refusal::bad_token, &counters::bad_token);
  if (tokens.empty() && !known) return refuse(refusal::unregistered, &counters::unregistered);

  auto* who = known ? known : members_.add(said.member, now.steady);
  if (!who) return refuse(refusal::full, &counters::full);
  for (const auto& token : tokens) {
    const auto joined = members_.join(*who, token.party, token.expires_unix_s, token.rate_kbit_s);
    if (joined == member_table::joining::full) ++count_.full;
  }
  who->timestamp = said.timestamp; // spent, even if there is no room
  if (who->parties.empty()) {
    members_.remove(*who, now.steady);
    ++count_.refusals;
    return answer(encode(refused{refusal::full, {}, said.value, true}, &key), from, request,
                  proof::source);
  }
  if (known && who->address != from.from) ++count_.moved;
  ++(known ? count_.renewals : count_.registrations);
  members_.move(*who, from.from, from.via);
  who->heard = now.steady;
  who->mac_key = key;
  take_claims(*who, said, now.steady);
  gauge();
  const auto told = std::min(limits_.lifetime, lifetime_told_max);
  return answer(
      encode(registered{said.timestamp, told, from.from, who->routes.recent(routes_per_frame_max)},
             key),
      from, request, proof::source);
}

/// Of the tokens shown, those for this member at this relay, unexpired and signed.
std::vector<relay_token> relay_core::good_tokens(const registration& said, instant now) {
  std::vector<relay_token> good;
  for (const auto& raw : said.tokens) {
    const auto plain = read_token(raw); // the cheap checks first
    if (plain && plain->member == said.member && plain->relay == id_ &&
        plain->expires_unix_s > unix_s(now.unix)) {
      if (const auto token = decode_token(raw, tokens_)) {
        good.push_back(*token);
        continue;
      }
    }
  }
  return good;
}

/// Routes a member asserts steer its own packets only, and `wireguard` checks the party each time.
void relay_core::take_claims(member& who, const registration& said, steady_time now) {
  for (const auto& claim : said.routes) {
    if (claim.to == who.hash) continue;
    const auto done = who.routes.claim(claim, now, limits_, members_.room_for_routes());
    if (done == route_table::outcome::refused) {
      ++count_.routes_refused;
      continue;
    }
    ++count_.routes_claimed;
    if (done == route_table::outcome::added) members_.count_routes(1);
  }
}

verdict relay_core::on_ping(byte_view datagram, const arrival& from, instant now) {
  const auto said = decode_ping(datagram);
  if (!said || said->answer) return dropped(&counters::malformed);
  auto* who = members_.at(from.from, now.steady);
  if (!who || who->hash != said->from) {
    ++count_.unregistered;
    return refuse_stranger(from, datagram.size(), refusal::unregistered, now);
  }
  const auto* key = key_of(*who);
  if (!key || !verify_frame(datagram, *key)) return dropped(&counters::bad_mac);
  ++count_.pings;
  who->heard = now.steady;
  const auto load = static_cast<std::uint16_t>(count_.load_permille);
  return answer(encode(relay_ping{true, who->hash, said->nonce, load}, *key), from, datagram.size(),
                proof::source);
}

void relay_core::on_bye(byte_view datagram, instant now) {
  const auto said = decode_bye(datagram);
  if (!said) return void(dropped(&counters::malformed));
  auto* who = members_.find(said->member, now.steady);
  if (!who) return void(dropped(&counters::unregistered));
  const auto* key = key_of(*who);
  if (!key || !verify_frame(datagram, *key)) return void(dropped(&counters::bad_mac));
  if (said->timestamp <= who->timestamp) return void(dropped(&counters::stale));
  who->timestamp = said->timestamp;
  members_.remove(*who, now.steady);
  ++count_.byes;
  gauge();
}

verdict relay_core::challenge_to(const arrival& from, const wg_public_key& member,
                                 std::size_t request, instant now) {
  const challenge said{cookie_for(from.from, member, false), unix_ms(now.unix)};
  return answer(encode(said), from, request, proof::none);
}

verdict relay_core::refuse_stranger(const arrival& from, std::size_t request, refusal code,
                                    instant now) {
  if (!refusal_gates_.admit(from.from.address, now.steady))
    return dropped(&counters::refusals_limited);
  ++count_.refusals;
  return answer(encode(refused{code, {}, {}, false}, nullptr), from, request, proof::none);
}

verdict relay_core::refuse_member(member& who, const arrival& from, refusal code,
                                  const session_index& argument, instant now) {
  const auto gap =
      std::chrono::nanoseconds{1s} / std::max<std::uint32_t>(limits_.refusals_per_source_s, 1);
  const auto* key = key_of(who);
  if (!key || !who.refusals.admit(now.steady, gap, refusal_burst))
    return dropped(&counters::refusals_limited);
  ++count_.refusals;
  const auto value = cookie_for(from.from, who.key, false);
  return answer(encode(refused{code, argument.octets, value, true}, key), from, 0, proof::source);
}

/// The one door for what the relay says itself: a source that has proven nothing never gets more
/// than it sent.
verdict relay_core::answer(bytes frame, const arrival& to, std::size_t request, proof shown) {
  if (shown == proof::none && frame.size() > request) return dropped(&counters::answers_withheld);
  answer_ = std::move(frame);
  ++count_.answered;
  return {verdict::action::answer, to.from, to.via, answer_};
}

cookie relay_core::cookie_for(const endpoint& from, const wg_public_key& member,
                              bool previous) const {
  byte_writer where;
  write(where, from);
  const auto& secret = previous ? cookie_secret_before_ : cookie_secret_;
  return {blake2s_mac(secret.reveal(), {where.view(), member.view()}).octets};
}

bool relay_core::cookie_holds(const cookie& shown, const endpoint& from,
                              const wg_public_key& member) const {
  return equal_in_constant_time(shown.view(), cookie_for(from, member, false).view()) ||
         equal_in_constant_time(shown.view(), cookie_for(from, member, true).view());
}

void relay_core::rotate_cookies(steady_time now) {
  if (cookies_dated_) {
    cookie_secret_before_ = cookie_secret_;
    cookie_secret_ = draw();
  }
  cookies_dated_ = true;
  cookies_since_ = now;
}

/// When too many timestamps of departed members would have to be remembered: without any valid
/// cookie, no captured registration of theirs can be replayed. Members need one round trip more.
void relay_core::void_cookies(steady_time now) {
  cookie_secret_ = draw();
  cookie_secret_before_ = draw();
  cookies_dated_ = true;
  cookies_since_ = now;
  members_.forget_departed();
  ++count_.cookies_voided;
}

shared_key relay_core::draw() {
  return generate_secret<shared_key>(random_);
}

std::optional<shared_key> relay_core::key_for(const wg_public_key& member) const {
  auto key = relay_key(own_, member);
  return key ? std::optional{*key} : std::nullopt;
}

const shared_key* relay_core::key_of(member& who) const {
  if (!who.mac_key) who.mac_key = key_for(who.key);
  return who.mac_key ? &*who.mac_key : nullptr;
}

} // namespace lanrage::net::relay
