#include "messages/interfaces.hpp"
#include "net/control/invite.hpp"
#include "sim/invariants/checker.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/error.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/scheduled_actor.hpp>

/// What the checker takes from the messages that actors are about to handle.
namespace lanrage::sim::invariants {
namespace {

template <class T>
const T* content(caf::mailbox_element& element) {
  auto& all = element.content();
  return all.size() == 1 && all.match_element<T>(0) ? &all.get_as<T>(0) : nullptr;
}

std::uint64_t sender_of(const caf::mailbox_element& element) {
  return element.sender ? element.sender->id() : 0;
}

} // namespace

void checker::message(std::uint64_t actor, caf::mailbox_element& element) {
  if (element.mid.is_response())
    return answer_seen({actor, element.mid.request_id().integer_value()}, element);
  const auto found = actors_.find(actor);
  if (found == actors_.end()) return;
  const auto& to = found->second;
  const request what{sender_of(element), element.mid.request_id().integer_value()};
  if (element.mid.is_request()) request_seen(to, what, element);
  if (to.is == role::supervisor)
    if (const auto* update = content<msg::peer_update>(element))
      updated(to, sender_of(element), *update);
  if (to.is == role::directory)
    if (const auto* own = content<msg::own_paths>(element)) own_addresses(to.member, *own);
  if (to.is == role::peer)
    if (const auto* news = content<msg::path_event>(element)) {
      if (news->news == msg::path_news::proven || news->news == msg::path_news::nominated)
        seen_.saw(sometimes::punch_won);
      if (news->news == msg::path_news::failed) seen_.saw(sometimes::punch_lost);
    }
}

void checker::request_seen(const actor_info& to, const request& what,
                           caf::mailbox_element& element) {
  if (actors_.contains(what.by)) open_[what] = {now(), to.name};
  if (to.is == role::writer) return to_writer(to, what, element);
  if (to.is == role::supervisor) return to_supervisor(to, what, element);
  if (to.is == role::store) storing_.insert(what);
  if (to.is != role::device) return;
  writes_.called(to.member, what, now());
  if (const auto* order = content<msg::apply_changes>(element))
    writes_.batch(to.member, what, order->changes);
}

void checker::to_writer(const actor_info& to, const request& what, caf::mailbox_element& element) {
  const auto& own = world_.key(member_id{to.member});
  const auto wanted = [&](const msg::wg_peer& peer) {
    writes_.asked(to.member, what, own, peer.key, peer, now());
  };
  if (const auto* set = content<msg::set_peer>(element)) wanted(set->peer);
  if (const auto* reset = content<msg::reset_peer>(element)) wanted(reset->peer);
  if (const auto* removal = content<msg::remove_peer>(element))
    writes_.asked(to.member, what, own, removal->key, std::nullopt, now());
}

void checker::to_supervisor(const actor_info& to, const request& what,
                            caf::mailbox_element& element) {
  const auto key_of_peer = [&](const net::peer_id& id) -> std::optional<net::wg_public_key> {
    const auto member = member_named(id);
    return member ? std::optional{world_.key(member_id{*member})} : std::nullopt;
  };
  if (const auto* asked = content<msg::connect_peer>(element)) {
    const auto peer = key_of_peer(asked->id);
    if (!peer) return;
    writes_.wanted_again(to.member, *peer);
    for (auto& [before, each] : disconnecting_)
      if (each.member == to.member && each.peer == *peer) each.overtaken = true;
  } else if (const auto* end = content<msg::disconnect_peer>(element)) {
    const auto peer = key_of_peer(end->id);
    if (!peer) return;
    const auto* asker = element.sender ? element.sender->get() : nullptr;
    const bool blind = dynamic_cast<const caf::scheduled_actor*>(asker) == nullptr;
    // Nothing has to end, and the answer comes at once.
    if (blind && !living_.contains({to.member, "peer " + end->id.str()})) return;
    disconnecting_[what] = {to.member, *peer, now(), blind, false};
  }
}

void checker::answer_seen(const request& what, caf::mailbox_element& element) {
  open_.erase(what);
  const bool done = content<caf::error>(element) == nullptr;
  if (const auto* made = content<msg::invitation>(element)) {
    secrets_.keep(made->invite);
    if (const auto line = net::control::parse_invite(made->invite))
      secrets_.keep(net::to_base64(line->secret.reveal()));
  }
  if (storing_.erase(what) != 0 && !done) seen_.saw(sometimes::not_saved);
  if (const auto ended = disconnecting_.extract(what);
      !ended.empty() && done && !ended.mapped().overtaken)
    writes_.disconnected(ended.mapped().member, ended.mapped().peer);
  writes_.returned(what, done);
  if (const auto member = writes_.asking(what))
    writes_.answered(what, done, done ? device(*member) : std::nullopt, now());
}

// --- connections ---------------------------------------------------------------------------------

void checker::updated(const actor_info& supervisor, std::uint64_t by,
                      const msg::peer_update& update) {
  const auto& view = *update.view;
  const auto member = supervisor.member;
  const said from{member, by, pair_name(member, view.key),
                  world_.settings(member_id{member}).health};
  if (update.gone) {
    if (actors_.contains(by)) closing_[by] = now();
    for (const auto& [what, each] : disconnecting_)
      if (each.blind && each.member == member && each.peer == view.key && !each.overtaken)
        writes_.disconnected(member, each.peer);
    std::erase_if(disconnecting_, [&](const auto& each) {
      return each.second.blind && each.second.member == member && each.second.peer == view.key;
    });
    return connections_.closed(member, view.key);
  }
  const auto known = connections_.all().find({member, view.key});
  if (known != connections_.all().end() && known->second.by.actor == by)
    words(known->second.view, view);
  where_from(from, view);
  connections_.heard(from, view, now());
  connections_.may_rest(member, view.key, update.rests);
}

/// S11. Until a path is in use its address is a plan, which may be of a place that was left.
void checker::where_from(const said& by, const msg::connection_view& view) {
  if (!view.where || !is_up(view.at)) return;
  const auto peer = member_of(view.key);
  if (!peer) return;
  // WireGuard goes where it was sent, and says so.
  const auto edited = edited_.find({by.member, view.key});
  if (edited != edited_.end() && edited->second.contains(*view.where)) return;
  const auto by_stream = world_.on(member_id{by.member}).had_stream(*view.where);
  const bool relays = by_stream || reach_.is_relay(*view.where);
  if (view.how == msg::strategy::relay) {
    if (!relays) found_.add("S11", now(), by.who, net::to_string(*view.where) + " is no relay's");
    return;
  }
  if (!view.how && relays) return; // a daemon that knows no relays yet does not say which
  reach_.note_addresses();
  if (!reach_.belongs(view.where->address, member_id{*peer}))
    found_.add("S11", now(), by.who, net::to_string(*view.where) + " was never the peer's");
  const bool settled =
      !rewired_at_ || now() - *rewired_at_ > duration{config::defaults::session_lifetime};
  if (settled && reach_.directness(member_id{by.member}, member_id{*peer}) == reach::direct::never)
    found_.add("S11", now(), by.who, "is direct where the boxes let nobody through");
}

/// Rare ways that only the reasons tell of.
void checker::words(const msg::connection_view& before, const msg::connection_view& view) {
  const auto begins = [&](std::string_view with) { return view.reason.starts_with(with); };
  if (view.reason != before.reason) {
    if (begins("back on the old relay")) seen_.saw(sometimes::switch_reverted);
    if (begins("Switched to better relay")) seen_.saw(sometimes::switch_kept);
    if (begins("WireGuard followed")) seen_.saw(sometimes::roamed);
    if (begins("WireGuard was started anew")) seen_.saw(sometimes::session_lost);
    constexpr std::string_view repaired = "repaired at attempt ";
    if (begins(repaired)) {
      const auto which = static_cast<std::size_t>(view.reason[repaired.size()] - '1');
      if (which < std::size(sometimes::repaired)) seen_.saw(sometimes::repaired[which]);
    }
    if (before.reason.starts_with("continuing the session") && is_up(view.at))
      seen_.saw(sometimes::adopted);
  }
  if (view.error != before.error) {
    if (view.error == net::errc::peer_offline) seen_.saw(sometimes::offline);
    if (view.error == net::errc::closed) seen_.saw(sometimes::said_bye);
  }
  if (!is_up(before.at) || before.how == view.how || !before.how || !view.how) return;
  seen_.saw(*view.how == msg::strategy::direct ? sometimes::went_direct : sometimes::lost_direct);
}

/// S12: who believes a forged or late answer has an address that nobody gave it.
void checker::own_addresses(std::uint32_t member, const msg::own_paths& own) {
  reach_.note_addresses();
  for (const auto& each : own.candidates)
    if (!reach_.belongs(each.address.address, member_id{member}))
      found_.add("S12", now(), name(member),
                 net::to_string(each.address) + " is no address of this member");
}

} // namespace lanrage::sim::invariants
