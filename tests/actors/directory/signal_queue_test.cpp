#include "actors/directory/signal_queue.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace std::chrono_literals;
using fate = signal_queue::fate;
using net::signal_kind;

namespace {

constexpr msg::time_point start{1h};

msg::send_signal signal_to(std::uint8_t party, std::uint32_t peer, signal_kind kind,
                           std::uint32_t epoch = 0) {
  msg::send_signal out;
  out.party.octets.fill(party);
  out.to.octets[0] = static_cast<std::uint8_t>(peer >> 8);
  out.to.octets[1] = static_cast<std::uint8_t>(peer);
  out.signal.kind = kind;
  out.signal.epoch = epoch;
  return out;
}

struct outbox {
  signal_queue queue;
  std::vector<msg::send_signal> sent;
  fate all = fate::send;

  bool flush(msg::time_point now) {
    return queue.flush(
        now, [this](const auto&) { return all; }, [this](const auto& s) { sent.push_back(s); });
  }
};

} // namespace

TEST_CASE("a pace lets its burst through at once, then its rate") {
  pace p{3, 10};
  CHECK(p.take(start));
  CHECK(p.take(start));
  CHECK(p.take(start));
  CHECK_FALSE(p.take(start));
  CHECK_FALSE(p.take(start + 100ms - 1ns));
  CHECK(p.take(start + 100ms));
  CHECK_FALSE(p.take(start + 100ms));
  const auto later = start + 1h; // what was not used is not saved up
  CHECK(p.take(later));
  CHECK(p.take(later));
  CHECK(p.take(later));
  CHECK_FALSE(p.take(later));
}

TEST_CASE("of each kind the newest to a peer is sent, in the order of the newest") {
  outbox o;
  o.queue.put(signal_to(1, 1, signal_kind::offer, 1), start);
  o.queue.put(signal_to(1, 1, signal_kind::punch, 1), start);
  o.queue.put(signal_to(1, 2, signal_kind::offer, 1), start);
  o.queue.put(signal_to(1, 1, signal_kind::offer, 2), start);
  CHECK_FALSE(o.flush(start));
  REQUIRE(o.sent.size() == 3);
  CHECK(o.sent[0].signal.kind == signal_kind::punch);
  CHECK(o.sent[1].signal.kind == signal_kind::offer);
  CHECK(o.sent[1].signal.epoch == 2);
  CHECK(o.sent[2].to == signal_to(1, 2, signal_kind::offer).to);
  CHECK(o.queue.peers() == 0);
}

TEST_CASE("what has no way yet stays behind and holds up nobody") {
  outbox o;
  o.queue.put(signal_to(1, 1, signal_kind::offer), start);
  o.queue.put(signal_to(2, 2, signal_kind::offer), start);
  o.queue.flush(
      start,
      [](const msg::send_signal& s) { return s.party.octets[0] == 1 ? fate::keep : fate::send; },
      [&](const auto& s) { o.sent.push_back(s); });
  REQUIRE(o.sent.size() == 1);
  CHECK(o.sent[0].party.octets[0] == 2);
  CHECK(o.queue.peers() == 1);
  SECTION("until its party is forgotten") {
    o.queue.forget(o.sent[0].party);
    CHECK(o.queue.peers() == 1);
    o.queue.forget(signal_to(1, 1, signal_kind::offer).party);
    CHECK(o.queue.peers() == 0);
  }
  SECTION("until it is too old") {
    o.queue.drop_older(start - 1ns);
    CHECK(o.queue.peers() == 1);
    o.queue.drop_older(start);
    CHECK(o.queue.peers() == 0);
  }
  SECTION("until nobody is there to hear it") {
    o.all = fate::drop;
    o.flush(start);
    CHECK(o.queue.peers() == 0);
    CHECK(o.sent.size() == 1);
  }
}

TEST_CASE("a full party is told within two seconds, none is lost, and never faster than agreed") {
  namespace defaults = config::defaults;
  outbox o;
  constexpr std::uint32_t members = 999;
  for (std::uint32_t n = 0; n < members; ++n)
    o.queue.put(signal_to(1, n, signal_kind::offer), start);
  auto now = start;
  while (o.flush(now)) {
    const auto allowed =
        defaults::control_signals_burst + defaults::control_signals_per_s * (now - start) / 1s + 1;
    CHECK(o.sent.size() <= static_cast<std::size_t>(allowed));
    now += defaults::control_signals_turn;
  }
  CHECK(now - start <= 2s);
  REQUIRE(o.sent.size() == members);
  for (std::uint32_t n = 0; n < members; ++n)
    CHECK(o.sent[n].to == signal_to(1, n, signal_kind::offer).to);
}

TEST_CASE("the queue is bounded by a full party") {
  outbox o;
  for (std::uint32_t n = 0; n < 3'000; ++n)
    o.queue.put(signal_to(1, n, signal_kind::offer), start);
  CHECK(o.queue.peers() == config::defaults::control_members_per_party_max);
}
