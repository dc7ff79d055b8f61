#include "tests/soak/lab_faults.hpp"

#include "lab/failure.hpp"
#include "lab/netns.hpp"
#include "sim/faults/kinds.hpp"
#include "tests/soak/soak_plan.hpp"
#include "tests/support/places.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace lanrage::soak {
namespace {

using namespace std::chrono_literals;
namespace faults = sim::faults;
using faults::argument_of;

constexpr const char* interface_name = "lanrage0";
constexpr std::uint16_t wireguard_port = 51820, relay_port = 51820, stun_port = 51821;
constexpr std::uint16_t control_port = 8443, relay_tls_port = 443;
constexpr double million = 1e6;

std::string without_box(std::string name) {
  constexpr std::string_view box = "-nat";
  if (name.ends_with(box)) name.resize(name.size() - box.size());
  return name;
}

void must(const lab::host& at, const std::vector<std::string>& command) {
  if (const auto done = at.run(command); !done.ok())
    throw lab::failure(at.name() + ": " + command.front() + ": " + done.err);
}

/// What one fault adds to a port or a way.
void add(lab::port_settings& to, const faults::fault& of) {
  const auto us = [&](const char* name) {
    return std::chrono::duration_cast<std::chrono::microseconds>(
        sim::duration{argument_of(of, name)});
  };
  if (of.kind == 2) to.loss = std::max(to.loss, double(argument_of(of, "share")) / million);
  if (of.kind == 3) to.delay += us("by"), to.jitter = std::max(to.jitter, us("jitter"));
  if (of.kind == 10 || of.kind == 15 || of.kind == 33) to.blocked = true;
}

std::filesystem::path clock_file(const lab::host& at) {
  return at.root() / "clock";
}

bool is_of_links(int kind) {
  return kind == 2 || kind == 3 || kind == 10;
}

} // namespace

lab::nat_type box_type(sim::nat_behavior mapping, sim::nat_behavior filtering) {
  using behavior = sim::nat_behavior;
  if (mapping == behavior::address_dependent) return lab::nat_type::symmetric_address;
  if (mapping == behavior::address_and_port_dependent)
    return filtering == behavior::endpoint_independent ? lab::nat_type::symmetric_unfiltered
                                                       : lab::nat_type::symmetric;
  return filtering == behavior::endpoint_independent ? lab::nat_type::full_cone
         : filtering == behavior::address_dependent  ? lab::nat_type::address_restricted
                                                     : lab::nat_type::port_restricted;
}

std::map<std::string, std::string> with_shifted_clock(const lab::host& at) {
  if (!std::filesystem::exists(clock_file(at))) set_clock(at, {});
  return {{"LD_PRELOAD", places::shifted_clock}, {"SHIFTED_CLOCK", clock_file(at).string()}};
}

void set_clock(const lab::host& at, sim::duration off) {
  const std::int64_t ns = off.count();
  std::ofstream{clock_file(at), std::ios::app}; // made if missing, else left: programs have it open
  std::fstream out{clock_file(at), std::ios::in | std::ios::out | std::ios::binary};
  if (!out.write(reinterpret_cast<const char*>(&ns), sizeof ns).flush())
    throw lab::failure(at.name() + ": its clock cannot be set");
}

lab_faults::lab_faults(lab::party& on, const sim::scenario::script& cast, faults::plan what,
                       clock::time_point zero)
    : party_(on), cast_(cast), plan_(std::move(what)), zero_(zero) {
  for (const auto& relay : cast_.relays)
    usual_[relay.name] = party_.lab().link(relay.name);
  usual_["control"] = party_.lab().link("control");
  for (const auto& member : cast_.members) {
    usual_[member.name] = party_.lab().link(member.name);
    usual_nat_[member.name] = party_.lab().nat(member.name);
  }
  plan_steps();
}

void lab_faults::plan_steps() {
  for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
    const auto& each = plan_.faults[i];
    const auto& kind = *faults::find_kind(each.kind);
    steps_.push_back({each.start, i, moment::begin});
    if (kind.instant) continue;
    steps_.push_back({each.end, i, moment::end});
    if (each.kind == 46)
      if (const sim::duration every{argument_of(each, "every")}; every > 0s)
        for (auto at = each.start + every; at < each.end; at += every)
          steps_.push_back({at, i, moment::again});
  }
  std::stable_sort(steps_.begin(), steps_.end(),
                   [](const step& a, const step& b) { return a.at > b.at; });
}

