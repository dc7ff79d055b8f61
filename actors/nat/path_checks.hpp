#pragma once

#include "actors/nat/answer_book.hpp"
#include "actors/nat/nat_effects.hpp"
#include "actors/nat/nat_session.hpp"
#include "net/frames.hpp"

#include <cstdint>
#include <vector>

namespace lanrage::actors {

/// Checks of single paths between us and one peer, once they know each other: asked of it, and
/// answered. A check that was answered from where it went proves that path in both directions;
/// through a relay as well as straight, since relays pass checks on. Pure.
class path_checks {
 public:
  using time_point = msg::time_point;

  path_checks(session_identity who, net::random_source random);

  void ask(const msg::check_path& order, time_point now, nat_effects& out);
  /// A datagram that claims to be the peer's check or answer.
  void receive(const net::endpoint& from, net::byte_view datagram, time_point now,
               nat_effects& out);

 private:
  struct open_check {
    net::probe_transaction id{};
    net::endpoint where;
    std::uint32_t number = 0;
    time_point sent{};
  };
  void on_check(const net::endpoint& from, const net::path_check& frame, time_point now,
                nat_effects& out);
  void on_answer(const net::endpoint& from, const net::path_check& frame, time_point now,
                 nat_effects& out);
  void send(const net::endpoint& to, const net::path_check& frame, nat_effects& out) const;

  session_identity who_;
  net::member_hash own_hash_;
  net::member_hash peer_hash_;
  net::random_source random_;
  std::vector<open_check> open_; ///< oldest first, bounded
  answer_book answers_;
};

} // namespace lanrage::actors
