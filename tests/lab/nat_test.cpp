#include "lab/failure.hpp"
#include "lab/laboratory.hpp"
#include "lab/nat.hpp"
#include "lab/nat_probe.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

constexpr auto ei = dependence::endpoint_independent;
constexpr auto ad = dependence::address_dependent;
constexpr auto apd = dependence::address_and_port_dependent;
constexpr auto patience = 80ms;

struct expected {
  nat_type type;
  dependence mapping, filtering;
  bool preserved;
};
constexpr expected table[] = {
    {nat_type::open, ei, ei, true},
    {nat_type::full_cone, ei, ei, false},
    {nat_type::address_restricted, ei, ad, false},
    {nat_type::port_restricted, ei, apd, false},
    {nat_type::port_restricted_preserving, ei, apd, true},
    {nat_type::masquerade, ei, apd, true},
    {nat_type::symmetric, apd, apd, false},
    {nat_type::symmetric_sequential, apd, apd, false},
    {nat_type::symmetric_address, ad, apd, false},
    {nat_type::symmetric_unfiltered, apd, ei, false},
};

topology one_site() {
  topology t;
  t.publics = {{"server", 2}};
  t.sites = {{"p1", {}, {"p1", "p1b"}}};
  t.one_way_delay = 1ms;
  return t;
}

} // namespace

TEST_CASE("every NAT type has a word of its own and comes back from it") {
  for (auto type : all_nat_types())
    CHECK(nat_type_from(to_string(type)) == type);
  CHECK(to_string(nat_type::port_restricted) == "port-restricted");
  CHECK(to_string(nat_type::symmetric) == "symmetric");
  CHECK(nat_type_from("none") == std::nullopt);
}

TEST_CASE("each NAT type maps and filters as its name says", "[patient]") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{one_site()};
  nat_probe_server server{lab.at("server")};
  for (const auto& e : table) {
    INFO(to_string(e.type));
    nat_settings settings;
    settings.type = e.type;
    lab.set_nat("p1", settings);
    auto seen = probe_nat(lab.at("p1"), server, patience);
    REQUIRE(seen.udp_works);
    CHECK(to_string(seen.mapping) == to_string(e.mapping));
    CHECK(to_string(seen.filtering) == to_string(e.filtering));
    CHECK(seen.port_preserved == e.preserved);
    CHECK(seen.mapped.starts_with(lab.public_address("p1") + ":"));
    if (e.type == nat_type::symmetric_sequential) CHECK(seen.port_step == 1);
    if (e.type != nat_type::open) CHECK_FALSE(seen.hairpin);
  }
}

TEST_CASE("a UDP-blocking box passes no UDP but pings and TCP") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{one_site()};
  nat_probe_server server{lab.at("server")};
  nat_settings settings;
  settings.type = nat_type::udp_blocked;
  lab.set_nat("p1", settings);
  CHECK_FALSE(probe_nat(lab.at("p1"), server, patience).udp_works);
  CHECK(lab.at("p1").run({"ping", "-c1", "-W2", server.first_address()}).ok());
}

TEST_CASE("hairpinning works for every learning NAT type that maps endpoint-independently") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{one_site()};
  nat_probe_server server{lab.at("server")};
  for (auto type : {nat_type::full_cone, nat_type::address_restricted, nat_type::port_restricted,
                    nat_type::port_restricted_preserving}) {
    INFO(to_string(type));
    nat_settings settings;
    settings.type = type;
    settings.hairpin = true;
    lab.set_nat("p1", settings);
    auto seen = probe_nat(lab.at("p1"), server, patience);
    CHECK(seen.hairpin);
    CHECK(seen.mapping == ei);
  }
}

TEST_CASE("two machines behind one box share its address and reach each other privately") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{one_site()};
  CHECK(lab.public_address("p1") == lab.public_address("p1b"));
  udp_socket a{lab.at("p1")}, b{lab.at("p1b")};
  a.send(lab.at("p1b").address(), b.port(), "hello");
  auto got = b.receive(process::clock::now() + 1s);
  REQUIRE(got);
  CHECK(got->address == lab.at("p1").address());
  CHECK(got->port == a.port());
}

