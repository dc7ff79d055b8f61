#include "net/wg_packet.hpp"
#include "sim/world/agenda.hpp"
#include "sim/world/fake_wireguard.hpp"

#include <catch2/catch.hpp>

#include <memory>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using net::wg::change;
using net::wg::change_kind;

namespace {

constexpr duration epoch = 1'769'688'000s;

net::wg_public_key key(std::uint8_t first) {
  net::wg_public_key out;
  out.octets[0] = first;
  return out;
}

/// Fake WireGuards that reach each other by endpoint after 10 ms.
class bench {
 public:
  struct side final : wg_surroundings {
    side(bench& in, std::uint8_t number)
        : own(key(number)), where{net::ip_address::v4(0xc6120000u + number), 51820},
          inner(*net::virtual_ip::parse("10.66.0." + std::to_string(10 + number))),
          wg(own, 51820, epoch, stream{in.seed, std::to_string(number)}, *this), in_(in) {
      wg.set_address(inner);
    }
    void transmit(const net::endpoint& to, net::byte_view data) override {
      sent.push_back(data[0]);
      last_data.assign(data.begin(), data.end());
      in_.carry(where, to, {data.begin(), data.end()});
    }
    void receive(const inner_packet& p) override { got.push_back(p); }
    void wake_at(time_point when, std::uint64_t token) override {
      in_.time.at(when, [this, token] { wg.wake(token, in_.time.now()); });
    }
    int count(std::uint8_t type) const {
      return static_cast<int>(std::count(sent.begin(), sent.end(), type));
    }
    std::uint64_t drops(wg_drop cause) const { return wg.drops()[static_cast<std::size_t>(cause)]; }
    void put(const side& peer, bool located, std::chrono::seconds keepalive = {}) {
      wg.apply({change_kind::put, peer.own, peer.inner,
                located ? std::optional{peer.where} : std::nullopt, keepalive},
               in_.time.now());
    }
    void remove(const side& peer) {
      wg.apply({change_kind::remove, peer.own, {}, {}, {}}, in_.time.now());
    }
    bool send(const side& to, std::uint64_t token = 1) {
      return wg.send({inner, to.inner, false, token, 84}, in_.time.now());
    }
    net::wg::peer_state state(const side& peer) const {
      for (const auto& each : wg.observe().peers)
        if (each.key == peer.own) return each;
      FAIL("no such peer");
      return {};
    }

    net::wg_public_key own;
    net::endpoint where;
    net::virtual_ip inner;
    fake_wireguard wg;
    std::vector<std::uint8_t> sent;
    net::bytes last_data;
    std::vector<inner_packet> got;
    bench& in_;
  };

  explicit bench(std::uint64_t with_seed = 1) : seed(with_seed) {}
  void carry(net::endpoint from, net::endpoint to, net::bytes data) {
    if (cut) return;
    time.after(10ms, [this, from, to, data = std::move(data)] {
      for (auto* each : {&a, &b, &c})
        if (each->where == to) each->wg.datagram(from, data, time.now());
    });
  }
  void run(duration span) {
    const auto end = time.now() + span;
    while (time.next() <= end)
      time.perform(time.take().token);
    time.advance_to(end);
  }

  std::uint64_t seed;
  agenda time;
  bool cut = false;
  side a{*this, 1};
  side b{*this, 2};
  side c{*this, 3};
};

} // namespace

TEST_CASE("a packet starts a handshake and arrives when it is done") {
  bench x;
  x.a.put(x.b, true);
  x.b.put(x.a, false);
  CHECK(x.a.send(x.b, 7));
  x.run(25ms);
  CHECK(x.b.got.empty());
  x.run(10ms);
  REQUIRE(x.b.got.size() == 1);
  CHECK(x.b.got[0].token == 7);
  CHECK(x.b.got[0].from == x.a.inner);
  CHECK(x.b.state(x.a).where == x.a.where); // learned from the initiation
  CHECK(x.a.state(x.b).latest_handshake == epoch + 20ms);
  CHECK(x.b.state(x.a).latest_handshake == epoch + 30ms); // confirmed by the first packet
  CHECK(x.b.state(x.a).rx == 148 + 16 + 96 + 16);
}

