// Faults of actors and clocks, on small actors that stand for a daemon's.
#include "tests/sim/faults/bare_stage.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <map>

using namespace lanrage;
using namespace lanrage::sim;
using lanrage::test::bare_stage;
using namespace std::chrono_literals;

namespace {

struct heard_at {
  int number = 0;
  duration at{};
};
using notes = std::vector<heard_at>;

duration now_of(caf::event_based_actor* self) {
  return self->clock().now().time_since_epoch();
}

caf::behavior listener(caf::event_based_actor* self, notes* into) {
  return {[=](int number) { into->push_back({number, now_of(self)}); }};
}

/// From 11 s to 15 s, of alice's actor "nat".
std::string on_alice(const std::string& kind, const std::string& arguments) {
  return "kind = \"" + kind + "\"\non = \"alice\"\nstart = \"11s\"\nend = \"15s\"\n" + arguments;
}

/// Alice's "nat" is an actor of the test's that is sent a number every second from 10 s on.
struct one_actor {
  bare_stage on;
  notes heard;
  caf::actor nat;

  explicit one_actor(const std::string& fault) : on(fault) {
    nat = on.w.actors().own(on.w.actors().system().spawn(listener, &heard));
    on.w.on_birth(on.alice_id(), "nat", nat);
    for (int i = 0; i < 10; ++i)
      on.w.plan().at(time_point{10s + 1s * i}, [this, i] { caf::anon_send(nat, i); });
    on.run(30s);
  }
  bool as_usual() const {
    bool out = heard.size() == 10;
    for (const auto& each : heard)
      out = out && each.at == 10s + 1s * each.number;
    return out;
  }
};

} // namespace

TEST_CASE("an actor ends with its n-th message, which is its last") {
  const one_actor got{on_alice("actor-exit", "actor = \"nat\"\nindex = 3\n")};
  REQUIRE(got.heard.size() == 4); // of 10 s, and three of the fault's time
  CHECK(got.heard.back().at == 13s);
  CHECK(got.on.fired() == 1);
  CHECK(one_actor{on_alice("actor-exit", "actor = \"nat\"\nindex = 99\n")}.as_usual());
  CHECK(one_actor{on_alice("actor-exit", "actor = \"port\"\nindex = 1\n")}.as_usual());
  CHECK(one_actor{"kind = \"actor-exit\"\non = \"bob\"\nactor = \"nat\"\nindex = 1\nstart = "
                  "\"11s\"\nend = \"15s\"\n"}
            .as_usual());
}

