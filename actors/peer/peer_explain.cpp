#include "actors/peer/peer_connection.hpp"

#include <utility>

/// Why a connection takes the path it takes.
namespace lanrage::actors {

msg::explanation peer_connection::explain(msg::time_point now) const {
  msg::explanation out;
  out.view = view();
  out.decision = reason_;
  const auto add = [&](const path& one, bool in_use) {
    msg::path_evidence e;
    e.how = strategy_of(one);
    if (one.relay) e.relay = one.relay->name;
    e.where = one.where;
    e.in_use = in_use;
    if (one.rtt.count() > 0) e.rtt = one.rtt;
    if (const auto* known = book_.find(one.where)) {
      e.alive = (known->history & 1) != 0;
      e.rtt = known->rtt ? known->rtt : e.rtt;
      if (known->answered) e.age = now - *known->answered;
      e.asked = known->asked_of_late();
      e.lost = known->lost_of_late();
    }
    if (in_use) {
      e.alive = alive();
      e.rtt = latency_ ? latency_ : e.rtt;
    }
    out.paths.push_back(std::move(e));
  };
  if (path_) add(*path_, true);
  for (const auto& other : alternatives())
    add(other, false);
  return out;
}

} // namespace lanrage::actors
