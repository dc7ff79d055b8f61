#include "actors/peer/path_move.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace defaults = config::defaults;

path_move::path_move(const path& to, std::uint32_t count, bool initiates, move_kind what,
                     msg::time_point now)
    : target(to), number(count), initiator(initiates), kind(what), prepared(!to.relay),
      until(now + defaults::prepare_deadline + defaults::move_deadline), tell_at(now) {}

/// The other end's `nat` answers checks before its connection can follow a move: the initiator says
/// it until it was told back.
bool path_move::must_tell() const {
  const auto heard_of = initiator && !urgent() ? answered && told : answered;
  return tell_at && (prepared || urgent()) && !heard_of && asserting == no_ticket;
}

bool path_move::tell_due(msg::time_point now) const {
  return must_tell() && now >= *tell_at;
}

void path_move::tell(std::uint32_t with, msg::time_point now) {
  if (tells.size() < tells_max) tells.push_back(with);
  tell_at = now + 2 * target.rtt + defaults::move_again;
}

bool path_move::heard(std::uint32_t check) {
  const auto ours = std::find(tells.begin(), tells.end(), check) != tells.end();
  answered = answered || ours;
  return ours;
}

bool path_move::assert_due() const {
  if (asserting != no_ticket) return false;
  if (initiator) return kind != move_kind::planned || (prepared && answered && told);
  return (prepared || urgent()) && answered;
}

msg::time_point path_move::next() const {
  return must_tell() ? std::min(*tell_at, until) : until;
}

} // namespace lanrage::actors
