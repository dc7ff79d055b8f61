#include "sim/faults/arguments.hpp"

/// What servers do: F21 to F41.
namespace lanrage::sim::faults {
namespace {

kind on_relays(int id, const char* name, bool instant, duration shortest, duration longest,
               const char* about, std::vector<argument> arguments = {}) {
  return {id,
          name,
          id < 26 ? seam::stun : seam::relay,
          aim_relays,
          false,
          instant,
          shortest,
          longest,
          about,
          std::move(arguments)};
}
kind on_control(int id, const char* name, aims at, bool instant, duration shortest,
                duration longest, const char* about, std::vector<argument> arguments = {}) {
  return {id,      name,     seam::control, at,    false,
          instant, shortest, longest,       about, std::move(arguments)};
}

std::vector<kind> relay_side() {
  return {
      on_relays(21, "stun-silent", false, 1s, 5min, "STUN gets no answer, or a slow one",
                {time_of("by", 0ms, 10min, 0ms, 0ms, 3s, "so much later; 0s: never")}),
      on_relays(22, "stun-disagrees", false, 10s, 10min, "it names another port than the others do",
                {count_of("by", 1, 60'000, 1, 1, 1'000, "higher than it is")}),
      on_relays(23, "stun-garbage", false, 10s, 10min, "its STUN answers are wrong",
                {word_of("how", "id|family|malformed|oversized|source"),
                 share_of("share", 100, 100, "of the answers")}),
      on_relays(24, "stun-late", false, 10s, 5min, "STUN answers come after the deadline, or twice",
                {time_of("by", 0ms, 10min, 10s, 0ms, 30s, "so much later"),
                 flag_of("twice", false, "once in time and once late")}),
      on_relays(25, "relay-moves", true, 0s, 0s, "the machine restarts with another address"),
      on_relays(26, "relay-down", false, 1s, 5min, "the relay is off; it keeps what it saved"),
      on_relays(27, "relay-drain", false, 10s, 10min,
                "the relay takes nobody new; who is there stays"),
      on_relays(28, "relay-forgets", true, 0s, 0s, "the relay restarts without what it knew"),
      on_relays(29, "relay-overload", false, 10s, 10min, "the relay gets slower and slower",
                {time_of("by", 0ms, 1min, 500ms, 20ms, 2s, "at the end")}),
      on_relays(30, "relay-half-open", false, 5s, 5min,
                "the relay registers everybody and forwards one way only"),
      on_relays(31, "relay-list", false, 10s, 10min, "the control server's list of relays is wrong",
                {word_of("how", "dead|twice|empty")}),
      on_relays(32, "relay-flaps", false, 1min, 20min,
                "the relay is fast and slow by turns, as it is looked at",
                {time_of("by", 0ms, 1min, 300ms, 20ms, 1s, "slower every other turn"),
                 time_of("every", 1s, 1h, 30s, 10s, 60s, "a turn")}),
  };
}

std::vector<kind> control_side() {
  return {
      on_control(33, "control-down", aim_members | aim_control, false, 1s, 5min,
                 "the control server is off, or members do not reach it"),
      on_control(34, "stale-record", aim_members, false, 10s, 10min,
                 "what it says of others is what it said first"),
      on_control(35, "control-shuffle", aim_members, false, 10s, 10min,
                 "what it says comes twice or out of order",
                 {share_of("share", 30, 50, "of the messages"),
                  time_of("by", 0ms, 1min, 500ms, 1ms, 5s, "these are late by up to")}),
      on_control(36, "peer-removed", aim_members, false, 5s, 2min,
                 "the member leaves, and joins again"),
      on_control(37, "key-rotated", aim_members, true, 0s, 0s,
                 "the member replaces its key; name and address stay"),
      on_control(38, "same-name", aim_members, false, 1s, 1min,
                 "somebody with the invite joins under the member's name"),
      on_control(39, "wrong-party", aim_members, false, 10s, 5min,
                 "what it says names a party that nobody knows",
                 {share_of("share", 50, 100, "of the messages")}),
      on_control(40, "join-storm", aim_control, false, 5s, 1min,
                 "many join in the same moment, and leave when it ends",
                 {count_of("count", 1, 10'000, 50, 1, 20, "strangers with the invite")}),
      on_control(41, "control-late", aim_members, false, 10s, 5min,
                 "its answers come after the request has timed out",
                 {time_of("by", 0ms, 10min, 20s, 100ms, 30s, "later")}),
  };
}

} // namespace

std::vector<kind> server_kinds() {
  auto out = relay_side();
  for (auto& each : control_side())
    out.push_back(std::move(each));
  return out;
}

} // namespace lanrage::sim::faults
