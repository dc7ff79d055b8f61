#include "tests/soak/soak.hpp"

#include "lab/failure.hpp"
#include "tests/soak/lab_faults.hpp"

#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>

namespace lanrage::soak {
namespace {

using namespace std::chrono_literals;
using clock = lab::process::clock;
namespace fs = std::filesystem;
namespace faults = sim::faults;

constexpr auto ping_gap = 200ms;
constexpr auto connect_limit = 60s;
constexpr auto quiet_before = 10s; ///< the party's caches and buffers are filled
constexpr auto last_answer = 1s;
constexpr std::size_t state_octets = 1 << 20;
/// What a process may hold more than before: memory that an allocator keeps, a connection in
/// between.
constexpr std::size_t kib_more = 8 * 1024, descriptors_more = 3;

constexpr auto storm_length = 3s;
constexpr std::int64_t storm_connections = 200; ///< as many as a drawn plan has at most

/// Ends of a link lose what is under way when a fault begins a moment later.
constexpr auto under_way = 1s;

lab::party_options party_of(const soak_options& how) {
  lab::party_options out;
  out.binary = how.binary;
  out.relays = static_cast<unsigned>(how.cast.relays.size());
  out.state_octets = state_octets;
  out.progress = how.progress;
  out.log_level = "info";
  out.environment = with_shifted_clock;
  for (const auto& each : how.cast.members) {
    if (!each.behind) throw lab::failure(each.name + " is behind no box");
    const auto& box = how.cast.nats.at(*each.behind).how;
    lab::nat_settings nat;
    nat.type = box_type(box.mapping, box.filtering);
    out.members.push_back({each.name, nat});
    out.check_interval = each.health.check_interval;
  }
  return out;
}

held held_by(pid_t pid) {
  held out;
  const auto folder = "/proc/" + std::to_string(pid);
  std::ifstream in{folder + "/status"};
  for (std::string line; std::getline(in, line);)
    (void)std::sscanf(line.c_str(), "VmRSS: %zu", &out.resident_kib);
  std::error_code gone;
  for ([[maybe_unused]] const auto& each : fs::directory_iterator{folder + "/fd", gone})
    ++out.descriptors;
  return out;
}

std::string text(sim::duration time) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f s", std::chrono::duration<double>{time}.count());
  return out;
}

class runner {
 public:
  explicit runner(const soak_options& how)
      : how_(how), plan_(checked(how.plan, how.cast)), excuses_(excuses(plan_, how.cast)),
        direct_(excuses_.size()), party_(party_of(how)) {}

  soak_result run() {
    result_.prefix = party_.lab().prefix();
    try {
      form();
      play();
      judge();
    } catch (const lab::failure& why) {
      result_.wrong.push_back(why.what());
    }
    if (!result_.ok() && !how_.logs.empty()) party_.save_logs(how_.logs);
    return result_;
  }

 private:
  std::vector<std::string> programs() const {
    std::vector<std::string> out{"control"};
    for (const auto& each : how_.cast.relays)
      out.push_back(each.name);
    for (const auto& each : how_.cast.members)
      out.push_back(each.name);
    return out;
  }
  template <class F>
  void each_pair(const F& act) const {
    for (const auto& from : how_.cast.members)
      for (const auto& to : how_.cast.members)
        if (from.name != to.name) act(member_pair{from.name, to.name});
  }
  sim::duration since_zero() const { return clock::now() - zero_; }

  void form() {
    zero_ = clock::now(); // of what is said meanwhile
    party_.form();
    require_connected("in the beginning");
    storm();
    wait_until(clock::now() + quiet_before, nullptr);
    for (const auto& name : programs())
      result_.resources[name].first = held_by(party_.program(name).pid());
    each_pair([&](const member_pair& each) {
      streams_[each] = std::make_unique<lab::ping_stream>(party_.lab().at(each.first).net_ns(),
                                                          party_.virtual_ip(each.second), ping_gap);
    });
    zero_ = clock::now();
  }

  /// An allocator keeps what 200 TLS connections took at once; what comes on top of that is a leak.
  void storm() {
    auto what = faults::make_fault(*faults::find_kind("half-open"), {"all"}, 0s, storm_length);
    faults::set_argument(what, "count", storm_connections);
    lab_faults doing{party_, how_.cast, checked({1, {what}}, how_.cast), clock::now()};
    wait_until(clock::now() + storm_length + 1s, &doing);
  }

