#include "sim/world/fabric.hpp"

#include <algorithm>
#include <numeric>

namespace lanrage::sim {

namespace {

constexpr std::size_t ipv4_udp_octets = 20 + 8;
constexpr std::size_t ipv6_udp_octets = 40 + 8;
constexpr std::uint8_t hops_max = 16; ///< a loop between boxes is a defect of the scenario

} // namespace

std::uint64_t fabric_counters::all_dropped() const {
  return std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0});
}

fabric::fabric(std::uint64_t seed, event_queue& queue) : seed_(seed), queue_(queue) {
  realms_.emplace_back();
}

node_id fabric::add_host(std::string name, realm_id in, std::vector<net::ip_address> addresses) {
  const auto id = static_cast<node_id>(nodes_.size());
  place made;
  made.name = std::move(name);
  made.realm = in;
  nodes_.push_back(std::move(made));
  move_host(id, in, std::move(addresses));
  return id;
}

node_id fabric::add_nat(std::string name, realm_id outer, net::ip_address address,
                        nat_settings how) {
  const auto id = add_host(std::move(name), outer, {address});
  auto& made = nodes_[id];
  made.box = std::make_unique<nat_box>(how, address, stream{seed_, "nat/" + made.name});
  made.inside = static_cast<realm_id>(realms_.size());
  realms_.emplace_back();
  realms_.back().gateway = id;
  return id;
}

void fabric::move_host(node_id host, realm_id to, std::vector<net::ip_address> addresses) {
  auto& it = nodes_[host];
  for (const auto& each : it.addresses) {
    realms_[it.realm].hosts.erase(each);
    routed_.erase(each);
  }
  it.realm = to;
  it.addresses = std::move(addresses);
  for (const auto& each : it.addresses) {
    realms_[to].hosts[each] = host;
    if (to != internet && !each.is_v4()) routed_[each] = to;
  }
}

void fabric::rebind_nat(node_id box, net::ip_address address) {
  nodes_[box].box->rebind(address);
  move_host(box, nodes_[box].realm, {address});
}

node_id fabric::face_of(node_id of) const {
  while (nodes_[of].realm != internet)
    of = realms_[nodes_[of].realm].gateway;
  return of;
}

// --- links ---------------------------------------------------------------------------------------

fabric::own_link& fabric::own(node_id from, node_id to) {
  const auto key = static_cast<std::uint64_t>(from) << 32 | to;
  const auto [at, made] = link_index_.try_emplace(key, static_cast<std::uint32_t>(links_.size()));
  if (made) {
    const auto name = "link/" + nodes_[from].name + '/' + nodes_[to].name;
    const bool outside = nodes_[from].realm == internet && nodes_[to].realm == internet;
    links_.push_back(
        {link{outside ? default_ : inside_default_, stream{seed_, name}}, outside, false});
  }
  return links_[at->second];
}

link& fabric::link_between(node_id from, node_id to) {
  return own(from, to).state;
}

void fabric::set_link(node_id from, node_id to, link_settings settings) {
  auto& it = own(from, to);
  it.state.use(std::move(settings));
  it.own_settings = true;
}

void fabric::set_default(const link_settings& settings) {
  default_ = settings;
  follow(true, settings);
}

void fabric::set_inside_default(const link_settings& settings) {
  inside_default_ = settings;
  follow(false, settings);
}

void fabric::follow(bool outside, const link_settings& settings) {
  for (auto& each : links_)
    if (each.outside == outside && !each.own_settings) each.state.use(settings);
}

bool fabric::reaches(node_id from, node_id to) {
  return nodes_[from].up && nodes_[to].up && nodes_[from].group == nodes_[to].group &&
         !link_between(from, to).blocked() && !(faults_ && faults_->cuts(from, to));
}

const fabric::own_link* fabric::known(node_id from, node_id to) const {
  const auto found = link_index_.find(static_cast<std::uint64_t>(from) << 32 | to);
  return found == link_index_.end() ? nullptr : &links_[found->second];
}

