#include "sim/faults/arguments.hpp"

/// Who means harm: F69 to F71. What they say is true in parts, old, another's, or made up.
namespace lanrage::sim::faults {

std::vector<kind> hostile_kinds() {
  const auto every = time_of("every", 1ms, 1h, 50ms, 20ms, 1s, "a lie");
  const auto lies = [](int id, const char* name, seam where, aims at, const char* about,
                       std::vector<argument> arguments) {
    return kind{id, name, where, at, false, false, 10s, 5min, about, std::move(arguments)};
  };
  return {
      lies(69, "hostile-member", seam::input, aim_members,
           "a member says what it heard to others, as it was or changed",
           {every, word_of("how", "replay|forge|misname|refuse")}),
      lies(70, "hostile-relay", seam::relay, aim_relays,
           "a relay says what it carried to others, as it was or changed",
           {every, word_of("how", "replay|forge|misname|refuse")}),
      lies(71, "hostile-control", seam::control, aim_members,
           "the control server says things that contradict what it said before",
           {share_of("share", 50, 100, "of the messages have a lie behind them"),
            word_of("how", "replay|forge|swap|misname|presence")}),
  };
}

} // namespace lanrage::sim::faults
