#include "actors/peer/liveness.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace std::chrono_literals;

namespace {
/// Counters that are looked at every 100 ms.
struct looks {
  actors::liveness l;
  msg::time_point now{};
  std::uint64_t rx = 1000, tx = 1000;
  void look(std::uint64_t heard, std::uint64_t sent, std::chrono::milliseconds after = 100ms) {
    now += after;
    l.look(rx += heard, tx += sent, now);
  }
  bool suspicious() const { return l.suspicious_at() && *l.suspicious_at() <= now; }
};
} // namespace

TEST_CASE("a busy pair is suspicious one look after the last answer") {
  looks w;
  for (int i = 0; i < 20; ++i)
    w.look(300, 300);
  CHECK_FALSE(w.l.suspicious_at());
  w.look(0, 300);
  CHECK(w.suspicious());
  w.look(100, 0);
  CHECK_FALSE(w.l.suspicious_at());
}

TEST_CASE("silence both ways and keepalives are never suspicious") {
  looks w;
  for (int i = 0; i < 20; ++i)
    w.look(300, 300);
  for (int i = 0; i < 100; ++i)
    w.look(0, i % 10 == 0 ? 32 : 0);
  CHECK_FALSE(w.l.suspicious_at());
}

TEST_CASE("a pair whose answers take their time is given it") {
  looks w;
  for (int i = 0; i < 10; ++i) { // one packet a second, answered after 300 ms
    w.look(0, 100);
    w.look(0, 0);
    w.look(0, 0);
    w.look(100, 0);
    w.look(0, 0, 600ms);
  }
  w.look(0, 100);
  w.look(0, 0, 200ms);
  CHECK_FALSE(w.suspicious());
  w.look(0, 0, 1s);
  CHECK(w.suspicious());
}

TEST_CASE("one-way traffic costs ever fewer probes: WireGuard answers it within 10 s only") {
  looks w;
  int alarms = 0;
  std::chrono::milliseconds since{};
  for (int i = 0; i < 6'000; ++i) { // ten minutes
    since += 100ms;
    const auto probed = w.suspicious();
    const auto heard = probed || since >= 10s;
    if (probed) ++alarms;
    if (heard) since = 0ms;
    w.look(heard ? 100 : 0, 300);
  }
  CHECK(alarms > 0);
  CHECK(alarms < 30);
  CHECK(w.l.patience() > 5s);
}

TEST_CASE("counters that begin anew say nothing") {
  looks w;
  w.look(300, 300);
  w.rx = w.tx = 0;
  w.look(0, 300);
  CHECK_FALSE(w.l.suspicious_at());
}

TEST_CASE("traffic is data in four looks in a row, none of them three seconds apart") {
  looks w;
  const auto carries = [&] { return w.l.carries(w.now); };
  for (int i = 0; i < 3; ++i)
    w.look(84, 84, 1s);
  CHECK_FALSE(carries()); // the first look knows nothing yet
  w.look(84, 84, 1s);
  CHECK_FALSE(carries());
  w.look(84, 84, 1s);
  CHECK(carries());
  w.look(0, 0, 3s);
  CHECK(carries());
  w.look(0, 0, 100ms);
  CHECK_FALSE(carries());
  for (int i = 0; i < 20; ++i) // health checks every 30 s, in two looks each
    w.look(0, 80, 30s), w.look(80, 0, 1s);
  CHECK_FALSE(carries());
  for (int i = 0; i < 20; ++i) // keepalives
    w.look(32, 32, 1s);
  CHECK_FALSE(carries());
}

TEST_CASE("a false alarm teaches, also when the probe's answer hides the packet's own") {
  looks w;
  for (int i = 0; i < 10; ++i) // answered between two looks
    w.look(100, 100, 500ms);
  int alarms = 0;
  for (int i = 0; i < 100; ++i) {
    // The packet left right before the look, which counts from the look before.
    w.look(0, 100);
    if (w.suspicious()) {
      ++alarms;
      w.now += 41ms;
      w.l.alive(w.now);
    }
    w.look(100, 0);
    w.look(0, 0, 300ms);
  }
  CHECK(alarms > 0);
  CHECK(alarms < 5);
}
