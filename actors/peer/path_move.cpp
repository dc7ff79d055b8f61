#include "actors/peer/path_move.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace defaults = config::defaults;

path_move::path_move(const path& to, std::uint32_t count, bool initiates, bool at_once,
                     msg::time_point now)
    : target(to), number(count), initiator(initiates), urgent(at_once), prepared(!to.relay),
      until(now + defaults::prepare_deadline + defaults::move_deadline), tell_at(now) {}

bool path_move::tell_due(msg::time_point now) const {
  return tell_at && now >= *tell_at && (prepared || urgent) && !answered;
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
  if (initiator) return urgent || (prepared && answered && told);
  return (prepared || urgent) && answered;
}

msg::time_point path_move::next() const {
  const auto tells_again = tell_at && (prepared || urgent) && !answered;
  return tells_again ? std::min(*tell_at, until) : until;
}

} // namespace lanrage::actors
