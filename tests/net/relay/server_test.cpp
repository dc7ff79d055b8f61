#include "net/crypto.hpp"
#include "net/frames.hpp"
#include "net/os/descriptor.hpp"
#include "net/os/files.hpp"
#include "net/os/socket_address.hpp"
#include "net/relay/server.hpp"
#include "net/stun.hpp"
#include "tests/net/relay/world.hpp"

#include <catch2/catch.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::relay;
using relay::test::data;
using relay::test::index;
using relay::test::initiation;
using relay::test::response;
using namespace std::chrono_literals;

namespace {

/// How long an answer on loopback may take on a loaded machine; waiting ends with the answer.
constexpr auto patience = 5s;
/// How long silence is listened to.
constexpr auto silence = 50ms;

struct temporary_directory {
  temporary_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "relay-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~temporary_directory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// A UDP socket as WireGuard would own it.
class port {
 public:
  explicit port(const endpoint& relay) : relay_(relay) {
    const bool four = relay.address.is_v4();
    fd_.reset(::socket(four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int room = 4 << 20; // bursts wait here until the test reads them
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    const auto to = os::to_socket_address(relay);
    REQUIRE(::connect(fd_.get(), to.data(), to.size) == 0);
    os::socket_address own;
    own.size = sizeof own.storage;
    ::getsockname(fd_.get(), own.data(), &own.size);
    local = *os::from_socket_address(own.data());
  }
  void send(const bytes& datagram) {
    REQUIRE(::send(fd_.get(), datagram.data(), datagram.size(), 0) ==
            static_cast<ssize_t>(datagram.size()));
  }
  /// The next datagram; empty after `wait`.
  bytes receive(std::chrono::milliseconds wait = patience) {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(wait.count())) <= 0) return {};
    bytes out(4096);
    const auto size = ::recv(fd_.get(), out.data(), out.size(), 0);
    out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return out;
  }
  bytes ask(const bytes& datagram) {
    send(datagram);
    return receive();
  }
  endpoint local;