lab_faults::clock::time_point lab_faults::next() const {
  return steps_.empty() ? clock::time_point::max() : zero_ + steps_.back().at;
}

std::vector<std::string> lab_faults::advance() {
  std::vector<std::string> out;
  while (clock::now() >= next()) {
    const auto due = steps_.back();
    steps_.pop_back();
    const auto& of = plan_.faults[due.fault];
    if (due.which == moment::begin) active_.insert(due.fault);
    if (due.which == moment::end) active_.erase(due.fault);
    if (is_of_links(of.kind)) refresh_links();
    for (const auto& name : of.on)
      act(of, name, due.which);
    out.push_back((due.which == moment::end ? "end " : "begin ") + faults::describe(of));
  }
  let_in();
  return out;
}

std::size_t lab_faults::number_of(const faults::fault& of) const {
  return static_cast<std::size_t>(&of - plan_.faults.data());
}

void lab_faults::act(const faults::fault& of, const std::string& name, moment which) {
  const bool on = which != moment::end;
  switch (of.kind) {
  case 4: // stall
    return stopped(name, on);
  case 13: // nat-behavior
  case 19: // no-udp
    return refresh_box(without_box(name));
  case 15: // nat-reboot
    if (!on) party_.lab().flush(without_box(name));
    return refresh_links();
  case 18: // nat-ports
    if (on) party_.lab().rebind(without_box(name));
    return;
  case 26: // relay-down
    return off(name, on);
  case 28: // relay-forgets
    if (down_.contains(name)) return;
    off(name, true);
    return off(name, false);
  case 33: // control-down
    return name == "control" ? off(name, on) : refresh_links();
  case 36: // peer-removed
    return left(name, on);
  case 46: // wg-deleted
    if (on) delete_interface(name);
    return;
  case 52: // daemon-restart
    off(name, on);
    return argument_of(of, "memory") ? void() : forgotten(name, on);
  case 56: { // wall-step
    const sim::duration by{argument_of(of, "by")};
    return step_clock(name, on == bool(argument_of(of, "back")) ? -by : by);
  }
  case 58: // suspend
    return asleep(name, on);
  case 60: // disk-full
    return no_disk(name, on);
  case 67: // junk
    return junk_at(name, number_of(of), on);
  case 68: // half-open
    return half_open_at(name, number_of(of), on);
  default: // links are done
    return;
  }
}

/// Killed for as long as any fault wants it to be.
void lab_faults::off(const std::string& machine, bool down) {
  if (down) {
    if (++down_[machine] == 1) party_.kill(machine);
  } else if (--down_[machine] == 0) {
    down_.erase(machine);
    party_.start(machine);
  }
}

void lab_faults::stopped(const std::string& machine, bool stop) {
  if (!down_.contains(machine)) party_.program(machine).signal(stop ? SIGSTOP : SIGCONT);
}

/// Its user sees that it is out of the party, and joins again.
void lab_faults::forgotten(const std::string& member, bool on) {
  if (on)
    party_.lose_memory(member);
  else if (!left_.contains(member))
    joining_.insert(member);
}

/// WireGuard's calendar is right: it would say the time of a new handshake by the wrong one.
void lab_faults::step_clock(const std::string& member, sim::duration by) {
  set_clock(party_.lab().at(member), clock_off_[member] += by);
}

/// Everything on the machine stands still, WireGuard too.
void lab_faults::asleep(const std::string& member, bool sleep) {
  sleep ? void(asleep_.insert(member)) : void(asleep_.erase(member));
  for (const auto pid : party_.lab().at(member).processes())
    ::kill(pid, sleep ? SIGSTOP : SIGCONT);
}

/// Its user leaves the party, and wants to be in it again at the end.
void lab_faults::left(const std::string& member, bool away) {
  if (!away) {
    if (left_.erase(member) > 0) joining_.insert(member);
  } else if (!down_.contains(member) && !asleep_.contains(member) && !joining_.contains(member)) {
    if (party_.ask(member, {"party", "leave", party_.name()}).ok()) left_.insert(member);
  }
}

