#include "sim/world/fabric.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;

namespace {

net::ip_address ip(std::string_view text) {
  return *net::ip_address::parse(text);
}
constexpr std::uint16_t port = 51820;

/// A fabric that runs by itself and notes what arrives.
struct network {
  explicit network(std::uint64_t seed = 1) : net(seed, queue) {
    link_settings s;
    s.delay = 10ms;
    net.set_default(s);
    s.delay = 1ms;
    net.set_inside_default(s);
  }
  void send(node_id from, const net::endpoint& to, std::size_t octets = 100) {
    net.send(from, port, to, net::bytes(octets, 7), now);
  }
  struct arrived {
    node_id host;
    net::endpoint from;
    time_point at;
  };
  void run(duration span) {
    const auto end = now + span;
    while (queue.next() <= end) {
      const auto event = queue.pop();
      now = event.at;
      const auto there = net.advance(static_cast<packet_slot>(event.token), now);
      conserved();
      if (!there) continue;
      got.push_back({there->host, net.at(there->slot).from, now});
      net.give_back(there->slot);
    }
    now = end;
  }
  /// After every event.
  void conserved() {
    const auto& c = net.count();
    const auto arriving = queue.size(); // every packet under way waits in the queue
    if (c.sent + c.duplicated < c.delivered + c.all_dropped() + arriving) ++broken;
    if (c.sent + c.duplicated > c.delivered + c.all_dropped() + arriving) ++broken;
  }
  std::uint64_t dropped(drop_cause cause) {
    return net.count().dropped[static_cast<std::size_t>(cause)];
  }

  event_queue queue;
  fabric net;
  time_point now{};
  std::vector<arrived> got;
  int broken = 0;
};

} // namespace

TEST_CASE("hosts of the internet reach each other after the link's delay") {
  network n;
  const auto a = n.net.add_host("a", internet, {ip("198.18.0.1")});
  const auto b = n.net.add_host("b", internet, {ip("198.18.0.2"), ip("2001:db8::2")});
  n.send(a, {ip("198.18.0.2"), 9});
  n.run(1s);
  REQUIRE(n.got.size() == 1);
  CHECK(n.got[0].host == b);
  CHECK(n.got[0].at == time_point{} + 10ms);
  CHECK(n.got[0].from == net::endpoint{ip("198.18.0.1"), port});
}

TEST_CASE("a host sends with an address of the family, or not at all") {
  network n;
  const auto a = n.net.add_host("a", internet, {ip("198.18.0.1")});
  const auto b = n.net.add_host("b", internet, {ip("198.18.0.2"), ip("2001:db8::2")});
  CHECK_FALSE(n.net.send(a, port, {ip("2001:db8::2"), 9}, net::bytes(10), n.now));
  CHECK(n.net.count().sent == 0);
  n.net.add_host("c", internet, {ip("2001:db8::3")});
  CHECK(n.net.send(b, port, {ip("2001:db8::3"), 9}, net::bytes(10), n.now));
  n.run(1s);
  REQUIRE(n.got.size() == 1);
  CHECK(n.got[0].from.address == ip("2001:db8::2"));
}

TEST_CASE("a box translates on the way out and back, and its network adds its delay") {
  network n;
  const auto box = n.net.add_nat("box", internet, ip("198.18.0.1"), port_restricted());
  const auto a = n.net.add_host("a", n.net.inside_of(box), {ip("172.16.0.1")});
  const auto b = n.net.add_host("b", internet, {ip("198.18.0.2")});
  n.send(a, {ip("198.18.0.2"), port});
  n.run(1s);
  REQUIRE(n.got.size() == 1);
  CHECK(n.got[0].from.address == ip("198.18.0.1"));
  CHECK(n.got[0].at == time_point{} + 11ms);
  n.send(b, n.got[0].from);
  n.run(1s);
  REQUIRE(n.got.size() == 2);
  CHECK(n.got[1].host == a);
  n.send(b, {ip("198.18.0.1"), 1});
  n.send(b, {ip("172.16.0.1"), port});
  n.run(1s);
  CHECK(n.dropped(drop_cause::nat_filter) == 1);
  CHECK(n.dropped(drop_cause::no_route) == 1);
}

