#pragma once

#include "actors/relay/relay_effects.hpp"
#include "actors/relay/rtt_window.hpp"
#include "config/path_defaults.hpp"
#include "net/frames.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace lanrage::actors {

/// What is worth knowing of a relay when the daemon or the actor starts again.
struct remembered_relay {
  std::optional<net::cookie> cookie; ///< resumes in one round trip while the relay honours it
  std::uint64_t timestamp = 0;       ///< of our last registration
  std::optional<std::chrono::microseconds> rtt;
  friend bool operator==(const remembered_relay&, const remembered_relay&) = default;
};

/// Our own side of every registration.
struct relay_identity {
  net::wg_public_key key;
  net::member_hash hash;
};

/// One relay: hello, challenge, registration, registered, and renewal for as long as it is wanted.
/// Pure: time comes in, frames go out. All requests are repeated until answered, with the wait
/// doubling to a cap; `deadline` is when the next one is due.
class relay_session {
 public:
  using time_point = msg::time_point;

  /// `unix_offset`: calendar time minus `time_point`, for timestamps before the relay told its own.
  relay_session(net::relay_info info, net::shared_key key, const relay_identity& own,
                std::chrono::milliseconds unix_offset, const remembered_relay& remembered);

  /// Be registered from now on. Without a token there is nothing to say yet.
  void want(time_point now, relay_effects& out);
  /// No longer: says bye when registered.
  void release(time_point now, relay_effects& out);
  /// One hello round, to learn the distance.
  void measure(time_point now, relay_effects& out);
  /// Encoded tokens for this relay. New ones are shown at once when wanted.
  void tokens(std::vector<net::bytes> valid, time_point now, relay_effects& out);
  /// What other relays know of our sessions; goes with every registration from now on.
  void claims(std::vector<net::route_claim> routes) { claims_ = std::move(routes); }
  /// Register again now: our address may have changed, or there are routes to hand over.
  void renew(time_point now, relay_effects& out);
  /// From now on it is spoken to there: its own address, or our end of a stream to it. Who is
  /// wanted registers anew; until that is confirmed it counts as reached where it was.
  void go_by(const net::endpoint& to, time_point now, relay_effects& out);
  /// What it was reached by has ended.
  void way_ended(time_point now, relay_effects& out);
  /// Somebody's traffic died on the way: is the relay still there?
  void check(time_point now, relay_effects& out);
  /// A datagram from the relay's address.
  void receive(net::byte_view datagram, time_point now, relay_effects& out);
  void tick(time_point now, relay_effects& out);
  std::optional<time_point> deadline() const;

  const net::relay_info& info() const { return info_; }
  /// Where it is registered with, or was last: what WireGuard's packets go to.
  const net::endpoint& reached() const { return reached_; }
  bool streamed() const { return reached_ != info_.address; }
  /// It is spoken to at its own address.
  bool by_udp() const { return to_ == info_.address; }
  bool wanted() const { return wanted_; }
  bool registered() const { return registered_; }
  bool has_tokens() const { return !tokens_.empty(); }
  /// A registration or hello of ours is not answered yet.
  bool asking() const { return asking_.has_value(); }
  /// The last few requests had no answer.
  bool in_vain() const { return in_vain_; }
  /// It was asked in vain, and nobody asks now.
  bool unreachable() const { return !wanted_ && !asking_ && in_vain_; }
  /// A request is overdue, or the relay came back from a loss only just now.
  bool doubtful(time_point now) const;
  std::optional<std::chrono::microseconds> rtt() const { return rtt_.median(); }
  std::uint16_t load_permille() const { return load_; }
  std::uint64_t asked() const { return asked_; }        ///< requests sent
  std::uint64_t unanswered() const { return overdue_; } ///< of them not answered in time
  /// What was measured since the last call, a loss being absent.
  using measurement = std::optional<std::chrono::microseconds>;
  std::optional<measurement> take_measurement() { return std::exchange(measured_, {}); }
  /// Losses of late: none is older than path_failure_remembered, or followed so soon by the next.
  int failures(time_point now) const {
    return lost_at_ && now - *lost_at_ < config::defaults::path_failure_remembered ? failures_ : 0;
  }
  /// Routes the relay learnt by itself: worth telling other relays. What we claimed is left out,
  /// or two relays would keep each other's dead routes alive through us.
  std::vector<net::route_claim> learnt() const;
  /// All it holds for us.
  const std::vector<net::route_claim>& listed() const { return listed_; }
  /// A refusal named this index and we did not know its route yet.
  std::optional<net::session_index> take_unknown_index() { return std::exchange(unknown_, {}); }
  remembered_relay memory() const { return {cookie_, timestamp_, rtt_.minimum()}; }

