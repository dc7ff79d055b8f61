#include "sim/faults/arguments.hpp"

/// What happens on a member's machine: F42 to F65.
namespace lanrage::sim::faults {
namespace {

constexpr const char* actor_words =
    "peer|nat|relay selector|directory|connection supervisor|wireguard writer|wireguard device|"
    "port|prober|control link|route watch|store";

kind on_members(seam where, int id, const char* name, bool instant, duration shortest,
                duration longest, const char* about, std::vector<argument> arguments = {}) {
  return {id,      name,     where,   aim_members, false,
          instant, shortest, longest, about,       std::move(arguments)};
}

argument every() {
  return time_of("every", 0ms, 1h, 0ms, 1s, 1min, "again and again; 0s: once");
}

std::vector<kind> wireguard_kinds() {
  const auto s = seam::wireguard;
  return {
      on_members(s, 42, "wg-refuses", false, 1s, 2min, "calls about WireGuard fail",
                 {word_of("how", "EBUSY|ENODEV|EPERM|ENOSPC"),
                  word_of("call", "any|ensure|observe|apply"),
                  share_of("share", 50, 100, "of the calls")}),
      on_members(s, 43, "wg-slow", false, 1s, 2min, "calls about WireGuard take long",
                 {time_of("by", 0ms, 1min, 1s, 10ms, 5s, "each")}),
      on_members(s, 44, "wg-partial", false, 1s, 2min, "dumps of WireGuard leave peers out",
                 {share_of("share", 50, 100, "of the peers")}),
      on_members(s, 45, "wg-ambiguous", false, 1s, 2min,
                 "a change is made, and its answer is an error",
                 {share_of("share", 50, 100, "of the changes")}),
      on_members(s, 46, "wg-deleted", false, 1s, 2min, "somebody deletes the interface", {every()}),
      on_members(s, 47, "wg-edited", false, 1s, 2min, "somebody edits a peer of WireGuard",
                 {word_of("how", "remove|address|keepalive"), every()}),
      on_members(s, 48, "wg-roamed", false, 1s, 2min, "WireGuard moves a peer's endpoint by itself",
                 {every()}),
      on_members(s, 49, "no-handshake", false, 1s, 4min, "WireGuard's handshakes do not arrive"),
  };
}

std::vector<kind> actor_kinds() {
  const auto s = seam::actor;
  const auto index = count_of("index", 1, 1'000'000, 1, 1, 60, "the how manieth message from then");
  return {
      on_members(
          s, 50, "actor-exit", false, 5s, 2min, "an actor ends at a message",
          {word_of("actor", actor_words), index,
           count_of("times", 1, 1'000, 1, 1, 20, "it and its followers, after as many each")}),
      on_members(s, 51, "actor-exit-open", false, 5s, 2min,
                 "an actor ends with questions of its own unanswered",
                 {word_of("actor", actor_words), index}),
      on_members(s, 52, "daemon-restart", false, 100ms, 2min, "the daemon is killed and started",
                 {flag_of("memory", true, "with what it saved")}),
      on_members(
          s, 53, "slow-mailbox", false, 100ms, 1min, "an actor is slow to take its mail",
          {word_of("actor", actor_words), time_of("by", 0ms, 1min, 0ms, 0ms, 500ms,
                                                  "after each message; 0s: none until the end")}),
      on_members(s, 54, "shuffle-senders", false, 10s, 5min,
                 "actors run in a drawn order; what one sends another stays in order"),
      on_members(s, 55, "early-timeout", false, 5s, 2min, "requests time out early",
                 {share_of("share", 30, 100, "of the requests"),
                  share_of("left", 0, 50, "of the time to answer")}),
  };
}

std::vector<kind> clock_kinds() {
  const auto s = seam::clock;
  return {
      on_members(s, 56, "wall-step", false, 1s, 10min, "the calendar is wrong",
                 {time_of("by", 0ms, 24h * 366, 1h, 1s, 24h, "ahead, or behind"),
                  flag_of("back", false, "behind")}),
      on_members(s, 57, "drift", false, 1min, 30min, "timers run at another pace",
                 {share_of("by", 5, 20, "slower, or faster"), flag_of("fast", false, "faster")}),
      on_members(s, 58, "suspend", false, 1s, 10min, "the machine sleeps"),
      on_members(s, 59, "late-timer", false, 1s, 5min, "timers are late",
                 {time_of("by", 0ms, 1min, 200ms, 1ms, 3s, "up to")}),
  };
}

std::vector<kind> disk_kinds() {
  const auto s = seam::disk;
  return {
      on_members(s, 60, "disk-full", false, 1s, 10min, "nothing can be stored: no space"),
      on_members(s, 61, "short-write", false, 1s, 5min,
                 "writes end in the middle; the old file stays",
                 {share_of("share", 50, 100, "of the writes")}),
      on_members(s, 62, "lost-rename", false, 1s, 5min,
                 "power fails in the end: what was stored meanwhile is not there"),
      on_members(s, 63, "bit-flip", true, 0s, 0s, "a saved file is damaged when the daemon starts",
                 {word_of("document", "directory.json|peers.json|relays.json")}),
      on_members(s, 64, "read-only", false, 1s, 10min, "nothing can be stored: read-only"),
      on_members(s, 65, "old-state", true, 0s, 0s,
                 "the daemon starts with the files of an older version",
                 {word_of("document", "directory.json|peers.json|relays.json")}),
  };
}

} // namespace

std::vector<kind> daemon_kinds() {
  std::vector<kind> out;
  for (auto* part : {&wireguard_kinds, &actor_kinds, &clock_kinds, &disk_kinds})
    for (auto& each : part())
      out.push_back(std::move(each));
  return out;
}

const std::vector<std::string_view>& actor_names() {
  static const auto all = words_of(word_of("actor", actor_words));
  return all;
}

} // namespace lanrage::sim::faults