  void play() {
    lab_faults doing{party_, how_.cast, plan_, zero_};
    for (const auto& each : excuses_) {
      wait_until(zero_ + each.from, &doing);
      note_direct(static_cast<std::size_t>(&each - excuses_.data()), doing);
      wait_until(zero_ + each.to, &doing);
    }
    wait_until(clock::now() + quiet_before, &doing);
    for (const auto& each : doing.outside())
      result_.wrong.push_back(each + " was not let into the party again");
  }

  /// Does what faults are due meanwhile.
  void wait_until(clock::time_point end, lab_faults* doing) {
    while (clock::now() < end) {
      if (doing) {
        for (const auto& line : doing->advance())
          how_.progress(text(since_zero()) + ": " + line);
        watch(*doing);
      }
      const auto next = doing ? std::min(end, doing->next()) : end;
      const auto pause = std::clamp<clock::duration>(next - clock::now(), 0ms, 200ms);
      ::poll(nullptr, 0,
             static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(pause).count()));
    }
  }

  /// A process that ended by itself; once each.
  void watch(const lab_faults& doing) {
    for (const auto& name : programs()) {
      if (doing.is_down(name) || party_.program(name).running() || !dead_.insert(name).second)
        continue;
      result_.wrong.push_back(text(since_zero()) + ": " + name + " ended by itself\n" +
                              party_.log_end(name, 10));
    }
  }

  void note_direct(std::size_t excuse, const lab_faults& doing) {
    for (const auto& member : how_.cast.members) {
      if (doing.is_down(member.name)) continue;
      for (const auto& peer : party_.status(member.name).peers)
        if (peer.direct()) direct_[excuse].insert({member.name, peer.peer_id});
    }
  }

  void require_connected(const std::string& when) {
    each_pair([&](const member_pair& each) {
      const auto view = party_.await(
          each.first, each.second, [](const auto& v) { return v.connected(); }, connect_limit);
      if (!view || !view->connected())
        result_.wrong.push_back(each.first + " is not connected with " + each.second + " " + when +
                                "\n" + party_.log_end(each.first, 10));
    });
  }

  void judge() {
    require_connected("in the end");
    for (const auto& name : programs()) {
      auto& [before, after] = result_.resources[name];
      after = held_by(party_.program(name).pid());
      if (after.resident_kib > before.resident_kib + kib_more)
        result_.wrong.push_back(name + " holds " + std::to_string(after.resident_kib) +
                                " KiB of memory, " + std::to_string(before.resident_kib) +
                                " before");
      if (after.descriptors > before.descriptors + descriptors_more)
        result_.wrong.push_back(name + " holds " + std::to_string(after.descriptors) +
                                " descriptors, " + std::to_string(before.descriptors) + " before");
    }
    for (auto& [pair, stream] : streams_) {
      for (const auto& each : stream->finish(last_answer)) {
        ++result_.sent;
        if (each.rtt) continue;
        ++result_.lost;
        if (const auto at = each.sent - zero_; !excused(pair, at, excuses_, direct_))
          result_.unexplained.push_back(text(at) + ": " + pair.first + " to " + pair.second);
      }
    }
    std::sort(result_.unexplained.begin(), result_.unexplained.end());
  }

  const soak_options& how_;
  sim::faults::plan plan_;
  std::vector<excuse> excuses_;
  std::vector<std::set<member_pair>> direct_;
  lab::party party_;
  clock::time_point zero_;
  std::map<member_pair, std::unique_ptr<lab::ping_stream>> streams_;
  std::set<std::string> dead_;
  soak_result result_;
};

} // namespace

bool excused(const member_pair& of, sim::duration at, const std::vector<excuse>& all,
             const std::vector<std::set<member_pair>>& direct) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& each = all[i];
    if (at < each.from - under_way || at > each.to) continue;
    if (each.members.contains(of.first) || each.members.contains(of.second)) return true;
    if (each.relayed && !direct.at(i).contains(of)) return true;
  }
  return false;
}

soak_result run_soak(const soak_options& how) {
  return runner{how}.run();
}

} // namespace lanrage::soak