 private:
  endpoint relay_;
  os::descriptor fd_;
};

struct running {
  explicit running(const config::relay_settings& s, const token_private_key& control)
      : relay(server::open(s, public_key(control)).value()), thread([this] { relay->run(); }) {}
  ~running() { stop(); }
  void stop() {
    if (!thread.joinable()) return;
    relay->stop();
    thread.join();
  }
  std::unique_ptr<server> relay;
  std::thread thread;
};

struct member_on_wire {
  member_on_wire(const server& relay, const endpoint& where, const token_private_key& signer)
      : key(public_key(secret)), mac(*relay_key(secret, relay.public_key())), link(where) {
    relay_token t;
    t.member = key;
    t.party = relay::test::party(1);
    t.relay = relay.id();
    t.expires_unix_s = 4'000'000'000;
    token = encode(sign(t, signer));
  }
  std::optional<registered> join() {
    const auto challenged = decode_challenge(link.ask(encode(hello{key})));
    if (!challenged) return std::nullopt;
    timestamp = std::max(timestamp + 1, challenged->time_unix_ms);
    value = challenged->value;
    const auto out = decode_registered(
        link.ask(encode(registration{key, value, timestamp, {token}, {}}, mac)), mac);
    return out ? std::optional{*out} : std::nullopt;
  }
  bool renew() {
    ++timestamp;
    const auto said = link.ask(encode(registration{key, value, timestamp, {}, {}}, mac));
    return decode_registered(said, mac).has_value();
  }
  wg_private_key secret = generate_x25519<wg_private_key>(os_random());
  wg_public_key key;
  shared_key mac;
  bytes token;
  port link;
  cookie value;
  std::uint64_t timestamp = 0;
};

config::relay_settings settings_in(const temporary_directory& where) {
  config::relay_settings out;
  out.state_dir = where.path / "state";
  out.listen = {*endpoint::parse("127.0.0.1:0"), *endpoint::parse("[::1]:0")};
  return out;
}

unsigned mode_of(const std::filesystem::path& file) {
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  return found.st_mode & 0777;
}

} // namespace

TEST_CASE("a relay on real sockets registers members and passes a handshake, v4 to v6") {
  const temporary_directory where;
  const auto control = generate_secret<token_private_key>(os_random());
  running r{settings_in(where), control};
  const auto ends = r.relay->local_endpoints();
  REQUIRE(ends.size() == 2);
  const auto mix = GENERATE(0, 1, 2);
  member_on_wire a{*r.relay, ends[mix == 2 ? 1 : 0], control};
  member_on_wire b{*r.relay, ends[mix == 0 ? 0 : 1], control};
  member_on_wire bystander{*r.relay, ends[0], control};
  const auto joined = a.join();
  REQUIRE(joined.has_value());
  CHECK(joined->observed == a.link.local);
  REQUIRE(b.join().has_value());
  REQUIRE(bystander.join().has_value());

  const auto first = initiation(b.key, index(1));
  a.link.send(first);
  CHECK(b.link.receive() == first);
  const auto second = response(index(2), index(1));
  b.link.send(second);
  CHECK(a.link.receive() == second);
  for (std::size_t size = 32; size <= 1452; size += 142) {
    auto there = data(index(2), size);
    there.back() = static_cast<std::uint8_t>(size);
    a.link.send(there);
    CHECK(b.link.receive() == there);
    const auto back = data(index(1), size);
    b.link.send(back);
    CHECK(a.link.receive() == back);
  }
  CHECK(bystander.link.receive(silence).empty());
}

TEST_CASE("a burst of datagrams comes through in order and complete") {
  const temporary_directory where;
  const auto control = generate_secret<token_private_key>(os_random());
  running r{settings_in(where), control};
  const auto end = r.relay->local_endpoints().front();
  member_on_wire a{*r.relay, end, control};
  member_on_wire b{*r.relay, end, control};
  REQUIRE(a.join().has_value());
  REQUIRE(b.join().has_value());
  a.link.send(initiation(b.key, index(1)));
  b.link.receive();
  b.link.send(response(index(2), index(1)));
  a.link.receive();
  constexpr int count = 300; // more than four batches
  for (int i = 0; i < count; ++i) {
    auto packet = data(index(2), 100);
    packet[98] = static_cast<std::uint8_t>(i >> 8);
    packet[99] = static_cast<std::uint8_t>(i);
    a.link.send(packet);
  }
  for (int i = 0; i < count; ++i) {
    const auto got = b.link.receive();
    REQUIRE(got.size() == 100);
    REQUIRE(((got[98] << 8) | got[99]) == i);
  }
}

TEST_CASE("strangers, oversized datagrams and STUN on the real port") {
  const temporary_directory where;
  const auto control = generate_secret<token_private_key>(os_random());
  running r{settings_in(where), control};
  for (const auto& end : r.relay->local_endpoints()) {
    port stranger{end};
    const auto answer = stun::parse_response(stranger.ask(stun::binding_request({7})));
    REQUIRE(answer.has_value());
    CHECK(answer->mapped == stranger.local);
    CHECK(stranger.ask(data(index(1))).size() == 16);
    bytes large(4000, 0);
    large[0] = 4;
    stranger.send(large);
    CHECK(stranger.receive(silence).empty());
  }
}

TEST_CASE("a stopped and restarted relay is the same relay and goes on without a word") {
  const temporary_directory where;
  const auto control = generate_secret<token_private_key>(os_random());
  auto settings = settings_in(where);
  settings.listen.resize(1);
  auto first = std::make_unique<running>(settings, control);
  settings.listen = first->relay->local_endpoints(); // the same port again
  const auto id = first->relay->id();
  member_on_wire a{*first->relay, settings.listen[0], control};
  member_on_wire b{*first->relay, settings.listen[0], control};
  REQUIRE(a.join().has_value());
  REQUIRE(b.join().has_value());
  a.link.send(initiation(b.key, index(1)));
  b.link.receive();
  first.reset();

  CHECK(mode_of(settings.state_dir) == 0700);
  CHECK(mode_of(settings.state_dir / "relay.key") == 0600);
  CHECK(mode_of(settings.state_dir / "relay.state") == 0600);

  running second{settings, control};
  CHECK(second.relay->id() == id);
  const auto reply = response(index(2), index(1));
  b.link.send(reply);
  CHECK(a.link.receive() == reply);
  CHECK(a.renew()); // the cookie of before, in one round trip
}

TEST_CASE("a relay whose state file is damaged starts empty and says so to members") {
  const temporary_directory where;
  const auto control = generate_secret<token_private_key>(os_random());
  auto settings = settings_in(where);
  std::filesystem::create_directories(settings.state_dir);
  std::ofstream{settings.state_dir / "relay.state"} << "not a state";
  running r{settings, control};
  member_on_wire a{*r.relay, r.relay->local_endpoints()[0], control};
  const auto refused = a.link.ask(data(index(1)));
  CHECK(decode_refused(refused, a.mac)->code == refusal::unregistered);
  CHECK(a.join().has_value());
}

TEST_CASE(
    "a key file that holds no key, and a port that is taken, are errors that name the place") {
  const temporary_directory where;
  const auto control = generate_secret<token_private_key>(os_random());
  auto settings = settings_in(where);
  SECTION("key") {
    std::filesystem::create_directories(settings.state_dir);
    REQUIRE(os::replace_file(settings.state_dir / "relay.key", as_bytes("c2hvcnQ=\n")).has_value());
    const auto opened = server::open(settings, public_key(control));
    REQUIRE(opened.has_error());
    CHECK(opened.error().code == errc::bad_state);
    CHECK(opened.error().detail.find("relay.key") != std::string::npos);
  }
  SECTION("port") {
    const auto first = server::open(settings, public_key(control)).value();
    settings.listen = first->local_endpoints();
    settings.state_dir = where.path / "other";
    const auto opened = server::open(settings, public_key(control));
    REQUIRE(opened.has_error());
    CHECK(opened.error().code == errc::already_exists);
    CHECK(opened.error().detail.find(to_string(settings.listen[0])) != std::string::npos);
  }
}

TEST_CASE("a report writes the counters as JSON, by name") {
  const temporary_directory where;
  const auto control = generate_secret<token_private_key>(os_random());
  const auto settings = settings_in(where);
  {
    running r{settings, control};
    port stranger{r.relay->local_endpoints()[0]};
    stranger.ask(stun::binding_request({7}));
    r.relay->report();
  }
  std::ifstream in{settings.state_dir / "counters.json"};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  CHECK(text.find(R"("stun":1)") != std::string::npos);
  CHECK(text.find(R"("datagrams":1)") != std::string::npos);
  CHECK(mode_of(settings.state_dir / "counters.json") == 0644);
}