TEST_CASE("boxes chain: a carrier's box behind which customers' boxes are") {
  network n;
  const auto carrier = n.net.add_nat("carrier", internet, ip("198.18.0.1"), full_cone());
  const auto box =
      n.net.add_nat("box", n.net.inside_of(carrier), ip("100.64.0.1"), port_restricted());
  const auto a = n.net.add_host("a", n.net.inside_of(box), {ip("172.16.0.1")});
  const auto b = n.net.add_host("b", internet, {ip("198.18.0.2")});
  n.send(a, {ip("198.18.0.2"), port});
  n.run(1s);
  REQUIRE(n.got.size() == 1);
  CHECK(n.got[0].from.address == ip("198.18.0.1"));
  n.send(b, n.got[0].from);
  n.run(1s);
  REQUIRE(n.got.size() == 2);
  CHECK(n.got[1].host == a);
  CHECK(n.net.face_of(a) == carrier);
}

TEST_CASE("IPv6 passes boxes untranslated, and comes in where it was asked for") {
  for (const bool open : {false, true}) {
    network n;
    auto how = port_restricted();
    how.ipv6_open = open;
    const auto carrier = n.net.add_nat("carrier", internet, ip("198.18.0.1"), how);
    const auto box = n.net.add_nat("box", n.net.inside_of(carrier), ip("100.64.0.1"), how);
    const auto a = n.net.add_host("a", n.net.inside_of(box), {ip("2001:db8:1::1")});
    const auto b = n.net.add_host("b", internet, {ip("2001:db8::2")});
    n.send(b, {ip("2001:db8:1::1"), port});
    n.run(1s);
    CHECK(n.got.size() == (open ? 1 : 0));
    CHECK(n.dropped(drop_cause::nat_filter) == (open ? 0 : 1));
    n.got.clear();
    n.send(a, {ip("2001:db8::2"), port});
    n.run(1s);
    REQUIRE(n.got.size() == 1);
    CHECK(n.got[0].from == net::endpoint{ip("2001:db8:1::1"), port});
    n.send(b, n.got[0].from);
    n.run(1s);
    REQUIRE(n.got.size() == 2);
    CHECK(n.got[1].host == a);
    CHECK(n.got[1].at == n.got[0].at + 1s);
    // Another network, another address: the old one leads nowhere.
    n.net.move_host(a, n.net.inside_of(carrier), {ip("2001:db8:2::1")});
    n.send(b, {ip("2001:db8:1::1"), port});
    n.run(1s);
    CHECK(n.dropped(drop_cause::no_route) == 1);
    CHECK(n.broken == 0);
  }
}

TEST_CASE("two hosts behind one box meet at its outer address only if it hairpins") {
  for (const bool hairpin : {false, true}) {
    network n;
    auto how = full_cone();
    how.hairpin = hairpin;
    const auto box = n.net.add_nat("box", internet, ip("198.18.0.1"), how);
    const auto inside = n.net.inside_of(box);
    const auto a = n.net.add_host("a", inside, {ip("172.16.0.1")});
    const auto b = n.net.add_host("b", inside, {ip("172.16.0.2")});
    n.net.add_host("c", internet, {ip("198.18.0.2")});
    n.send(b, {ip("198.18.0.2"), port});
    n.run(1s);
    const auto outer_b = n.got.at(0).from;
    n.send(a, outer_b);
    n.run(1s);
    CHECK(n.got.size() == (hairpin ? 2 : 1));
    CHECK(n.dropped(drop_cause::nat_hairpin) == (hairpin ? 0 : 1));
    if (hairpin) CHECK(n.got[1].from.address == ip("198.18.0.1"));
    n.send(a, {ip("172.16.0.2"), port}); // inside, no box is needed
    n.run(1s);
    CHECK(n.got.back().host == b);
  }
}

