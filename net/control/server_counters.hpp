#pragma once

#include "net/counters.hpp"

#include <array>
#include <cstdint>

namespace lanrage::net::control {

/// What happened since the start; monotone but for `sessions`.
struct server_counters {
  std::uint64_t sessions = 0; ///< logged in now
  std::uint64_t connections = 0;
  std::uint64_t logins = 0;
  std::uint64_t refused_source = 0;    ///< closed before TLS: too many from one source
  std::uint64_t refused_handshake = 0; ///< no TLS 1.3, or no login in time
  std::uint64_t refused_request = 0;   ///< no or malformed login request
  std::uint64_t refused_login = 0;     ///< bad_login
  std::uint64_t refused_parties = 0;   ///< at a login: wrong_secret, name_taken, ...
  std::uint64_t refused_full = 0;
  std::uint64_t forgotten = 0; ///< members, at the word of others
  std::uint64_t rotated = 0;   ///< keys of members, at their own
  std::uint64_t messages = 0;
  std::uint64_t messages_bad = 0; ///< not of the protocol, or not of WebSocket
  std::uint64_t messages_too_large = 0;
  std::uint64_t messages_refused = 0;   ///< understood, not allowed
  std::uint64_t messages_over_rate = 0; ///< members disconnected for too many
  std::uint64_t slow_members = 0;       ///< disconnected for a full queue
};

using server_counter = counter_field<server_counters>;
inline constexpr std::array server_counter_fields{
    server_counter{"sessions", &server_counters::sessions},
    server_counter{"connections", &server_counters::connections},
    server_counter{"logins", &server_counters::logins},
    server_counter{"refused_source", &server_counters::refused_source},
    server_counter{"refused_handshake", &server_counters::refused_handshake},
    server_counter{"refused_request", &server_counters::refused_request},
    server_counter{"refused_login", &server_counters::refused_login},
    server_counter{"refused_parties", &server_counters::refused_parties},
    server_counter{"refused_full", &server_counters::refused_full},
    server_counter{"forgotten", &server_counters::forgotten},
    server_counter{"rotated", &server_counters::rotated},
    server_counter{"messages", &server_counters::messages},
    server_counter{"messages_bad", &server_counters::messages_bad},
    server_counter{"messages_too_large", &server_counters::messages_too_large},
    server_counter{"messages_refused", &server_counters::messages_refused},
    server_counter{"messages_over_rate", &server_counters::messages_over_rate},
    server_counter{"slow_members", &server_counters::slow_members},
};
static_assert(sizeof(server_counters) == server_counter_fields.size() * sizeof(std::uint64_t),
              "every counter has a name");

} // namespace lanrage::net::control