/// A user whose join fails tries again.
void lab_faults::let_in() {
  if (down_.contains("control")) return;
  for (auto each = joining_.begin(); each != joining_.end();) {
    bool in = false;
    if (!down_.contains(*each) && !asleep_.contains(*each)) {
      try {
        party_.join(*each), in = true;
      } catch (const lab::failure&) {
      }
    }
    each = in ? joining_.erase(each) : std::next(each);
  }
}

void lab_faults::no_disk(const std::string& member, bool full) {
  const auto& at = party_.lab().at(member);
  const auto filler = (at.root() / "state" / "filler").string();
  if (full)
    (void)at.run({"dd", "if=/dev/zero", "of=" + filler, "bs=4k"}); // until it is full, an error
  else
    must(at, {"rm", "-f", filler});
}

/// The interface, and every other time the process that is behind it.
void lab_faults::delete_interface(const std::string& member) {
  const auto& at = party_.lab().at(member);
  if (++deletions_ % 2 == 0) {
    for (const auto pid : at.processes("wireguard-go"))
      ::kill(pid, SIGKILL);
    return;
  }
  (void)at.run({"ip", "link", "del", interface_name}); // it may be gone already
}

void lab_faults::junk_at(const std::string& name, std::size_t fault, bool on) {
  if (!on) return void(junk_.erase({fault, name}));
  const auto& of = plan_.faults[fault];
  const auto& at = party_.lab().at(name);
  const bool relay = !usual_nat_.contains(name);
  // To a member from within its network: from outside its box would drop it.
  const auto& from = party_.lab().at(relay ? "control" : "nat-" + name);
  std::vector<junk::place> to{{at.address(), relay ? relay_port : wireguard_port}};
  if (relay) to.push_back({at.addresses().at(1), stun_port});
  junk_[{fault, name}] =
      std::make_unique<junk>(from.net_ns(), to, argument_of(of, "rate"), plan_.seed + fault);
}

void lab_faults::half_open_at(const std::string& name, std::size_t fault, bool on) {
  if (!on) return void(half_open_.erase({fault, name}));
  const auto& at = party_.lab().at(name);
  const bool control = name == "control";
  const auto& from = party_.lab().at(control ? cast_.relays.front().name : "control");
  half_open_[{fault, name}] = std::make_unique<half_open>(
      from.net_ns(), at.address(), control ? control_port : relay_tls_port,
      argument_of(plan_.faults[fault], "count"));
}

void lab_faults::refresh_links() {
  auto now = usual_;
  std::map<std::pair<std::string, std::string>, lab::port_settings> ways;
  for (const auto& way : between_)
    ways[way] = {};
  for (const auto i : active_) {
    const auto& of = plan_.faults[i];
    for (const auto& each : of.on) {
      const auto name = without_box(each);
      if (of.kind == 33 && name != "control") {
        add(ways[{name, "control"}], of);
      } else if (of.kind == 15 || (is_of_links(of.kind) && of.to.empty())) {
        add(now.at(name), of);
      } else if (is_of_links(of.kind)) {
        for (const auto& other : of.to)
          if (without_box(other) != name) add(ways[{name, without_box(other)}], of);
      }
    }
  }
  for (const auto& [name, settings] : now)
    party_.lab().set_link(name, settings);
  for (const auto& [way, settings] : ways) {
    party_.lab().set_between(way.first, way.second, settings);
    between_.insert(way);
  }
}

void lab_faults::refresh_box(const std::string& member) {
  auto how = usual_nat_.at(member);
  bool no_udp = false;
  for (const auto i : active_) {
    const auto& of = plan_.faults[i];
    const auto aims = [&](const std::string& name) { return without_box(name) == member; };
    if (std::none_of(of.on.begin(), of.on.end(), aims)) continue;
    const auto behavior = [&](const char* name) {
      return sim::nat_behavior(argument_of(of, name));
    };
    if (of.kind == 13) how.type = box_type(behavior("mapping"), behavior("filtering"));
    no_udp = no_udp || of.kind == 19;
  }
  if (no_udp) how.type = lab::nat_type::udp_blocked;
  party_.lab().set_nat(member, how);
}

} // namespace lanrage::soak
