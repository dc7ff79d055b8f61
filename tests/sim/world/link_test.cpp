#include "sim/world/link.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;

namespace {

sim::link make(const link_settings& settings) {
  return sim::link{settings, stream{1, "link"}};
}
constexpr time_point start{};

} // namespace

TEST_CASE("a plain link delivers after its delay") {
  link_settings s;
  s.delay = 15ms;
  auto l = make(s);
  const auto way = l.pass(start + 1s, 100);
  CHECK(way.dropped == drop_cause::none);
  CHECK(way.at == start + 1s + 15ms);
}

TEST_CASE("a packet larger than the MTU vanishes, one of its size passes") {
  link_settings s;
  s.mtu = 1'280;
  auto l = make(s);
  CHECK(l.pass(start, 1'281).dropped == drop_cause::mtu);
  CHECK(l.pass(start, 1'280).dropped == drop_cause::none);
}

TEST_CASE("a rate spaces packets, and what exceeds its queue is dropped") {
  link_settings s;
  s.bits_per_s = 8'000'000; // one octet takes 1 us
  s.queue_octets = 2'000;
  auto l = make(s);
  CHECK(l.pass(start, 1'000).at == start + 1ms);
  CHECK(l.pass(start, 1'000).at == start + 2ms);
  CHECK(l.pass(start, 1'000).at == start + 3ms);
  CHECK(l.pass(start, 1'000).dropped == drop_cause::queue);
  CHECK(l.pass(start + 1ms, 1'000).at == start + 4ms);
}

TEST_CASE("first in, first out unless the link may reorder") {
  link_settings s;
  s.delay = 10ms;
  s.jitter = 20ms;
  const auto overtakes = [&] {
    auto l = make(s);
    bool found = false;
    auto last = start;
    for (int i = 0; i < 100; ++i) {
      const auto at = l.pass(start + i * 1ms, 100).at;
      found = found || at < last;
      last = at;
    }
    return found;
  };
  CHECK_FALSE(overtakes());
  s.fifo = false;
  CHECK(overtakes());
}

TEST_CASE("loss and duplication come about as often as asked for") {
  link_settings s;
  s.loss_ppm = 100'000;
  s.duplicate_ppm = 10'000;
  auto l = make(s);
  int lost = 0;
  int twice = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto way = l.pass(start, 100);
    lost += way.dropped == drop_cause::loss;
    twice += way.duplicate.has_value();
  }
  CHECK(lost > 9'500);
  CHECK(lost < 10'500);
  CHECK(twice > 750);
  CHECK(twice < 1'050);
}

TEST_CASE("a source decides about every packet, in order") {
  struct script final : delay_source {
    passage next(time_point, std::uint64_t packet) override {
      if (packet == 1) return {passage::fate::lost, {}};
      if (packet == 2) return {passage::fate::unreachable, {}};
      return {passage::fate::delivered, duration{static_cast<std::int64_t>(packet) * 1'000'000}};
    }
  };
  link_settings s;
  s.source = std::make_shared<script>();
  auto l = make(s);
  CHECK(l.pass(start, 100).at == start);
  CHECK(l.pass(start, 100).dropped == drop_cause::loss);
  CHECK(l.pass(start, 100).dropped == drop_cause::unreachable);
  CHECK(l.pass(start, 100).at == start + 3ms);
}

TEST_CASE("a blocked link drops by order until it is opened again") {
  auto l = make({});
  l.block(true);
  CHECK(l.pass(start, 100).dropped == drop_cause::partitioned);
  l.block(false);
  CHECK(l.pass(start, 100).dropped == drop_cause::none);
}
