#include "sim/invariants/reach.hpp"

#include "config/defaults.hpp"

#include <algorithm>

namespace lanrage::sim::invariants {
namespace {

/// A box with fewer gives the same one again by chance.
constexpr int few_ports = 256;

} // namespace

std::vector<node_id> reach::outwards(node_id from) {
  std::vector<node_id> out{from};
  auto& net = world_.net();
  while (net.realm_of(out.back()) != internet)
    out.push_back(net.gateway_of(net.realm_of(out.back())));
  return out;
}

families reach::shared(node_id a, node_id b) {
  const auto one = families_of(world_.net().addresses(a));
  const auto other = families_of(world_.net().addresses(b));
  return {one.ipv4 && other.ipv4, one.ipv6 && other.ipv6};
}

std::optional<reach::way> reach::sound(node_id from, node_id to) {
  auto& net = world_.net();
  if (const auto both = shared(from, to); !both.ipv4 && !both.ipv6) return std::nullopt;
  const auto up = outwards(from);
  const auto down = outwards(to);
  const bool neighbours = net.realm_of(from) == net.realm_of(to);
  std::vector<node_id> hops;
  if (neighbours) {
    hops = {from, to};
  } else {
    hops = up;
    // Two boxes in one are hairpins: not a way that is sure.
    if (up.back() == down.back()) return std::nullopt;
    hops.insert(hops.end(), down.rbegin(), down.rend());
  }
  duration all{};
  for (std::size_t i = 0; i + 1 < hops.size(); ++i) {
    if (!net.open_between(hops[i], hops[i + 1])) return std::nullopt;
    const auto& link = net.settings_between(hops[i], hops[i + 1]);
    if (link.source || link.loss_ppm > sound_loss_ppm || link.bits_per_s != 0 || link.mtu < 1'500)
      return std::nullopt;
    all += link.delay + link.jitter / 2;
  }
  if (!neighbours)
    for (const auto& chain : {up, down})
      for (std::size_t i = 1; i < chain.size(); ++i)
        if (net.nat(chain[i]).settings().blocks_udp) return std::nullopt;
  return way{all};
}

std::optional<duration> reach::round_trip(node_id a, node_id b) {
  const auto there = sound(a, b);
  const auto back = there ? sound(b, a) : std::nullopt;
  return back ? std::optional{there->one + back->one} : std::nullopt;
}

std::optional<duration> reach::over_relay(member_id a, member_id b, const std::string& relay) {
  for (std::uint32_t i = 0; i < world_.relay_count(); ++i) {
    auto& site = world_.relay(relay_number{i});
    if (site.name() != relay || !site.running()) continue;
    const auto one = round_trip(world_.node(a), site.node());
    const auto other = one ? round_trip(site.node(), world_.node(b)) : std::nullopt;
    return other ? std::optional{*one + *other} : std::nullopt;
  }
  return std::nullopt;
}

std::optional<duration> reach::best_relay(member_id a, member_id b) {
  std::optional<duration> best;
  for (std::uint32_t i = 0; i < world_.relay_count(); ++i) {
    const auto here = over_relay(a, b, world_.relay(relay_number{i}).name());
    if (here && (!best || *here < *best)) best = here;
  }
  return best;
}

reach::direct reach::directness(member_id a, member_id b) {
  auto& net = world_.net();
  const auto one = outwards(world_.node(a));
  const auto other = outwards(world_.node(b));
  if (net.realm_of(one[0]) == net.realm_of(other[0])) return direct::surely;
  struct behaviour {
    bool blocked = false;
    bool hidden = false;  ///< the mapping depends on the destination
    bool guessed = false; ///< but its port follows the one before, or is one of a few
    bool open = false;    ///< but who speaks to it first is answered from where it spoke to
    bool strict = false;  ///< filtering by address and port
    bool moody = false;
  };
  const auto of = [&](const std::vector<node_id>& chain) {
    behaviour out;
    for (std::size_t i = 1; i < chain.size(); ++i) {
      const auto& how = net.nat(chain[i]).settings();
      const bool hidden = how.mapping != nat_behavior::endpoint_independent;
      out.blocked |= how.blocks_udp;
      out.hidden |= hidden;
      const bool few = how.last_port - how.first_port < few_ports;
      out.guessed |= hidden && (how.sequential || how.preserve_ports || few);
      out.open |= hidden && how.filtering == nat_behavior::endpoint_independent;
      out.strict |= how.filtering == nat_behavior::address_and_port_dependent;
      out.moody |= how.remembers_refused;
    }
    return out;
  };
  const auto x = of(one);
  const auto y = of(other);
  if (x.blocked || y.blocked) return direct::never;
  const auto both = shared(one[0], other[0]);
  if (both.ipv6) return direct::surely; // a firewall on each side opens to what its side asked for
  if (!both.ipv4) return direct::never;
  // Two homes behind one carrier's box: by the box in front of each, or by hairpin.
  const bool shared = one.back() == other.back();
  const bool stuck = (x.hidden && y.strict) || (y.hidden && x.strict);
  const bool luck = shared || x.moody || y.moody || x.guessed || y.guessed || x.open || y.open ||
                    (world_.may_guess(a) && world_.may_guess(b));
  if (stuck) return luck ? direct::perhaps : direct::never;
  return luck ? direct::perhaps : direct::surely;
}

bool reach::controlled(member_id who) {
  return world_.control().running() && sound(world_.node(who), world_.control_node()).has_value() &&
         sound(world_.control_node(), world_.node(who)).has_value();
}

void reach::note_addresses() {
  for (std::uint32_t i = 0; i < world_.member_count(); ++i) {
    auto& known = seen_[member_id{i}];
    for (const auto node : outwards(world_.node(member_id{i})))
      for (const auto& address : world_.net().addresses(node))
        known.insert(address);
  }
  for (std::uint32_t i = 0; i < world_.relay_count(); ++i)
    for (const auto& address : world_.net().addresses(world_.node(relay_number{i})))
      relays_seen_.insert(address);
}

bool reach::belongs(const net::ip_address& address, member_id who) const {
  const auto found = seen_.find(who);
  return found != seen_.end() && found->second.contains(address);
}

bool reach::is_relay(const net::endpoint& where) {
  // Not by relay_site::info(), which makes a key.
  note_addresses();
  return where.port == config::defaults::relay_port && relays_seen_.contains(where.address);
}

} // namespace lanrage::sim::invariants
