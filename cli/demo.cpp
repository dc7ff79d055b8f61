#include "cli/demo.hpp"

#include "cli/failure.hpp"
#include "lab/demo_report.hpp"
#include "lab/failure.hpp"
#include "lab/guard.hpp"
#include "lab/party.hpp"
#include "lab/ping_stream.hpp"

#include <algorithm>
#include <filesystem>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

namespace lanrage::cli {

namespace {

using namespace std::chrono_literals;
using lab::demo_pair;
using lab::demo_result;
using lab::party;
using lab::ping_stream;
using clock_type = std::chrono::steady_clock;

constexpr auto ping_interval = 20ms;
/// Punching needs a second or two after the relayed connection stands.
constexpr auto settle_limit = 15s;
constexpr auto watch_healthy = 2s;
/// Three repairs 5 s apart and a slow retry fit in.
constexpr auto recovery_limit = 40s;
constexpr auto watch_after = 2s;
constexpr auto ping_patience = 1s;

class demo {
 public:
  explicit demo(const demo_options& options) : options_(options) {}

  int run() {
    started_ = clock_type::now();
    try {
      build();
      connect_all();
      settle();
      show_status();
      kill_relay();
      kill_daemon();
    } catch (const lab::failure& e) {
      result_.problems.push_back(e.what());
    }
    judge();
    streams_.clear();
    if (!options_.json) std::cout << to_text(result_) << std::flush;
    if (party_) tear_down();
    if (options_.json) std::cout << to_json(result_) << std::endl;
    return result_.problems.empty() ? 0 : 1;
  }

 private:
  struct running_pair {
    demo_pair seen;
    std::string expected;
    std::unique_ptr<ping_stream> pings;
    clock_type::time_point settled;
  };

  void say(const std::string& step) const {
    const auto at = std::chrono::duration<double>(clock_type::now() - started_).count();
    char stamp[16];
    std::snprintf(stamp, sizeof stamp, "%6.2f s  ", at);
    (options_.json ? std::cerr : std::cout) << stamp << step << std::endl;
  }

  /// How long before an event a ping may have been sent and still be on its way: a relayed round
  /// trip takes four links; and some for the machine.
  std::chrono::milliseconds in_flight() const { return 4 * options_.one_way_delay + 60ms; }

  void build() {
    lab::party_options o;
    o.binary = options_.binary;
    o.members = lab::demo_members();
    o.one_way_delay = options_.one_way_delay;
    o.progress = [this](const std::string& step) { say(step); };
    party_.emplace(o);
    result_.peers = o.members.size();
  }

  void connect_all() {
    const auto& members = party_->options().members;
    party_->create(members[0].name);
    for (std::size_t j = 1; j < members.size(); ++j) {
      const auto from = clock_type::now();
      party_->join(members[j].name);
      std::vector<std::future<void>> connecting;
      for (std::size_t i = 0; i < j; ++i) {
        auto& pair = add_pair(members[i], members[j]);
        // One after the other would charge a pair with its predecessor's time.
        connecting.push_back(std::async(std::launch::async, [this, &pair, from] {
          party_->connect(pair.seen.b, pair.seen.a);
          pair.seen.connect = clock_type::now() - from;
          pair.pings =
              std::make_unique<ping_stream>(party_->lab().at(pair.seen.a).net_ns(),
                                            party_->virtual_ip(pair.seen.b), ping_interval);
        }));
      }
      for (auto& c : connecting)
        c.wait();
      for (auto& c : connecting)
        c.get();
    }
    for (const auto& m : members)
      virtual_ips_[m.name] = party_->virtual_ip(m.name);
  }

