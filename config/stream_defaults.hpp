#pragma once

#include "config/defaults.hpp"

/// Defaults of relays over TLS, for networks that block UDP (docs/wire.md, "Relay streams").
namespace lanrage::config::defaults {

// --- the member: when to use a stream -----------------------------------------------------------

/// A relay's UDP is asked, and nothing came by UDP from any relay for so long: the others are
/// asked, too, before UDP is taken for blocked. Ours: one retransmission.
inline constexpr milliseconds udp_doubted_after = 250ms;
/// UDP that no relay answered for so long is blocked: streams are opened. Ours: the second
/// retransmission of a hello (relay_rto, doubling) leaves then, and with three round trips to open
/// a stream and two to register a member is connected within 2 s.
inline constexpr milliseconds udp_blocked_after = 750ms;
/// While a relay is reached by a stream, its UDP is asked this often whether it works again. Ours.
inline constexpr seconds udp_asked_every = 5s;
/// So many answers in a row, this far apart, and the way back begins. Ours: as for a direct path.
inline constexpr int udp_answers = 3;
inline constexpr milliseconds udp_answers_gap = 250ms;
/// A registration over UDP that is not answered in so long was too early; UDP is asked again after
/// twice the time, to the maximum. Ours: below what a relay needs to be lost.
inline constexpr milliseconds udp_return_deadline = 400ms;
inline constexpr seconds udp_asked_every_max = 300s;
/// A stream that is not needed any more stays open so long for what is under way. Ours: until
/// WireGuard follows, which is looked at every second.
inline constexpr seconds stream_linger = 5s;
/// A stream that failed is opened again after this, doubling to the maximum; one that had stood for
/// so long, at once. Ours.
inline constexpr seconds stream_again_first = 1s;
inline constexpr seconds stream_again_max = 60s;

// --- the member's end of a stream ---------------------------------------------------------------

/// TCP, TLS and upgrade together. Ours: as for the control connection.
inline constexpr seconds stream_handshake_deadline = 10s;
/// Beast's idle timeout, of which half is when it pings. Ours: a dead stream is noticed by the
/// registration's renewal before.
inline constexpr seconds stream_dead_after = 30s;
/// What waits longer to be written is dropped, at both ends, as by a queue on the way that keeps
/// its delay short. RFC 8289, 4.3: the worst round trip that an ordinary flow expects.
inline constexpr milliseconds stream_queue_age = 100ms;
/// The same by size, the oldest first. Ours: the age at 160 Mbit/s.
inline constexpr std::size_t stream_queue_octets = 2 << 20;
inline constexpr std::size_t stream_queue_datagrams = 2'048;
/// Larger messages end the stream. WireGuard's largest packet and ours fit: MTU 1420 and 80 octets.
inline constexpr std::size_t stream_message_max = 2'048;

// --- the relay's end ----------------------------------------------------------------------------

/// Streams of one source address (IPv6: /64): members behind one firewall, twice. Ours.
inline constexpr std::size_t streams_per_source_max = 64;
inline constexpr std::size_t streams_max = 4'096;
/// A stream that nobody registered over within this, or from which no valid registration is renewed
/// for a relay_lifetime, is closed. Ours.
inline constexpr seconds stream_unused_after = 30s;
/// Octets that wait for one slow reader, dropped oldest first. 4,096 streams that all read nothing
/// hold 1 GiB at most. Ours.
inline constexpr std::size_t relay_stream_queue_octets = 256 << 10;
inline constexpr std::size_t relay_stream_queue_datagrams = 512;
/// What streams brought and the relay did not look at yet; more is dropped. Ours.
inline constexpr std::size_t relay_arrivals_max = 8'192;
inline constexpr std::size_t relay_arrivals_per_stream_max = 256;
inline constexpr seconds relay_stream_handshake = 10s; ///< TCP accepted to upgrade answered

static_assert(udp_doubted_after < udp_blocked_after);

} // namespace lanrage::config::defaults
