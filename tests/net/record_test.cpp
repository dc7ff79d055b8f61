#include "net/crypto.hpp"
#include "net/record.hpp"
#include "tests/net/octets.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace lanrage::net;
using namespace lanrage::net::test;

namespace {
template <class Enum, class Parse>
void reads_what_it_prints(std::initializer_list<Enum> values, Parse parse) {
  std::set<std::string_view> seen;
  for (const auto value : values) {
    const auto text = to_string(value);
    CAPTURE(text);
    CHECK(seen.insert(text).second);
    CHECK(parse(text) == value);
  }
  CHECK_FALSE(parse(""));
  CHECK_FALSE(parse("Host"));
  CHECK_FALSE(parse("nothing"));
}
} // namespace

TEST_CASE("the words of a record read back as what they were printed from") {
  using ck = candidate_kind;
  using nb = nat_behavior;
  using sk = signal_kind;
  reads_what_it_prints({ck::host, ck::server_reflexive, ck::peer_reflexive}, parse_candidate_kind);
  reads_what_it_prints({nb::unknown, nb::endpoint_independent, nb::address_dependent,
                        nb::address_and_port_dependent},
                       parse_nat_behavior);
  reads_what_it_prints({sk::offer, sk::punch, sk::reset, sk::bye}, parse_signal_kind);
}

TEST_CASE("a relay is named by its key, not by its address") {
  relay_info relay;
  relay.key = opaque_of<relay_public_key>(bob_public);
  CHECK(to_hex(relay.id().view()) == "7de4316ee6938221");
  relay.address = *endpoint::parse("1.2.3.4:5");
  relay.name = "other";
  CHECK(to_hex(relay.id().view()) == "7de4316ee6938221");
}

TEST_CASE("exactly one of two members starts the handshake") {
  const auto alice = opaque_of<wg_public_key>(alice_public);
  const auto bob = opaque_of<wg_public_key>(bob_public);
  CHECK(is_initiator(bob, alice)); // 96 is below 9a
  CHECK_FALSE(is_initiator(alice, bob));
}
