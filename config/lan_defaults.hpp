#pragma once

#include "config/defaults.hpp"

/// Members that find each other on the local network (docs/wire.md, "Frames on the local network").
namespace lanrage::config::defaults {

/// Announcements leave from and arrive at this UDP port. Source: docs/wire.md.
inline constexpr std::uint16_t lan_port = 51866;
/// After a start, a change of the network, or somebody new: announced at once and after this, the
/// wait doubling to the maximum. Ours: five within two seconds, for Wi-Fi loses multicast; then one
/// frame of 500 octets in two minutes.
inline constexpr milliseconds lan_again_first = 125ms;
inline constexpr seconds lan_again_max = 120s;
/// Up to this much later each time: members that start together do not speak together. Ours.
inline constexpr milliseconds lan_jitter = 40ms;
/// An announcement whose sender's clock is off ours by more is not answered; it is echoed in our
/// next own one, and its sender proves then that it is there. Ours: clocks that were ever set agree
/// within seconds, and what was recorded longer ago makes nobody send anything.
inline constexpr seconds lan_clock_window = 60s;
/// A nonce of ours proves that somebody hears us for so long after we announced it. Ours: longer
/// than lan_again_max, since a member whose clock is wrong echoes it in its own time.
inline constexpr seconds lan_nonce_lifetime = 150s;
/// A member that was not heard for so long is not near. Ours: two announcements lost.
inline constexpr seconds lan_near_for = 400s;
/// One member is answered at most so often. Ours: a loss is repaired by the next announcement.
inline constexpr milliseconds lan_answer_gap = 100ms;
/// A record is asked for, and sent to one member, at most so often. Ours.
inline constexpr seconds lan_record_gap = 1s;
/// Members that are kept track of, of all parties. Ours: more than any switch has.
inline constexpr std::size_t lan_members_max = 1'000;
/// Announcements whose signature is checked, per second, and at once. Ours: each costs 0.1 ms, and
/// only members can make them; what was heard before costs none.
inline constexpr int lan_frames_per_s = 200;
inline constexpr int lan_frames_burst = 400;
/// Letters that are put together from parts at a time. Ours: 8 KiB each.
inline constexpr std::size_t lan_letters_max = 64;
inline constexpr seconds lan_letter_deadline = 2s;
/// Numbers of announcements that are set aside on disk at a time. Ours: a write in 30 hours.
inline constexpr std::uint64_t lan_counters_reserved = 1'000;
/// The port is taken: tried again after this. Ours.
inline constexpr seconds lan_open_again = 10s;
/// Datagrams taken from the sockets and not yet looked at; more are dropped. Ours.
inline constexpr std::size_t lan_queue_max = 512;

static_assert(lan_nonce_lifetime > lan_again_max && lan_near_for > 3 * lan_again_max);

} // namespace lanrage::config::defaults
