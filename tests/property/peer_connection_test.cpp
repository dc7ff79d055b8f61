#include "tests/support/core_rules.hpp"
#include "tests/support/driven_core.hpp"
#include "tests/support/splitmix.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace lanrage;
using namespace lanrage::test;
using lanrage::msg::phase;

namespace {

/// What the spec promises, in a few lines, fed with the same answers as the core: how many checks
/// may be lost, that failing needs three repairs, that only accepted samples become the latency.
struct reference {
  std::uint64_t losses = 0;
  int repairs = 0;  ///< of those that go on, or went on last
  int given_up = 0; ///< times that three were in vain
  std::optional<std::chrono::nanoseconds> sample;

  std::chrono::nanoseconds repaired_at{};
  std::uint64_t reconnects = 0;
  std::string reason;

  std::optional<std::string> follow(phase before, const driven_core& d,
                                    const actors::event& event) {
    const auto after = d.phase();
    const auto view = d.view();
    if (const auto* report = std::get_if<actors::tunnel_report>(&event);
        report && report->outcome == actors::probe_outcome::answered)
      sample = report->rtt;
    const auto up = [](phase p) { return p == phase::connected || p == phase::degraded; };
    if (view.counters.lost > losses) {
      if (view.counters.lost != losses + 1) return "one event lost two checks";
      if (!up(before) || after != phase::reconnecting) return "a lost check without a repair";
      losses = view.counters.lost;
    }
    if (auto broken = follow_repairs(before, d)) return broken;
    if (before == phase::reconnecting && after == phase::reconnecting) return std::nullopt;
    if (up(after) && before != after && view.latency != sample) return "a latency nobody measured";
    if (after == phase::connected && *view.latency > std::chrono::milliseconds{200})
      return "connected above 200 ms";
    if (after == phase::degraded && *view.latency <= std::chrono::milliseconds{200})
      return "degraded at or below 200 ms";
    return std::nullopt;
  }

  std::optional<std::string> follow_repairs(phase before, const driven_core& d) {
    const auto after = d.phase();
    const auto view = d.view();
    const auto waited = d.now - repaired_at;
    const bool begins = view.counters.reconnects != reconnects;
    if (begins && view.counters.reconnects != reconnects + 1) return "one event began two repairs";
    if (begins && after != phase::reconnecting) return "a repair that nobody waits for";
    if (!begins && before != phase::reconnecting && after == phase::reconnecting)
      return "a repair that was not counted";
    const bool next = !begins && after == phase::reconnecting && view.reason != reason &&
                      view.reason.starts_with("no answer after repair ");
    if (next && waited < 5s) return "two repairs within 5 s";
    if (next && repairs == 3) return "a fourth repair";
    // Only the peer's own good-bye ends repairs early.
    if (before == phase::reconnecting && after == phase::failed &&
        view.error != net::errc::closed) {
      if (repairs != 3 || waited < 5s) return "failed before the third repair was over";
      ++given_up;
    }
    if (begins || next) {
      repairs = begins ? 1 : repairs + 1;
      repaired_at = d.now;
    }
    reconnects = view.counters.reconnects;
    reason = view.reason;
    return std::nullopt;
  }
};

class random_surroundings {
 public:
  random_surroundings(std::uint64_t seed, driven_core::role who) : random{seed}, d{who} {}

  splitmix random;
  driven_core d;
  std::vector<actors::effect> open; ///< requests that may still be answered

  std::vector<msg::check_path> checks; ///< that may still be answered

