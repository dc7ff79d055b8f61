#include "tests/soak/soak_plan.hpp"

#include "lab/failure.hpp"
#include "sim/faults/targets.hpp"
#include "sim/world/stream.hpp"

#include <algorithm>
#include <map>

namespace lanrage::soak {
namespace {

using namespace std::chrono_literals;
namespace faults = sim::faults;

const std::map<int, harm>& table() {
  static const std::map<int, harm> all{
      {2, harm::targets},  // loss
      {3, harm::targets},  // delay
      {4, harm::targets},  // stall
      {10, harm::targets}, // partition
      {13, harm::targets}, // nat-behavior
      {15, harm::targets}, // nat-reboot
      {18, harm::targets}, // nat-ports
      {19, harm::targets}, // no-udp
      {26, harm::relayed}, // relay-down
      {28, harm::relayed}, // relay-forgets
      {33, harm::nobody},  // control-down
      {36, harm::targets}, // peer-removed
      {46, harm::targets}, // wg-deleted
      {52, harm::nobody},  // daemon-restart, but see harm_of
      {56, harm::nobody},  // wall-step
      {58, harm::targets}, // suspend
      {60, harm::nobody},  // disk-full
      {67, harm::nobody},  // junk
      {68, harm::nobody},  // half-open
  };
  return all;
}

const std::string box_suffix = "-nat";
constexpr int daemon_restart = 52, wall_step = 56;

bool is(const sim::scenario::script& cast, const std::string& name, sim::scenario::kind what) {
  const auto found = faults::cast{cast}.find(name);
  return found && found->what == what;
}

/// Whether a relay is a target, or at the end of a link that is one.
bool names_relay(const faults::fault& of, const sim::scenario::script& cast) {
  for (const auto* ends : {&of.on, &of.to})
    for (const auto& name : *ends)
      if (is(cast, name, sim::scenario::kind::relay)) return true;
  return false;
}

/// A handshake of a minute ago is one of an hour ago by a calendar that went ahead: a daemon that
/// starts then takes its sessions for over.
bool starts_ahead(const faults::fault& restart, const faults::plan& in) {
  return std::any_of(in.faults.begin(), in.faults.end(), [&](const faults::fault& each) {
    const bool same = std::find_first_of(each.on.begin(), each.on.end(), restart.on.begin(),
                                         restart.on.end()) != each.on.end();
    return each.kind == wall_step && !faults::argument_of(each, "back") && same &&
           each.start <= restart.end && restart.end <= each.end;
  });
}

} // namespace

const std::set<int>& possible() {
  static const auto all = [] {
    std::set<int> out;
    for (const auto& [id, whose] : table())
      out.insert(id);
    return out;
  }();
  return all;
}

std::vector<std::string> targets_of(const faults::kind& of, const sim::scenario::script& cast) {
  auto out = faults::cast{cast}.all_for(of);
  // A process that stands still holds packets until it goes on; a member's link cannot.
  constexpr int stall = 4;
  std::erase_if(out, [&](const std::string& name) {
    const bool server =
        is(cast, name, sim::scenario::kind::relay) || is(cast, name, sim::scenario::kind::control);
    return of.id == stall && !server;
  });
  return out;
}

faults::plan checked(faults::plan of, const sim::scenario::script& cast) {
  for (auto& each : of.faults) {
    if (!possible().contains(each.kind))
      throw lab::failure(faults::label(each.kind) + ": no laboratory can do that");
    const auto can = targets_of(*faults::find_kind(each.kind), cast);
    for (auto* names : {&each.on, &each.to}) {
      if (std::find(names->begin(), names->end(), "all") != names->end()) *names = can;
      for (const auto& name : *names)
        if (std::find(can.begin(), can.end(), name) == can.end())
          throw lab::failure(faults::label(each.kind) + ": cannot happen to " + name + " here");
    }
  }
  return of;
}

harm harm_of(const faults::fault& one, const faults::plan& in) {
  if (one.kind != daemon_restart) return table().at(one.kind);
  const bool forgets = !faults::argument_of(one, "memory");
  return forgets || starts_ahead(one, in) ? harm::targets : harm::nobody;
}

std::set<std::string> members_of(const faults::fault& of, const sim::scenario::script& cast) {
  std::set<std::string> out;
  for (const auto* ends : {&of.on, &of.to})
    for (auto name : *ends) {
      if (name.ends_with(box_suffix)) name.resize(name.size() - box_suffix.size());
      if (is(cast, name, sim::scenario::kind::member)) out.insert(name);
    }
  return out;
}

std::vector<excuse> excuses(const faults::plan& of, const sim::scenario::script& cast) {
  auto in_order = of.faults;
  std::stable_sort(in_order.begin(), in_order.end(),
                   [](const auto& a, const auto& b) { return a.start < b.start; });
  std::vector<excuse> out;
  for (const auto& each : in_order) {
    if (out.empty() || each.start > out.back().to)
      out.push_back({each.start, each.end + settle, {}, false});
    auto& now = out.back();
    now.to = std::max(now.to, each.end + settle);
    const auto whose = harm_of(each, of);
    if (whose == harm::targets) now.members.merge(members_of(each, cast));
    if (whose == harm::relayed || (whose == harm::targets && names_relay(each, cast)))
      now.relayed = true;
  }
  return out;
}

faults::plan draw(std::uint64_t seed, const sim::scenario::script& cast, duration length) {
  sim::stream from{seed, "soak"};
  const std::vector<int> ids{possible().begin(), possible().end()};
  const auto whole = [](duration time) { return time - time % 1ms; };
  faults::plan out;
  out.seed = seed;
  for (duration round{}; round + round_length <= length; round += round_length) {
    for (auto left = from.below(3) + 2; left > 0; --left) {
      const auto& kind = *faults::find_kind(ids[from.below(ids.size())]);
      const auto names = targets_of(kind, cast);
      const auto start = round + whole(from.up_to(faults_within / 2));
      const auto end =
          kind.instant ? start : start + 1s + whole(from.up_to(faults_within / 2 - 1s));
      auto made = faults::make_fault(kind, {names[from.below(names.size())]}, start, end);
      for (std::size_t i = 0; i < kind.arguments.size(); ++i) {
        const auto& a = kind.arguments[i];
        if (a.is == faults::measure::time) continue; // windows are short: as usual
        made.arguments[i] =
            a.draw_least + static_cast<std::int64_t>(from.below(
                               static_cast<std::uint64_t>(a.draw_most - a.draw_least) + 1));
      }
      // Ours go both ways.
      if (kind.links) faults::set_argument(made, "way", 0);
      out.faults.push_back(std::move(made));
    }
  }
  std::stable_sort(out.faults.begin(), out.faults.end(),
                   [](const auto& a, const auto& b) { return a.start < b.start; });
  return out;
}

} // namespace lanrage::soak