const link_settings& fabric::settings_between(node_id from, node_id to) const {
  if (const auto* there = known(from, to)) return there->state.settings();
  const bool outside = nodes_[from].realm == internet && nodes_[to].realm == internet;
  return outside ? default_ : inside_default_;
}

bool fabric::open_between(node_id from, node_id to) const {
  const auto* there = known(from, to);
  return nodes_[from].up && nodes_[to].up && nodes_[from].group == nodes_[to].group &&
         !(there && there->state.blocked());
}

// --- packets -------------------------------------------------------------------------------------

bool fabric::send(node_id from, std::uint16_t port, const net::endpoint& to, net::byte_view data,
                  time_point now) {
  const auto& own_addresses = nodes_[from].addresses;
  const auto source =
      std::find_if(own_addresses.begin(), own_addresses.end(),
                   [&](const auto& each) { return each.is_v4() == to.address.is_v4(); });
  if (source == own_addresses.end() || !nodes_[from].up) return false;
  const auto slot = pool_.take({*source, port}, to, data);
  ++count_.sent;
  if (observer_) observer_->on_sent(from, pool_[slot], now);
  route(nodes_[from].realm, from, slot, now);
  return true;
}

void fabric::send_to_neighbours(node_id from, std::uint16_t port, net::byte_view data,
                                time_point now) {
  if (nodes_[from].realm == internet) return;
  const bool v4 = nodes_[from].addresses.front().is_v4(); // one group, not one of each family
  std::vector<net::endpoint> all;
  for (const auto& [address, node] : realms_[nodes_[from].realm].hosts)
    if (node != from && !nodes_[node].box && address.is_v4() == v4) all.push_back({address, port});
  for (const auto& to : all)
    send(from, port, to, data, now);
}

/// The box in this realm behind which the address is, however many boxes on.
node_id fabric::box_towards(const net::ip_address& address, realm_id in) const {
  const auto found = routed_.find(address);
  if (found == routed_.end()) return no_node;
  for (auto realm = found->second; realm != internet;) {
    const auto box = realms_[realm].gateway;
    realm = nodes_[box].realm;
    if (realm == in) return box;
  }
  return no_node;
}

void fabric::route(realm_id in, node_id at, packet_slot slot, time_point now) {
  const auto& here = realms_[in];
  const auto& to = pool_[slot].to.address;
  const auto found = here.hosts.find(to);
  if (found != here.hosts.end()) return hop(at, found->second, slot, false, now);
  if (!to.is_v4())
    if (const auto box = box_towards(to, in); box != no_node) return hop(at, box, slot, false, now);
  if (here.gateway == no_node || here.gateway == at)
    return drop(at, slot, drop_cause::no_route, now);
  hop(at, here.gateway, slot, true, now);
}

void fabric::hop(node_id from, node_id to, packet_slot slot, bool outward, time_point now) {
  auto& p = pool_[slot];
  if (++p.hops > hops_max) return drop(from, slot, drop_cause::too_many_hops, now);
  const auto& a = nodes_[from];
  const auto& b = nodes_[to];
  if (a.realm == b.realm && a.group != b.group)
    return drop(from, slot, drop_cause::partitioned, now);
  packet_faults::verdict wrong;
  if (faults_) wrong = faults_->on_hop(from, to, p, now);
  if (wrong.dropped_by != 0) return drop_by(wrong.dropped_by, from, slot, now);
  const auto octets = p.data.size() + (p.to.address.is_v4() ? ipv4_udp_octets : ipv6_udp_octets);
  auto way = link_between(from, to).pass(now, octets);
  if (way.dropped != drop_cause::none) return drop(from, slot, way.dropped, now);
  p.next = to;
  p.outward = outward;
  way.at = std::max(way.at + wrong.later, wrong.not_before);
  queue_.push(way.at, event_kind::packet, to, slot);
  if (way.duplicate)
    copy(from, slot, std::max(*way.duplicate + wrong.later, wrong.not_before), now);
  if (wrong.copy_after) copy(from, slot, way.at + *wrong.copy_after, now);
}