TEST_CASE("an actor with a question open ends before the answer, one without does not") {
  for (const bool asks : {true, false}) {
    bare_stage on{on_alice("actor-exit-open", "actor = \"nat\"\nindex = 1\n")};
    auto& system = on.w.actors().system();
    notes heard;
    const auto silent = on.w.actors().own(system.spawn([](caf::event_based_actor* self) {
      return caf::behavior{[=](int) { return self->make_response_promise<int>(); }};
    }));
    const auto nat = on.w.actors().own(system.spawn([&](caf::event_based_actor* self) {
      return caf::behavior{[=, &heard](int number) {
        heard.push_back({number, now_of(self)});
        if (asks) self->request(silent, 10s, number).then([](int) {}, [](caf::error&) {});
      }};
    }));
    on.w.on_birth(on.alice_id(), "nat", nat);
    for (int i = 0; i < 4; ++i)
      on.w.plan().at(time_point{11'100ms + 1s * i}, [&, i] { caf::anon_send(nat, i); });
    on.run(30s);
    CHECK(heard.size() == (asks ? 1 : 4)); // it handled the message, and that was its last
    CHECK(on.fired() == (asks ? 1 : 0));
  }
}

TEST_CASE("a paused mailbox is empty again when the fault ends, in order") {
  const one_actor got{on_alice("slow-mailbox", "actor = \"nat\"\n")};
  REQUIRE(got.heard.size() == 10);
  for (int i = 0; i < 10; ++i) {
    const auto& each = got.heard[static_cast<std::size_t>(i)];
    CHECK(each.number == i);
    const auto sent = 10s + 1s * i;
    CHECK(each.at == (sent >= 11s && sent < 15s ? duration{15s} : duration{sent}));
  }
}

TEST_CASE("a slow actor takes its time after each message") {
  bare_stage on{on_alice("slow-mailbox", "actor = \"nat\"\nby = \"500ms\"\n")};
  notes heard;
  const auto nat = on.w.actors().own(on.w.actors().system().spawn(listener, &heard));
  on.w.on_birth(on.alice_id(), "nat", nat);
  on.w.plan().at(time_point{12s}, [&] {
    for (int i = 0; i < 4; ++i)
      caf::anon_send(nat, i);
  });
  on.run(30s);
  REQUIRE(heard.size() == 4);
  for (int i = 0; i < 4; ++i)
    CHECK(heard[static_cast<std::size_t>(i)].at == 12s + 500ms * i);
}

TEST_CASE("actors run in another order, what one sends another does not") {
  bare_stage on{"kind = \"shuffle-senders\"\non = \"all\"\nstart = \"11s\"\nend = \"15s\"\n"};
  auto& system = on.w.actors().system();
  notes heard;
  const auto last = on.w.actors().own(system.spawn(listener, &heard));
  constexpr int senders = 4;
  std::vector<caf::actor> all;
  for (int s = 0; s < senders; ++s)
    all.push_back(on.w.actors().own(system.spawn([=](caf::event_based_actor* self) {
      return caf::behavior{[=](int) {
        for (int i = 0; i < 5; ++i)
          self->send(last, s * 10 + i);
      }};
    })));
  for (const auto when : {duration{10s}, duration{12s}})
    on.w.plan().at(time_point{when}, [&all] {
      for (const auto& each : all)
        caf::anon_send(each, 0);
    });
  on.run(30s);
  REQUIRE(heard.size() == 2 * senders * 5);
  const auto order = [&](std::size_t begin) {
    std::vector<int> out;
    std::map<int, int> next;
    for (auto i = begin; i < begin + senders * 5; ++i) {
      CHECK(heard[i].number % 10 == next[heard[i].number / 10]++);
      out.push_back(heard[i].number);
    }
    return out;
  };
  const auto usual = order(0);
  CHECK(std::is_sorted(usual.begin(), usual.end()));
  CHECK(order(senders * 5) != usual);
  CHECK(on.fired() > 0);
}

namespace {

/// Sets a timer of 10 s and asks somebody silent for 2 s, both at 12 s.
struct timers {
  duration timer{};
  duration timeout{};
  std::uint64_t fired = 0;

  explicit timers(const std::string& fault) {
    bare_stage on{fault};
    auto& system = on.w.actors().system();
    const auto silent = on.w.actors().own(system.spawn([](caf::event_based_actor* self) {
      return caf::behavior{[=](int) { return self->make_response_promise<int>(); }};
    }));
    const auto nat = on.w.actors().own(system.spawn([this, silent](caf::event_based_actor* self) {
      return caf::behavior{[=, this](int) {
                             self->delayed_send(self, 10s, true);
                             self->request(silent, 2s, 1)
                                 .then([](int) {},
                                       [=, this](caf::error&) { timeout = now_of(self) - 12s; });
                           },
                           [=, this](bool) { timer = now_of(self) - 12s; }};
    }));
    on.w.on_birth(on.alice_id(), "nat", nat);
    on.w.plan().at(time_point{12s}, [nat] { caf::anon_send(nat, 0); });
    on.run(60s);
    fired = on.fired();
  }
};

} // namespace

TEST_CASE("timers drift, are late, and requests time out early, as faults of clocks say") {
  const timers usual{on_alice("drift", "by = \"0%\"\n")};
  CHECK(usual.timer == 10s);
  CHECK(usual.timeout == 2s);
  CHECK(usual.fired == 0);
  const timers slow{on_alice("drift", "by = \"20%\"\n")};
  CHECK(slow.timer == 12s);
  CHECK(slow.timeout == 2'400ms);
  const timers fast{on_alice("drift", "by = \"20%\"\nfast = true\n")};
  CHECK(fast.timer == 9s);
  const timers late{on_alice("late-timer", "by = \"3s\"\n")};
  CHECK(late.timer > 10s);
  CHECK(late.timer <= 13s);
  const timers early{on_alice("early-timeout", "share = \"100%\"\nleft = \"25%\"\n")};
  CHECK(early.timer == 10s); // no request
  CHECK(early.timeout == 500ms);
  CHECK(early.fired == 1);
}

TEST_CASE("actors of a machine that sleeps have their mail when it wakes") {
  const one_actor got{on_alice("suspend", "")};
  CHECK(got.on.calls == std::vector<std::string>{"11000 suspend", "15000 resume"});
  REQUIRE(got.heard.size() == 10);
  CHECK(std::count_if(got.heard.begin(), got.heard.end(),
                      [](const auto& each) { return each.at == 15s; }) == 5);
}
