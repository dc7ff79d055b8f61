#include "net/control/base64url.hpp"
#include "net/control/protocol.hpp"
#include "net/frames.hpp"
#include "tests/net/control/support.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;

namespace {

const test::test_party party;
const test::test_member alice{"alice"};

sealed_record some_record() {
  return {alice.pub, alice.id, 7, true, {1, 2, 3}};
}
relay_info some_relay() {
  relay_info out{relay_public_key{alice.pub.octets}, "relay1",
                 *endpoint::parse("[2001:db8::1]:51820")};
  out.tls = relay_tls{443, certificate_pin{alice.pub.octets}, "relay1.example.org"};
  return out;
}

template <class T>
T through_text(const T& message) {
  const auto decoded = decode_server(encode(server_message{message}));
  if (!decoded) FAIL(to_string(decoded.error()));
  REQUIRE(std::holds_alternative<T>(*decoded));
  return std::get<T>(*decoded);
}

undecodable refusal_of(std::string_view text) {
  const auto decoded = decode_client(text);
  REQUIRE(std::holds_alternative<undecodable>(decoded));
  const auto out = std::get<undecodable>(decoded);
  CHECK(out.why.code == errc::bad_message);
  CHECK(!out.why.detail.empty());
  return out;
}

} // namespace

TEST_CASE("a relay's TLS is checked field by field, and a relay without is one") {
  const auto with = [](const std::string& tls) {
    return decode_server(R"({"type":"relays","tokens":[],"relays":[{"key":")" +
                         to_string(some_relay().key) +
                         R"(","name":"r","address":"192.0.2.1:51820")" + tls + "}]}");
  };
  const auto pin = R"("pin":")" + to_string(some_relay().tls->pin) + '"';
  const auto plain = with("");
  REQUIRE(plain);
  CHECK_FALSE(std::get<relays_changed>(*plain).relays.at(0).tls);
  const auto unnamed = with(R"(,"tls":{"port":8443,)" + pin + '}');
  REQUIRE(unnamed);
  CHECK(std::get<relays_changed>(*unnamed).relays.at(0).tls->port == 8443);
  CHECK(std::get<relays_changed>(*unnamed).relays.at(0).tls->name.empty());
  for (const auto& bad :
       {R"("port":0,)" + pin, R"("port":65536,)" + pin, std::string{R"("port":443)"},
        std::string{R"("port":443,"pin":"AQID")"}, R"("port":443,"name":"a b",)" + pin})
    CHECK_FALSE(with(R"(,"tls":{)" + bad + '}'));
  CHECK_FALSE(with(R"(,"tls":7)"));
}

TEST_CASE("every server message survives its text form") {
  const bytes token(relay_token_octets, 9);
  const party_view view{
      party.id, party.name, virtual_ip::derive(alice.id, 0), {some_record()}, false};
  const auto hello = through_text(welcome{1'769'688'000'000,
                                          {view},
                                          {{party.id, fail(errc::wrong_secret, "no")}},
                                          {some_relay()},
                                          {token},
                                          true});
  CHECK(hello.time_unix_ms == 1'769'688'000'000);
  REQUIRE(hello.parties.size() == 1);
  CHECK(hello.parties[0].party == party.id);
  CHECK(hello.parties[0].name == party.name);
  CHECK(hello.parties[0].address == view.address);
  CHECK(hello.parties[0].records == view.records);
  CHECK(!hello.parties[0].complete);
  CHECK(hello.refused[0].why == fail(errc::wrong_secret, "no"));
  CHECK(hello.relays == std::vector{some_relay()});
  CHECK(hello.tokens == std::vector<bytes>{token});
  CHECK(hello.rotates);

  CHECK(through_text(party_records{party.id, {some_record()}, true}).records[0] == some_record());
  CHECK(through_text(party_joined{view, {token}}).view.records == view.records);
  CHECK(through_text(party_left{party.id}).party == party.id);
  CHECK(through_text(record_changed{party.id, some_record()}).record == some_record());
  CHECK(through_text(presence_changed{party.id, alice.pub, true}).online);
  CHECK(through_text(member_gone{party.id, alice.pub}).key == alice.pub);
  CHECK(through_text(member_forgotten{party.id, alice.id}).id == alice.id);
  CHECK(through_text(signal_arrived{party.id, alice.pub, {4, 5}}).sealed == bytes{4, 5});
  CHECK(through_text(tokens_renewed{{token}}).tokens == std::vector<bytes>{token});
  CHECK(through_text(relays_changed{{some_relay()}, {}}).relays == std::vector{some_relay()});
  const auto error =
      through_text(request_refused{fail(errc::not_a_member, "x"), request_kind::leave, party.id});
  CHECK(error.why == fail(errc::not_a_member, "x"));
  CHECK(error.about == request_kind::leave);
  CHECK(error.party == party.id);
  CHECK(!through_text(request_refused{fail(errc::bad_message, ""), {}, {}}).party);
}

