#include "sim/faults/kinds.hpp"

#include "sim/faults/arguments.hpp"

#include <algorithm>
#include <array>

namespace lanrage::sim::faults {

const char* to_string(seam where) {
  static constexpr std::array<const char*, 10> names{
      "link", "nat", "stun", "relay", "control", "wireguard", "actor", "clock", "disk", "input"};
  return names[static_cast<std::size_t>(where)];
}

std::vector<std::string_view> words_of(const argument& of) {
  std::vector<std::string_view> out;
  std::string_view rest = of.about;
  for (;;) {
    const auto end = rest.find('|');
    out.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) return out;
    rest.remove_prefix(end + 1);
  }
}

const std::vector<kind>& kinds() {
  static const auto all = [] {
    std::vector<kind> out;
    for (auto* part : {&network_kinds, &server_kinds, &daemon_kinds, &hostile_kinds})
      for (auto& each : part())
        out.push_back(std::move(each));
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return out;
  }();
  return all;
}

const std::vector<kind>& laboratory_kinds() {
  using namespace std::chrono_literals;
  static const std::vector<kind> all{
      {67,
       "junk",
       seam::input,
       aim_members | aim_relays,
       false,
       false,
       1s,
       1min,
       "strangers send random packets to its UDP ports",
       {count_of("rate", 1, 100'000, 10'000, 100, 10'000, "packets per second")}},
      {68,
       "half-open",
       seam::input,
       aim_relays | aim_control,
       false,
       false,
       1s,
       1min,
       "strangers open connections and say almost nothing",
       {count_of("count", 1, 10'000, 100, 1, 200, "connections")}}};
  return all;
}

const kind* find_kind(int id) {
  for (const auto* all : {&kinds(), &laboratory_kinds()}) {
    const auto found = std::lower_bound(all->begin(), all->end(), id,
                                        [](const kind& a, int b) { return a.id < b; });
    if (found != all->end() && found->id == id) return &*found;
  }
  return nullptr;
}

const kind* find_kind(std::string_view text) {
  for (const auto* all : {&kinds(), &laboratory_kinds()})
    for (const auto& each : *all)
      if (text == each.name || text == "F" + std::to_string(each.id)) return &each;
  return nullptr;
}

std::string label(int id) {
  const auto* known = find_kind(id);
  return "F" + std::to_string(id) + (known ? ' ' + std::string{known->name} : std::string{});
}

} // namespace lanrage::sim::faults
