#include "sim/invariants/writes.hpp"

#include "config/defaults.hpp"
#include "net/wg/commands.hpp"
#include "net/wg/dump.hpp"
#include "sim/scenario/judge.hpp"

#include <algorithm>

namespace lanrage::sim::invariants {
namespace {

namespace defaults = config::defaults;
using net::wg::change_kind;

/// So long after an interface was made may a plan be for the one before.
constexpr duration plan_age = duration{defaults::wg_call_deadline};

std::string allowed_text(const net::wg::peer_state& peer) {
  return peer.allowed_ips.empty() ? "no address" : peer.allowed_ips.front();
}

} // namespace

duration write_rules::longest_difference() {
  return duration{defaults::wg_poll} + defaults::restart_backoff_first +
         duration{defaults::wg_retries * (defaults::wg_call_deadline + defaults::wg_retry_after)};
}

// --- requests ------------------------------------------------------------------------------------

void write_rules::asked(std::uint32_t member, const request& what, const key& own, const key& peer,
                        const std::optional<msg::wg_peer>& wanted, duration now) {
  auto& m = members_[member].peers[peer];
  if (wanted && m.removed && m.asked_by == what.by)
    found_.add("S6", now, who(member, peer),
               "the same actor wants the peer written after its removal was acknowledged");
  if (wanted && wanted->where && !net::is_initiator(own, peer))
    found_.add("S21", now, who(member, peer),
               "the responder tells WireGuard the endpoint " + net::to_string(*wanted->where) +
                   " to start at");
  if (wanted) m.removed = false;
  m.wanted = wanted;
  m.asked_by = what.by;
  ++m.pending;
  m.is.reset();
  m.differs_since.reset();
  requests_[what] = {member, peer, wanted};
}

void write_rules::answered(const request& what, bool done, const shown& there, duration now) {
  auto node = requests_.extract(what);
  if (node.empty()) return;
  const auto& asked = node.mapped();
  auto& in = members_[asked.member];
  auto& m = in.peers[asked.peer];
  if (m.pending > 0) --m.pending;
  if (!done || m.pending > 0 || m.wanted != asked.wanted) return;
  m.is = m.wanted;
  m.removed = !m.wanted;
  in.dirty = true;
  if (std::exchange(m.ambiguous, false)) ++reconciled_;
  if (!there) {
    if (m.wanted && now >= in.excused_until)
      found_.add("S4", now, who(asked.member, asked.peer),
                 "acknowledged, and there is no interface");
    return;
  }
  const auto wrong = difference(m.wanted, net::wg::find_peer(*there, asked.peer));
  if (!wrong.empty() && now >= in.excused_until)
    found_.add("S4", now, who(asked.member, asked.peer), "acknowledged, and " + wrong);
}

std::string write_rules::difference(const std::optional<msg::wg_peer>& wanted,
                                    const net::wg::peer_state* is) {
  if (!wanted) return is ? "WireGuard has the removed peer" : "";
  if (!is) return "WireGuard lacks the peer";
  if (is->allowed_ips.size() != 1 ||
      is->allowed_ips.front() != net::wg::allowed_ip(wanted->address))
    return "WireGuard has " + allowed_text(*is) + " instead of " + net::to_string(wanted->address);
  // Without an endpoint there is nobody to keep alive.
  const bool keeps = is->keepalive.count() != 0;
  if (keeps && !wanted->keepalive) return "WireGuard sends keepalives";
  if (!keeps && wanted->keepalive && wanted->where) return "WireGuard sends no keepalives";
  return {};
}

// --- calls of the device -------------------------------------------------------------------------

void write_rules::called(std::uint32_t member, const request& what, duration now) {
  auto& in = members_[member];
  const auto [at, fresh] = in.calling.try_emplace(what.by, what);
  if (!fresh)
    found_.add("S5", now, who(member, {}), "WireGuard is called while a call is under way");
  at->second = what;
  calls_[what] = member;
}

void write_rules::batch(std::uint32_t member, const request& what,
                        const std::vector<net::wg::change>& changes) {
  members_[member].batches.push_back({what, changes});
}

void write_rules::returned(const request& what, bool done) {
  const auto node = calls_.extract(what);
  if (node.empty()) return;
  auto& in = members_[node.mapped()];
  in.calling.erase(what.by);
  const auto at = std::find_if(in.batches.begin(), in.batches.end(),
                               [&](const auto& each) { return each.what == what; });
  if (at == in.batches.end()) return;
  if (!done && at->applied)
    for (const auto& step : at->changes)
      in.peers[step.key].ambiguous = true;
  // One that was given up may still be carried out.
  if (done || at->applied) in.batches.erase(at);
}

void write_rules::applying(std::uint32_t member, const std::vector<net::wg::change>& changes,
                           const shown& there, duration now) {
  auto& in = members_[member];
  in.dirty = true;
  const auto at = std::find_if(in.batches.begin(), in.batches.end(), [&](const auto& each) {
    return !each.applied && each.changes == changes;
  });
  if (at == in.batches.end()) {
    found_.add("S5", now, who(member, {}), "WireGuard is changed in another order than asked for");
  } else {
    at->applied = true;
    // What was asked for before it and not carried out never will be.
    while (in.batches.front().what != at->what && !in.batches.front().applied)
      in.batches.pop_front();
  }
  if (there) check_steps(member, changes, *there, now);
}

void write_rules::check_steps(std::uint32_t member, const std::vector<net::wg::change>& changes,
                              const net::wg::observation& there, duration now) {
  auto& in = members_[member];
  std::vector<key> gone;
  const auto has = [&](const key& peer) -> const net::wg::peer_state* {
    return std::count(gone.begin(), gone.end(), peer) ? nullptr : net::wg::find_peer(there, peer);
  };
  for (const auto& step : changes) {
    const auto* is = has(step.key);
    if (step.kind == change_kind::remove) {
      if (!is && now - in.device_since > plan_age)
        found_.add("S16", now, who(member, step.key), "a peer that is not there is removed");
      gone.push_back(step.key);
      continue;
    }
    const auto& m = in.peers[step.key];
    if (m.removed || m.disconnected)
      found_.add("S6", now, who(member, step.key),
                 m.removed ? "written after its removal was acknowledged"
                           : "written after its disconnect was acknowledged");
    if (step.kind != change_kind::put) continue;
    const auto address = net::wg::allowed_ip(step.address);
    for (const auto& other : there.peers)
      if (other.key != step.key && has(other.key) && !other.allowed_ips.empty() &&
          other.allowed_ips.front() == address)
        found_.add("S3", now, who(member, step.key),
                   address + " is taken from " + who(member, other.key));
    if (now >= in.misled_until && is && !step.where && is->keepalive == step.keepalive &&
        is->allowed_ips.size() == 1 && is->allowed_ips.front() == address)
      found_.add("S16", now, who(member, step.key), "what is there is written once more");
  }
}

void write_rules::device_actor_died(std::uint32_t member) {
  members_[member].batches.clear();
}

// --- excuses and looks ---------------------------------------------------------------------------

void write_rules::device_changed(std::uint32_t member, duration now) {
  auto& in = members_[member];
  in.device_since = now;
  in.excused_until = now + longest_difference();
  in.dirty = true;
}

void write_rules::device_touched(std::uint32_t member, duration now) {
  device_changed(member, now);
  members_[member].misled_until = now + longest_difference();
}

void write_rules::device_failed(std::uint32_t member, duration now) {
  device_touched(member, now);
  auto& in = members_[member];
  const duration longest = defaults::wg_retry_max;
  if (!in.failing_since || now - in.failed_last > longest + longest_difference())
    in.failing_since = now;
  in.failed_last = now;
  // Waits that double have taken together what the next one takes, less the first of them.
  in.tried_again_by =
      now + std::min<duration>(longest, now - *in.failing_since + defaults::wg_retry_after);
}

void write_rules::daemon_started(std::uint32_t member, duration now) {
  auto& in = members_[member];
  // What the last daemon was told is not promised by this one.
  std::map<key, model> kept;
  for (const auto& [peer, m] : in.peers)
    if (m.disconnected) kept[peer].disconnected = true;
  in.peers = std::move(kept);
  in.batches.clear();
  in.calling.clear();
  device_changed(member, now);
}

void write_rules::files_lost(std::uint32_t member) {
  for (auto& [peer, m] : members_[member].peers)
    m.disconnected = false;
}

void write_rules::parted(std::uint32_t member, const key& own) {
  files_lost(member);
  for (auto& [other, in] : members_)
    if (const auto found = in.peers.find(own); found != in.peers.end())
      found->second.disconnected = false;
}

void write_rules::disconnected(std::uint32_t member, const key& peer) {
  members_[member].peers[peer].disconnected = true;
}

void write_rules::wanted_again(std::uint32_t member, const key& peer) {
  members_[member].peers[peer].disconnected = false;
}

bool write_rules::is_disconnected(std::uint32_t member, const key& peer) const {
  const auto in = members_.find(member);
  if (in == members_.end()) return false;
  const auto m = in->second.peers.find(peer);
  return m != in->second.peers.end() && m->second.disconnected;
}

std::optional<std::uint32_t> write_rules::asking(const request& what) const {
  const auto found = requests_.find(what);
  return found == requests_.end() ? std::nullopt : std::optional{found->second.member};
}

void write_rules::look(std::uint32_t member, const shown& there, duration now) {
  auto& in = members_[member];
  in.dirty = false;
  for (auto& [peer, m] : in.peers) {
    if (!m.is) continue;
    const auto wrong = there ? difference(*m.is, net::wg::find_peer(*there, peer))
                             : std::string{*m.is ? "there is no interface" : ""};
    if (wrong.empty()) {
      m.differs_since.reset();
      continue;
    }
    in.dirty = true;
    if (!m.differs_since) m.differs_since = now;
    const auto since = std::max({*m.differs_since, in.device_since, in.tried_again_by});
    if (now - since > longest_difference())
      found_.add("L4", now, who(member, peer),
                 wrong + " since " + scenario::seconds_text(*m.differs_since));
  }
}

} // namespace lanrage::sim::invariants
