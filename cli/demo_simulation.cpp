#include "cli/demo.hpp"
#include "cli/demo_scenario.hpp"
#include "lab/demo_report.hpp"
#include "sim/scenario/runner.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <map>
#include <tuple>
#include <utility>

/// `lanrage demo` where there is no laboratory: the scenario that is in the program.
namespace lanrage::cli {
namespace {

namespace scenario = sim::scenario;
using lab::milliseconds_f;
using sim::duration;

constexpr const char* scenario_name = "demo.toml";
constexpr const char* log_name = "simulation.log";

/// The scenario has boxes of these two kinds.
std::string nat_word(const scenario::script& in, std::uint32_t member) {
  const auto behind = in.members[member].behind;
  if (!behind) return "open";
  return in.nats[*behind].how.mapping == net::nat_behavior::endpoint_independent ? "port-restricted"
                                                                                 : "symmetric";
}

/// When the first of these is killed, and its name.
std::pair<duration, std::string> first_death(const scenario::script& in, scenario::kind of) {
  for (const auto& each : in.events)
    if (const auto* kill = std::get_if<scenario::deed::kill>(&each.what))
      for (const auto& who : kill->who)
        if (who.what == of)
          return {each.at, of == scenario::kind::relay ? in.relays[who.number].name
                                                       : in.members[who.number].name};
  return {duration::max(), ""};
}

/// Makes of what members say and of the streams what the demo shows.
class story {
 public:
  story(const scenario::script& script, bool json)
      : script_(script), out_(json ? std::cerr : std::cout) {
    std::tie(relay_dies_, result_.killed_relay) = first_death(script, scenario::kind::relay);
    std::tie(daemon_dies_, result_.killed_daemon) = first_death(script, scenario::kind::member);
    result_.simulated = true;
    result_.peers = script.members.size();
    for (std::uint32_t a = 0; a < script.members.size(); ++a)
      for (auto b = a + 1; b < script.members.size(); ++b) {
        auto& seen = pairs_[{a, b}].seen;
        seen.a = script.members[a].name;
        seen.b = script.members[b].name;
        seen.nat_a = nat_word(script, a);
        seen.nat_b = nat_word(script, b);
      }
  }

  void heard(duration now, std::uint32_t member, std::uint32_t peer,
             const msg::connection_view& view) {
    tell_deaths(now);
    auto& pair = pairs_[{std::min(member, peer), std::max(member, peer)}];
    const bool first_end = member < peer;
    auto& up = pair.up[first_end ? 0 : 1];
    up = view.is == msg::status::connected || view.is == msg::status::degraded;
    if (pair.up[0] && pair.up[1] && !pair.seen.connect)
      pair.seen.connect = now - joined(std::max(member, peer));
    if (!first_end || !up || !view.how) return;
    const auto path = std::string{msg::to_string(*view.how)} +
                      (view.relay ? " by " + *view.relay : "") +
                      (view.where ? ", endpoint " + net::to_string(*view.where) : "");
    if (path != pair.path) line(now, pair.seen.a + "-" + pair.seen.b + ": connected, " + path);
    pair.path = path;
    if (now >= relay_dies_) return;
    pair.seen.strategy = msg::to_string(*view.how);
    pair.seen.relay = view.relay.value_or("");
    pair.seen.endpoint = view.where ? net::to_string(*view.where) : "";
  }

  lab::demo_result end(const scenario::outcome& got) {
    for (const auto& stream : got.streams)
      count(stream);
    for (auto& [ends, pair] : pairs_)
      result_.pairs.push_back(pair.seen);
    for (const auto& missed : got.violations)
      result_.problems.push_back(missed.text);
    return result_;
  }

 private:
  struct watched {
    lab::demo_pair seen;
    std::array<bool, 2> up{}; ///< as either end says
    std::string path;         ///< what was said last
  };

  /// Deaths are told when the first thing after them is heard.
  void tell_deaths(duration now) {
    if (told_ < relay_dies_ && relay_dies_ <= now) {
      told_ = relay_dies_;
      line(told_, "killing " + result_.killed_relay);
    }
    if (told_ < daemon_dies_ && daemon_dies_ <= now) {
      told_ = daemon_dies_;
      line(told_, "killing the daemon of " + result_.killed_daemon);
      for (auto& [ends, pair] : pairs_)
        if (pair.seen.a == result_.killed_daemon) pair.path.clear(); // to tell what it adopts
    }
  }
  void line(duration now, const std::string& what) {
    char stamp[16];
    std::snprintf(stamp, sizeof stamp, "%6.2f s  ", std::chrono::duration<double>(now).count());
    out_ << stamp << what << std::endl;
  }

  duration joined(std::uint32_t member) const {
    const auto& party = script_.parties.front();
    const auto place = std::find(party.members.begin(), party.members.end(), member);
    return place == party.members.end()
               ? party.at
               : party.join_at + party.join_gap * (place - party.members.begin());
  }

  void count(const scenario::stream_outcome& of) {
    const auto& entry = *std::find_if(script_.streams.begin(), script_.streams.end(),
                                      [&](const auto& each) { return each.name == of.name; });
    auto& seen = pairs_[{std::min(entry.from, entry.to), std::max(entry.from, entry.to)}].seen;
    const auto lost = of.got.sent - of.got.answered;
    if (of.name.ends_with("-relay-dies")) {
      result_.relay_kill_pair = seen.a + "-" + seen.b;
      if (of.got.answered > 0) result_.outage = of.got.silence;
    } else if (of.name.ends_with("-daemon-dies")) {
      result_.daemon_kill_lost += lost;
    } else {
      seen.lost = lost;
      if (of.median_rtt) seen.rtt = *of.median_rtt;
    }
  }

  const scenario::script& script_;
  std::ostream& out_;
  duration relay_dies_{};
  duration daemon_dies_{};
  duration told_{}; ///< the last death that was told
  std::map<std::pair<std::uint32_t, std::uint32_t>, watched> pairs_; ///< the lower number first
  lab::demo_result result_;
};

} // namespace

int run_simulated_demo(const demo_options& options, const std::string& why) {
  spdlog::set_level(spdlog::level::off); // what daemons say is in the log as events
  std::cerr << "lanrage: no laboratory here: " << why
            << "\n  Instead the same actors run in a simulation, on virtual time."
            << (options.keep ? " There is nothing to --keep." : "") << std::endl;
  auto script = scenario::parse(demo_scenario, scenario_name);
  if (!script) throw std::logic_error(script.error().lines.front());
  script->internet_delay = options.one_way_delay;
  story told{*script, options.json};
  scenario::run_options how;
  how.to_watch = [&](duration now, std::uint32_t member, std::uint32_t peer,
                     const msg::connection_view& view) { told.heard(now, member, peer, view); };
  std::ofstream log;
  if (!options.logs.empty()) {
    std::filesystem::create_directories(options.logs);
    log.open(options.logs / log_name);
    how.to_log = [&](std::string_view line) { log << line; };
  }
  const auto got = scenario::run(*script, scenario_name, how);
  if (!got) throw std::logic_error(got.error().lines.front());
  const auto result = told.end(*got);
  std::cout << (options.json ? lab::to_json(result) + "\n" : lab::to_text(result)) << std::flush;
  return result.problems.empty() ? 0 : 1;
}

} // namespace lanrage::cli