TEST_CASE("WireGuard's packets look like WireGuard's from outside") {
  bench x;
  x.a.put(x.b, true);
  x.b.put(x.a, false);
  x.a.send(x.b);
  auto header = net::wg::parse_header(x.a.last_data);
  REQUIRE(header);
  CHECK(header->kind == net::wg::packet_kind::initiation);
  CHECK(net::wg::mac1_matches(x.a.last_data, net::wg::mac1_key(x.b.own)));
  const auto initiator = header->sender;
  x.run(15ms);
  header = net::wg::parse_header(x.b.last_data);
  REQUIRE(header);
  CHECK(header->kind == net::wg::packet_kind::response);
  CHECK(header->receiver == initiator);
  const auto responder = header->sender;
  x.run(10ms);
  header = net::wg::parse_header(x.a.last_data);
  REQUIRE(header);
  CHECK(header->kind == net::wg::packet_kind::data);
  CHECK(header->receiver == responder);
  CHECK(x.a.last_data.size() == 16 + 96 + 16); // 84 octets, padded to 16
}

TEST_CASE("a peer that was not configured fails its packets") {
  bench x;
  CHECK_FALSE(x.a.send(x.b));
  CHECK(x.a.drops(wg_drop::no_peer) == 1);
  x.a.put(x.b, true);
  x.a.send(x.b);
  x.run(30s);
  CHECK(x.b.got.empty());
  CHECK(x.b.drops(wg_drop::unknown_peer) >= 4);
  CHECK_FALSE(x.a.state(x.b).latest_handshake);
}

