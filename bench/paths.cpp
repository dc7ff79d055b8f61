#include "bench/paths.hpp"

#include "lab/capture.hpp"
#include "lab/failure.hpp"
#include "lab/ping_stream.hpp"

#include <cstdio>
#include <thread>

namespace lanrage::bench {

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

constexpr auto busy = 33ms; ///< as a game sends
constexpr auto quiet = 1000ms;
constexpr auto planned = 10ms;
constexpr auto recover_limit = 60s;
constexpr auto settle_limit = 60s;
/// A relay that came back is registered with again, and everything is calm.
constexpr auto calm = 20s;
/// A relayed round trip and some for the machine: sent before, a ping may still be answered.
constexpr auto in_flight = 4 * one_way + 60ms;

lab::party_options pair_behind(const options& wanted, lab::nat_type type) {
  lab::party_options o;
  o.binary = wanted.binary;
  lab::nat_settings nat;
  nat.type = type;
  o.members = {{"p1", nat}, {"p2", nat}};
  o.one_way_delay = one_way;
  o.check_interval = 30s; // the default: nothing is noticed by chance
  o.log_level = wanted.log_level;
  return o;
}

lab::peer_view settled(lab::party& p, const std::string& strategy) {
  const auto seen = p.await(
      "p1", "p2", [&](const lab::peer_view& v) { return v.connected() && v.strategy == strategy; },
      settle_limit);
  if (!seen || !seen->connected() || seen->strategy != strategy)
    throw lab::failure("p1 and p2 do not connect, " + strategy + "\n" + p.log_end("p1", 20));
  return *seen;
}

/// Handshakes that begin on either side.
class initiations {
 public:
  explicit initiations(lab::party& p)
      : one_(p.lab().at("p1").net_ns(), "eth0"), two_(p.lab().at("p2").net_ns(), "eth0") {}
  std::uint64_t count() const {
    const auto begun = [](const lab::flow& f) {
      return f.outgoing && f.what == lab::payload_class::wg_initiation;
    };
    return one_.count(begun) + two_.count(begun);
  }

