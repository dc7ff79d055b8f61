#include "sim/world/nat_box.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{};

net::endpoint at(std::string_view text) {
  return *net::endpoint::parse(text);
}
const auto inner = at("172.16.0.2:51820");
const auto other_inner = at("172.16.0.3:51820");
const auto server = at("203.0.113.1:3478");
const auto server_port = at("203.0.113.1:9999");
const auto stranger = at("203.0.113.2:3478");

/// A box with shorthands.
struct box {
  explicit box(const nat_settings& how)
      : nat(how, *net::ip_address::parse("198.18.0.1"), stream{1, "nat"}) {}
  net::endpoint out(net::endpoint from, net::endpoint to, duration when = {}) {
    CHECK(nat.outward(from, to, start + when) == drop_cause::none);
    return from;
  }
  bool in(net::endpoint from, net::endpoint to, duration when = {}) {
    return nat.inward(from, to, start + when) == drop_cause::none;
  }
  nat_box nat;
};

} // namespace

TEST_CASE("an endpoint-independent mapping is one outer port for all remotes") {
  box b{port_restricted()};
  const auto outer = b.out(inner, server);
  CHECK(outer == b.out(inner, server_port));
  CHECK(outer == b.out(inner, stranger));
  CHECK(outer != b.out(other_inner, server));
}

TEST_CASE("an address-dependent mapping has a port per remote address") {
  box b{{.mapping = nat_behavior::address_dependent}};
  const auto outer = b.out(inner, server);
  CHECK(outer == b.out(inner, server_port));
  CHECK(outer != b.out(inner, stranger));
}

TEST_CASE("an address-and-port-dependent mapping has a port per remote endpoint") {
  box b{symmetric()};
  const auto outer = b.out(inner, server);
  CHECK(outer == b.out(inner, server));
  CHECK(outer != b.out(inner, server_port));
  CHECK(outer != b.out(inner, stranger));
}

TEST_CASE("filtering lets in whom its class says") {
  struct expectation {
    nat_settings how;
    bool same_address;
    bool anybody;
  };
  for (const auto& each :
       {expectation{full_cone(), true, true}, expectation{address_restricted(), true, false},
        expectation{port_restricted(), false, false}}) {
    box b{each.how};
    const auto outer = b.out(inner, server);
    CHECK(b.in(server, outer));
    CHECK(b.in(server_port, outer) == each.same_address);
    CHECK(b.in(stranger, outer) == each.anybody);
  }
}

TEST_CASE("what comes in reaches the inner endpoint that was mapped") {
  box b{full_cone()};
  b.out(inner, server);
  auto outer = b.out(other_inner, server);
  auto from = stranger;
  CHECK(b.nat.inward(from, outer, start) == drop_cause::none);
  CHECK(outer == other_inner);
}

TEST_CASE("a mapping ends after its lifetime without packets from inside") {
  box b{port_restricted()};
  const auto outer = b.out(inner, server);
  CHECK(b.in(server, outer, 120s));
  CHECK_FALSE(b.in(server, outer, 121s)); // what came in at 120 s did not count
  CHECK(b.nat.mappings(start + 121s) == 0);
}

TEST_CASE("inbound refresh keeps a mapping alive, if the box does that") {
  auto how = port_restricted();
  how.refresh_inbound = true;
  box b{how};
  const auto outer = b.out(inner, server);
  CHECK(b.in(server, outer, 100s));
  CHECK(b.in(server, outer, 200s));
  CHECK_FALSE(b.in(server, outer, 321s));
}

TEST_CASE("a box that preserves ports does so while they are free") {
  auto how = port_restricted();
  how.preserve_ports = true;
  box b{how};
  CHECK(b.out(inner, server).port == inner.port);
  const auto second = b.out(other_inner, server);
  CHECK(second.port != inner.port);
  CHECK(b.out(inner, server, 60s).port == inner.port);
}