namespace {

/// Whether a packet the server sends now to this mapping arrives.
bool comes_in(udp_socket& server, udp_socket& member, const udp_socket::datagram& mapping) {
  server.send(mapping.address, mapping.port, "knock");
  return member.receive(process::clock::now() + 150ms).has_value();
}

udp_socket::datagram open_binding(udp_socket& server, udp_socket& member, const host& at) {
  member.send(at.address(), server.port(), "hello");
  auto seen = server.receive(process::clock::now() + 2s);
  REQUIRE(seen);
  return *seen;
}

} // namespace

TEST_CASE("a binding lets answers in until its timeout, or until it is flushed", "[patient]") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{one_site()};
  for (auto type : {nat_type::port_restricted, nat_type::full_cone, nat_type::masquerade}) {
    INFO(to_string(type));
    nat_settings settings;
    settings.type = type;
    settings.udp_timeout = settings.udp_answered_timeout = 1s;
    lab.set_nat("p1", settings);
    udp_socket server{lab.at("server")}, member{lab.at("p1")};
    auto mapping = open_binding(server, member, lab.at("server"));
    CHECK(comes_in(server, member, mapping));
    std::this_thread::sleep_for(2300ms); // twice the timeout; the kernel counts coarsely
    CHECK_FALSE(comes_in(server, member, mapping));

    mapping = open_binding(server, member, lab.at("server"));
    CHECK(comes_in(server, member, mapping));
    lab.flush("p1");
    CHECK_FALSE(comes_in(server, member, mapping));
  }
}

TEST_CASE("rebinding gives a hashed mapping another public port and keeps a preserved one") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{one_site()};
  udp_socket server{lab.at("server")}, member{lab.at("p1")};
  auto before = open_binding(server, member, lab.at("server"));
  lab.rebind("p1");
  auto after = open_binding(server, member, lab.at("server"));
  CHECK(before.port != after.port); // equal by chance once in 16384
  CHECK_FALSE(comes_in(server, member, before));
  CHECK(comes_in(server, member, after));

  nat_settings preserving;
  preserving.type = nat_type::port_restricted_preserving;
  lab.set_nat("p1", preserving);
  lab.rebind("p1");
  CHECK(open_binding(server, member, lab.at("server")).port == member.port());
}

TEST_CASE("a box that rejects lets an unasked packet take the public port away; one that drops "
          "does not") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{one_site()};
  for (auto wan : {unsolicited::drop, unsolicited::reject}) {
    nat_settings settings;
    settings.type = nat_type::masquerade;
    settings.wan = wan;
    lab.set_nat("p1", settings);
    udp_socket server{lab.at("server")}, member{lab.at("p1")};
    // The stranger knocks where the member's port will be, before the member says anything.
    server.send(lab.public_address("p1"), member.port(), "too early");
    std::this_thread::sleep_for(50ms);
    auto seen = open_binding(server, member, lab.at("server"));
    CHECK((seen.port == member.port()) == (wan == unsolicited::drop));
  }
}

TEST_CASE("a machine in an open site is reached unasked at its own public address") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{one_site()};
  nat_settings open;
  open.type = nat_type::open;
  lab.set_nat("p1", open);
  CHECK(lab.public_address("p1") == lab.at("p1").address());
  CHECK(lab.public_address("p1") != lab.public_address("p1b"));
  udp_socket server{lab.at("server")}, member{lab.at("p1b")};
  server.send(lab.public_address("p1b"), member.port(), "unasked");
  CHECK(member.receive(process::clock::now() + 2s));
  lab.set_nat("p1", {});
  CHECK(lab.public_address("p1") == lab.public_address("p1b"));
  auto seen = open_binding(server, member, lab.at("server"));
  CHECK(seen.address == lab.public_address("p1"));
}