 private:
  lab::capture one_, two_;
};

/// Packets between the two sites alone: nobody is told that they are gone.
void drop_between(lab::party& p, bool dropped) {
  for (const auto& [here, there] : {std::pair{"p1", "p2"}, std::pair{"p2", "p1"}}) {
    const auto& box = p.lab().at(std::string{"nat-"} + here);
    const auto rules = dropped ? "table inet cut { chain out { type filter hook forward priority "
                                 "-10; ip daddr " +
                                     p.lab().public_address(there) + " drop; }; }"
                               : std::string{"delete table inet cut"};
    if (!box.run({"nft", rules}).ok()) throw lab::failure(box.name() + ": nft refuses " + rules);
  }
}

/// `phase`: which part of the gap between two packets has passed when the path is cut. What is lost
/// of sparse traffic depends on little else: nobody can notice before the next packet.
std::optional<seconds_f> outage(lab::party& p, std::chrono::milliseconds gap, double phase,
                                const std::function<void()>& cut) {
  lab::ping_stream pings{p.lab().at("p1").net_ns(), p.virtual_ip("p2"), gap};
  std::this_thread::sleep_for(std::max<std::chrono::milliseconds>(4s, 4 * gap));
  const auto before = pings.records().size();
  while (pings.records().size() == before)
    std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_until(pings.records().back().sent +
                                std::chrono::duration_cast<std::chrono::nanoseconds>(phase * gap));
  cut();
  const auto at = clock_type::now();
  pings.wait_answer(at + in_flight, at + recover_limit);
  std::this_thread::sleep_for(std::max<std::chrono::milliseconds>(1s, 2 * gap));
  const auto seen = lab::outage_after(pings.finish(), at);
  return seen ? std::optional<seconds_f>{*seen} : std::nullopt;
}

/// Evenly over the gap.
double phase_of(unsigned run, const options& wanted) {
  return (run + 0.5) / wanted.runs;
}

void relay_dies(lab::party& p, const options& wanted) {
  for (const auto gap : {busy, quiet}) {
    sample took;
    for (unsigned run = 0; run < wanted.runs; ++run) {
      const auto relay = settled(p, "relay").relay;
      took.add(outage(p, gap, phase_of(run, wanted), [&] { p.kill(relay); }));
      p.start(relay);
      std::this_thread::sleep_for(calm);
    }
    print_row(gap == busy ? "relay dies, 30 packets/s" : "relay dies, 1 packet/s", took, nullptr,
              gap == busy ? aims::outage_busy : aims::outage_quiet);
  }
}

void direct_dropped(lab::party& p, const options& wanted) {
  sample back;
  for (const auto gap : {busy, quiet}) {
    sample took;
    for (unsigned run = 0; run < wanted.runs; ++run) {
      settled(p, "direct");
      took.add(outage(p, gap, phase_of(run, wanted), [&] { drop_between(p, true); }));
      settled(p, "relay");
      std::this_thread::sleep_for(calm);
      drop_between(p, false);
      const auto from = clock_type::now();
      settled(p, "direct");
      back.add(clock_type::now() - from);
    }
    print_row(gap == busy ? "direct path dropped, 30 packets/s" : "direct path dropped, 1 packet/s",
              took, nullptr, gap == busy ? aims::outage_busy : aims::outage_quiet);
  }
  print_row("direct possible again: in use after", back, nullptr, aims::direct_again);
}

/// What a planned switch under 100 packets/s loses and how many handshakes it makes.
struct switch_cost {
  std::size_t lost = 0, sent = 0;
  std::uint64_t handshakes = 0;
  unsigned switches = 0, missed = 0;
};

void planned_switch(lab::party& p, switch_cost& cost, const std::function<void()>& reason,
                    const std::function<bool(const lab::peer_view&)>& moved) {
  const initiations begun{p};
  lab::ping_stream pings{p.lab().at("p1").net_ns(), p.virtual_ip("p2"), planned};
  std::this_thread::sleep_for(2s);
  reason();
  const auto seen = p.await("p1", "p2", moved, 180s);
  std::this_thread::sleep_for(2s);
  const auto records = pings.finish();
  if (seen && moved(*seen))
    ++cost.switches;
  else
    ++cost.missed;
  cost.sent += records.size();
  cost.lost += lab::lost_between(records, lab::ping_time::min(), lab::ping_time::max());
  cost.handshakes += begun.count();
}

void print_cost(const char* what, const switch_cost& cost) {
  std::printf("%-58s %u switches (%u did not come), %zu of %zu packets lost, %llu handshakes\n",
              what, cost.switches, cost.missed, cost.lost, cost.sent,
              static_cast<unsigned long long>(cost.handshakes));
  std::fflush(stdout);
}

void relay_to_relay(lab::party& p, const options& wanted) {
  switch_cost cost;
  for (unsigned run = 0; run < wanted.runs; ++run) {
    const auto before = settled(p, "relay").relay;
    auto link = p.lab().link(before);
    const auto usual = link;
    link.delay += 60ms; // a round trip through it takes 240 ms more
    planned_switch(
        p, cost, [&] { p.lab().set_link(before, link); },
        [&](const lab::peer_view& v) { return v.connected() && v.relay != before; });
    p.lab().set_link(before, usual);
    std::this_thread::sleep_for(calm);
  }
  print_cost("planned, relay to relay, 100 packets/s", cost);
}

void relay_to_direct(lab::party& p, const options& wanted) {
  switch_cost cost;
  for (unsigned run = 0; run < wanted.runs; ++run) {
    drop_between(p, true);
    settled(p, "relay");
    std::this_thread::sleep_for(calm);
    planned_switch(
        p, cost, [&] { drop_between(p, false); },
        [](const lab::peer_view& v) { return v.connected() && v.direct(); });
    std::this_thread::sleep_for(5s);
  }
  print_cost("planned, relay to direct, 100 packets/s", cost);
}

void direct_to_relay(lab::party& p, const options& wanted) {
  switch_cost cost;
  for (unsigned run = 0; run < wanted.runs; ++run) {
    settled(p, "direct");
    std::this_thread::sleep_for(calm);
    // The two sites' own way gets long: 300 ms more there and back. Nothing is lost.
    planned_switch(
        p, cost, [&] { p.lab().set_between("p1", "p2", {.delay = 150ms}); },
        [](const lab::peer_view& v) { return v.connected() && v.strategy == "relay"; });
    p.lab().set_between("p1", "p2", {});
  }
  print_cost("planned, direct to relay, 100 packets/s", cost);
}

void restarts(lab::party& p) {
  settled(p, "direct");
  const initiations begun{p};
  lab::ping_stream pings{p.lab().at("p1").net_ns(), p.virtual_ip("p2"), planned};
  for (int i = 0; i < 10; ++i) {
    const auto* who = i % 2 == 0 ? "p1" : "p2";
    p.kill(who);
    std::this_thread::sleep_for(500ms);
    p.start(who);
    std::this_thread::sleep_for(2s);
  }
  const auto records = pings.finish();
  std::printf("%-58s %zu of %zu packets lost, %llu handshakes\n",
              "daemon killed and started ten times, 100 packets/s",
              lab::lost_between(records, lab::ping_time::min(), lab::ping_time::max()),
              records.size(), static_cast<unsigned long long>(begun.count()));
  std::fflush(stdout);
}

template <class Part>
void with_party(const options& wanted, lab::nat_type type, const std::string& name, Part part) {
  lab::party p{pair_behind(wanted, type)};
  const auto keep = [&] {
    if (!wanted.logs.empty()) p.save_logs(wanted.logs / name);
  };
  try {
    p.form();
    part(p);
  } catch (...) {
    keep();
    throw;
  }
  keep();
}

void print_others() {
  std::printf("\nOthers, path dead until traffic flows again, in seconds: direct dropped, relay\n"
              "vanishes. Measured earlier in the same topology, 5 runs; from sources where noted.\n"
              "  nebula 1.6.1    22.4 (21.4-25.6)  24.2 (20.9-28.1)\n"
              "  tinc 1.1pre18   23.3 (22.1-25.5)  53.0 (52.3-55.2)\n"
              "  tinc 1.0.36     63.8 (62.0-66.7)  53.1 (51.5-55.6)\n"
              "  Tailscale <= 6.5, NetBird 6-10, Firezone 9-18, ZeroTier 19 (their sources' "
              "timers)\n");
}

} // namespace

void paths_part(const options& wanted) {
  std::printf("\n%-58s %s\n", "paths: seconds without traffic", "median (min-max)");
  const auto all = wanted.wants("paths");
  if (all || wanted.only == "relayed")
    with_party(wanted, lab::nat_type::symmetric, "paths-relayed", [&](lab::party& p) {
      settled(p, "relay");
      std::this_thread::sleep_for(calm);
      relay_dies(p, wanted);
      relay_to_relay(p, wanted);
    });
  if (all || wanted.only == "direct")
    with_party(wanted, lab::nat_type::port_restricted, "paths-direct", [&](lab::party& p) {
      settled(p, "direct");
      std::this_thread::sleep_for(calm);
      restarts(p);
      direct_dropped(p, wanted);
      relay_to_direct(p, wanted);
      direct_to_relay(p, wanted);
    });
  print_others();
}

} // namespace lanrage::bench
