#include "sim/faults/part.hpp"

#include <algorithm>
#include <array>
#include <map>

/// F13, F14, F15, F16, F18, F20: what a box is, where it stands and what it remembers. What it does
/// to packets meanwhile is the packets' part.
namespace lanrage::sim::faults {
namespace {

class box_part final : public part {
 public:
  using part::part;

  bool does(int id) const override {
    static constexpr std::array<int, 6> all{13, 14, 15, 16, 18, 20};
    return std::find(all.begin(), all.end(), id) != all.end();
  }

  void begin(active& what) override {
    for (const auto& each : what.on)
      begin_at(what, in_.stage().node_at(each));
  }
  void end(active& what) override {
    for (const auto& each : what.on)
      end_at(what, in_.stage().node_at(each));
  }

 private:
  struct box_state {
    nat_settings usual;
    std::vector<const active*> changed_by; ///< settings, the last one counts most
    std::optional<node_id> carrier;        ///< the box that was put before it, kept for good
    int doubled = 0;
  };

  box_state& state_of(node_id box) {
    const auto found = boxes_.find(box);
    if (found != boxes_.end()) return found->second;
    box_state made;
    made.usual = in_.where().net().nat(box).settings();
    return boxes_.emplace(box, made).first->second;
  }

  static net::nat_behavior behavior(std::int64_t word) {
    static constexpr std::array<net::nat_behavior, 3> all{
        net::nat_behavior::endpoint_independent, net::nat_behavior::address_dependent,
        net::nat_behavior::address_and_port_dependent};
    return all.at(static_cast<std::size_t>(word));
  }

  static void change(nat_settings& how, const active& what) {
    switch (what.what.kind) {
    case 13:
      how.mapping = behavior(what.argument("mapping"));
      how.filtering = behavior(what.argument("filtering"));
      return;
    case 14:
      how.lifetime = std::chrono::duration_cast<std::chrono::seconds>(what.time("lifetime"));
      how.refresh_inbound = what.flag("refresh");
      return;
    case 18: {
      constexpr int highest = 65'535;
      const auto count = std::min<std::int64_t>(what.argument("ports"), highest - how.first_port);
      how.preserve_ports = false;
      how.last_port = static_cast<std::uint16_t>(how.first_port + count - 1);
      how.steals_ports = what.flag("steal");
      return;
    }
    default:
      return;
    }
  }

  /// As it was, and what holds now on top.
  void settle(node_id box) {
    const auto& state = state_of(box);
    auto how = state.usual;
    for (const auto* each : state.changed_by)
      change(how, *each);
    in_.where().net().nat(box).use(how);
    in_.where().rewired();
  }

  void begin_at(active& what, node_id box) {
    auto& state = state_of(box);
    auto& net = in_.where().net();
    switch (what.what.kind) {
    case 13:
    case 14:
    case 18:
      state.changed_by.push_back(&what);
      settle(box);
      if (what.what.kind != 14) net.nat(box).flush();
      return in_.fired(what);
    case 15:
      net.nat(box).flush();
      return in_.fired(what);
    case 16:
      return in_.after((what.what.end - what.what.start) / 2, [this, box, &what] {
        in_.where().rebind(box);
        in_.fired(what);
      });
    case 20:
      return double_nat(what, box);
    default:
      return;
    }
  }

  void end_at(active& what, node_id box) {
    auto& state = state_of(box);
    if (what.what.kind == 20) return single_nat(box);
    if (std::erase(state.changed_by, &what) == 0) return;
    settle(box);
    // Nobody is let through by rules that hold no more.
    if (what.what.kind != 14) in_.where().net().nat(box).flush();
  }

  void double_nat(active& what, node_id box) {
    auto& state = state_of(box);
    auto& w = in_.where();
    if (state.doubled++ > 0) return;
    if (w.net().realm_of(box) != internet) {
      --state.doubled;
      return in_.note(what, w.net().name(box) + " stands behind another box already");
    }
    nat_settings how;
    how.mapping = behavior(what.argument("mapping"));
    how.filtering = behavior(what.argument("filtering"));
    if (!state.carrier) state.carrier = w.add_nat(w.net().name(box) + "-carrier", how);
    w.net().nat(*state.carrier).use(how);
    w.net().nat(*state.carrier).flush();
    w.put_behind(box, state.carrier);
    moved();
    in_.fired(what);
  }

  void single_nat(node_id box) {
    auto& state = state_of(box);
    if (state.doubled == 0 || --state.doubled > 0) return;
    in_.where().put_behind(box, std::nullopt);
    moved();
  }

  void moved() {
    in_.where().paths_changed();
    in_.places_changed();
  }

  std::map<node_id, box_state> boxes_;
};

} // namespace

std::unique_ptr<part> make_box_part(context& in) {
  return std::make_unique<box_part>(in);
}

} // namespace lanrage::sim::faults
