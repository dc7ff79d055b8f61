#pragma once

#include "net/control/registry.hpp"
#include "tests/net/control/support.hpp"

#include <map>
#include <vector>

namespace lanrage::net::control::on_bench {

using namespace std::chrono_literals;

inline registry_limits generous() {
  registry_limits out;
  out.sessions = 100;
  out.parties = 10;
  out.parties_per_member = 3;
  out.members_per_party = 50;
  out.leases = 100;
  out.octets_per_message = 64 * 1024;
  out.messages_per_s = 10;
  out.messages_burst = 50;
  out.token_lifetime = 24h;
  return out;
}

inline relay_info relay_named(const std::string& name) {
  relay_info out;
  test::seeded(name.size() + name.back())(out.key.octets);
  out.name = name;
  out.address = *endpoint::parse("203.0.113.9:51820");
  return out;
}

/// The registry with a shell that stores what it must store and keeps what it must send.
struct bench {
  registry_limits limits;
  login_private_key login_key = generate_x25519<login_private_key>(test::seeded(1));
  token_private_key token_key = generate_secret<token_private_key>(test::seeded(2));
  std::vector<relay_info> relays{relay_named("r1")};
  registry reg;
  moment at{std::chrono::steady_clock::time_point{} + 1h, 1'769'688'000'000};
  std::uint64_t last = 0;

  std::map<std::uint64_t, std::vector<server_message>> sent;
  std::map<std::uint64_t, error> ended, refused;
  std::vector<change> saved;

  explicit bench(registry_limits with = generous(), const stored_state& stored = {})
      : limits(with), reg(with, login_key, token_key, relays, stored) {}

  void perform(const effects& todo) {
    for (const auto& each : todo) {
      if (const auto* s = std::get_if<save>(&each)) saved.push_back(s->what);
      if (const auto* s = std::get_if<refuse_login>(&each))
        refused.emplace(s->session.value, s->why);
      if (const auto* s = std::get_if<end_session>(&each)) ended.emplace(s->session.value, s->why);
      if (const auto* s = std::get_if<send_message>(&each))
        for (const auto to : s->to)
          sent[to.value].push_back(s->message);
    }
  }
  channel_binding binding(std::uint64_t session) const {
    channel_binding out{};
    out[0] = static_cast<std::uint8_t>(session);
    return out;
  }
  session_id login(const test::test_member& who, std::vector<membership> parties) {
    const session_id id{++last};
    const auto request = make_login(who.key, public_key(login_key), binding(id.value), parties);
    perform(reg.opened(id, *request, binding(id.value), at));
    return id;
  }
  session_id in(const test::test_member& who) {
    return login(who, {who.in(test::test_party{}, true)});
  }
  void say(session_id from, const client_message& message) {
    perform(reg.received(from, message, at));
  }
  void publish(session_id from, const test::test_member& who, std::uint64_t version) {
    say(from, publish_request{
                  test::test_party{}.id, who.id, version, {static_cast<std::uint8_t>(version)}});
  }
  /// The messages of one kind that a session got since the last call.
  template <class T>
  std::vector<T> got(session_id to) {
    std::vector<T> out;
    for (const auto& each : sent[to.value])
      if (const auto* wanted = std::get_if<T>(&each)) out.push_back(*wanted);
    sent[to.value].clear();
    return out;
  }
  errc refusal(session_id to) {
    const auto all = got<request_refused>(to);
    REQUIRE(all.size() == 1);
    return all[0].why.code;
  }
  /// What a restart would load, by replaying what was saved.
  stored_state stored() const {
    std::map<party_id, stored_party> parties;
    std::map<wg_public_key, stored_member> members;
    std::map<std::pair<party_id, wg_public_key>, stored_membership> rows;
    for (const auto& each : saved) {
      if (const auto* c = std::get_if<stored_party>(&each)) parties[c->party] = *c;
      if (const auto* c = std::get_if<stored_member>(&each)) members[c->key] = *c;
      if (const auto* c = std::get_if<stored_membership>(&each)) rows[{c->party, c->key}] = *c;
      if (const auto* c = std::get_if<drop_party>(&each)) parties.erase(c->party);
      if (const auto* c = std::get_if<drop_member>(&each)) members.erase(c->key);
      if (const auto* c = std::get_if<drop_membership>(&each)) rows.erase({c->party, c->key});
    }
    stored_state out;
    for (const auto& [key, value] : parties)
      out.parties.push_back(value);
    for (const auto& [key, value] : members)
      out.members.push_back(value);
    for (const auto& [key, value] : rows)
      out.memberships.push_back(value);
    return out;
  }
};

} // namespace lanrage::net::control::on_bench
