#pragma once

#include "config/birthday_defaults.hpp"
#include "messages/values.hpp"
#include "net/crypto.hpp"
#include "net/frames.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace lanrage::actors {

/// One side of one attempt at birthday probing (docs/decisions/0023): what to send when, and what
/// was found. The side with the symmetric NAT sends once from each spare port to the peer's one
/// public port, so that its NAT opens a public port for each; the other side guesses them. Bounded
/// in number and rate, however late it is asked. Pure.
class birthday_attempt {
 public:
  using time_point = msg::time_point;

  /// `random` draws the ports that are guessed.
  birthday_attempt(const msg::birthday_plan& plan, time_point now,
                   const net::random_source& random);

  struct shot {
    net::endpoint to;
    std::uint16_t from_port = 0; ///< 0: WireGuard's
  };
  /// What is to be sent now; at most birthday_burst, birthday_gap apart.
  std::vector<shot> due(time_point now);
  /// When there is more to send; absent: all is sent, or there is no need any more.
  std::optional<time_point> next() const;
  time_point until() const { return until_; }
  void stop() { stopped_ = true; }

  /// This guess left with this transaction.
  void guessed(const net::endpoint& to, const net::probe_transaction& id, time_point now);
  /// When the guess left that is answered from there; absent: none did.
  std::optional<time_point> take(const net::endpoint& from, const net::probe_transaction& id);
  /// The peer's guess arrived at this port of ours. Whether it is the one that counts: the first.
  bool met(std::uint16_t port);

  bool guesses() const { return plan_.guess; }
  const net::endpoint& peer() const { return plan_.peer; }
  const std::optional<std::uint16_t>& found() const { return found_; }
  int probes() const { return static_cast<int>(sent_); }

 private:
  struct guess {
    std::uint16_t port = 0;
    net::probe_transaction id{};
    time_point sent{};
  };

  msg::birthday_plan plan_;
  time_point next_;
  time_point until_;
  std::vector<std::uint16_t> ports_; ///< theirs to guess, or ours to send from
  std::size_t sent_ = 0;
  std::vector<guess> open_;
  std::optional<std::uint16_t> found_;
  bool stopped_ = false;
};

} // namespace lanrage::actors
