#include "sim/bench/crowd.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <stdexcept>

namespace lanrage::sim {

namespace {

using namespace std::chrono_literals;

constexpr duration met_within = 60s; ///< of the last one's start
constexpr duration look_gap = 1s;

} // namespace

duration delay_of_link(std::uint64_t number) {
  constexpr std::uint64_t golden_ratio = 2'654'435'761; // Knuth's multiplicative hash
  const auto spread = (number * golden_ratio >> 7) % 79'000;
  return std::chrono::microseconds{1'000 + static_cast<std::int64_t>(spread)};
}

crowd::crowd(crowd_settings settings)
    : settings_(settings), world_([&] {
        world_settings out;
        out.seed = settings.seed;
        return out;
      }()) {
  settings_.group = std::max<std::uint32_t>(settings_.group, 2);
  world_.add_relay("relay1");
  member_settings how;
  how.health.check_interval = settings_.check_interval;
  const auto groups = (settings_.members + settings_.group - 1) / settings_.group;
  for (std::uint32_t i = 0; i < groups * settings_.group; ++i)
    members_.push_back(world_.add_member("m" + std::to_string(i), std::nullopt, how));
  std::uint64_t links = 0;
  for (std::size_t first = 0; first < members_.size(); first += settings_.group)
    for (std::size_t a = first; a < first + settings_.group; ++a)
      for (std::size_t b = a + 1; b < first + settings_.group; ++b) {
        link_settings link;
        link.delay = delay_of_link(links++);
        world_.set_links(world_.node(members_[a]), world_.node(members_[b]), link);
      }
}

void crowd::start_group(std::size_t first) {
  for (std::size_t i = first; i < first + settings_.group; ++i)
    world_.start(members_[i]);
  const auto made = world_.create_party(members_[first], "group");
  if (!made) throw std::runtime_error("no party: " + net::to_string(made.error()));
  for (std::size_t i = first + 1; i < first + settings_.group; ++i)
    caf::anon_send(world_.roles(members_[i]).directory, msg::party_join{made->invite});
}

void crowd::meet() {
  for (std::size_t first = 0; first < members_.size(); first += settings_.group)
    start_group(first);
  const auto wanted = members_.size() * (settings_.group - 1);
  if (!world_.run_until([&] { return counts().connected == wanted; }, met_within, look_gap))
    throw std::runtime_error("not everybody is connected after a minute");
}

crowd_counts crowd::counts() {
  crowd_counts out;
  for (const auto& who : members_) {
    for (const auto& view : world_.status(who).peers) {
      ++out.peers;
      if (view.at == msg::phase::connected || view.at == msg::phase::degraded) ++out.connected;
      if (view.how == msg::strategy::direct) ++out.direct;
      out.round_trips += view.counters.checks - view.counters.lost;
    }
  }
  return out;
}

} // namespace lanrage::sim
