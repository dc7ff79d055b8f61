#include "net/control/base64url.hpp"
#include "net/control/server.hpp"
#include "net/control/tls.hpp"
#include "net/json_fields.hpp"
#include "net/os/files.hpp"
#include "tests/net/control/live.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <catch2/catch.hpp>

#include <poll.h>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;
using test::live_member;
using test::live_server;

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;

const test::test_party party;
const test::test_member alice{"alice"};
const test::test_member bob{"bob"};

/// A member that breaks the rules: says what it likes, when it likes, blocking.
class rude_member {
 public:
  explicit rude_member(const live_server& at, int tls_version = TLS1_3_VERSION)
      : line_(at.server->line()) {
    SSL_set_max_proto_version(ws_.next_layer().native_handle(), tls_version);
    ws_.next_layer().next_layer().connect({asio::ip::make_address(line_.host), line_.port});
    timeval limit{10, 0}; // blocking calls end with the test's patience
    ::setsockopt(ws_.next_layer().next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit,
                 sizeof limit);
    ws_.next_layer().handshake(asio::ssl::stream_base::client, ec);
    if (!ec) binding = *exporter_of(ws_.next_layer().native_handle());
  }

  std::string header_for(const test::test_member& who, std::vector<membership> parties) const {
    return encode(*make_login(who.key, line_.key, binding, parties));
  }
  /// The HTTP status of an upgrade with this login header; 101 makes it a WebSocket.
  unsigned upgrade(const std::string& header, const std::string& target = "/v1") {
    ws_.set_option(websocket::stream_base::decorator([&](websocket::request_type& out) {
      if (!header.empty()) out.set("Lanrage-Login", header);
    }));
    websocket::response_type response;
    ws_.handshake(response, "test", target, ec);
    refusal = decode_refusal(response.body());
    return response.result_int();
  }
  unsigned plain_get(const std::string& target) {
    http::request<http::empty_body> request{http::verb::get, target, 11};
    http::write(ws_.next_layer(), request, ec);
    http::response<http::string_body> response;
    beast::flat_buffer buffer;
    http::read(ws_.next_layer(), buffer, response, ec);
    refusal = decode_refusal(response.body());
    return response.result_int();
  }
  void login(const test::test_member& who, std::vector<membership> parties) {
    REQUIRE(upgrade(header_for(who, std::move(parties))) == 101);
    REQUIRE(std::holds_alternative<welcome>(*decode_server(read())));
  }
  void say_raw(const std::string& octets) {
    asio::write(ws_.next_layer(), asio::buffer(octets), ec);
  }
  void say(const std::string& text, bool as_text = true) {
    ws_.text(as_text);
    ws_.write(asio::buffer(text), ec);
  }
  std::string read() {
    beast::flat_buffer buffer;
    ws_.read(buffer, ec);
    return beast::buffers_to_string(buffer.data());
  }
  request_refused answer() {
    const auto decoded = decode_server(read());
    if (!decoded) FAIL(to_string(decoded.error()));
    return std::get<request_refused>(*decoded);
  }
  websocket::close_reason close_reason() {
    while (!ec)
      read();
    return ws_.reason();
  }
  tcp::socket& socket() { return ws_.next_layer().next_layer(); }

  channel_binding binding{};
  boost::system::error_code ec;
  std::optional<error> refusal;

 private:
  server_line line_;
  asio::io_context io_;
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  websocket::stream<asio::ssl::stream<tcp::socket>> ws_{io_, tls_};
};

} // namespace

TEST_CASE("a login header that was overheard is worthless on another connection") {
  live_server at;
  rude_member first{at};
  const auto header = first.header_for(alice, {alice.in(party, true)});
  CHECK(first.upgrade(header) == 101);
  rude_member second{at};
  CHECK(second.upgrade(header) == 401);
  REQUIRE(second.refusal);
  CHECK(second.refusal->code == errc::bad_login);
  CHECK(at.server->counters().refused_login == 1);
  CHECK(at.refusals("bad_login") == 1);
}

