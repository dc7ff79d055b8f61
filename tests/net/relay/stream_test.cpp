#include "net/control/server.hpp"
#include "net/os/io_thread.hpp"
#include "net/os/relay_stream.hpp"
#include "net/relay/server.hpp"
#include "tests/net/relay/tls_client.hpp"
#include "tests/net/relay/world.hpp"

#include <catch2/catch.hpp>

#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::relay;
using relay::test::data;
using relay::test::index;
using relay::test::initiation;
using relay::test::response;
using relay::test::tls_client;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 5s;

struct folder {
  folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "stream-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// WireGuard's port, so to speak: a UDP socket on loopback that talks to one address.
class local_port {
 public:
  local_port() {
    fd_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto any = os::to_socket_address(*endpoint::parse("127.0.0.1:0"));
    REQUIRE(::bind(fd_.get(), any.data(), any.size) == 0);
    os::socket_address own;
    own.size = sizeof own.storage;
    ::getsockname(fd_.get(), own.data(), &own.size);
    number = os::from_socket_address(own.data())->port;
  }
  void send(const bytes& datagram) const {
    const auto to = os::to_socket_address(remote);
    (void)::sendto(fd_.get(), datagram.data(), datagram.size(), 0, to.data(), to.size);
  }
  bytes receive(std::chrono::milliseconds wait = patience) const {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(wait.count())) <= 0) return {};
    bytes out(4'096);
    const auto size = ::recv(fd_.get(), out.data(), out.size(), 0);
    out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return out;
  }
  bytes ask(const bytes& datagram) const {
    send(datagram);
    return receive();
  }
  std::uint16_t number = 0;
  endpoint remote;

 private:
  os::descriptor fd_;
};

struct lone_relay {
  lone_relay() {
    config::relay_settings s;
    s.state_dir = where.path / "state";
    s.listen = {*endpoint::parse("127.0.0.1:0")};
    s.tls_listen = *endpoint::parse("127.0.0.1:0");
    relay = server::open(s, public_key(control)).value();
    thread = std::thread{[this] { relay->run(); }};
    const auto info = relay->info();
    udp = info.address;
    tls = {info.address.address, info.tls->port};
    pin = info.tls->pin;
  }
  ~lone_relay() {
    relay->stop();
    thread.join();
  }
  /// Counters are published ten times a second.
  bool counted(std::uint64_t counters::*field, std::uint64_t least) const {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (relay->count().*field < least && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    return relay->count().*field >= least;
  }

  folder where;
  token_private_key control = generate_secret<token_private_key>(os_random());
  std::unique_ptr<server> relay;
  std::thread thread;
  endpoint udp, tls;
  certificate_pin pin;
};

/// A stream of our own client's, with its news as futures.
struct open_stream {
  open_stream(os::io_thread& io, const endpoint& to, const certificate_pin& pin,
              std::uint16_t wg_port) {
    os::relay_stream_options options;
    options.server = to;
    options.pin = pin;
    options.name = "relay.example.org";
    options.wg_port = wg_port;
    options.handshake = 5s;
    options.dead_after = 10s;
    options.message_octets = 2'048;
    options.queue_octets = 1 << 20;
    options.queue_datagrams = 1'000;
    options.queue_age = 5s;
    os::relay_stream_events events;
    events.opened = [at = at_promise](endpoint where) { at->set_value(where); };
    events.closed = [end = end_promise](const error& why) { end->set_value(why.code); };
    stream = os::relay_stream::open(io.context(), options, std::move(events));
  }
  endpoint at() {
    auto future = at_promise->get_future();
    REQUIRE(future.wait_for(patience) == std::future_status::ready);
    return future.get();
  }
  errc end() {
    auto future = end_promise->get_future();
    REQUIRE(future.wait_for(patience) == std::future_status::ready);
    return future.get();
  }
  std::shared_ptr<std::promise<endpoint>> at_promise = std::make_shared<std::promise<endpoint>>();
  std::shared_ptr<std::promise<errc>> end_promise = std::make_shared<std::promise<errc>>();
  std::unique_ptr<os::relay_stream> stream;
};

struct guest_member {
  explicit guest_member(const lone_relay& r)
      : key(public_key(secret)), mac(*relay_key(secret, r.relay->public_key())) {
    relay_token t;
    t.member = key;
    t.party = relay::test::party(1);
    t.relay = r.relay->id();
    t.expires_unix_s = 4'000'000'000;
    token = encode(sign(t, r.control));
  }
  std::optional<registered> join() {
    const auto challenged = decode_challenge(link.ask(encode(hello{key})));
    if (!challenged) return std::nullopt;
    timestamp = std::max(timestamp + 1, challenged->time_unix_ms);
    const registration said{key, challenged->value, timestamp, {token}, {}};
    const auto out = decode_registered(link.ask(encode(said, mac)), mac);
    return out ? std::optional{*out} : std::nullopt;
  }
  wg_private_key secret = generate_x25519<wg_private_key>(os_random());
  wg_public_key key;
  shared_key mac;
  bytes token;
  local_port link;
  std::uint64_t timestamp = 0;
};

} // namespace

