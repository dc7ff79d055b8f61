#pragma once

#include "lab/nat_matrix.hpp"
#include "sim/world.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// The laboratory's members in the simulation.
namespace lanrage::test {

/// The simulated box that behaves as the laboratory's; none: a host on the internet.
inline std::optional<sim::nat_settings> simulated(const lab::nat_settings& how) {
  using enum net::nat_behavior;
  using lab::nat_type;
  auto out = sim::port_restricted();
  if (how.type == nat_type::open) return std::nullopt;
  if (how.type == nat_type::full_cone) out = sim::full_cone();
  if (how.type == nat_type::address_restricted) out = sim::address_restricted();
  if (how.type == nat_type::symmetric) out = sim::symmetric();
  if (how.type == nat_type::symmetric_sequential) out = sim::symmetric_sequential();
  if (how.type == nat_type::symmetric_address) out.mapping = address_dependent;
  if (how.type == nat_type::symmetric_unfiltered) {
    out.mapping = address_and_port_dependent;
    out.filtering = endpoint_independent;
  }
  if (how.type == nat_type::udp_blocked) out = sim::udp_blocked();
  out.remembers_refused = how.wan == lab::unsolicited::reject;
  out.hairpin = how.hairpin;
  out.ipv6_open = how.ipv6_open;
  return out;
}

/// How two members of one party end, each behind what the laboratory puts it behind.
inline lab::reach simulated_reach(const lab::party_member& a, const lab::party_member& b) {
  using namespace std::chrono_literals;
  spdlog::set_level(spdlog::level::off);
  sim::world w;
  w.add_relay("relay1", {true, true});
  std::map<std::string, sim::node_id> carriers;
  for (const auto& each : lab::matrix_carriers())
    carriers[each.name] = w.add_nat(each.name, *simulated(each.nat));
  std::map<std::string, std::optional<sim::node_id>> boxes;
  const auto add = [&](const lab::party_member& who) {
    const auto& network = who.with.empty() ? who.name : who.with;
    if (!boxes.contains(network)) {
      const auto how = simulated(who.nat);
      const auto outer = who.behind.empty() ? std::nullopt : std::optional{carriers.at(who.behind)};
      boxes[network] = how ? std::optional{w.add_nat(network + "-nat", *how, outer)} : std::nullopt;
    }
    sim::member_settings settings;
    settings.has = {who.ipv4, who.ipv6};
    settings.auto_connect = false;
    return w.add_member(who.name, boxes[network], settings);
  };
  const auto one = add(a);
  const auto other = add(b);
  w.start(one);
  w.start(other);
  const auto made = w.create_party(one, "friends");
  if (!made || !w.join_party(other, made->invite)) return lab::reach::none;
  w.run_for(10s); // every NAT is known
  (void)w.connect(other, a.name, 0ms);
  (void)w.connect(one, b.name, 0ms);
  w.run_for(20s); // the first punch, and another
  if (!w.ping(one, other, 1s) || !w.ping(other, one, 1s)) return lab::reach::none;
  const auto view = w.connection(one, other);
  return view && view->how == msg::strategy::direct ? lab::reach::direct : lab::reach::relay;
}

inline lab::reach simulated_reach(const lab::matrix_extra& pair) {
  const auto members = lab::matrix_members();
  const auto at = [&](const std::string& name) {
    return *std::find_if(members.begin(), members.end(),
                         [&](const auto& each) { return each.name == name; });
  };
  return simulated_reach(at(pair.a), at(pair.b));
}

/// A pair of lab::matrix_nats().
inline lab::reach simulated_reach(std::size_t a, std::size_t b) {
  const auto nats = lab::matrix_nats();
  return simulated_reach({lab::matrix_member(a, 'a'), nats[a], "", "", true, false},
                         {lab::matrix_member(b, 'b'), nats[b], "", "", true, false});
}

} // namespace lanrage::test
