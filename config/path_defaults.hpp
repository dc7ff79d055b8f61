#pragma once

#include "config/defaults.hpp"

/// Which path a pair should be on, and what counts as evidence.
namespace lanrage::config::defaults {

// Fitted on the Seattle recordings, slices 1 to 120, three draws; checked in halves and on others:
// docs/decisions/, path choice, has the figures. Delays are round trips.

/// What is usual is the mean of about this many measurements. Source: fitted (8 to 128 do).
inline constexpr int path_usual_over = 32;
/// A lost measurement counts as one that took this long. Source: the spec's check timeout.
inline constexpr milliseconds path_lost_as = 1s;
/// No single measurement counts for more in what is usual. Source: fitted (2 s to 10 s do).
inline constexpr milliseconds path_usual_cap = 3s;
/// A measurement that differs by more than this part of the last one is a change. Ours: above 20 %
/// noise.
inline constexpr int path_change_percent = 25;
/// A leg's history takes at most one measurement in this time. Ours: a renewal (15 s) and the ping
/// beside it are one piece of news.
inline constexpr seconds path_leg_gap = 10s;
/// How long delays hold is counted by age, up to this many measurements. Source: fitted (8 to 15).
inline constexpr std::size_t path_ages = 12;
/// Before anything is counted one measurement in five is a change, as if seen so often. Ours.
inline constexpr unsigned path_change_prior_permille = 200;
inline constexpr unsigned path_change_prior_weight = 4;
/// Counts are halved here: how long delays hold may change. Ours.
inline constexpr std::uint32_t path_counts_max = 4'096;
/// This part of the jitter adds to the delay. Ours: games feel it; the fit does not mind.
inline constexpr int path_jitter_parts = 8;
/// Switch at once when that gains this much, or this many times what is usual. Source: fitted.
inline constexpr milliseconds path_gain_now = 240ms;
inline constexpr int path_gain_now_usual = 2;
/// A smaller gain counts as far as it exceeds both; once that came to so many times what is usual
/// for path_lasting_for, it is worth a switch. Ours: noise must not flap.
inline constexpr milliseconds path_gain_least = 10ms;
inline constexpr int path_gain_least_percent = 20;
inline constexpr int path_lasting_usual = 3;
inline constexpr seconds path_lasting_for = 15s;
/// One decision stands for at most this long. Ours: silence is no evidence.
inline constexpr seconds path_decision_gap_max = 60s;
/// Not again within this of the last switch, unless the gain is large. Ours: as trial_dwell.
inline constexpr seconds path_dwell = 60s;
/// Back within this: the switch was a bad one, and the next takes twice the gain, up to
/// 2^path_caution_max times; forgotten one by one. Source: fitted (two slices).
inline constexpr seconds path_back_within = 40s;
inline constexpr int path_caution_max = 3;
inline constexpr seconds path_caution_forgotten = 600s;
/// Each recent death of a path costs it so much, at most so many of them count. Ours: as much as
/// what makes us leave at once.
inline constexpr milliseconds path_failure_cost = 240ms;
inline constexpr int path_failures_max = 4;
/// How long a relay's loss counts. Ours: what restarts once may do it again.
inline constexpr seconds path_failure_remembered = 600s;
/// A crowded relay (relay_crowded_permille) costs so much. Ours: queues come next.
inline constexpr milliseconds path_crowded_cost = 100ms;
/// Any relay costs so much: direct is nobody's bandwidth. Ours: a tie goes direct.
inline constexpr milliseconds path_relay_cost = 5ms;
/// Candidates looked at per pair. Ours: relays_max of each end and some direct ones.
inline constexpr std::size_t path_candidates_max = 96;

// --- what a path loses, and whether to go back to it ---------------------------------------------

/// Looks at the counters in a row that saw data, until it is traffic. Ours: a health check is at
/// most two.
inline constexpr int traffic_moves = 4;
/// The path in use is checked this often while it carries traffic, to know what it loses. Ours: 100
/// octets each way.
inline constexpr seconds traffic_check_gap = 1s;
/// So many of these checks tell a share of losses. Ours: one loss of 16 is chance.
inline constexpr std::uint32_t traffic_checks_min = 16;
/// A path check that has no answer by then is lost; until then the next one says nothing about it.
/// Source: the spec's check timeout.
inline constexpr seconds path_check_lost_after = 1s;
/// A direct path that lost one or two checks in a row more often than this, of the last 32, loses
/// packets and is not gone back to. Ours: once is chance, and more in a row an outage that is over.
inline constexpr int direct_hiccups_max = 1;
/// A relay's whole way is measured beside a direct path that got long; an answer counts so long.
/// Ours: what slows one down may slow down the other.
inline constexpr seconds detour_fresh = 2s;
/// So many doubts of the peer count within this time. Ours: each echoes the other end's, and a few
/// rounds settle where both are.
inline constexpr int doubts_told_max = 10;
inline constexpr seconds doubts_told_within = 10s;
/// A path that is left because it looks dead is taken to be alive and this slow, there and back,
/// for as long as an endpoint is asserted against packets that are still under way on it. Ours.
inline constexpr milliseconds slow_path_rtt = 200ms;
/// So often is the tunnel probed because the direct path seems to be a detour. Ours: above
/// traffic_for, or probes would pass for traffic.
inline constexpr seconds detour_gap = 10s;
/// A path that answers so soon after it was left was not dead, and is not gone back to at once.
/// Ours.
inline constexpr seconds false_death_within = 3s;
/// Unless our own addresses changed so shortly before. Ours.
inline constexpr seconds change_explains_for = 10s;

// --- a degraded relay's trial --------------------------------------------------------------------

/// Measurements of which the mean is worth more than the last one. Ours.
inline constexpr int trial_samples = 8;
/// What a trial must promise at least. Ours: half of what 20 % noise makes.
inline constexpr int trial_gain_percent = 10;

} // namespace lanrage::config::defaults