  void remember() {
    for (const auto& e : d.last)
      if (const auto* check = std::get_if<msg::check_path>(&e.what)) checks.push_back(*check);
    while (checks.size() > 8)
      checks.erase(checks.begin());
    for (const auto& e : d.last)
      if (e.asked != actors::no_ticket) open.push_back(e);
    while (open.size() > 40)
      open.erase(open.begin()); // some are never answered
  }
  actors::event answer(const actors::effect& e) {
    const auto fine = random.chance(0.8);
    if (std::holds_alternative<msg::find_peer>(e.what)) {
      if (fine) return actors::record_found{e.asked, msg::known_peer{record(), fine, {}}};
      return actors::record_found{
          e.asked, net::fail(random.chance(0.5) ? net::errc::peer_not_found : net::errc::closed)};
    }
    if (std::holds_alternative<msg::rank_relays>(e.what)) {
      std::vector<msg::relay_choice> choices;
      if (random.chance(0.7)) choices.push_back(relay1());
      if (random.chance(0.7)) choices.push_back(relay2());
      return actors::relays_ranked{e.asked, choices};
    }
    if (std::holds_alternative<msg::probe_tunnel>(e.what)) {
      if (random.chance(0.65))
        return actors::tunnel_report{e.asked, actors::probe_outcome::answered,
                                     std::chrono::microseconds{random.below(400'000)}};
      return actors::tunnel_report{e.asked,
                                   random.chance(0.8) ? actors::probe_outcome::lost
                                                      : actors::probe_outcome::unmeasured,
                                   {}};
    }
    if (std::holds_alternative<msg::assert_endpoint>(e.what))
      return actors::move_done{e.asked, fine};
    if (std::holds_alternative<msg::prepare_relay>(e.what))
      return actors::relay_prepared{e.asked, fine};
    if (std::holds_alternative<msg::learn_index>(e.what))
      return actors::index_learned{e.asked,
                                   fine ? std::optional{net::session_index{}} : std::nullopt};
    return actors::write_done{e.asked, fine ? std::nullopt : std::optional{net::errc::wg_refused}};
  }
  net::peer_record record() {
    auto r = d.other();
    r.version = 1 + random.below(5);
    if (random.chance(0.5)) r.relays = both_legs();
    return r;
  }
  net::endpoint somewhere() {
    const net::endpoint places[] = {relay1_at, relay2_at, d.initiator ? bob_at : alice_at,
                                    at("203.0.113.77:7")};
    return places[random.below(4)];
  }
  actors::event next() {
    if (!open.empty() && random.chance(0.45)) {
      const auto i = random.below(open.size());
      const auto e = open[i];
      if (random.chance(0.9)) open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
      return answer(e); // sometimes twice
    }
    switch (random.below(16)) {
    case 14: {
      if (checks.empty()) return actors::wake{0};
      const auto& check = checks[random.below(checks.size())];
      return msg::path_event{d.other().key, check.number, msg::path_news::checked, check.where,
                             std::chrono::milliseconds{random.below(300)}};
    }
    case 15: {
      msg::path_event asked{d.other().key, static_cast<std::uint32_t>(random.below(3)),
                            msg::path_news::asked, somewhere()};
      if (asked.epoch != 0)
        asked.epoch = checks.empty() ? 1'700'000'000 : checks.back().move + asked.epoch - 1;
      asked.doubt = random.chance(0.3);
      return asked;
    }
    case 0: {
      auto s = d.offer(random.chance(0.8));
      s.epoch += static_cast<std::uint32_t>(random.below(2));
      if (random.chance(0.3)) s.candidates.clear();
      if (random.chance(0.3)) s.relays.clear();
      s.kind = static_cast<net::signal_kind>(random.below(3));
      return s;
    }
    case 1: {
      msg::wg_signal s = random.chance(0.5) ? d.handshake(somewhere()) : msg::wg_signal{};
      s.roamed = random.chance(0.3);
      s.session_lost = random.chance(0.1);
      return s;
    }
    case 2:
      return msg::path_event{d.other().key,
                             d.core.saved().epoch - static_cast<std::uint32_t>(random.below(2)),
                             static_cast<msg::path_news>(random.below(3)),
                             somewhere(),
                             20ms,
                             random.chance(0.5)};
    case 3:
      return msg::own_legs{random.chance(0.7) ? both_legs() : std::vector<net::relay_leg>{}};
    case 4:
      return msg::own_paths{
          {}, {candidate_at({alice_at.address, static_cast<std::uint16_t>(1 + random.below(3))})}};
    case 5:
      return msg::peer_known{{record(), random.chance(0.5), {}, random.chance(0.5)}};
    case 6:
      return msg::network_changed{};
    case 7:
      return msg::control_state{random.chance(0.5), std::nullopt, 10ms};
    case 8:
      if (random.chance(0.05)) {
        auto bye = d.offer();
        bye.kind = net::signal_kind::bye;
        return bye;
      }
      return actors::user_connect{};
    case 9:
      return actors::wake{random.below(20)};
    default: { // time
      const auto due = d.core.wake_at();
      if (!due) return actors::wake{0};
      d.now = std::max(d.now, std::chrono::nanoseconds{due->at.time_since_epoch()});
      return actors::wake{due->epoch};
    }
    }
  }
};

} // namespace

TEST_CASE("no sequence of events breaks a rule of the connection") {
  constexpr std::uint64_t first_seed = 20'260'101;
  constexpr int runs = 120, length = 1'500; // 180,000 events
  std::set<phase> visited[2];
  int given_up[2] = {};
  for (int run = 0; run < runs; ++run) {
    const auto seed = first_seed + static_cast<std::uint64_t>(run);
    const auto who = run % 2 ? driven_core::role::responder : driven_core::role::initiator;
    random_surroundings world{seed, who};
    reference model;
    const msg::wg_peer silent{world.d.other().key, world.d.other().address, std::nullopt, false};
    for (int i = 0; i < length; ++i) {
      // The last few events of a run say good-bye.
      const auto event = i == length - 5 ? actors::event{msg::close_peer{}} : world.next();
      const auto before = world.d.phase();
      const auto lost_before = world.d.view().counters.lost;
      std::optional<std::string> broken;
      try {
        world.d.give(event);
        broken = broken_rule(world.d.core, before, world.d.last, world.d.clock(), silent);
        if (!broken) broken = model.follow(before, world.d, event);
      } catch (const std::exception& defect) {
        broken = defect.what();
      }
      if (broken) {
        INFO("seed " << seed << ", event " << i << " (alternative " << event.index() << "), "
                     << to_string(before) << " -> " << to_string(world.d.phase()) << ", lost "
                     << lost_before);
        FAIL(*broken);
      }
      visited[run % 2].insert(world.d.phase());
      world.remember();
      world.d.now += std::chrono::milliseconds{world.random.below(300)};
    }
    REQUIRE(world.d.phase() == phase::closing);
    given_up[run % 2] += model.given_up;
  }
  CHECK(visited[0].size() == msg::phase_count);     // the events reach every state
  CHECK(visited[1].size() == msg::phase_count - 2); // a responder neither configures nor tries
  for (const auto times : given_up)
    CHECK(times > 0);
}
