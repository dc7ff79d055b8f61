#include "actors/wg/wg_plan.hpp"
#include "tests/actors/wg/wg_keys.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::test;
using namespace std::chrono_literals;
using net::wg::change;
using net::wg::change_kind;

namespace {

net::wg::peer_state seen_peer(std::uint32_t number, const char* where, std::chrono::seconds every) {
  return {wg_key(number),
          where ? net::endpoint::parse(where) : std::nullopt,
          {net::wg::allowed_ip(address_of(number))},
          {},
          0,
          0,
          every};
}

} // namespace

TEST_CASE("each difference between desired and observed is one change, and no difference is none") {
  const auto here = at("192.0.2.1:1");
  const auto there = at("192.0.2.2:2");
  const auto address = address_of(5);
  const auto put = [&](std::optional<net::endpoint> where, std::chrono::seconds every) {
    return change{change_kind::put, wg_key(5), address, where, every};
  };
  struct row {
    const char* what;
    desired_peer desired;
    std::optional<net::wg::peer_state> seen;
    std::optional<change> expected;
  };
  auto wrong_address = seen_peer(5, "192.0.2.1:1", 25s);
  wrong_address.allowed_ips = {"10.66.9.9/32"};
  auto two_addresses = seen_peer(5, "192.0.2.1:1", 25s);
  two_addresses.allowed_ips.push_back("0.0.0.0/0");
  const auto hint = endpoint_rule::hint;
  const auto pinned = endpoint_rule::pinned;
  const std::vector<row> rows{
      {"missing", {address, here, hint, 25s}, {}, put(here, 25s)},
      {"missing responder: silent", {address, {}, hint, 25s}, {}, put({}, 0s)},
      {"as wanted", {address, here, hint, 25s}, seen_peer(5, "192.0.2.1:1", 25s), {}},
      {"roamed is no difference", {address, there, hint, 0s}, seen_peer(5, "192.0.2.1:1", 0s), {}},
      {"a hint fills an empty endpoint",
       {address, here, hint, 0s},
       seen_peer(5, nullptr, 0s),
       change{change_kind::endpoint, wg_key(5), {}, here, {}}},
      {"a pinned endpoint is moved and nothing else touched",
       {address, there, pinned, 0s},
       seen_peer(5, "192.0.2.1:1", 0s),
       change{change_kind::endpoint, wg_key(5), {}, there, {}}},
      {"pinned and there", {address, here, pinned, 0s}, seen_peer(5, "192.0.2.1:1", 0s), {}},
      {"keepalive alone leaves the endpoint",
       {address, there, hint, 25s},
       seen_peer(5, "192.0.2.1:1", 0s),
       put({}, 25s)},
      {"keepalive off", {address, here, hint, 0s}, seen_peer(5, "192.0.2.1:1", 25s), put({}, 0s)},
      {"a responder is silent until WireGuard learned its endpoint",
       {address, {}, hint, 25s},
       seen_peer(5, nullptr, 0s),
       {}},
      {"then its keepalive goes on",
       {address, {}, hint, 25s},
       seen_peer(5, "192.0.2.9:9", 0s),
       put({}, 25s)},
      {"another address", {address, {}, hint, 25s}, wrong_address, put({}, 25s)},
      {"one address too many", {address, {}, hint, 25s}, two_addresses, put({}, 25s)},
      {"everything at once", {address, there, pinned, 0s}, wrong_address, put(there, 0s)},
  };
  for (const auto& [what, desired, seen, expected] : rows) {
    INFO(what);
    CHECK(difference(wg_key(5), desired, seen ? &*seen : nullptr) == expected);
  }
}

TEST_CASE("a plan removes what is unwanted first, changes what differs and leaves foreign peers") {
  net::wg::observation seen;
  seen.peers = {seen_peer(1, nullptr, 0s), seen_peer(2, nullptr, 0s), seen_peer(3, nullptr, 0s)};
  const std::map<net::wg_public_key, desired_peer> desired{
      {wg_key(1), {address_of(1), {}, endpoint_rule::hint, 0s}},
      {wg_key(4), {address_of(3), {}, endpoint_rule::hint, 0s}}};
  const auto changes = plan(desired, {wg_key(3), wg_key(9)}, seen);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0] == change{change_kind::remove, wg_key(3), {}, {}, {}});
  CHECK(changes[1] == change{change_kind::put, wg_key(4), address_of(3), {}, 0s});
}
