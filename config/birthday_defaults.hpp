#pragma once

#include "config/defaults.hpp"

#include <chrono>
#include <cstddef>

/// Birthday probing: the numbers of docs/decisions/0023. 256 open ports and 1,024 guesses out of
/// 64,512 meet with 98 % (one minus (1 - 256/64,512)^1,024); the laboratory needed 22 to 207.
namespace lanrage::config::defaults {

/// Mappings that the side with the symmetric NAT opens: one for each spare port.
inline constexpr int birthday_sources = spare_ports;
/// Probes that the other side sends in one attempt, at most.
inline constexpr int birthday_probes_max = 1'024;
/// So many probes at once, and so long until the next: 400 per second.
inline constexpr int birthday_burst = 4;
inline constexpr milliseconds birthday_gap = 10ms;
/// The guessing side waits until the mappings are there: they take 0.64 s. Ours: and some delay.
inline constexpr milliseconds birthday_lead = 700ms;
/// From the last probe to the end: its answer, the rewrite and the proof. Ours.
inline constexpr milliseconds birthday_linger = 1s;
inline constexpr milliseconds birthday_deadline =
    birthday_lead + birthday_gap * (birthday_probes_max / birthday_burst) + birthday_linger;
/// The kernel has the rules by then, or never.
inline constexpr seconds birthday_rewrite_deadline = 2s;
/// Attempts of one pair in so long, however often somebody's network changes; several, as a daemon
/// that was restarted is on another network, too. The side that proposes counts longer, so that the
/// other one has forgotten before. Ours.
inline constexpr std::size_t birthday_attempts_max = 3;
inline constexpr seconds birthday_window = 180s;
inline constexpr seconds birthday_propose_window = birthday_window + 2 * punch_after_max;
/// A rewritten path that answers nothing for so long is left for good. Ours: longer than NATs keep
/// a mapping that nobody uses.
inline constexpr seconds birthday_path_kept = 180s;

static_assert(birthday_sources == 256 && birthday_sources % birthday_burst == 0);
static_assert(birthday_gap * (birthday_sources / birthday_burst) < birthday_lead);

} // namespace lanrage::config::defaults