TEST_CASE("every member message survives its text form") {
  const channel_binding binding{1};
  const auto join = make_join(alice.in(party, true), binding, alice.pub);
  const auto text = encode(client_message{join});
  const auto decoded = std::get<client_message>(decode_client(text));
  CHECK(kind_of(decoded) == request_kind::create);
  const auto& made = std::get<join_request>(decoded);
  CHECK(made.proof == join.proof);
  CHECK(made.create->name == party.name);
  CHECK(equal_in_constant_time(made.create->verifier.reveal(), verifier_of(party.secret).reveal()));

  const auto publish = std::get<publish_request>(std::get<client_message>(
      decode_client(encode(client_message{publish_request{party.id, alice.id, 9, {1}}}))));
  CHECK(publish.version == 9);
  CHECK(publish.sealed == bytes{1});
  const auto signal = std::get<signal_request>(std::get<client_message>(
      decode_client(encode(client_message{signal_request{party.id, alice.pub, {2}}}))));
  CHECK(signal.to == alice.pub);
  const auto leave = std::get<leave_request>(
      std::get<client_message>(decode_client(encode(client_message{leave_request{party.id}}))));
  CHECK(leave.party == party.id);
  const auto forget = std::get<forget_request>(std::get<client_message>(
      decode_client(encode(client_message{forget_request{party.id, alice.id}}))));
  CHECK(forget.party == party.id);
  CHECK(forget.id == alice.id);
}

