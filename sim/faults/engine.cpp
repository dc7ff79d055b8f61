#include "sim/faults/engine.hpp"

#include "sim/faults/targets.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanrage::sim::faults {
namespace {

/// packaging/lanrage.service: RestartSec.
constexpr duration service_restart = std::chrono::seconds{1};

/// Whose connections a fault can change; nobody: everybody's.
std::vector<std::uint32_t> touched_by(const active& what, const scenario::script& script) {
  std::vector<std::uint32_t> out;
  for (const auto& each : what.on) {
    if (each.what == scenario::kind::member) out.push_back(each.number);
    if (each.what == scenario::kind::relay || each.what == scenario::kind::control) return {};
    if (each.what != scenario::kind::nat) continue;
    for (std::uint32_t i = 0; i < script.members.size(); ++i) {
      auto box = script.members[i].behind;
      while (box && *box != each.number)
        box = script.nats[*box].behind;
      if (box) out.push_back(i);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace

engine::engine(const plan& of, const scenario::script& script, surroundings& around,
               std::uint64_t seed, duration until)
    : seen_(of, script.members.size()),
      in_(around, seen_, stream{of.seed, "faults/" + std::to_string(seed)}.next()) {
  for (auto* make : {&make_packet_part, &make_box_part, &make_server_part, &make_control_part,
                     &make_member_part, &make_actor_part, &make_hostile_part})
    parts_.push_back(make(in_));
  const cast names{script};
  for (std::size_t i = 0; i < of.faults.size(); ++i) {
    auto& made = all_.emplace_back();
    made.number = i;
    made.what = of.faults[i];
    made.of = find_kind(made.what.kind);
    made.on = names.resolve(*made.of, made.what.on);
    made.to = names.resolve(*made.of, made.what.to);
    made.touched = touched_by(made, script);
    bool owned = false;
    for (const auto& each : parts_) {
      if (!each->does(made.what.kind)) continue;
      each->prepare(made);
      owned = true;
    }
    if (!owned) throw std::logic_error("faults: nobody does " + label(made.what.kind));
    if (made.what.start > until) continue;
    auto& agenda = in_.where().plan();
    agenda.at(made.start(), [this, &made] { begin(made); });
    if (!made.of->instant && made.what.end <= until)
      agenda.at(made.end(), [this, &made] { end(made); });
  }
  in_.places_changed = [this] { places_changed(); };
  in_.where().on_ended = [this](member_id who) { daemon_ended(who); };
}

void engine::places_changed() {
  for (const auto& each : parts_)
    each->places_changed();
}

engine::~engine() {
  in_.where().on_ended = {};
}

void engine::begin(active& what) {
  in_.note(what, "begin: " + describe(what.what));
  what.now = true;
  in_.where().broken(true);
  for (const auto& each : parts_)
    if (each->does(what.what.kind)) each->begin(what);
  if (!what.of->instant) return;
  what.now = false;
  in_.where().broken(false);
}

void engine::end(active& what) {
  what.now = false;
  for (const auto& each : parts_)
    if (each->does(what.what.kind)) each->end(what);
  in_.where().broken(false);
  in_.note(what, "end");
}

/// As a service manager: what ended is started again, as often as it takes.
void engine::daemon_ended(member_id who) {
  in_.after(service_restart, [this, who] {
    const auto number = static_cast<std::uint32_t>(who);
    if (!in_.where().running(who)) return;
    in_.stage().kill(number);
    in_.stage().start(number);
  });
}

} // namespace lanrage::sim::faults
