#pragma once

#include "net/counters.hpp"

#include <array>
#include <cstdint>

namespace lanrage::net::relay {

/// What happened since the start, and (last block) how things stand. Every datagram that comes in
/// ends in exactly one of forwarded, answered or a reason why it was dropped.
struct counters {
  std::uint64_t datagrams = 0;
  std::uint64_t octets = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t forwarded_octets = 0;
  std::uint64_t answered = 0;

  std::uint64_t initiations = 0; ///< forwarded, by kind, down to path_checks
  std::uint64_t responses = 0;
  std::uint64_t cookies = 0;
  std::uint64_t data = 0;
  std::uint64_t path_checks = 0;
  std::uint64_t mac1_tests = 0;

  std::uint64_t hellos = 0;
  std::uint64_t registrations = 0; ///< accepted, of members not live before
  std::uint64_t renewals = 0;      ///< accepted, of live members
  std::uint64_t moved = 0;         ///< renewals from another address
  std::uint64_t byes = 0;
  std::uint64_t pings = 0;
  std::uint64_t stun = 0;
  std::uint64_t refusals = 0; ///< sent

  std::uint64_t not_ours = 0;  ///< neither WireGuard, STUN nor a frame for a relay
  std::uint64_t malformed = 0; ///< of a known kind, but not of its shape
  std::uint64_t unregistered = 0;
  std::uint64_t unknown_index = 0;
  std::uint64_t no_such_peer = 0;
  std::uint64_t other_party = 0;   ///< a route whose two ends share no party (any more)
  std::uint64_t rate_sender = 0;   ///< over the sender's rate
  std::uint64_t rate_receiver = 0; ///< over the receiver's rate
  std::uint64_t mac1_limited = 0;
  std::uint64_t bad_cookie = 0;
  std::uint64_t bad_mac = 0;
  std::uint64_t bad_token = 0;
  std::uint64_t stale = 0;
  std::uint64_t full = 0;
  std::uint64_t proofs_limited = 0;
  std::uint64_t stun_limited = 0;
  std::uint64_t refusals_limited = 0;
  std::uint64_t answers_withheld = 0; ///< larger than their request, source not proven

  std::uint64_t routes_learned = 0;
  std::uint64_t routes_claimed = 0;
  std::uint64_t routes_refused = 0; ///< table full, or the index belongs to a live session
  std::uint64_t routes_expired = 0;
  std::uint64_t members_expired = 0;
  std::uint64_t cookies_voided = 0; ///< times all cookies were given up at once

  std::uint64_t members = 0;
  std::uint64_t parties = 0;
  std::uint64_t routes = 0;
  std::uint64_t load_permille = 0;

  // The shell's own.
  std::uint64_t truncated = 0;      ///< larger than a receive buffer
  std::uint64_t send_failed = 0;    ///< the kernel refused one datagram
  std::uint64_t send_congested = 0; ///< the socket's buffer was full
  std::uint64_t streams = 0;        ///< open now
  std::uint64_t streams_opened = 0;
  std::uint64_t streams_full = 0;      ///< refused: too many, of one source or of all
  std::uint64_t streams_refused = 0;   ///< no upgrade to a WebSocket, or another path
  std::uint64_t streams_unused = 0;    ///< ended, as nobody registered over them
  std::uint64_t streams_bad = 0;       ///< ended for a text or an oversized message
  std::uint64_t streamed_in = 0;       ///< datagrams that streams brought
  std::uint64_t streamed_in_lost = 0;  ///< more than were looked at
  std::uint64_t streamed_out = 0;      ///< datagrams for streams
  std::uint64_t streamed_out_lost = 0; ///< the oldest of a full queue

  friend bool operator==(const counters&, const counters&) = default;
};

using counter_field = net::counter_field<counters>;
inline constexpr std::array counter_fields{
    counter_field{"datagrams", &counters::datagrams},
    counter_field{"octets", &counters::octets},
    counter_field{"forwarded", &counters::forwarded},
    counter_field{"forwarded_octets", &counters::forwarded_octets},
    counter_field{"answered", &counters::answered},
    counter_field{"initiations", &counters::initiations},
    counter_field{"responses", &counters::responses},
    counter_field{"cookies", &counters::cookies},
    counter_field{"data", &counters::data},
    counter_field{"path_checks", &counters::path_checks},
    counter_field{"mac1_tests", &counters::mac1_tests},
    counter_field{"hellos", &counters::hellos},
    counter_field{"registrations", &counters::registrations},
    counter_field{"renewals", &counters::renewals},
    counter_field{"moved", &counters::moved},
    counter_field{"byes", &counters::byes},
    counter_field{"pings", &counters::pings},
    counter_field{"stun", &counters::stun},
    counter_field{"refusals", &counters::refusals},
    counter_field{"not_ours", &counters::not_ours},
    counter_field{"malformed", &counters::malformed},
    counter_field{"unregistered", &counters::unregistered},
    counter_field{"unknown_index", &counters::unknown_index},
    counter_field{"no_such_peer", &counters::no_such_peer},
    counter_field{"other_party", &counters::other_party},
    counter_field{"rate_sender", &counters::rate_sender},
    counter_field{"rate_receiver", &counters::rate_receiver},
    counter_field{"mac1_limited", &counters::mac1_limited},
    counter_field{"bad_cookie", &counters::bad_cookie},
    counter_field{"bad_mac", &counters::bad_mac},
    counter_field{"bad_token", &counters::bad_token},
    counter_field{"stale", &counters::stale},
    counter_field{"full", &counters::full},
    counter_field{"proofs_limited", &counters::proofs_limited},
    counter_field{"stun_limited", &counters::stun_limited},
    counter_field{"refusals_limited", &counters::refusals_limited},
    counter_field{"answers_withheld", &counters::answers_withheld},
    counter_field{"routes_learned", &counters::routes_learned},
    counter_field{"routes_claimed", &counters::routes_claimed},
    counter_field{"routes_refused", &counters::routes_refused},
    counter_field{"routes_expired", &counters::routes_expired},
    counter_field{"members_expired", &counters::members_expired},
    counter_field{"cookies_voided", &counters::cookies_voided},
    counter_field{"members", &counters::members},
    counter_field{"parties", &counters::parties},
    counter_field{"routes", &counters::routes},
    counter_field{"load_permille", &counters::load_permille},
    counter_field{"truncated", &counters::truncated},
    counter_field{"send_failed", &counters::send_failed},
    counter_field{"send_congested", &counters::send_congested},
    counter_field{"streams", &counters::streams},
    counter_field{"streams_opened", &counters::streams_opened},
    counter_field{"streams_full", &counters::streams_full},
    counter_field{"streams_refused", &counters::streams_refused},
    counter_field{"streams_unused", &counters::streams_unused},
    counter_field{"streams_bad", &counters::streams_bad},
    counter_field{"streamed_in", &counters::streamed_in},
    counter_field{"streamed_in_lost", &counters::streamed_in_lost},
    counter_field{"streamed_out", &counters::streamed_out},
    counter_field{"streamed_out_lost", &counters::streamed_out_lost},
};
static_assert(sizeof(counters) == counter_fields.size() * sizeof(std::uint64_t),
              "every counter has a name");

} // namespace lanrage::net::relay
