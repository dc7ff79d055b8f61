#include "lab/capture.hpp"
#include "lab/laboratory.hpp"
#include "lab/nat_probe.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

std::string payload(std::initializer_list<unsigned> start, std::size_t size) {
  std::string p;
  for (auto b : start)
    p += char(b);
  p.resize(size);
  return p;
}

payload_class classify(const std::string& p) {
  return lanrage::lab::classify({reinterpret_cast<const std::uint8_t*>(p.data()), p.size()});
}

} // namespace

TEST_CASE("payloads are told apart by their first bytes and their length") {
  using enum payload_class;
  CHECK(classify(payload({1, 0, 0, 0}, 148)) == wg_initiation);
  CHECK(classify(payload({2, 0, 0, 0}, 92)) == wg_response);
  CHECK(classify(payload({3, 0, 0, 0}, 64)) == wg_cookie);
  CHECK(classify(payload({4, 0, 0, 0}, 32)) == wg_data);
  CHECK(classify(payload({4, 0, 0, 0}, 1452)) == wg_data);
  CHECK(classify(payload({0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, 20)) == stun);
  CHECK(classify(payload({1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42}, 32)) == stun);
  CHECK(classify(payload({0x4c, 0x4e, 0x52, 0x01}, 40)) == lanrage::lab::payload_class::lanrage);
}

TEST_CASE("near misses are not taken for what they resemble") {
  using enum payload_class;
  // An initiation whose random index equals STUN's cookie stays an initiation.
  CHECK(classify(payload({1, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42}, 148)) == wg_initiation);
  CHECK(classify(payload({1, 0, 0, 0}, 147)) == other);
  CHECK(classify(payload({4, 0, 0, 0}, 31)) == other);
  CHECK(classify(payload({0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43}, 20)) == other);
  CHECK(classify(payload({0x4c, 0x4e, 0x52, 0x02}, 40)) == other);
  CHECK(classify("") == other);
}

TEST_CASE("a capture counts by source, destination, class and direction") {
  if (skipped(unavailable_reason())) return;
  topology t;
  t.publics = {{"a"}, {"b"}, {"c"}};
  t.one_way_delay = 1ms;
  laboratory lab{t};
  capture at_a{lab.at("a").net_ns()}, at_b{lab.at("b").net_ns()}, at_c{lab.at("c").net_ns()};
  capture on_wire{lab.switch_ns(), lab.port_of("b")};
  udp_socket a{lab.at("a")}, b{lab.at("b"), 51820};
  for (int i = 0; i < 3; ++i)
    a.send(lab.at("b").address(), 51820, payload({1, 0, 0, 0}, 148));
  a.send(lab.at("b").address(), 51820, payload({0x4c, 0x4e, 0x52, 1}, 40));
  for (int i = 0; i < 4; ++i)
    REQUIRE(b.receive(process::clock::now() + 2s));

  const auto from = lab.at("a").address() + ":" + std::to_string(a.port());
  const flow initiation{from, lab.at("b").address() + ":51820", payload_class::wg_initiation,
                        false};
  auto arrived = [&](const flows& f) { return f.contains(initiation) && f.size() == 2; };
  REQUIRE(at_b.wait_until(process::clock::now() + 2s, arrived));
  // Each capture looks in a thread of its own.
  const auto outgoing = [](const flow& f) { return f.outgoing; };
  const auto ours = [](const flow& f) { return f.what == payload_class::lanrage; };
  const auto soon = process::clock::now() + 2s;
  const auto packets = [](const flows& seen, auto wanted) {
    std::uint64_t out = 0;
    for (const auto& [which, count] : seen)
      if (wanted(which)) out += count.packets;
    return out;
  };
  at_a.wait_until(soon, [&](const flows& f) { return packets(f, outgoing) >= 4; });
  on_wire.wait_until(soon, [&](const flows& f) { return packets(f, ours) >= 1; });
  CHECK(at_b.seen().at(initiation).packets == 3);
  CHECK(at_b.seen().at(initiation).bytes == 3 * 148);
  CHECK(at_a.count(outgoing) == 4);
  CHECK(at_a.count([](const flow& f) { return !f.outgoing; }) == 0);
  CHECK(at_c.seen().empty());
  CHECK(on_wire.count(ours) == 1);
  at_b.clear();
  CHECK(at_b.seen().empty());
}