 private:
  /// A request in flight: repeated at `due`.
  struct exchange {
    int sent = 0;
    std::chrono::nanoseconds wait{};
    time_point due;
    int challenges = 0; ///< heard since the last repetition
  };
  struct sent_frame {
    std::uint64_t number = 0; ///< timestamp or nonce
    time_point at;
  };

  void ask(time_point now, relay_effects& out);
  void say_hello(time_point now, relay_effects& out);
  void say_registration(time_point now, relay_effects& out);
  void say_ping(time_point now, relay_effects& out);
  void send(net::bytes frame, relay_effects& out);
  void on_challenge(net::byte_view datagram, time_point now, relay_effects& out);
  void on_registered(net::byte_view datagram, time_point now, relay_effects& out);
  void on_refused(net::byte_view datagram, time_point now, relay_effects& out);
  void on_stale(time_point now, relay_effects& out);
  void pause(time_point now);
  void on_pong(net::byte_view datagram, time_point now);
  void lose(time_point now, relay_effects& out);
  void overdue(exchange& what);
  void heard(std::chrono::nanoseconds rtt);
  void unheard();
  bool measured(std::deque<sent_frame>& sent, std::uint64_t number, time_point now);
  std::chrono::nanoseconds first_wait() const;
  std::uint64_t next_timestamp(time_point now);

  net::relay_info info_;
  net::endpoint to_;       ///< where frames go
  net::endpoint reached_;  ///< where the last registration was answered
  bool other_way_ = false; ///< what was measured belongs to another way
  net::shared_key key_;
  relay_identity own_;
  std::chrono::milliseconds clock_offset_; ///< relay's (or our) calendar time minus steady time
  bool wanted_ = false;
  bool registered_ = false;
  std::optional<exchange> asking_; ///< hello or registration
  std::optional<exchange> pinging_;
  std::optional<time_point> hello_at_; ///< what a challenge is measured from
  std::deque<sent_frame> registrations_;
  std::deque<sent_frame> pings_;
  std::optional<time_point> renew_at_;
  std::optional<time_point> loaded_at_; ///< when the load was last told
  std::optional<net::cookie> cookie_;
  std::uint64_t timestamp_ = 0;
  std::uint64_t nonce_ = 0;
  int stale_ = 0; ///< refusals as stale in a row
  std::chrono::milliseconds
      ahead_{}; ///< of the relay's clock, to pass an earlier self's timestamps
  std::vector<net::bytes> tokens_;
  std::set<net::bytes> shown_;      ///< tokens the relay accepted
  std::vector<net::bytes> showing_; ///< in the registration in flight
  std::vector<net::route_claim> claims_;
  std::set<net::session_index> claimed_; ///< ever, here
  std::vector<net::route_claim> listed_; ///< by the last `registered`
  std::optional<net::session_index> unknown_;
  rtt_window rtt_;
  std::optional<measurement> measured_;
  bool in_vain_ = false; ///< the last few requests had no answer
  std::uint16_t load_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t overdue_ = 0;
  int losses_ = 0;
  int failures_ = 0; ///< losses, counted anew after a quiet time
  std::optional<time_point> lost_at_;
  time_point trusted_again_{};
};

} // namespace lanrage::actors
