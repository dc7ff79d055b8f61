#include "net/frames.hpp"
#include "net/stun.hpp"
#include "sim/faults/packets.hpp"

#include <algorithm>

/// What is done to packets at relays and boxes, and to the paths of control connections.
namespace lanrage::sim::faults {
namespace {

constexpr std::size_t stun_header = 20;

bool has(const std::vector<bool>& set, node_id node) {
  return node < set.size() && set[node];
}

bool is_stun(const packet& of) {
  return net::classify(of.data) == net::datagram_class::stun;
}

} // namespace

void packet_part::relay_fault(entry& it, const hop& at) {
  const auto& fault = *it.of;
  const bool out = has(it.on, at.from);
  const int id = fault.what.kind;
  if (id == 27 && has(it.on, at.to)) {
    const auto kind = net::kind_of(at.what.data);
    const bool asks = kind == net::frame_kind::hello || kind == net::frame_kind::registration;
    if (asks && !it.registered.contains(at.what.from)) drop(it, at);
    return;
  }
  if (id >= 21 && id <= 24) {
    if (is_stun(at.what)) stun_fault(it, at);
    return;
  }
  if (!out) return;
  const auto since = at.now - fault.start();
  if (id == 29) {
    const auto span = std::max<duration>(fault.what.end - fault.what.start, duration{1});
    constexpr std::int64_t parts = 1'000;
    return late(it, at, fault.time("by") / parts * (since.count() / (span.count() / parts + 1)));
  }
  if (id == 32 && since / fault.time("every") % 2 == 0) late(it, at, fault.time("by"));
  if (id == 30) half_open(it, at);
}

/// Who is registered where, before the relay takes nobody new.
void packet_part::drain(entry& it, const hop& at) {
  if (it.on.empty()) resolve(it);
  if (!it.of->now && has(it.on, at.from) &&
      net::kind_of(at.what.data) == net::frame_kind::registered)
    it.registered.insert(at.what.to);
}

/// Every second one that the relay ever sent something to gets nothing forwarded, and can send.
void packet_part::half_open(entry& it, const hop& at) {
  const auto rank = it.met.emplace(at.what.to, it.met.size()).first->second;
  const auto what = net::classify(at.what.data);
  const bool forwarded =
      what == net::datagram_class::wireguard || what == net::datagram_class::probe;
  if (forwarded && rank % 2 == 1) drop(it, at);
}

void packet_part::stun_fault(entry& it, const hop& at) {
  const auto& fault = *it.of;
  const bool answer = has(it.on, at.from);
  if (fault.what.kind == 21) {
    const auto by = fault.time("by");
    if (answer) return late(it, at, by);
    if (by == duration{} && has(it.on, at.to)) drop(it, at);
    return;
  }
  if (!answer) return;
  auto& random = this->at(it, at.from, at.to).random;
  switch (fault.what.kind) {
  case 22:
    if (auto said = net::stun::parse_response(at.what.data)) {
      said->mapped.port = static_cast<std::uint16_t>(said->mapped.port + fault.argument("by"));
      at.what.data = net::stun::binding_success(said->id, said->mapped);
      in_.fired(fault);
    }
    return;
  case 23:
    if (random.chance_ppm(fault.share("share"))) garbage(it, at.what);
    return;
  case 24:
    if (!fault.flag("twice")) return late(it, at, fault.time("by"));
    at.out.copy_after = fault.time("by");
    return in_.fired(fault);
  default:
    return;
  }
}

void packet_part::garbage(entry& it, packet& what) {
  constexpr std::size_t id_at = 8, family_at = stun_header + 5, length_at = 3;
  constexpr std::size_t oversized_by = 1'200;
  if (what.data.size() <= family_at) return;
  switch (it.of->argument("how")) {
  case 0:
    what.data[id_at] ^= 0xff;
    break;
  case 1:
    what.data[family_at] = 0x7f;
    break;
  case 2:
    what.data[length_at] ^= 0x04; // a length that is not the datagram's
    break;
  case 3:
    what.data.resize(what.data.size() + oversized_by, 0);
    break;
  default:
    what.from.port = static_cast<std::uint16_t>(what.from.port + 1);
  }
  in_.fired(*it.of);
}

// --- boxes ---------------------------------------------------------------------------------------

std::uint8_t packet_part::on_box(node_id box, const packet& what, time_point now) {
  for (auto* it : now_) {
    const int id = it->of->what.kind;
    if (id < 15 || id > 19 || !has(it->on, box)) continue;
    const auto middle = it->of->start() + (it->of->what.end - it->of->what.start) / 2;
    const bool hit =
        id == 15 || id == 19 || (id == 16 && now < middle) ||
        (id == 17 && what.outward && what.to.address == in_.where().net().nat(box).outer());
    if (!hit) continue;
    in_.fired(*it->of);
    return static_cast<std::uint8_t>(id);
  }
  return 0;
}

std::uint8_t packet_part::out_of_ports(node_id box) {
  for (auto* it : now_)
    if (it->of->what.kind == 18 && has(it->on, box)) {
      in_.fired(*it->of);
      return 18;
    }
  return 0;
}

// --- control connections -------------------------------------------------------------------------

/// A stalled TCP connection is one that holds what is said.
bool packet_part::cuts_path(const entry& it, node_id from, node_id to) {
  switch (it.of->what.kind) {
  case 4:
  case 10:
    return on_link(it, from, to);
  case 15:
    return has(it.on, from) || has(it.on, to);
  case 16: // first the box has no address, then the server is not there yet
  case 33: {
    const auto middle = it.of->start() + (it.of->what.end - it.of->what.start) / 2;
    const auto control = in_.where().control_node();
    const bool all = it.of->what.kind == 16 && in_.now() < middle;
    return (has(it.on, from) || has(it.on, to)) && (all || from == control || to == control);
  }
  default:
    return false;
  }
}

bool packet_part::cuts(node_id from, node_id to) {
  // Asked by whoever looks at paths, too: this is no moment at which anything happens.
  return std::any_of(now_.begin(), now_.end(),
                     [&](const entry* it) { return cuts_path(*it, from, to); });
}

} // namespace lanrage::sim::faults
