#include "actors/peer/peer_connection.hpp"

#include <utility>

/// Why a connection takes the path it takes.
namespace lanrage::actors {

namespace {

/// Why a path that is not in use is not.
void judge(msg::path_evidence& one, const std::optional<std::chrono::nanoseconds>& in_use,
           std::string_view against) {
  const auto measured = one.asked > 0;
  if (measured && !one.alive) {
    one.verdict = "does not answer";
    one.remedy = one.how == msg::strategy::relay
                     ? "look whether relay " + one.relay.value_or("") + " runs"
                     : "a firewall or NAT in between drops UDP; it is looked for all the time";
  } else if (one.how == msg::strategy::direct) {
    one.verdict = !measured ? std::string{"not found yet; punching goes on"}
                  : against.empty()
                      ? "answers; the session moves there soon"
                      : "answers, but " + std::string{against} + "; it is tried again later";
  } else if (one.rtt && in_use && *one.rtt < *in_use) {
    one.verdict = "faster by its legs, by less than a switch is worth";
  } else if (one.rtt && in_use) {
    one.verdict = "slower than the path in use; it is ready to take over";
  } else {
    one.verdict = "ready to take over";
  }
}

} // namespace

msg::explanation peer_connection::explain(msg::time_point now) const {
  msg::explanation out;
  out.view = view();
  out.decision = choice_.empty() ? reason_ : reason_ + "; " + choice_;
  if (near_) out.decision += "; the peer announces itself on this network";
  const auto add = [&](const path& one, bool in_use) {
    msg::path_evidence e;
    e.how = strategy_of(one);
    if (one.relay) e.relay = one.relay->name;
    e.streamed = one.relay && one.relay->streamed_from;
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
      e.verdict = one.relay && !direct_before_ ? "in use; no direct path is known" : "in use";
      if (guessed_ == one.where && birthday_.was_found()) e.verdict += "; " + birthday_.found();
      if (e.streamed) {
        e.verdict += "; by TLS over TCP, as UDP is blocked here";
        e.remedy = "let UDP out of this network: it is faster, and direct paths need it";
      }
    } else {
      judge(e, latency_, against(one.where));
    }
    out.paths.push_back(std::move(e));
  };
  if (path_) add(*path_, true);
  for (const auto& other : alternatives())
    add(other, false);
  if (path_ && path_->relay && !direct_before_) {
    msg::path_evidence none;
    none.how = msg::strategy::direct;
    none.verdict = !talk_.can_punch() ? "one side has told no address to be reached at"
                   : talk_.candidates_lapsed(now)
                       ? "the peer's addresses are too old to be tried, and it tells no new ones"
                       : "punching found no way through both NATs";
    none.remedy = "forward UDP port of WireGuard on one side's router, or use IPv6 on both";
    if (const auto more = birthday_.in_vain(record_.nat); !more.empty())
      none.verdict += "; " + more;
    if (const auto more = birthday_.remedy(record_.nat); !more.empty())
      none.remedy += ", or " + more;
    out.paths.push_back(std::move(none));
  }
  return out;
}

} // namespace lanrage::actors
