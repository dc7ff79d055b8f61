// Parties over IPv6, over IPv4, and over both, in the laboratory.

#include "lab/failure.hpp"
#include "lab/party.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

constexpr auto limit = 25s;

party_options options(std::vector<party_member> members) {
  party_options o;
  o.binary = lanrage::places::program;
  o.members = std::move(members);
  o.ipv6 = true;
  return o;
}

party_member member(const std::string& name, nat_type type, bool ipv4, bool ipv6) {
  party_member out{name, {}, "", "", ipv4, ipv6};
  out.nat.type = type;
  return out;
}

bool over_ipv6(const peer_view& v) {
  return v.direct() && v.endpoint.starts_with("[2001:db8:");
}

void require(party& p, const char* a, const char* b,
             const std::function<bool(const peer_view&)>& wanted) {
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    const auto view = p.await(
        from, to, [&](const peer_view& v) { return v.connected() && wanted(v); }, limit);
    INFO(from << " to " << to << ": " << (view ? view->status + " " + view->endpoint : "nothing")
              << "\n"
              << p.log_end(from, 30));
    REQUIRE(view);
    REQUIRE(view->connected());
    CHECK(wanted(*view));
  }
}

} // namespace

TEST_CASE("two symmetric NATs with firewalled IPv6 go direct over it") {
  if (skipped(party_unavailable_reason())) return;
  party p{options({member("p1", nat_type::symmetric, true, true),
                   member("p2", nat_type::symmetric, true, true)})};
  p.form();
  require(p, "p1", "p2", over_ipv6);
}

TEST_CASE("members with one family each, the same or not, are one party") {
  if (skipped(party_unavailable_reason())) return;
  const auto type = nat_type::port_restricted;
  party p{options({member("six1", type, false, true), member("six2", type, false, true),
                   member("four1", type, true, false), member("four2", type, true, false)})};
  p.form();
  require(p, "six1", "six2", over_ipv6);
  require(p, "four1", "four2",
          [](const peer_view& v) { return v.direct() && v.endpoint.starts_with("203.0.113."); });
  // Each end speaks to the same relay in its own family.
  require(p, "four1", "six1", [](const peer_view& v) { return v.strategy == "relay"; });
  CHECK(p.status("four1", "six1")->endpoint.starts_with("203.0.113."));
  CHECK(p.status("six1", "four1")->endpoint.starts_with("[2001:db8::"));
  const auto ping = p.lab().at("six2").run({"ping", "-c", "3", "-i", "0.2", p.virtual_ip("four2")});
  INFO(ping.out);
  CHECK(ping.ok());
}

TEST_CASE("between two ways of the same length IPv6 is taken") {
  if (skipped(party_unavailable_reason())) return;
  const auto type = nat_type::full_cone;
  party p{options({member("p1", type, true, true), member("p2", type, true, true)})};
  p.form();
  require(p, "p1", "p2", over_ipv6);
}
