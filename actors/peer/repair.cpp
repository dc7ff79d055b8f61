#include "actors/peer/repair.hpp"

namespace lanrage::actors {

std::optional<path> repair_path(const std::optional<path>& failing,
                                const std::vector<msg::relay_choice>& ranking,
                                const std::optional<path>& direct) {
  for (const auto& relay : ranking)
    if (!failing || relay.address != failing->where) return through(relay);
  if (direct && (!failing || direct->where != failing->where)) return direct;
  if (failing) return failing;
  return std::nullopt;
}

bool asks_for_new_session(int attempt) {
  return attempt > 1;
}

} // namespace lanrage::actors
