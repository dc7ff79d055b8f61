#include "actors/peer/peer_connection.hpp"

#include <algorithm>
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

msg::explanation peer_connection::explain(msg::time_point now,
                                          const std::optional<msg::tried_addresses>& tried) const {
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
  if (tried) out.candidates = weigh(*tried);
  return out;
}

/// Those that were tried, then those that the peer told and that were not.
std::vector<msg::candidate_evidence>
peer_connection::weigh(const msg::tried_addresses& tried) const {
  std::vector<msg::candidate_evidence> out;
  const auto entry_of = [&](const net::endpoint& where) {
    return std::find_if(tried.begin(), tried.end(),
                        [&](const auto& each) { return each.what.address == where; });
  };
  const auto direct = path_ && !path_->relay;
  auto in_use = latency_;
  if (const auto known = direct ? entry_of(path_->where) : tried.end(); known != tried.end())
    in_use = known->rtt ? known->rtt : in_use;
  for (const auto& each : tried)
    judge_address(out.emplace_back(msg::candidate_evidence{each, false, {}, {}}), in_use);
  for (const auto& each : talk_.peer_candidates()) {
    if (entry_of(each.address) != tried.end()) continue;
    auto& one = out.emplace_back();
    one.tried.what = each;
    one.in_use = direct && path_->where == each.address;
    one.verdict = one.in_use ? "in use" : why_untried(each, tried.empty());
  }
  return out;
}

void peer_connection::judge_address(msg::candidate_evidence& one,
                                    std::optional<std::chrono::nanoseconds> in_use) const {
  const auto& [what, sent, answered, heard, rtt] = one.tried;
  const auto direct = path_ && !path_->relay;
  one.in_use = direct && path_->where == what.address;
  if (one.in_use) {
    one.verdict = "in use";
  } else if (rtt) {
    const auto objection = against(what.address);
    const auto* checks = book_.find(what.address);
    const auto silent_since = checks && checks->sent > 0 && (checks->history & 1) == 0;
    if (silent_since)
      one.verdict = "answered then, but not when it was checked last";
    else if (!objection.empty())
      one.verdict = "answered, but " + std::string{objection};
    else if (!direct)
      one.verdict = "answered; the session moves there soon";
    else if (in_use && *in_use < *rtt)
      one.verdict = "answered, slower than the path in use";
    else
      one.verdict = "answered, not enough better than the path in use";
  } else if (sent == 0) {
    one.verdict = heard ? "heard from when another was proven already" : "not probed yet";
  } else if (heard) {
    one.verdict = "the peer's probes arrive from there, but it does not answer ours";
    if (!direct)
      one.remedy = "let UDP to " + net::to_string(what.address) + " in at the peer's firewall";
  } else if (what.address.address.is_private() && !near_) {
    one.verdict = "no answer, as from a private address of another network";
  } else {
    one.verdict = "no answer";
    if (!direct && (near_ || what.kind == net::candidate_kind::host))
      one.remedy = "let UDP to " + net::to_string(what.address) + " in at the peer's firewall";
  }
}

std::string peer_connection::why_untried(const net::candidate& what, bool none_yet) const {
  const auto of_family = [&](const net::candidate& own) {
    return own.address.address.is_v4() == what.address.address.is_v4();
  };
  const auto& own = talk_.own_candidates();
  if (std::none_of(own.begin(), own.end(), of_family))
    return what.address.address.is_v4() ? "not tried: this machine has no IPv4 address"
                                        : "not tried: this machine has no IPv6 address";
  return none_yet ? "not tried yet" : "not tried: told since, or not an address to try";
}

} // namespace lanrage::actors
