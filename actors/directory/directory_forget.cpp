#include "actors/directory/directory_core.hpp"

#include <utility>

/// A member that is away for good: what a user asks, and what the server says to it.
namespace lanrage::actors {

namespace control = net::control;

net::result<net::party_id> directory_core::party_of(const msg::party_forget& wanted) const {
  std::vector<net::party_id> all;
  std::vector<net::party_id> with_it;
  for (const auto& [id, in] : parties_) {
    if (in.leaving || (wanted.party && find_party(*wanted.party) != &in)) continue;
    all.push_back(id);
    if (in.book.find(wanted.id) != nullptr) with_it.push_back(id);
  }
  if (all.empty()) return net::fail(net::errc::party_not_found, wanted.party.value_or("none"));
  // One that never published a record is known to the server alone.
  if (all.size() == 1) return all.front();
  if (with_it.size() == 1) return with_it.front();
  return net::fail(net::errc::peer_not_found,
                   wanted.id.str() + " is a member of " +
                       (with_it.empty() ? "no" : "more than one") +
                       " party that this machine knows; say which with --party");
}

void directory_core::forget(directory_request id, const msg::party_forget& wanted, time at,
                            effects& out) {
  const auto refuse = [&](net::error why) { out.answers.push_back({id, std::move(why)}); };
  const auto where = party_of(wanted);
  if (!where) return refuse(where.error());
  auto& in = parties_.at(*where);
  if (wanted.id == in.as)
    return refuse(net::fail(net::errc::peer_online,
                            "that is this machine; 'lanrage party leave' takes it out"));
  if (link_ != link::up || !in.joined)
    return refuse(why_down_.value_or(
        net::fail(net::errc::control_unreachable, "not connected to the party now")));
  if (in.forget)
    return refuse(net::fail(net::errc::limit_reached,
                            "the server has not answered about " + in.forget->who.str() + " yet"));
  in.forget = forgetting{wanted.id, id, at.now + config::defaults::control_confirm_deadline};
  out.link.emplace_back(msg::control_say{control::forget_request{*where, wanted.id}});
}

void directory_core::use(const control::member_forgotten& news, time, effects& out) {
  const auto found = parties_.find(news.party);
  if (found == parties_.end() || !found->second.forget) return;
  const auto was = std::exchange(found->second.forget, std::nullopt);
  out.log.push_back("party '" + found->second.name + "': " + news.id.str() + " was forgotten");
  if (was->user) out.answers.push_back({*was->user, msg::done{}});
}

void directory_core::forget_failed(party& in, const net::error& why, effects& out) {
  const auto was = std::exchange(in.forget, std::nullopt);
  if (was && was->user) out.answers.push_back({*was->user, why});
}

void directory_core::expire_forgetting(time at, effects& out) {
  for (auto& [id, in] : parties_) {
    if (!in.forget || !in.forget->user || at.now < in.forget->until) continue;
    out.answers.push_back(
        {*std::exchange(in.forget->user, std::nullopt),
         net::fail(net::errc::timed_out, "the control server; an old one knows no such request")});
  }
}

} // namespace lanrage::actors