TEST_CASE("without an endpoint the initiation is spent for five seconds") {
  bench x;
  x.b.put(x.a, false);
  x.a.put(x.b, false);
  x.a.send(x.b);
  x.run(40ms);
  x.a.put(x.b, true); // too late for this attempt
  x.run(4'900ms);
  CHECK(x.a.count(1) == 0);
  x.run(500ms);
  CHECK(x.a.count(1) == 1);
  CHECK(x.b.got.size() == 1);
  // Removed and added, the peer knows of no attempt.
  bench y;
  y.b.put(y.a, false);
  y.a.put(y.b, false);
  y.a.send(y.b);
  y.run(40ms);
  y.a.remove(y.b);
  y.a.put(y.b, true, 25s);
  y.run(30ms);
  CHECK(y.a.state(y.b).latest_handshake);
}

TEST_CASE("an unanswered handshake is repeated every five seconds and given up after ninety") {
  bench x;
  x.a.put(x.b, true);
  x.cut = true;
  x.a.send(x.b);
  x.run(89s);
  const auto tries = x.a.count(1);
  CHECK(tries >= 17);
  CHECK(tries <= 18);
  x.run(200s);
  CHECK(x.a.count(1) <= 20);
  CHECK(x.a.drops(wg_drop::gave_up) == 1);
}

TEST_CASE("two that initiate at the same instant block each other for seconds") {
  bench x;
  x.a.put(x.b, true);
  x.b.put(x.a, true);
  x.a.send(x.b);
  x.b.send(x.a);
  x.run(4'900ms);
  CHECK(x.a.got.empty());
  CHECK(x.b.got.empty());
  CHECK(x.a.drops(wg_drop::unknown_index) + x.a.drops(wg_drop::invalid_response) == 1);
  x.run(60s); // the jitter of the retries breaks it
  CHECK(x.a.got.size() == 1);
  CHECK(x.b.got.size() == 1);
}

TEST_CASE("the initiator renews a session that is used after 120 s, without loss") {
  bench x;
  x.a.put(x.b, true);
  x.b.put(x.a, false);
  for (int i = 0; i < 2'600; ++i) {
    x.a.send(x.b);
    x.b.send(x.a);
    x.run(100ms);
  }
  x.run(1s);
  CHECK(x.b.got.size() == 2'600);
  CHECK(x.a.got.size() >= 2'599); // the responder's first went before it had a session
  CHECK(x.a.count(1) == 3);       // at 0, 120 and 240 s
  CHECK(x.b.count(1) <= 1);
}

TEST_CASE("a session without traffic is refused after 180 s and begun anew by the next packet") {
  bench x;
  x.a.put(x.b, true);
  x.b.put(x.a, false);
  x.a.send(x.b);
  x.run(181s);
  CHECK(x.a.count(1) == 1);
  x.a.send(x.b);
  CHECK(x.a.count(1) == 2);
  x.run(50ms);
  CHECK(x.b.got.size() == 2);
}

TEST_CASE("a keepalive is sent at once when it is switched on, and then in its rhythm") {
  bench x;
  x.b.put(x.a, false);
  x.a.put(x.b, true, 25s);
  x.run(20ms);
  CHECK(x.a.count(1) == 1);
  x.run(76s);
  CHECK(x.a.count(4) >= 3);
  CHECK(x.a.count(4) <= 5);
  x.a.put(x.b, true, 0s);
  const auto before = x.a.count(4);
  x.run(100s);
  CHECK(x.a.count(4) <= before + 1);
}

TEST_CASE("whoever hears nothing for fifteen seconds begins a new handshake") {
  bench x;
  x.a.put(x.b, true);
  x.b.put(x.a, false);
  x.a.send(x.b);
  x.run(1s);
  x.cut = true;
  x.a.send(x.b);
  x.run(14s);
  CHECK(x.a.count(1) == 1);
  x.run(2s);
  CHECK(x.a.count(1) == 2);
}

TEST_CASE("the endpoint follows authentic packets and nothing else") {
  bench x;
  x.a.put(x.b, true);
  x.b.put(x.a, false);
  x.a.send(x.b);
  x.run(1s);
  const net::endpoint elsewhere{net::ip_address::v4(0xc6120909u), 4'000};
  x.a.send(x.b);
  auto forged = x.a.last_data;
  forged[forged.size() - 12] ^= 1; // another session's key
  forged[15] = 200;
  x.b.wg.datagram(elsewhere, forged, x.time.now());
  CHECK(x.b.drops(wg_drop::bad_key) == 1);
  CHECK(x.b.state(x.a).where == x.a.where);
  x.run(1s);
  x.a.where = elsewhere;
  x.a.send(x.b);
  x.run(1s);
  CHECK(x.b.state(x.a).where == elsewhere);
  const auto known = x.b.got.size();
  x.b.wg.datagram(elsewhere, x.a.last_data, x.time.now());
  CHECK(x.b.drops(wg_drop::replayed) == 1);
  CHECK(x.b.got.size() == known);
}

TEST_CASE("an inner address must be its peer's") {
  bench x;
  x.a.put(x.b, true);
  x.b.put(x.a, false);
  x.a.wg.send({x.c.inner, x.b.inner, false, 1, 84}, x.time.now());
  x.run(1s);
  CHECK(x.b.got.empty());
  CHECK(x.b.drops(wg_drop::not_allowed) == 1);
}

TEST_CASE("an allowed address belongs to the peer that was given it last") {
  bench x;
  x.a.put(x.b, true);
  x.a.wg.apply({change_kind::put, x.c.own, x.b.inner, x.c.where, {}}, x.time.now());
  CHECK(x.a.state(x.b).allowed_ips.empty());
  CHECK(x.a.state(x.c).allowed_ips == std::vector<std::string>{"10.66.0.12/32"});
}

TEST_CASE("a removed peer takes its session along") {
  bench x;
  x.a.put(x.b, true);
  x.b.put(x.a, false);
  x.a.send(x.b);
  x.run(1s);
  x.b.remove(x.a);
  x.b.put(x.a, false);
  x.a.send(x.b);
  x.run(1s);
  CHECK(x.b.got.size() == 1);
  CHECK(x.b.drops(wg_drop::unknown_index) == 1);
  CHECK(x.b.state(x.a).rx == 0);
}