/// Another one of a packet under way.
void fabric::copy(node_id from, packet_slot of, time_point arrives, time_point now) {
  ++count_.duplicated;
  const auto copied = pool_[of]; // taking a slot may move the packets
  const auto slot = pool_.take(copied.from, copied.to, copied.data);
  auto& twin = pool_[slot];
  twin.next = copied.next;
  twin.outward = copied.outward;
  twin.hops = copied.hops;
  if (observer_) observer_->on_duplicated(from, twin, now);
  queue_.push(arrives, event_kind::packet, copied.next, slot);
}

void fabric::drop(node_id at, packet_slot slot, drop_cause cause, time_point now) {
  ++count_.dropped[static_cast<std::size_t>(cause)];
  if (observer_) observer_->on_dropped(at, pool_[slot], cause, now);
  pool_.give_back(slot);
}

void fabric::drop_by(std::uint8_t fault, node_id at, packet_slot slot, time_point now) {
  pool_[slot].fault = fault;
  drop(at, slot, drop_cause::fault, now);
}

std::optional<fabric::arrival> fabric::advance(packet_slot slot, time_point now) {
  const auto to = pool_[slot].next;
  const auto& here = nodes_[to];
  if (!here.up) {
    drop(to, slot, drop_cause::node_down, now);
    return std::nullopt;
  }
  if (here.box) {
    through_nat(to, slot, now);
    return std::nullopt;
  }
  // It moved while the packet was under way.
  if (std::find(here.addresses.begin(), here.addresses.end(), pool_[slot].to.address) ==
      here.addresses.end()) {
    drop(to, slot, drop_cause::no_route, now);
    return std::nullopt;
  }
  ++count_.delivered;
  if (observer_) observer_->on_delivered(to, pool_[slot], now);
  return arrival{to, slot};
}

void fabric::through_nat(node_id at, packet_slot slot, time_point now) {
  auto& here = nodes_[at];
  auto& p = pool_[slot];
  if (faults_)
    if (const auto fault = faults_->on_box(at, p, now)) return drop_by(fault, at, slot, now);
  if (!p.to.address.is_v4()) return through_firewall(at, slot, now);
  if (!p.outward) {
    if (p.to.address != here.box->outer()) return drop(at, slot, drop_cause::no_route, now);
    const auto cause = here.box->inward(p.from, p.to, now);
    if (cause != drop_cause::none) return drop(at, slot, cause, now);
    return route(here.inside, at, slot, now);
  }
  const auto cause = here.box->outward(p.from, p.to, now);
  if (cause == drop_cause::nat_ports && faults_)
    if (const auto fault = faults_->out_of_ports(at)) return drop_by(fault, at, slot, now);
  if (cause != drop_cause::none) return drop(at, slot, cause, now);
  if (p.to.address != here.box->outer()) return route(here.realm, at, slot, now);
  if (!here.box->settings().hairpin) return drop(at, slot, drop_cause::nat_hairpin, now);
  const auto back = here.box->inward(p.from, p.to, now);
  if (back != drop_cause::none) return drop(at, slot, back, now);
  route(here.inside, at, slot, now);
}

void fabric::through_firewall(node_id at, packet_slot slot, time_point now) {
  auto& here = nodes_[at];
  const auto& p = pool_[slot];
  const auto cause = p.outward ? here.box->firewall_outward(p.from, p.to, now)
                               : here.box->firewall_inward(p.from, p.to, now);
  if (cause != drop_cause::none) return drop(at, slot, cause, now);
  route(p.outward ? here.realm : here.inside, at, slot, now);
}

} // namespace lanrage::sim