TEST_CASE("a partition cuts between groups, not within them, and heals") {
  network n;
  const auto a = n.net.add_host("a", internet, {ip("198.18.0.1")});
  const auto b = n.net.add_host("b", internet, {ip("198.18.0.2")});
  const auto c = n.net.add_host("c", internet, {ip("198.18.0.3")});
  n.net.set_group(a, 1);
  n.net.set_group(c, 1);
  n.send(a, {ip("198.18.0.2"), port});
  n.send(a, {ip("198.18.0.3"), port});
  n.run(1s);
  REQUIRE(n.got.size() == 1);
  CHECK(n.got[0].host == c);
  CHECK(n.dropped(drop_cause::partitioned) == 1);
  CHECK_FALSE(n.net.reaches(a, b));
  n.net.ungroup();
  CHECK(n.net.reaches(a, b));
  n.send(a, {ip("198.18.0.2"), port});
  n.run(1s);
  CHECK(n.got.size() == 2);
}

TEST_CASE("a machine that is off and an address that moved away get nothing") {
  network n;
  const auto a = n.net.add_host("a", internet, {ip("198.18.0.1")});
  const auto b = n.net.add_host("b", internet, {ip("198.18.0.2")});
  n.send(a, {ip("198.18.0.2"), port});
  n.net.set_up(b, false);
  n.run(1s);
  CHECK(n.dropped(drop_cause::node_down) == 1);
  n.net.set_up(b, true);
  n.send(a, {ip("198.18.0.2"), port});
  n.net.move_host(b, internet, {ip("198.18.0.7")});
  n.run(1s);
  CHECK(n.dropped(drop_cause::no_route) == 1);
  CHECK(n.got.empty());
}

TEST_CASE("links follow their default until they get settings of their own") {
  network n;
  const auto a = n.net.add_host("a", internet, {ip("198.18.0.1")});
  const auto b = n.net.add_host("b", internet, {ip("198.18.0.2")});
  CHECK(n.net.link_between(a, b).settings().delay == 10ms);
  link_settings s;
  s.delay = 40ms;
  n.net.set_default(s);
  CHECK(n.net.link_between(a, b).settings().delay == 40ms);
  s.delay = 5ms;
  n.net.set_link(a, b, s);
  s.delay = 90ms;
  n.net.set_default(s);
  CHECK(n.net.link_between(a, b).settings().delay == 5ms);
  CHECK(n.net.link_between(b, a).settings().delay == 90ms);
}

TEST_CASE("packets are conserved after every event, whatever happens to them") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    network n{seed};
    link_settings rough;
    rough.delay = 20ms;
    rough.jitter = 30ms;
    rough.fifo = false;
    rough.loss_ppm = 50'000;
    rough.duplicate_ppm = 50'000;
    rough.bits_per_s = 50'000;
    rough.queue_octets = 1'000;
    n.net.set_default(rough);
    stream dice{seed, "dice"};
    std::vector<node_id> hosts;
    std::vector<net::ip_address> addresses;
    for (std::uint32_t i = 1; i <= 4; ++i) {
      addresses.push_back(net::ip_address::v4(0xc6120000 + i));
      const auto box = n.net.add_nat("box" + std::to_string(i), internet, addresses.back(),
                                     i % 2 ? full_cone() : symmetric());
      hosts.push_back(n.net.add_host("h" + std::to_string(i), n.net.inside_of(box),
                                     {net::ip_address::v4(0xac100000 + (i << 8))}));
      addresses.push_back(net::ip_address::v4(0xc6120100 + i));
      hosts.push_back(n.net.add_host("i" + std::to_string(i), internet, {addresses.back()}));
    }
    for (int i = 0; i < 2'000; ++i) {
      const net::endpoint to{addresses[dice.below(addresses.size())],
                             static_cast<std::uint16_t>(dice.below(3) ? port : dice.below(65'536))};
      n.send(hosts[dice.below(hosts.size())], to, 50 + dice.below(1'600));
      if (dice.chance_ppm(10'000)) n.net.set_group(hosts[dice.below(hosts.size())], 1);
      if (dice.chance_ppm(10'000)) n.net.ungroup();
      n.run(duration{static_cast<std::int64_t>(dice.below(3'000'000))});
    }
    n.run(10s);
    CHECK(n.broken == 0);
    CHECK(n.net.under_way() == 0);
    CHECK(n.queue.empty());
    CHECK(n.net.count().duplicated > 0);
    CHECK(n.net.count().delivered > 100);
    for (const auto cause : {drop_cause::loss, drop_cause::queue, drop_cause::mtu,
                             drop_cause::nat_filter, drop_cause::partitioned})
      CHECK(n.dropped(cause) > 0);
  }
}
