#include "sim/faults/targets.hpp"

#include <algorithm>

namespace lanrage::sim::faults {

bool fits(const kind& of, scenario::kind what) {
  switch (what) {
  case scenario::kind::member:
    return (of.at & aim_members) != 0;
  case scenario::kind::nat:
    return (of.at & aim_boxes) != 0;
  case scenario::kind::relay:
    return (of.at & aim_relays) != 0;
  case scenario::kind::control:
    return (of.at & aim_control) != 0;
  }
  return false;
}

cast::cast(const scenario::script& of) {
  const auto add = [this](const std::string& name, scenario::thing what) {
    in_order_.emplace_back(name, what);
  };
  for (std::uint32_t i = 0; i < of.members.size(); ++i)
    add(of.members[i].name, {scenario::kind::member, i});
  for (std::uint32_t i = 0; i < of.nats.size(); ++i)
    add(of.nats[i].name, {scenario::kind::nat, i});
  for (std::uint32_t i = 0; i < of.relays.size(); ++i)
    add(of.relays[i].name, {scenario::kind::relay, i});
  add("control", {scenario::kind::control, 0});
  for (const auto& [name, what] : in_order_)
    by_name_.emplace(name, what);
}

std::optional<scenario::thing> cast::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional{found->second};
}

bool cast::may_aim(const kind& of, const std::string& name) const {
  if (name == "all") return true;
  const auto found = find(name);
  return found && fits(of, found->what);
}

std::vector<std::string> cast::all_for(const kind& of) const {
  std::vector<std::string> out;
  for (const auto& [name, what] : in_order_)
    if (fits(of, what.what)) out.push_back(name);
  return out;
}

std::vector<scenario::thing> cast::resolve(const kind& of,
                                           const std::vector<std::string>& names) const {
  std::vector<scenario::thing> out;
  for (const auto& name : names) {
    if (name == "all") {
      for (const auto& [each, what] : in_order_)
        if (fits(of, what.what)) out.push_back(what);
    } else if (const auto found = find(name)) {
      out.push_back(*found);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace lanrage::sim::faults
