#pragma once

#include "actors/backoff.hpp"
#include "config/stream_defaults.hpp"
#include "messages/values.hpp"

#include <cstdint>
#include <optional>

namespace lanrage::actors {

/// The way to one relay by a stream, from its opening until UDP works again. It only says what is
/// due; relay_table does it. Pure.
///
///   closed -> opening -> open -> returning -> lingering -> closed
///      ^---------'---------'--------'  (the stream ends)
///                         open <----'  (UDP did not hold)
class stream_way {
 public:
  using time_point = msg::time_point;
  enum class state : std::uint8_t {
    closed,
    opening,
    open,      ///< the relay is reached by it; UDP is asked now and then
    returning, ///< UDP answers: the registration goes there
    lingering, ///< registered over UDP again; what is under way may still come
  };

  state now_is() const { return state_; }
  bool closed() const { return state_ == state::closed; }
  bool open() const { return state_ == state::open; }
  const net::endpoint& at() const { return at_; } ///< our end; from `open` on
  /// It failed, and has not stood since.
  bool failing() const { return failing_; }
  /// Closed, and not failed just now.
  bool may_open() const { return closed() && !again_at_; }

  void opening(std::uint64_t attempt);
  /// False when the news is of another attempt.
  bool opened(std::uint64_t attempt, const net::endpoint& at, time_point now);
  /// The stream ended or could not be had; attempt 0: whichever. False as above.
  bool failed(std::uint64_t attempt, time_point now);
  /// Ended by ourselves.
  void close();
  /// The stream is needed after all.
  void stay(time_point now);

  /// A hello by UDP is due; the next is, when this has been seen to.
  bool ask_due(time_point now) const { return open() && ask_at_ && now >= *ask_at_; }
  void asked(time_point now);
  void udp_answered(time_point now);
  /// UDP answered often enough: register there.
  bool return_due() const { return open() && answers_ >= config::defaults::udp_answers; }
  void returning(time_point now);
  /// The registration over UDP was not answered in time.
  bool return_failed(time_point now) const { return state_ == state::returning && now >= until_; }
  void returned(time_point now);
  bool close_due(time_point now) const { return state_ == state::lingering && now >= until_; }
  /// The network changed: nothing known before counts.
  void hurry(time_point now);

  /// A failure is forgotten when its wait is over.
  void tick(time_point now);
  std::optional<time_point> deadline() const;

 private:
  state state_ = state::closed;
  std::uint64_t attempt_ = 0;
  net::endpoint at_;
  std::optional<time_point> ask_at_;
  bool failing_ = false;
  bool answered_ = false; ///< the last hello
  int answers_ = 0;       ///< in a row
  time_point since_{};    ///< opened
  time_point until_{};
  std::optional<time_point> again_at_;
  std::optional<time_point> returned_at_; ///< to UDP, last
  backoff again_{config::defaults::stream_again_first, config::defaults::stream_again_max};
  backoff ask_again_{config::defaults::udp_asked_every, config::defaults::udp_asked_every_max};
  std::chrono::nanoseconds ask_every_ = config::defaults::udp_asked_every;
};

} // namespace lanrage::actors