TEST_CASE("a member by a stream and one by UDP shake hands and exchange data") {
  lone_relay r;
  os::io_thread io;
  guest_member a{r}, b{r};
  open_stream s{io, r.tls, r.pin, a.link.number};
  a.link.remote = s.at();
  b.link.remote = r.udp;
  const auto joined = a.join();
  REQUIRE(joined);
  CHECK(is_flow(joined->observed));
  REQUIRE(b.join());
  const auto first = initiation(b.key, index(1));
  a.link.send(first);
  CHECK(b.link.receive() == first);
  const auto second = response(index(2), index(1));
  b.link.send(second);
  CHECK(a.link.receive() == second);
  for (std::size_t size = 32; size <= 1'500; size += 367) {
    const auto there = data(index(2), size);
    a.link.send(there);
    CHECK(b.link.receive() == there);
    const auto back = data(index(1), size);
    b.link.send(back);
    CHECK(a.link.receive() == back);
  }
  CHECK(r.counted(&counters::streams, 1));
  CHECK(r.counted(&counters::streamed_in, 7));

  // Nobody else's datagrams get into the stream.
  local_port stranger;
  stranger.remote = a.link.remote;
  stranger.send(data(index(2)));
  CHECK(b.link.receive(100ms).empty());

  // What is closed is no way to the member any more.
  s.stream.reset();
  REQUIRE(r.counted(&counters::streams_opened, 1));
  const auto until = std::chrono::steady_clock::now() + patience;
  while (r.relay->count().streams > 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  CHECK(r.relay->count().streams == 0);
  b.link.send(data(index(1)));
  CHECK(r.counted(&counters::no_such_peer, 1));
}

TEST_CASE("a wrong pin, a closed port and a port without TLS end the attempt with the reason") {
  lone_relay r;
  os::io_thread io;
  local_port link;
  auto other = r.pin;
  other.octets[0] ^= 1;
  CHECK(open_stream{io, r.tls, other, link.number}.end() == errc::wrong_pin);
  local_port unused; // its TCP port is nobody's
  CHECK(open_stream{io, {r.tls.address, unused.number}, r.pin, link.number}.end() ==
        errc::unreachable);
}

TEST_CASE("requests that are no stream are answered and closed") {
  lone_relay r;
  SECTION("another path") {
    tls_client c{r.tls};
    REQUIRE(c.secure());
    CHECK(c.ask_upgrade("/v1").starts_with("HTTP/1.1 404"));
    CHECK(c.hear_all().empty());
  }
  SECTION("no upgrade") {
    tls_client c{r.tls};
    REQUIRE(c.secure());
    c.say("GET /relay HTTP/1.1\r\nHost: relay\r\n\r\n");
    CHECK(c.hear_all().starts_with("HTTP/1.1 426"));
  }
  SECTION("no TLS") {
    tls_client c{r.tls};
    c.say("GET /relay HTTP/1.1\r\nHost: relay\r\n\r\n");
    CHECK(c.hear_all().find("HTTP/1.1") == std::string::npos);
  }
  SECTION("TLS 1.2") {
    tls_client c{r.tls};
    CHECK_FALSE(c.secure(TLS1_2_VERSION));
  }
  SECTION("a header without end") {
    tls_client c{r.tls};
    REQUIRE(c.secure());
    c.say("GET /relay HTTP/1.1\r\nX: " + std::string(8'000, 'x'));
    CHECK(c.hear_all().empty());
  }
  // It serves others as before.
  os::io_thread io;
  guest_member a{r};
  open_stream s{io, r.tls, r.pin, a.link.number};
  a.link.remote = s.at();
  CHECK(a.join());
}

TEST_CASE("a text message, and one that is too long, end the stream") {
  lone_relay r;
  for (const bool text : {true, false}) {
    tls_client c{r.tls};
    REQUIRE(c.secure());
    REQUIRE(c.ask_upgrade().starts_with("HTTP/1.1 101"));
    if (text)
      c.frame(1, "hello");
    else
      c.frame(2, std::string(2'049, 'x'));
    const auto end = c.hear();
    REQUIRE(end.size() >= 4);
    CHECK(static_cast<unsigned char>(end[0]) == 0x88); // close
    const auto code = static_cast<unsigned char>(end[2]) * 256 + static_cast<unsigned char>(end[3]);
    CHECK(code == (text ? 1003 : 1009));
  }
  CHECK(r.counted(&counters::streams_bad, 2));
  tls_client c{r.tls};
  REQUIRE(c.secure());
  REQUIRE(c.ask_upgrade().starts_with("HTTP/1.1 101"));
  c.frame(2, std::string(2'048, 'x')); // as long as may be: dropped, no more
  c.frame(2, "");
  c.frame(9, "still there?");
  const auto pong = c.hear();
  REQUIRE_FALSE(pong.empty());
  CHECK(static_cast<unsigned char>(pong[0]) == 0x8a);
}

TEST_CASE(
    "a flood from a stream that nobody registered over comes to nothing, also when it breaks off") {
  lone_relay r;
  os::io_thread io;
  guest_member a{r}, b{r};
  a.link.remote = b.link.remote = r.udp;
  REQUIRE(a.join());
  REQUIRE(b.join());
  const auto packet = initiation(b.key, index(1));
  const std::string raw(packet.begin(), packet.end());
  {
    tls_client c{r.tls};
    REQUIRE(c.secure());
    REQUIRE(c.ask_upgrade().starts_with("HTTP/1.1 101"));
    for (int i = 0; i < 3'000; ++i)
      c.frame(2, raw);
    a.link.send(packet);
    CHECK(b.link.receive() == packet); // UDP goes on
    c.shut();
  }
  CHECK(b.link.receive(100ms).empty());
  CHECK(r.counted(&counters::unregistered, 1));
  CHECK(r.relay->count().refusals <= 20); // ten a second at most
}

TEST_CASE("a reader that does not read costs the relay a bounded queue, and others nothing") {
  lone_relay r;
  os::io_thread io;
  guest_member slow{r}, fast{r};
  // Registered over a stream whose other end nobody reads: the client's own socket is full.
  open_stream s{io, r.tls, r.pin, slow.link.number};
  slow.link.remote = s.at();
  fast.link.remote = r.udp;
  REQUIRE(slow.join());
  REQUIRE(fast.join());
  fast.link.send(initiation(slow.key, index(1)));
  REQUIRE_FALSE(slow.link.receive().empty());
  slow.link.send(response(index(2), index(1)));
  REQUIRE_FALSE(fast.link.receive().empty());
  io.stop(); // from now on nothing is read
  for (int i = 0; i < 20'000; ++i)
    fast.link.send(data(index(2), 1'400));
  CHECK(r.counted(&counters::streamed_out_lost, 1));
  CHECK_FALSE(fast.link.ask(encode(hello{fast.key})).empty());
}

TEST_CASE("the relay's streams share the control server's port, and both go on side by side") {
  const folder where;
  config::control_settings settings;
  settings.state_dir = where.path / "control";
  settings.listen = *endpoint::parse("127.0.0.1:0");
  const auto control = control::control_server::start(settings).value();
  lone_relay r;
  control->set_guest(r.relay->guest());
  os::io_thread io;
  guest_member a{r};
  open_stream s{io, control->listening(), control->pin(), a.link.number};
  a.link.remote = s.at();
  CHECK(a.join());
  tls_client c{control->listening()};
  REQUIRE(c.secure());
  CHECK(c.ask_upgrade("/v1").starts_with("HTTP/1.1 400")); // no login header
  tls_client d{control->listening()};
  REQUIRE(d.secure());
  CHECK(d.ask_upgrade("/relays").starts_with("HTTP/1.1 404"));
  CHECK(r.counted(&counters::streams, 1));
  CHECK(control->counters().sessions == 0);
  control->stop(); // with a stream open
}
