#pragma once

#include "actors/peer/peer_states.hpp"

#include <optional>
#include <vector>

namespace lanrage::actors {

/// How much must be proven before the initiator leaves the old path.
enum class move_kind : std::uint8_t {
  planned, ///< both ends have proven the new one, by checks as large as data
  opening, ///< the session waits for its first answer: a punch that proved the new one is enough
  urgent,  ///< the old one is dead: nothing
};

/// A living session on its way to another path, as one of its two ends sees it: make before break.
/// The initiator decides and numbers its moves; the responder follows the latest.
///
///   prepare   a relay is told of the session's indices; a direct path needs nothing
///   tell      a check over the new path carries the move's number, again until it is answered
///   assert    WireGuard's endpoint is held there until it stays
///
/// The responder answers a move by telling it back over the same path once it is prepared, and
/// asserts when that was answered; the initiator asserts when it was told back, or at once (the
/// move's kind). Pure.
struct path_move {
  path target;
  std::optional<path> from; ///< where WireGuard's packets went before
  std::uint32_t number = 0;
  bool initiator = false;
  move_kind kind = move_kind::planned;
  bool prepared = false;
  bool answered = false; ///< our telling
  bool told = false;     ///< by the responder, to the initiator
  ticket preparing = no_ticket;
  ticket asserting = no_ticket;
  std::vector<std::uint32_t> tells; ///< the checks that told it
  msg::time_point until;
  std::optional<msg::time_point> tell_at; ///< again

  path_move(const path& to, std::uint32_t count, bool initiates, move_kind what,
            msg::time_point now);
  static constexpr std::size_t tells_max = 64;

  bool urgent() const { return kind == move_kind::urgent; }
  bool must_tell() const; ///< it was not heard of yet
  bool tell_due(msg::time_point now) const;
  /// Told just now, with this check.
  void tell(std::uint32_t with, msg::time_point now);
  /// A check was answered; whether it was one of those.
  bool heard(std::uint32_t check);
  bool assert_due() const;
  /// The earliest time at which it has something to do or is over.
  msg::time_point next() const;
};

} // namespace lanrage::actors
