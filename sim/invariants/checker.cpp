#include "sim/invariants/checker.hpp"

#include "messages/error.hpp"
#include "net/wg/dump.hpp"
#include "sim/scenario/judge.hpp"

#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/mailbox_element.hpp>

#include <algorithm>

/// Who is told what. What actors say is in checker_messages.cpp, what is looked at every second in
/// checker_looks.cpp.
namespace lanrage::sim::invariants {
namespace {

/// The first words of an actor's name say its role (actors/wiring.cpp).
constexpr std::string_view peer_prefix = "peer ";

std::string cause_of(const caf::error& why) {
  if (why.category() == caf::atom("exit"))
    return std::string(caf::to_string(static_cast<caf::exit_reason>(why.code())));
  return net::to_string(msg::from_caf(why));
}

} // namespace

checker::checker(world& in)
    : world_(in), reach_(in), echoes_(found_),
      connections_(
          found_, [this](msg::phase from, msg::phase to) { seen_.saw(transition_name(from, to)); }),
      writes_(found_, [this](std::uint32_t member,
                             const net::wg_public_key& peer) { return pair_name(member, peer); }),
      liveness_(found_), clock_(found_), secrets_(found_) {
  for (const auto& each : in.secrets())
    secrets_.keep(each);
  in.watched_by(this);
}

checker::~checker() {
  world_.watched_by(nullptr);
}

std::string checker::text_of(const finding& found) {
  return std::string{found.id} + ' ' + found.who + " at " + scenario::seconds_text(found.at) +
         ": " + found.text + " (" + std::string{find(found.id).sentence} + ")";
}

const std::string& checker::name(std::uint32_t member) {
  while (names_.size() < world_.member_count()) {
    const member_id next{static_cast<std::uint32_t>(names_.size())};
    by_key_[world_.key(next)] = static_cast<std::uint32_t>(next);
    names_.push_back(world_.name(next));
  }
  return names_[member];
}

std::optional<std::uint32_t> checker::member_of(const net::wg_public_key& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::uint32_t> checker::member_named(const net::peer_id& id) {
  for (std::uint32_t i = 0; i < world_.member_count(); ++i)
    if (name(i) == id.str()) return i;
  return std::nullopt;
}

std::string checker::pair_name(std::uint32_t member, const net::wg_public_key& peer) {
  auto out = name(member);
  if (const auto other = member_of(peer)) out += '-' + name(*other);
  return out;
}

write_rules::shown checker::device(std::uint32_t member) {
  auto* there = world_.on(member_id{member}).wireguard();
  return there ? std::optional{there->observe()} : std::nullopt;
}

// --- time ----------------------------------------------------------------------------------------

void checker::before_event(time_point due) {
  clock_.event(due.time_since_epoch(), now());
  echoes_.settled(now()); // what actors did since the last event
  if (now() < next_look_) return;
  look();
  constexpr duration second = std::chrono::seconds{1};
  next_look_ = now() - now() % second + second;
}

void checker::after_event() {
  check_fabric(world_.net().count(), world_.net().under_way(), now(), found_);
  echoes_.settled(now());
}

void checker::finish() {
  echoes_.settled(now());
  look();
  seen_.saw(sometimes::probe_lost, echoes_.count().lost);
  seen_.saw(sometimes::reconciled, writes_.reconciled());
}

void checker::disturbed() {
  liveness_.disturbed(now());
}

void checker::rewired() {
  reach_.note_addresses();
  for (const auto& each : world_.secrets()) // a new installation has another
    secrets_.keep(each);
  rewired_at_ = now();
  disturbed();
}

void checker::line(std::string_view text) {
  secrets_.line(text, now());
  if (text.find(" daemon ended: ") != std::string_view::npos) {
    seen_.saw(sometimes::exhausted);
    check_error(std::string{text} + ": giving up", deaths_, now(), found_);
  }
}

// --- daemons -------------------------------------------------------------------------------------

void checker::daemon_started(std::uint32_t member) {
  by_key_[world_.key(member_id{member})] = member; // it may have another one than before
  name(member);
  reach_.note_addresses();
  writes_.daemon_started(member, now());
}

void checker::daemon_killed(std::uint32_t member) {
  connections_.daemon_ended(member);
  auto& left = leaving_[member];
  left.first = now();
  for (auto at = living_.lower_bound({member, {}});
       at != living_.end() && at->first.first == member; ++at)
    left.second.insert(at->second);
  std::erase_if(disconnecting_, [&](const auto& each) { return each.second.member == member; });
  std::erase_if(apart_, [&](const auto& each) { return each.first.first == member; });
  std::erase_if(mourned_, [&](const auto& each) { return each.first == member; });
}

void checker::actor_born(std::uint32_t member, const std::string& called, std::uint64_t actor) {
  actor_info info{member, role::other, called};
  if (called == "connection supervisor") info.is = role::supervisor;
  if (called == "wireguard writer") info.is = role::writer;
  if (called == "wireguard device") info.is = role::device;
  if (called == "directory") info.is = role::directory;
  if (called == "store") info.is = role::store;
  if (called.starts_with(peer_prefix)) info.is = role::peer;
  if (mourned_.erase({member, called}) != 0) seen_.saw(sometimes::died);
  living_[{member, called}] = actor;
  actors_[actor] = std::move(info);
}

void checker::actor_died(std::uint32_t member, const std::string& called, std::uint64_t actor,
                         const caf::error& why) {
  actors_.erase(actor);
  closing_.erase(actor);
  const auto alive = living_.find({member, called});
  if (alive != living_.end() && alive->second == actor) living_.erase(alive);
  if (const auto left = leaving_.find(member); left != leaving_.end())
    left->second.second.erase(actor);
  std::erase_if(open_, [&](const auto& each) { return each.first.by == actor; });
  connections_.actor_died(actor);
  if (called == "connection supervisor") connections_.unheard(member);
  if (called == "wireguard device") writes_.device_actor_died(member);
  const bool ordered = ordered_deaths_.erase({member, called}) != 0;
  const bool ended = !why || why == caf::exit_reason::user_shutdown;
  if (ended) return;
  mourned_.insert({member, called});
  const auto cause = cause_of(why);
  if (ordered || cause.find("keeps dying") != std::string::npos) return;
  found_.add("S19", now(), name(member), called + " died: " + cause);
}

void checker::death_ordered(std::uint32_t member, const std::string& called) {
  ordered_deaths_.insert({member, called});
  ++deaths_;
}

void checker::mistimed(std::uint32_t member, bool on) {
  connections_.mistimed(member, on, now());
}

// --- WireGuard and what goes through it ----------------------------------------------------------

void checker::device_made(std::uint32_t member) {
  writes_.device_changed(member, now());
}
void checker::device_deleted(std::uint32_t member) {
  disturbed();
  writes_.device_changed(member, now());
}
void checker::device_touched(std::uint32_t member) {
  writes_.device_touched(member, now());
}

void checker::device_failed(std::uint32_t member) {
  writes_.device_failed(member, now());
}

void checker::device_edited(std::uint32_t member, const net::wg_public_key& peer) {
  device_touched(member);
  const auto there = device(member);
  const auto* is = there ? net::wg::find_peer(*there, peer) : nullptr;
  if (is && is->where) edited_[{member, peer}].insert(*is->where);
}

void checker::changes(std::uint32_t member, const std::vector<net::wg::change>& what) {
  writes_.applying(member, what, device(member), now());
}

void checker::echo_asked(std::uint32_t member, const inner_packet& inner) {
  echoes_.asked(key_of(inner), now(), name(member));
}

void checker::echo_answered(std::uint32_t member, const inner_packet& inner) {
  const auto rtt = echoes_.answered(key_of(inner), now(), name(member));
  if (rtt && !(inner.token & user_echo)) connections_.answered(member, inner.from, *rtt, now());
}

/// S22. What comes late may be for an address that the member has no more.
void checker::decrypted(std::uint32_t member, const inner_packet& inner) {
  if (const auto* there = world_.on(member_id{member}).wireguard())
    held_.emplace(member, there->address());
  if (!held_.contains({member, inner.to}))
    found_.add("S22", now(), name(member), "reads what is for " + net::to_string(inner.to));
}
void checker::echo_carried(const echo_key& echo, int change) {
  echoes_.carried(echo, change);
}
void checker::echo_lost(const echo_key& echo, std::string_view cause) {
  echoes_.lost(echo, cause);
}

} // namespace lanrage::sim::invariants