TEST_CASE("a login for a key that one does not own is refused") {
  live_server at;
  rude_member eve{at};
  auto request = make_login(bob.key, at.server->line().key, eve.binding, {});
  request->key = alice.pub;
  CHECK(eve.upgrade(encode(*request)) == 401);
  CHECK(eve.refusal->code == errc::bad_login);
  // A low-order key (all zeros) makes a shared secret that everybody knows.
  rude_member zero{at};
  request = make_login(bob.key, at.server->line().key, zero.binding, {});
  request->key = wg_public_key{};
  CHECK(zero.upgrade(encode(*request)) == 401);
  CHECK(at.refusals("bad_login") == 2);
}

TEST_CASE("requests that are no login get an HTTP answer with the reason") {
  live_server at;
  const auto status = [&](const std::string& header, const std::string& target = "/v1") {
    rude_member member{at};
    const auto code = member.upgrade(header, target);
    REQUIRE(member.refusal);
    CHECK(member.refusal->code == errc::bad_message);
    return code;
  };
  CHECK(status("") == 400);
  CHECK(status("%%%") == 400);
  CHECK(status(to_base64url(as_bytes("{}"))) == 400);
  CHECK(status(to_base64url(as_bytes(std::string(5'000, '[')))) == 400);
  CHECK(status("", "/v2") == 404);
  rude_member plain{at};
  CHECK(plain.plain_get("/v1") == 426);
  CHECK(at.server->counters().refused_request == 6);
  CHECK(at.refusals("bad_message") == 6);
  CHECK(at.log.lines("the login header is missing") == 1);
  CHECK(at.server->counters().logins == 0);
}

TEST_CASE("a request header over the limit is refused") {
  live_server at;
  rude_member member{at};
  CHECK(member.upgrade(std::string(17'000, 'A')) == 431);
  CHECK(at.server->counters().refused_request == 1);
  CHECK(at.log.lines("header too large") == 1);
}

TEST_CASE("TLS below 1.3 is refused") {
  live_server at;
  rude_member member{at, TLS1_2_VERSION};
  CHECK(member.ec);
  CHECK(at.counts([](const auto& c) { return c.refused_handshake == 1; }));
  CHECK(at.log.lines("no TLS or no login: unsupported protocol") == 1);
}

TEST_CASE("who says nothing is disconnected at the deadline") {
  auto limits = default_limits();
  limits.handshake = std::chrono::milliseconds{50};
  live_server at{limits};
  rude_member member{at}; // TLS done, no request
  CHECK(at.counts([](const auto& c) { return c.refused_handshake == 1; }));
  CHECK(at.log.lines("no TLS or no login: The socket was closed due to a timeout") == 1);
}

TEST_CASE("malformed JSON, deep nesting and binary messages end the connection with the reason") {
  for (const auto& bad : {std::string{"{"}, std::string(100'000, '['), std::string{"7"}}) {
    live_server at;
    rude_member member{at};
    member.login(alice, {alice.in(party, true)});
    member.say(bad);
    const auto reason = member.close_reason();
    CHECK(reason.code == websocket::close_code::bad_payload);
    CHECK(parse_close_reason(std::string{reason.reason.c_str()})->code == errc::bad_message);
    CHECK(at.server->counters().messages_bad == 1);
    CHECK(at.refusals("bad_message") == 1);
  }
  live_server at;
  rude_member member{at};
  member.login(alice, {});
  member.say("{}", false);
  CHECK(member.close_reason().code == websocket::close_code::bad_payload);
  CHECK(at.log.lines("a binary message") == 1);
}

TEST_CASE("what is no text, no WebSocket or no TLS ends the connection, counted and logged") {
  const auto server_after = [](auto break_rules) {
    auto at = std::make_unique<live_server>();
    rude_member member{*at};
    member.login(alice, {});
    break_rules(member);
    CHECK(at->counts([](const auto& c) { return c.messages_bad == 1 && c.sessions == 0; }));
    CHECK(at->refusals("bad_message") == 1);
    return at;
  };
  server_after([](rude_member& member) {
    member.say("\xff\xfe");
    CHECK(member.close_reason().code == websocket::close_code::bad_payload);
  });
  server_after([](rude_member& member) {
    // A whole header: reserved bits, an operation that there is not, masked, no octets.
    member.say_raw("\xff\x80mask");
    CHECK(member.close_reason().code == websocket::close_code::protocol_error);
  });
  server_after([](rude_member& member) {
    const std::string record("\x17\x03\x03\x00\x20", 5); // encrypted data, by its own account
    asio::write(member.socket(), asio::buffer(record + std::string(0x20, 'x')));
    member.read();
    CHECK(member.ec);
  });
}

TEST_CASE("who leaves without a word is neither counted as malformed nor logged") {
  live_server at;
  {
    rude_member member{at};
    member.login(alice, {});
  }
  CHECK(at.counts([](const auto& c) { return c.logins == 1 && c.sessions == 0; }));
  CHECK(at.server->counters().messages_bad == 0);
  CHECK(at.refusals("") == 0);
}

TEST_CASE("a member that says too much in a second is disconnected with the reason") {
  auto limits = default_limits();
  limits.registry.messages_burst = 2;
  limits.registry.messages_per_s = 1;
  live_server at{limits};
  rude_member member{at};
  member.login(alice, {});
  for (int i = 0; i < 3; ++i)
    member.say(encode(client_message{leave_request{party.id}}));
  const auto reason = member.close_reason();
  CHECK(parse_close_reason(std::string{reason.reason.c_str()})->code == errc::limit_reached);
  CHECK(at.server->counters().messages_over_rate == 1);
  CHECK(at.log.lines("too many messages") == 1);
}

TEST_CASE("unknown types and wrong fields are answered, the connection stays") {
  live_server at;
  rude_member member{at};
  member.login(alice, {alice.in(party, true)});
  member.say(R"({"type":"dance"})");
  auto no = member.answer();
  CHECK(no.why.code == errc::bad_message);
  CHECK(no.about == request_kind::none);
  member.say(R"({"type":"leave","party":"x"})");
  no = member.answer();
  CHECK(no.why.code == errc::bad_message);
  CHECK(no.about == request_kind::leave);
  CHECK(no.why.detail.find("'party'") != std::string::npos);
  member.say(encode(client_message{leave_request{party.id}}));
  CHECK(std::holds_alternative<party_left>(*decode_server(member.read())));
  CHECK(at.server->counters().messages_bad == 2);
  CHECK(at.refusals("bad_message") == 2);
}

TEST_CASE("who may not be forgotten is refused with the reason, and stays") {
  live_server at;
  rude_member eve{at};
  eve.login(alice, {alice.in(party, true)});
  const auto refusal = [&](const std::string& text) {
    eve.say(text);
    const auto no = eve.answer();
    CHECK(no.about == request_kind::forget);
    return no.why.code;
  };
  const auto forget = [](const party_id& in, const peer_id& who) {
    return encode(client_message{forget_request{in, who}});
  };
  {
    rude_member friendly{at};
    friendly.login(bob, {bob.in(party)});
    CHECK(refusal(forget(party.id, bob.id)) == errc::peer_online);
    CHECK(refusal(forget(party.id, alice.id)) == errc::peer_online);
    CHECK(refusal(forget(party.id, *peer_id::parse("nobody"))) == errc::peer_not_found);
    CHECK(refusal(forget(test::test_party{"other"}.id, bob.id)) == errc::not_a_member);
    CHECK(refusal(R"({"type":"forget","party":7,"id":"bob"})") == errc::bad_message);
    CHECK(refusal(R"({"type":"forget","party":")" + to_string(party.id) + R"(","id":"Bob!"})") ==
          errc::bad_message);
    CHECK(at.server->counters().messages_refused == 4);
    CHECK(at.refusals("peer_online") == 2);
    CHECK(at.refusals("peer_not_found") == 1);
    CHECK(at.refusals("not_a_member") == 1);
    CHECK(at.server->counters().messages_bad == 2);
    CHECK(at.server->counters().forgotten == 0);
  }
  REQUIRE(at.counts([](const auto& c) { return c.sessions == 1; }));
  eve.say(forget(party.id, bob.id));
  CHECK(std::get<member_gone>(*decode_server(eve.read())).key == bob.pub);
  CHECK(std::get<member_forgotten>(*decode_server(eve.read())).id == bob.id);
  CHECK(at.server->counters().forgotten == 1);
}

TEST_CASE("a forgotten name stays free over a restart, and goes to the key that comes first") {
  live_server at;
  const test::test_member anew{"bob", 77}; // after its disk was lost
  rude_member first{at};
  first.login(alice, {alice.in(party, true)});
  {
    rude_member lost{at};
    lost.login(bob, {bob.in(party)});
  }
  REQUIRE(at.counts([](const auto& c) { return c.sessions == 1; }));
  {
    rude_member early{at};
    CHECK(early.upgrade(early.header_for(anew, {anew.in(party)})) == 403);
    CHECK(early.refusal->code == errc::name_taken);
  }
  first.say(encode(client_message{forget_request{party.id, bob.id}}));
  CHECK(std::holds_alternative<member_gone>(*decode_server(first.read())));
  at.restart();
  rude_member again{at};
  again.login(anew, {anew.in(party)});
  rude_member old{at};
  CHECK(old.upgrade(old.header_for(bob, {bob.in(party)})) == 403);
  CHECK(old.refusal->code == errc::name_taken);
}

TEST_CASE("a key is replaced over a real connection, once, and stays so over a restart") {
  live_server at;
  const test::test_member anew{"bob", 77};
  rude_member first{at};
  first.login(alice, {alice.in(party, true)});
  rude_member old{at};
  old.login(bob, {bob.in(party)});
  rude_member next{at};
  CHECK(next.upgrade(encode(*make_login({bob.key, anew.key}, at.server->line().key, next.binding,
                                        std::vector{anew.in(party)}))) == 101);
  const auto hello = std::get<welcome>(*decode_server(next.read()));
  CHECK(hello.rotates);
  CHECK(hello.parties.at(0).address == virtual_ip::derive(bob.id, 0));
  CHECK(std::get<member_gone>(*decode_server(first.read())).key == bob.pub);
  CHECK(parse_close_reason(std::string{old.close_reason().reason.c_str()})->code == errc::closed);
  CHECK(at.server->counters().rotated == 1);
  at.restart();
  rude_member again{at};
  again.login(anew, {anew.in(party)});
  rude_member former{at};
  CHECK(former.upgrade(former.header_for(bob, {bob.in(party)})) == 403);
  CHECK(former.refusal->code == errc::name_taken);
}

TEST_CASE("a key is not replaced without its word and the new one's on this connection") {
  live_server at;
  const test::test_member mallory{"bob", 77};
  const auto line = at.server->line().key;
  {
    rude_member owner{at};
    owner.login(bob, {bob.in(party, true)});
  }
  const auto status = [&](auto make) {
    rude_member eve{at};
    const auto code = eve.upgrade(make(eve));
    REQUIRE(eve.refusal);
    CHECK(eve.refusal->code == errc::bad_login);
    return code;
  };
  const std::vector parties{mallory.in(party)};
  CHECK(status([&](const rude_member& eve) { // her own word for Bob's key
          auto request = *make_login({alice.key, mallory.key}, line, eve.binding, parties);
          request.replaces->key = bob.pub;
          return encode(request);
        }) == 401);
  CHECK(status([&](const rude_member& eve) { // Bob's, for a key that she has not
          auto request = *make_login({bob.key, mallory.key}, line, eve.binding, parties);
          request.mac[5] ^= 1;
          return encode(request);
        }) == 401);
  CHECK(status([&](const rude_member& eve) { // Bob's, said on another connection
          const rude_member elsewhere{at};
          auto request = *make_login(mallory.key, line, eve.binding, parties);
          request.replaces =
              make_login({bob.key, mallory.key}, line, elsewhere.binding, parties)->replaces;
          return encode(request);
        }) == 401);
  CHECK(at.server->counters().refused_login == 3);
  CHECK(at.refusals("bad_login") == 3);
  CHECK(at.server->counters().rotated == 0);
  rude_member owner{at};
  owner.login(bob, {bob.in(party)});
}

TEST_CASE("a message over the limit ends the connection as too big") {
  live_server at;
  rude_member member{at};
  member.login(alice, {});
  member.say("{\"type\":\"" + std::string(config::defaults::control_message_max, 'x') + "\"}");
  CHECK(member.close_reason().code == websocket::close_code::too_big);
  CHECK(at.counts([](const auto& c) { return c.messages_too_large == 1; }));
  CHECK(at.refusals("message_too_large") == 1);
}

TEST_CASE("a member that does not read is disconnected, the others do not notice") {
  auto limits = default_limits();
  limits.queue_messages = 50;
  limits.registry.messages_burst = 100'000;
  live_server at{limits};
  rude_member slow{at};
  slow.login(bob, {bob.in(party, true)});
  rude_member busy{at};
  busy.login(alice, {alice.in(party)});
  const auto signal = encode(client_message{signal_request{party.id, bob.pub, bytes(8'000)}});
  // Enough to fill the kernel's buffers, and then the queue.
  for (int i = 0; i < 3'000 && at.server->counters().slow_members == 0; ++i)
    busy.say(signal);
  CHECK(at.counts([](const auto& c) { return c.slow_members == 1; }));
  CHECK(at.log.lines("it does not read") == 1);
  CHECK(at.counts([](const auto& c) { return c.sessions == 1; }));
  busy.say(encode(client_message{leave_request{party.id}}));
  bool left = false;
  while (!left && !busy.ec) { // refusals about the vanished member come first
    const auto decoded = decode_server(busy.read());
    left = decoded && std::holds_alternative<party_left>(*decoded);
  }
  CHECK(left);
}

TEST_CASE("connections from one source beyond its rate are closed at once") {
  auto limits = default_limits();
  limits.connects_per_s = 1;
  limits.connects_burst = 2;
  live_server at{limits};
  rude_member one{at};
  rude_member two{at};
  CHECK(!one.ec);
  CHECK(!two.ec);
  rude_member three{at};
  CHECK(three.ec);
  CHECK(at.server->counters().refused_source == 1);
  CHECK(at.log.lines("connections of one source") == 1);
}

TEST_CASE("sessions are bounded") {
  auto limits = default_limits();
  limits.registry.sessions = 1;
  live_server at{limits};
  rude_member one{at};
  one.login(alice, {});
  rude_member two{at};
  CHECK(two.upgrade(two.header_for(bob, {})) == 503);
  CHECK(two.refusal->code == errc::limit_reached);
  CHECK(at.server->counters().refused_full == 1);
  CHECK(at.refusals("limit_reached") == 1);
}

TEST_CASE("connections that do not log in are bounded, too") {
  auto limits = default_limits();
  limits.registry.sessions = 1;
  limits.handshakes = 1;
  live_server at{limits};
  rude_member one{at};
  rude_member two{at};
  CHECK(!two.ec);
  rude_member three{at};
  CHECK(three.ec);
  CHECK(at.server->counters().refused_full == 1);
  CHECK(at.refusals("limit_reached") == 1);
}

TEST_CASE("a dead connection is noticed and its member goes offline") {
  auto limits = default_limits();
  limits.dead_after = std::chrono::milliseconds{200};
  live_server at{limits};
  rude_member member{at};
  member.login(alice, {}); // and never reads again, so never answers a ping
  CHECK(at.counts([](const auto& c) { return c.sessions == 0; }));
}

TEST_CASE("relays set at run time reach every member with tokens for them") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {alice.in(party, true)}};
  const auto before = a.next<welcome>().relays;
  auto more = before;
  more.push_back(before[0]);
  more[1].key.octets[0] = 9;
  at.server->set_relays(more);
  const auto news = a.next<relays_changed>();
  CHECK(news.relays == more);
  CHECK(news.tokens.size() == 2);
  CHECK(decode_token(news.tokens[0], at.server->token_key()));
}

TEST_CASE("an address that cannot be listened on is a sentence, not a crash") {
  live_server at;
  config::control_settings settings;
  settings.listen = at.server->listening();
  const test::scratch dir;
  settings.state_dir = dir.path;
  const auto second = control_server::start(settings);
  REQUIRE(!second);
  CHECK(second.error().code == errc::already_exists);
  CHECK(second.error().detail.find(std::to_string(settings.listen.port)) != std::string::npos);
}

TEST_CASE("the log of all that is refused, forgotten or replaced has no secret and no key") {
  live_server at;
  const test::test_party other{"other"};
  const test::test_member anew{"bob", 77};
  const auto line = at.server->line();
  rude_member first{at};
  const auto header = first.header_for(alice, {alice.in(party, true)});
  REQUIRE(first.upgrade(header) == 101);
  first.read();
  CHECK(rude_member{at}.upgrade(header) == 401);
  auto wrong = bob.in(party);
  wrong.verifier = verifier_of(other.secret);
  rude_member guess{at};
  CHECK(guess.upgrade(guess.header_for(bob, {wrong})) == 403);
  const auto secret = to_base64(party.secret.reveal());
  CHECK(rude_member{at}.upgrade(secret) == 400);
  for (const auto& text : {secret, "{\"type\":\"" + to_base64(alice.key.reveal()) + "\"}",
                           secret + std::string(config::defaults::control_message_max, 'x')}) {
    rude_member member{at};
    member.login(bob, {bob.in(party)});
    member.say(text);
    member.read();
  }
  {
    rude_member next{at};
    CHECK(next.upgrade(encode(*make_login({bob.key, anew.key}, line.key, next.binding,
                                          std::vector{anew.in(party)}))) == 101);
  }
  REQUIRE(at.counts([](const auto& c) { return c.sessions == 1; }));
  first.say(encode(client_message{forget_request{party.id, bob.id}}));
  REQUIRE(at.counts([](const auto& c) { return c.forgotten == 1 && c.rotated == 1; }));
  at.server->stop();

  const auto log = at.log.text();
  INFO(log);
  CHECK(at.refusals("") == 6);
  CHECK(at.log.lines("was forgotten") == 1);
  CHECK(at.log.lines("replaced its key") == 1);
  CHECK(log.find(header) == std::string::npos);
  const auto tells = [&](byte_view octets) {
    return log.find(to_base64(octets)) != std::string::npos ||
           log.find(to_base64url(octets)) != std::string::npos;
  };
  for (const auto& who : {alice, bob, anew})
    CHECK_FALSE((tells(who.key.reveal()) || tells(who.pub.view())));
  for (const auto& of : {party, other})
    CHECK_FALSE((tells(of.secret.reveal()) || tells(verifier_of(of.secret).reveal())));
  CHECK_FALSE((tells(line.key.view()) || tells(at.server->token_key().view())));
}

TEST_CASE("the counters are in a file, by name, as soon as somebody asks for them") {
  live_server at;
  const auto counters = [&] {
    const auto text = os::read_file(at.dir.path / "state" / "counters.json", 10'000);
    const auto whole = text && *text ? parse_object(**text) : result<json::object>{json::object{}};
    return whole && whole->contains("counters") ? whole->at("counters").as_object()
                                                : json::object{};
  };
  rude_member member{at};
  member.login(alice, {});
  rude_member refused{at};
  CHECK(refused.upgrade("") == 400);
  at.server->report();
  // Well before it would have been written anyway.
  const auto end = std::chrono::steady_clock::now() + config::defaults::counters_written_every / 2;
  const auto is = [&](const char* name, int value) {
    const auto all = counters();
    return all.contains(name) && all.at(name) == value;
  };
  while (!is("connections", 2) && std::chrono::steady_clock::now() < end)
    ::poll(nullptr, 0, 10);
  CHECK(is("connections", 2));
  CHECK(is("sessions", 1));
  CHECK(is("refused_request", 1));
  CHECK(is("slow_members", 0));
  at.server.reset(); // the last word
  CHECK(is("sessions", 0));
  CHECK(is("logins", 1));
}