  running_pair& add_pair(const lab::party_member& a, const lab::party_member& b) {
    auto pair = std::make_unique<running_pair>();
    pair->seen.a = a.name;
    pair->seen.b = b.name;
    pair->seen.nat_a = to_string(a.nat.type);
    pair->seen.nat_b = to_string(b.nat.type);
    // Of the demo's NATs symmetric ones alone keep a pair from going direct.
    const auto symmetric = [](const lab::party_member& m) {
      return m.nat.type == lab::nat_type::symmetric;
    };
    pair->expected = symmetric(a) || symmetric(b) ? "relay" : "direct";
    streams_.push_back(std::move(pair));
    return *streams_.back();
  }

  /// Waits until each pair uses the path it should.
  void settle() {
    for (auto& pair : streams_) {
      const auto& wanted = pair->expected;
      auto view = party_->await(
          pair->seen.a, pair->seen.b,
          [&](const lab::peer_view& v) { return v.connected() && v.strategy == wanted; },
          settle_limit);
      pair->settled = clock_type::now();
      if (!view) {
        result_.problems.push_back(pair->seen.a + " does not know " + pair->seen.b);
        continue;
      }
      pair->seen.strategy = view->strategy;
      pair->seen.relay = view->relay;
      pair->seen.endpoint = view->endpoint;
      say(pair->seen.a + "-" + pair->seen.b + ": " + view->status + ", " + view->strategy +
          (view->relay.empty() ? "" : " by " + view->relay) + ", endpoint " + view->endpoint);
      if (view->strategy != wanted || !view->connected())
        result_.problems.push_back(pair->seen.a + "-" + pair->seen.b + ": expected connected, " +
                                   wanted + "; is " + view->status + ", " + view->strategy);
    }
    std::this_thread::sleep_for(watch_healthy);
  }

  void show_status() {
    for (const auto& m : party_->options().members) {
      auto text = lab::to_text(m.name, party_->status(m.name));
      (options_.json ? std::cerr : std::cout) << text << std::flush;
    }
  }

  void kill_relay() {
    auto relayed = std::find_if(streams_.begin(), streams_.end(),
                                [](const auto& p) { return !p->seen.relay.empty(); });
    healthy_until_ = clock_type::now();
    if (relayed == streams_.end()) {
      result_.problems.push_back("no pair is relayed, so no relay was killed");
      return;
    }
    auto& pair = **relayed;
    result_.killed_relay = pair.seen.relay;
    result_.relay_kill_pair = pair.seen.a + "-" + pair.seen.b;
    say("killing " + pair.seen.relay + ", which carries " + result_.relay_kill_pair);
    healthy_until_ = relay_killed_ = clock_type::now();
    party_->kill(pair.seen.relay);
    pair.pings->wait_answer(relay_killed_ + in_flight(), relay_killed_ + recovery_limit);
    // Every other pair of that relay must be back too before the daemon is killed.
    for (auto& p : streams_)
      if (p->pings && p->seen.relay == pair.seen.relay)
        p->pings->wait_answer(relay_killed_ + in_flight(), relay_killed_ + recovery_limit);
    std::this_thread::sleep_for(watch_after);
    if (auto view = party_->status(pair.seen.a, pair.seen.b))
      say(result_.relay_kill_pair + ": " + view->status + ", " + view->strategy +
          (view->relay.empty() ? "" : " by " + view->relay));
  }

  void kill_daemon() {
    const auto& name = party_->options().members[0].name;
    result_.killed_daemon = name;
    say("killing the daemon of " + name);
    daemon_killed_ = clock_type::now();
    party_->kill(name);
    std::this_thread::sleep_for(watch_after);
    party_->start(name);
    for (const auto& p : streams_) {
      if (p->seen.a != name) continue;
      auto view = party_->await(
          name, p->seen.b, [](const lab::peer_view& v) { return v.connected(); }, settle_limit);
      if (!view || !view->connected())
        result_.problems.push_back("the new daemon of " + name + " does not adopt " + p->seen.b);
    }
    std::this_thread::sleep_for(watch_after);
  }