TEST_CASE("a login survives its header form") {
  const auto server = generate_x25519<login_private_key>(test::seeded(3));
  const channel_binding binding{7};
  const std::vector parties{alice.in(party, true)};
  const auto request = make_login(alice.key, public_key(server), binding, parties);
  REQUIRE(request);
  const auto header = encode(*request);
  CHECK(header.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
  const auto decoded = decode_login(header);
  REQUIRE(decoded);
  CHECK(decoded->key == alice.pub);
  CHECK(check_login(*decoded, server, binding));
  CHECK(check_login(*decoded, server, channel_binding{8}).error().code == errc::bad_login);
  CHECK(check_proof(decoded->parties[0], verifier_of(party.secret), binding, alice.pub));
  CHECK(check_proof(decoded->parties[0], verifier_of(party.secret), channel_binding{8}, alice.pub)
            .error()
            .code == errc::wrong_secret);
}

TEST_CASE("a login with the word of another key survives its header form") {
  const auto server = generate_x25519<login_private_key>(test::seeded(3));
  const channel_binding binding{7};
  const test::test_member anew{"alice", 99};
  const auto decoded =
      decode_login(encode(*make_login({alice.key, anew.key}, public_key(server), binding, {})));
  REQUIRE(decoded);
  REQUIRE(decoded->replaces);
  CHECK(decoded->key == anew.pub);
  CHECK(decoded->replaces->key == alice.pub);
  CHECK(check_login(*decoded, server, binding));
  const auto raw = *from_base64url(encode(*decoded));
  std::string text{raw.begin(), raw.end()};
  text.replace(text.find("\"mac\"", text.find("replaces")), 5, "\"mad\"");
  CHECK(!decode_login(to_base64url(as_bytes(text))));
}

TEST_CASE("what is no JSON object ends the connection, what is one is only refused") {
  CHECK(refusal_of("").fatal);
  CHECK(refusal_of("{").fatal);
  CHECK(refusal_of("[]").fatal);
  CHECK(refusal_of("\"publish\"").fatal);
  CHECK(refusal_of("{\"type\":\"leave\"} x").fatal);
  CHECK(refusal_of(std::string(5'000, '[')).fatal);
  std::string deep;
  for (int i = 0; i < 9; ++i)
    deep += "{\"a\":";
  CHECK(refusal_of(deep + "1" + std::string(9, '}')).fatal);

  CHECK(!refusal_of("{}").fatal);
  CHECK(!refusal_of("{\"type\":\"dance\"}").fatal);
  CHECK(!refusal_of("{\"type\":\"\"}").fatal);
  CHECK(!refusal_of("{\"type\":7}").fatal);
}

TEST_CASE("a refused message tells its type, its party and the wrong field") {
  const auto id = to_string(party.id);
  const auto no_version = refusal_of("{\"type\":\"publish\",\"party\":\"" + id +
                                     "\",\"id\":\"alice\",\"sealed\":\"AAAA\"}");
  CHECK(no_version.about == request_kind::publish);
  CHECK(no_version.party == party.id);
  CHECK(no_version.why.detail.find("'version'") != std::string::npos);

  const auto with = [&](std::string_view fields) {
    return refusal_of("{\"type\":\"publish\",\"party\":\"" + id + "\"," + std::string{fields} + "}")
        .why.detail;
  };
  CHECK(with(R"("id":"Alice","version":1,"sealed":"AAAA")").find("'id'") != std::string::npos);
  CHECK(with(R"("id":"a","version":-1,"sealed":"AAAA")").find("'version'") != std::string::npos);
  CHECK(with(R"("id":"a","version":1.5,"sealed":"AAAA")").find("'version'") != std::string::npos);
  CHECK(with(R"("id":"a","version":9007199254740992,"sealed":"AAAA")").find("'version'") !=
        std::string::npos);
  CHECK(with(R"("id":"a","version":1,"sealed":"A")").find("'sealed'") != std::string::npos);
  const auto big = to_base64(bytes(sealed_max + 1));
  CHECK(with("\"id\":\"a\",\"version\":1,\"sealed\":\"" + big + "\"").find("'sealed'") !=
        std::string::npos);
  CHECK(refusal_of(R"({"type":"leave","party":"AAAA"})").why.detail.find("'party'") !=
        std::string::npos);
}

TEST_CASE("a login with too many parties, another version or another alphabet is refused") {
  const auto server = public_key(generate_x25519<login_private_key>(test::seeded(3)));
  const std::vector many(login_parties_max + 1, alice.in(party));
  CHECK(!decode_login(encode(*make_login(alice.key, server, {}, many))));
  CHECK(!decode_login("%%%"));
  CHECK(!decode_login(to_base64url(as_bytes(R"({"v":2})"))));
  CHECK(!decode_login(""));
}

TEST_CASE("a close reason keeps its code within a control frame's 123 octets") {
  const auto why = fail(errc::wrong_secret, std::string(200, 'x'));
  const auto text = close_reason(why);
  CHECK(text.size() == 123);
  CHECK(parse_close_reason(text)->code == errc::wrong_secret);
  CHECK(parse_close_reason("closed: replaced")->detail == "replaced");
  CHECK(!parse_close_reason("nonsense"));
  CHECK(decode_refusal(encode_refusal(fail(errc::name_taken, "no"))) ==
        fail(errc::name_taken, "no"));
}