TEST_CASE("sequential ports follow each other and wrap") {
  auto how = symmetric_sequential();
  how.first_port = 2'000;
  how.last_port = 2'002;
  box b{how};
  CHECK(b.out(inner, server).port == 2'000);
  CHECK(b.out(inner, server_port).port == 2'001);
  CHECK(b.out(inner, stranger).port == 2'002);
  auto from = other_inner;
  auto to = server;
  CHECK(b.nat.outward(from, to, start) == drop_cause::nat_ports);
  CHECK(b.out(other_inner, server, 121s).port == 2'000);
}

TEST_CASE("a rebinding takes mappings and address, a flush the mappings only") {
  box b{full_cone()};
  const auto outer = b.out(inner, server);
  b.nat.flush();
  CHECK_FALSE(b.in(server, outer));
  b.nat.rebind(*net::ip_address::parse("198.18.0.9"));
  CHECK(net::to_string(b.out(inner, server).address) == "198.18.0.9");
}

TEST_CASE("a box that blocks UDP lets nothing out") {
  box b{udp_blocked()};
  auto from = inner;
  auto to = server;
  CHECK(b.nat.outward(from, to, start) == drop_cause::nat_blocked);
}

TEST_CASE("a remembered refusal takes the port away from packets to its sender") {
  auto how = port_restricted();
  how.preserve_ports = true;
  how.remembers_refused = true;
  box b{how};
  const auto outer = b.out(inner, server);
  CHECK_FALSE(b.in(stranger, outer)); // too early: the inside has not sent yet
  CHECK(b.out(inner, stranger, 1s).port != outer.port);
  CHECK(b.out(inner, server, 1s).port == outer.port);
  box patient{how};
  patient.out(inner, server);
  CHECK_FALSE(patient.in(stranger, outer));
  CHECK(patient.out(inner, stranger, 31s).port == outer.port);
}

TEST_CASE(
    "who was let in by a mapping that is not theirs is answered from the port they spoke to") {
  box b{{.mapping = nat_behavior::address_and_port_dependent,
         .filtering = nat_behavior::endpoint_independent}};
  const auto outer = b.out(inner, server);
  CHECK(b.out(inner, server_port) != outer);
  CHECK(b.in(stranger, outer));
  CHECK(b.out(inner, stranger) == outer);
  // It ends with the mapping.
  CHECK_FALSE(b.in(stranger, outer, 121s));
  CHECK(b.out(inner, stranger, 122s) != outer);
}

TEST_CASE(
    "who comes by another port than the inside uses for them looks like somebody else there") {
  box b{{.mapping = nat_behavior::address_and_port_dependent,
         .filtering = nat_behavior::endpoint_independent}};
  const auto outer = b.out(inner, server);
  const auto theirs = b.out(inner, stranger);
  auto from = stranger, to = outer;
  REQUIRE(b.nat.inward(from, to, start) == drop_cause::none);
  CHECK(from.address == stranger.address);
  CHECK(from.port != stranger.port);
  // The answer goes back the way it came.
  auto back = inner;
  auto whom = from;
  REQUIRE(b.nat.outward(back, whom, start) == drop_cause::none);
  CHECK(back == outer);
  CHECK(whom == stranger);
  CHECK(b.out(inner, stranger) == theirs);
}

TEST_CASE("a firewall forgets what was asked for as a box forgets mappings") {
  auto how = port_restricted();
  how.lifetime = 30s;
  for (const bool refresh : {false, true}) {
    how.refresh_inbound = refresh;
    nat_box box{how, *net::ip_address::parse("198.18.0.1"), stream{1, "box"}};
    const net::endpoint inner{*net::ip_address::parse("2001:db8:1::1"), 1};
    const net::endpoint remote{*net::ip_address::parse("2001:db8::2"), 2};
    const time_point start{};
    CHECK(box.firewall_inward(remote, inner, start) == drop_cause::nat_filter);
    CHECK(box.firewall_outward(inner, remote, start) == drop_cause::none);
    CHECK(box.firewall_inward(remote, inner, start + 20s) == drop_cause::none);
    CHECK(box.firewall_inward({remote.address, 3}, inner, start) == drop_cause::nat_filter);
    CHECK((box.firewall_inward(remote, inner, start + 45s) == drop_cause::none) == refresh);
    box.flush();
    CHECK(box.firewall_inward(remote, inner, start + 46s) == drop_cause::nat_filter);
  }
  how.blocks_udp = true;
  nat_box shut{how, *net::ip_address::parse("198.18.0.1"), stream{1, "box"}};
  CHECK(shut.firewall_outward({}, {}, {}) == drop_cause::nat_blocked);
  CHECK(shut.firewall_inward({}, {}, {}) == drop_cause::nat_blocked);
}