  /// Counts what the ping streams saw, and names what should not be.
  void judge() {
    for (auto& pair : streams_) {
      result_.pairs.push_back(pair->seen);
      auto& seen = result_.pairs.back();
      if (!pair->pings) {
        result_.problems.push_back(seen.a + "-" + seen.b + " never connected");
        continue;
      }
      const auto records = pair->pings->finish(ping_patience);
      const auto healthy = std::min(healthy_until_, daemon_killed_) - in_flight();
      seen.lost = lost_between(records, lab::ping_time::min(), healthy);
      seen.rtt = lab::median_rtt(records, pair->settled, healthy);
      if (seen.lost > 0)
        result_.problems.push_back(seen.a + "-" + seen.b + " lost " + std::to_string(seen.lost) +
                                   " pings");
      judge_kills(seen, records);
    }
    if (!result_.relay_kill_pair.empty() && !result_.outage)
      result_.problems.push_back(result_.relay_kill_pair + " never recovered from the relay kill");
    if (result_.daemon_kill_lost > 0) result_.problems.push_back("the daemon kill lost packets");
  }

  void judge_kills(const demo_pair& seen, const std::vector<lab::ping_record>& records) {
    const auto end = daemon_killed_ - in_flight();
    if (seen.a + "-" + seen.b == result_.relay_kill_pair) {
      std::vector<lab::ping_record> between;
      for (const auto& r : records)
        if (r.sent < end) between.push_back(r);
      result_.outage = lab::outage_after(between, relay_killed_);
    }
    if (seen.a == result_.killed_daemon || seen.b == result_.killed_daemon)
      result_.daemon_kill_lost += lost_between(records, end, lab::ping_time::max());
  }

  void stay() const {
    auto& out = options_.json ? std::cerr : std::cout;
    out << "\nThe laboratory stays until Ctrl-C. Look around:\n";
    for (const auto& m : party_->options().members) {
      const auto& host = party_->lab().at(m.name);
      out << "  " << options_.binary.string() << " --socket "
          << host.run_path("lanrage/lanrage.sock").string() << " status\n";
      for (const auto& [name, address] : virtual_ips_)
        if (name != m.name)
          out << "  ip netns exec " << host.network().name() << " ping " << address << "  # "
              << name << "\n";
    }
    out << "Logs: " << party_->lab().folder().string() << "/*/log" << std::endl;
    lab::wait_for_the_end();
  }

  void tear_down() {
    if (!options_.logs.empty()) party_->save_logs(options_.logs);
    if (options_.keep) stay();
    const auto prefix = party_->lab().prefix();
    const auto folder = party_->lab().folder();
    party_->stop_all();
    party_.reset();
    if (!lab::netns_names(prefix).empty() || std::filesystem::exists(folder))
      result_.problems.push_back("something of " + prefix + " was left behind");
    else
      say("everything is removed");
  }

  demo_options options_;
  clock_type::time_point started_;
  std::optional<party> party_;
  std::vector<std::unique_ptr<running_pair>> streams_;
  std::map<std::string, std::string> virtual_ips_; ///< by member
  clock_type::time_point healthy_until_ = clock_type::time_point::max();
  clock_type::time_point relay_killed_ = clock_type::time_point::max();
  clock_type::time_point daemon_killed_ = clock_type::time_point::max();
  demo_result result_;
};

} // namespace

int run_demo(const demo_options& given) {
  auto options = given;
  if (options.binary.empty()) options.binary = std::filesystem::read_symlink("/proc/self/exe");
  if (auto reason = lab::wireguard_unavailable_reason()) {
    if (!options.matrix) return run_simulated_demo(options, *reason);
    return to_int(report(
        {std::string{to_string(net::errc::not_permitted)}, "no laboratory here: " + *reason, ""},
        options.json));
  }
  return lab::run_guarded([&] {
    try {
      return options.matrix ? run_demo_matrix(options) : demo{options}.run();
    } catch (const lab::failure& e) {
      return to_int(
          report({std::string{to_string(net::errc::internal)}, e.what(), ""}, options.json));
    }
  });
}

} // namespace lanrage::cli
