#pragma once

#include "sim/world/moment.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What can break, in one table: reader, writer, drawer, the list of `lanrage sim faults` and the
/// coverage all come from it. Ids are the taxonomy's (docs/faults.md): F1 to F66. Behind them: what
/// only the laboratory can do, and those who mean harm.
namespace lanrage::sim::faults {

inline constexpr int ids = 66;
inline constexpr int last_id = 71;

/// Where a fault is put in. Never inside an actor.
enum class seam : std::uint8_t {
  link,
  nat,
  stun,
  relay,
  control,
  wireguard,
  actor,
  clock,
  disk,
  input,
};
const char* to_string(seam where);

/// What a fault may aim at; bits.
enum aim : std::uint8_t { aim_members = 1, aim_boxes = 2, aim_relays = 4, aim_control = 8 };
using aims = std::uint8_t;
/// Links have ends: any of these.
inline constexpr aims aim_ends = aim_members | aim_boxes | aim_relays | aim_control;

/// Every argument is an integer: nanoseconds, parts per million, a count, 0 or 1, or the number of
/// a word.
enum class measure : std::uint8_t { time, share, count, flag, word };

struct argument {
  const char* name;
  measure is;
  std::int64_t least;
  std::int64_t most;
  std::int64_t usual;      ///< where a plan does not say
  std::int64_t draw_least; ///< what a drawn plan may have
  std::int64_t draw_most;
  const char* about; ///< of a word: the words, with | between them
};
/// Of an argument that is a word.
std::vector<std::string_view> words_of(const argument& of);

struct kind {
  int id = 0;
  const char* name = "";
  seam where{};
  aims at = 0;
  bool links = false;   ///< it takes links: `on` and `to` are their ends
  bool instant = false; ///< it happens at `start`; no window
  duration shortest{};  ///< of a drawn window
  duration longest{};
  const char* about = "";
  std::vector<argument> arguments;
};

/// Where a plan is played.
enum class ground : std::uint8_t { simulation, laboratory };

/// All that a simulated world can do, by their ids.
const std::vector<kind>& kinds();
/// What only a laboratory of real processes can do (docs/faults.md).
const std::vector<kind>& laboratory_kinds();
/// Of both. Null when there is none of that id.
const kind* find_kind(int id);
/// "loss" or "F2".
const kind* find_kind(std::string_view text);
/// "F2 loss"; an id of the taxonomy that nothing is behind is its number only.
std::string label(int id);

/// Actors by their names in a daemon's log; "peer" stands for every peer's.
const std::vector<std::string_view>& actor_names();

// Parts of the table, for kinds() only.
std::vector<kind> network_kinds();
std::vector<kind> server_kinds();
std::vector<kind> daemon_kinds();
std::vector<kind> hostile_kinds();

} // namespace lanrage::sim::faults
