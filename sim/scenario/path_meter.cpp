#include "sim/scenario/path_meter.hpp"

#include "sim/scenario/trace_source.hpp"

#include <algorithm>

namespace lanrage::sim::scenario {
namespace {

constexpr std::uint32_t every_packet = 1'000'000;

} // namespace

path_meter::path_meter(world& in, const std::vector<member_id>& members,
                       const std::vector<relay_number>& relays)
    : world_(in), members_(members), relays_(relays) {}

/// The node itself, then the boxes it is behind; the last is on the internet.
std::vector<node_id> path_meter::outwards(node_id from) {
  std::vector<node_id> out{from};
  while (world_.net().realm_of(out.back()) != internet)
    out.push_back(world_.net().gateway_of(world_.net().realm_of(out.back())));
  return out;
}

std::optional<duration> path_meter::across(std::optional<duration> so_far, node_id from,
                                           node_id to) {
  auto& net = world_.net();
  if (!so_far || !net.reaches(from, to)) return std::nullopt;
  const auto& link = net.link_between(from, to).settings();
  if (link.loss_ppm >= every_packet) return std::nullopt;
  passage base{passage::fate::delivered, link.delay};
  if (auto* source = dynamic_cast<visible_source*>(link.source.get()))
    base = source->look(world_.now());
  if (base.what != passage::fate::delivered) return std::nullopt;
  return *so_far + base.after + link.jitter / 2; // its mean
}

std::optional<duration> path_meter::along(node_id from, node_id to, carrier by) {
  auto& net = world_.net();
  const auto up = outwards(from);
  const auto down = outwards(to);
  // Where both are in the same network, they are neighbours: a home, else the internet.
  std::size_t i = 0;
  std::size_t j = 0;
  if (net.realm_of(up[0]) != net.realm_of(down[0])) {
    i = up.size() - 1;
    j = down.size() - 1;
  }
  std::optional<duration> out = duration{};
  for (std::size_t k = 0; k < i; ++k) {
    if (by == carrier::udp && net.nat(up[k + 1]).settings().blocks_udp) return std::nullopt;
    out = across(out, up[k], up[k + 1]);
  }
  if (up[i] != down[j]) out = across(out, up[i], down[j]);
  for (std::size_t k = j; k > 0; --k) {
    if (by == carrier::udp && net.nat(down[k]).settings().blocks_udp) return std::nullopt;
    out = across(out, down[k], down[k - 1]);
  }
  return out;
}

std::optional<duration> path_meter::one_way(std::uint32_t from, std::uint32_t to,
                                            report::path over) {
  const auto a = world_.node(members_[from]);
  const auto b = world_.node(members_[to]);
  if (over == report::path::direct) return along(a, b, carrier::udp);
  if (!report::is_relay(over)) return std::nullopt;
  const auto which = relays_[static_cast<std::size_t>(over)];
  if (!world_.relay(which).running()) return std::nullopt;
  const auto first = along(a, world_.node(which), carrier::tls);
  const auto second = first ? along(world_.node(which), b, carrier::tls) : std::nullopt;
  return second ? std::optional{*first + *second} : std::nullopt;
}

/// By RFC 4787's terms: a port that differs per destination is learnt only from packets, which a
/// filter by port does not let in (RFC 5128, section 3.3).
bool path_meter::may_be_direct(std::uint32_t a, std::uint32_t b) {
  auto& net = world_.net();
  const auto one = outwards(world_.node(members_[a]));
  const auto other = outwards(world_.node(members_[b]));
  if (net.realm_of(one[0]) == net.realm_of(other[0])) return true;
  if (one.back() == other.back() && !net.nat(one.back()).settings().hairpin) return false;
  struct behaviour {
    bool blocked = false;
    bool hidden = false; ///< mapping depends on the destination
    bool strict = false; ///< filtering by address and port
  };
  const auto of = [&](const std::vector<node_id>& chain) {
    behaviour out;
    for (auto box = chain.begin() + 1; box < chain.end(); ++box) {
      const auto& how = net.nat(*box).settings();
      out.blocked |= how.blocks_udp;
      out.hidden |= how.mapping != nat_behavior::endpoint_independent;
      out.strict |= how.filtering == nat_behavior::address_and_port_dependent;
    }
    return out;
  };
  const auto x = of(one);
  const auto y = of(other);
  if (x.blocked || y.blocked) return false;
  return !(x.hidden && y.strict) && !(y.hidden && x.strict);
}

} // namespace lanrage::sim::scenario
