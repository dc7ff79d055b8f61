#include "actors/wg/writer_core.hpp"

#include "net/wg/commands.hpp"
#include "net/wg/dump.hpp"

#include <algorithm>
#include <utility>

namespace lanrage::actors {

using net::errc;
using net::wg::change;
using net::wg::change_kind;

writer_core::writer_core(writer_records& records, const writer_timing& timing)
    : records_(records), timing_(timing), shape_wait_(timing.retry_first, timing.ensure_max) {
  for (const auto& [key, peer] : records_.peers)
    if (peer) holders_[peer->address] = key;
  for (const auto& [key, eager] : records_.watched)
    signals_.watch(key);
}

void writer_core::start(time_point now, writer_effects& out) {
  advance(now, out);
}

void writer_core::tick(time_point now, writer_effects& out) {
  advance(now, out);
}

// --- what to ask the device next
// -------------------------------------------------------------------

void writer_core::advance(time_point now, writer_effects& out) {
  deadline_.reset();
  if (busy_ || !records_.interface) return;
  judge_assertions(now, out);
  if (!is_as_wanted()) return shape_device(now, out);
  if (!records_.interface->there) return;
  if (!stale_ && write_changes(now, out)) return;
  if (look_due(now))
    ask(msg::observe_device{}, now, out);
  else
    deadline_ = next_deadline(now);
}

bool writer_core::is_as_wanted() const {
  if (shape_ != records_.interface) return false;
  return shape_->there ? seen_.has_value() : records_.peers.empty();
}

void writer_core::shape_device(time_point now, writer_effects& out) {
  if (now < shape_not_before_) {
    deadline_ = shape_not_before_;
    return;
  }
  shaping_ = *records_.interface;
  if (shaping_.there) return ask(msg::ensure_device{shaping_.address}, now, out);
  msg::remove_device order;
  for (const auto& [key, gone] : records_.peers)
    order.peers.insert(key);
  batch_ = order.peers;
  ask(std::move(order), now, out);
}

void writer_core::ask(device_question question, time_point now, writer_effects& out) {
  busy_ = true;
  ++asked_;
  asked_at_ = now;
  out.emplace_back(std::move(question));
}

bool writer_core::look_due(time_point now) const {
  return stale_ || (request_mark_ && last_look_ <= *request_mark_) || now >= next_look();
}

writer_core::time_point writer_core::next_look() const {
  const bool eager = std::any_of(records_.watched.begin(), records_.watched.end(),
                                 [](const auto& one) { return one.second; });
  const auto quiet = signals_.traffic(looked_at_) ? timing_.traffic_poll : timing_.poll;
  const std::chrono::nanoseconds pace = eager ? timing_.handshake_poll : quiet;
  auto at = looked_at_ + std::max(pace, config::defaults::wg_poll_share * look_cost_);
  for (const auto& [key, assertion] : assertions_)
    at = std::min(at, assertion.next(look_cost_));
  return at;
}

writer_core::time_point writer_core::next_deadline(time_point now) const {
  auto at = next_look();
  for (const auto& [key, one] : tasks_)
    if (one.not_before > now) at = std::min(at, one.not_before);
  return at;
}

desired_peer writer_core::desired(const msg::wg_peer& peer) const {
  return {peer.address, peer.where, endpoint_rule::hint,
          peer.keepalive ? timing_.keepalive : std::chrono::seconds{}};
}

bool writer_core::write_changes(time_point now, writer_effects& out) {
  if (settled_ && tasks_.empty() && assertions_.empty()) return false;
  std::vector<change> changes;
  batch_.clear();
  for (const auto& [key, wanted] : records_.peers) {
    if (batch_.size() >= batch_max_) break;
    changes_of(key, wanted, now, changes);
  }
  settled_ = changes.empty();
  if (settled_) return false;
  remove_leftovers(changes, out);
  // An address may move from a peer that goes to one that comes.
  std::stable_partition(changes.begin(), changes.end(),
                        [](const auto& step) { return step.kind == change_kind::remove; });
  for (const auto& step : changes) {
    if (step.where) signals_.wrote(step.key, *step.where);
    if (step.kind == change_kind::remove) signals_.renewing(step.key);
  }
  ask(msg::apply_changes{std::move(changes)}, now, out);
  return true;
}

/// An address is leased to one member only. Who has it and is none of ours is left from a daemon
/// that lost its files; WireGuard would take it away silently and keep him calling.
void writer_core::remove_leftovers(std::vector<change>& changes, writer_effects& out) const {
  std::map<std::string, net::wg_public_key> strangers;
  for (const auto& peer : seen_->peers)
    if (peer.allowed_ips.size() == 1 && !records_.peers.contains(peer.key))
      strangers.emplace(peer.allowed_ips.front(), peer.key);
  if (strangers.empty()) return;
  const auto count = changes.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (changes[i].kind != change_kind::put) continue;
    const auto found = strangers.find(net::wg::allowed_ip(changes[i].address));
    if (found == strangers.end()) continue;
    out.emplace_back(writer_note{true, "peer " + to_string(found->second) +
                                           ", which is not ours, has " + found->first +
                                           " of another: removed"});
    changes.push_back({change_kind::remove, found->second, {}, {}, {}});
  }
}

void writer_core::changes_of(const net::wg_public_key& key,
                             const std::optional<msg::wg_peer>& wanted, time_point now,
                             std::vector<change>& changes) {
  const auto at = tasks_.find(key);
  auto* one = at == tasks_.end() ? nullptr : &at->second;
  if (one && now < one->not_before) return;
  const auto* is = net::wg::find_peer(*seen_, key);
  const auto add = [&](const std::optional<change>& step) {
    if (step) changes.push_back(*step);
    if (step) batch_.insert(key);
    return step.has_value();
  };
  const change removal{change_kind::remove, key, {}, {}, {}};
  if (!wanted) {
    if (is) add(removal);
    return;
  }
  auto peer = desired(*wanted);
  if (one && one->reset && !one->reset_written) {
    // Which session is to go must be known, or nobody could tell that it went: look first.
    if (last_look_ <= one->asked_before) return;
    one->old_handshake = is ? is->latest_handshake : std::nullopt;
    one->reset_written = true;
    if (is) add(removal);
    add(difference(key, peer, nullptr));
    return;
  }
  const auto assertion = assertions_.find(key);
  const bool asserting = assertion != assertions_.end() && assertion->second.write_due(now);
  if (asserting) peer.where = assertion->second.where();
  if (one && one->write) peer.where = one->write;
  if (asserting || (one && one->write)) peer.rule = endpoint_rule::pinned;
  if (!add(difference(key, peer, is))) return;
  if (asserting) assertion->second.written(now);
  if (one && one->write) {
    one->written = true;
    one->before = is ? is->where : std::nullopt;
    one->rx_before = is ? is->rx : 0;
  }
}

// --- what the device answers
// -----------------------------------------------------------------------

void writer_core::device_ensured(net::result<msg::device_state> answer, time_point now,
                                 writer_effects& out) {
  busy_ = false;
  if (!answer) {
    out.emplace_back(writer_note{true, "no WireGuard interface: " + to_string(answer.error())});
    return device_refused(answer.error(), now, out);
  }
  shape_ = shaping_;
  out.emplace_back(writer_note{false, answer->created ? "WireGuard interface created"
                                                      : "WireGuard interface adopted"});
  if (answer->created && had_device_) device_renewed(out);
  had_device_ = true;
  shaped(out);
  looked(std::move(answer->seen), now, out);
}

void writer_core::device_removed(net::result<msg::done> answer, time_point now,
                                 writer_effects& out) {
  busy_ = false;
  const auto gone = std::exchange(batch_, {});
  if (!answer) {
    out.emplace_back(writer_note{true, "the interface stays: " + to_string(answer.error())});
    return device_refused(answer.error(), now, out);
  }
  shape_ = shaping_;
  out.emplace_back(writer_note{false, "in no party: nothing of ours is left in WireGuard"});
  had_device_ = stale_ = false;
  seen_.reset();
  for (const auto& key : gone) {
    const auto wanted = records_.peers.find(key);
    if (wanted == records_.peers.end() || wanted->second) continue; // wanted again meanwhile
    records_.peers.erase(wanted);
    for (const auto id : task_of(key).waiting)
      out.emplace_back(writer_answer{id, msg::peer_applied{key}});
    tasks_.erase(key);
  }
  shaped(out);
  advance(now, out);
}

void writer_core::shaped(writer_effects& out) {
  shape_failures_ = 0;
  shape_wait_.reset();
  if (shape_ != records_.interface) return;
  for (const auto id : std::exchange(interface_waiting_, {}))
    out.emplace_back(writer_answer{id, msg::done{}});
}

void writer_core::device_refused(const net::error& why, time_point now, writer_effects& out) {
  ++shape_failures_;
  shape_not_before_ = now + shape_wait_.next();
  const bool hopeless = why.code == errc::not_permitted || why.code == errc::already_exists ||
                        why.code == errc::bad_config;
  if (hopeless || shape_failures_ > timing_.retries) fail_everybody(why, out);
  advance(now, out);
}

void writer_core::device_observed(net::result<msg::device_state> answer, time_point now,
                                  writer_effects& out) {
  busy_ = false;
  if (!answer) {
    device_lost(answer.error(), out);
    return advance(now, out);
  }
  look_cost_ = now - asked_at_;
  looked(std::move(answer->seen), now, out);
}

void writer_core::device_applied(net::result<msg::done> answer, time_point now,
                                 writer_effects& out) {
  busy_ = false;
  stale_ = true;
  if (answer) {
    batch_max_ = batch_max_ > records_.peers.size() ? SIZE_MAX : batch_max_ * 2;
    return advance(now, out);
  }
  const auto& why = answer.error();
  if (why.code != errc::wg_refused) {
    // Done or not done: the look after it tells, and fails those that are not as wanted.
    unanswered_ = why;
    device_lost(why, out);
    return advance(now, out);
  }
  if (batch_.size() > 1) {
    // One of them is at fault: halve until it stands alone, so that the others get through.
    batch_max_ = batch_.size() / 2;
    for (const auto& key : batch_) {
      const auto at = tasks_.find(key);
      if (at != tasks_.end()) at->second.written = at->second.reset_written = false;
    }
  } else {
    for (const auto& key : batch_)
      failed(key, task_of(key), why, now, out);
  }
  batch_.clear();
  advance(now, out);
}

void writer_core::looked(net::wg::observation seen, time_point now, writer_effects& out) {
  seen_ = std::move(seen);
  settled_ = false;
  stale_ = false;
  last_look_ = asked_;
  looked_at_ = now;
  keys asserting;
  for (auto& [key, assertion] : assertions_) {
    const auto* peer = net::wg::find_peer(*seen_, key);
    assertion.look(peer ? peer->where : std::nullopt, now);
    asserting.insert(key);
  }
  signals_.look(*seen_, asserting, now, out);
  settle(now, out);
  advance(now, out);
}

void writer_core::device_lost(const net::error& why, writer_effects& out) {
  out.emplace_back(writer_note{true, "WireGuard interface lost: " + to_string(why)});
  seen_.reset();
  stale_ = false;
}

void writer_core::device_renewed(writer_effects& out) {
  out.emplace_back(writer_note{true, "WireGuard interface made anew: every session is lost"});
  signals_.device_renewed();
  while (!assertions_.empty())
    end_assertion(assertions_.begin()->first, false, out);
  for (auto& [key, one] : tasks_) {
    task fresh{timing_};
    fresh.waiting = std::move(one.waiting);
    fresh.asked_before = one.asked_before;
    fresh.write = one.write;
    one = std::move(fresh);
  }
  batch_.clear();
  batch_max_ = SIZE_MAX;
}

// --- whether the device is as wanted
// ---------------------------------------------------------------

void writer_core::settle(time_point now, writer_effects& out) {
  for (const auto& key : batch_)
    task_of(key); // drift repaired unasked is verified all the same
  for (auto at = tasks_.begin(); at != tasks_.end();)
    at = settle(at->first, at->second, now, out) ? tasks_.erase(at) : std::next(at);
  batch_.clear();
  unanswered_.reset();
}

bool writer_core::settle(const net::wg_public_key& key, task& one, time_point now,
                         writer_effects& out) {
  if (asked_ <= one.asked_before) return false;
  const auto wanted = records_.peers.find(key);
  const auto* is = net::wg::find_peer(*seen_, key);
  bool done = wanted == records_.peers.end();
  if (!done && !wanted->second) {
    done = is == nullptr;
    if (done) records_.peers.erase(wanted);
  } else if (!done) {
    if (one.reset_written &&
        (!one.old_handshake || (is && is->latest_handshake != one.old_handshake)))
      one.reset = one.reset_written = false;
    // Not where we wrote: it roamed since, to a new place or, with a packet, back to the old one.
    if (one.write && is && is->where &&
        (is->where == one.write ||
         (one.written && (is->where != one.before || is->rx > one.rx_before))))
      one.write.reset();
    done = !one.reset && !one.write && !difference(key, desired(*wanted->second), is);
  }
  if (done) {
    for (const auto id : one.waiting)
      out.emplace_back(writer_answer{id, msg::peer_applied{key}});
  } else if (batch_.count(key)) {
    const auto otherwise = net::fail(errc::wg_refused, "read back otherwise than written");
    failed(key, one, unanswered_.value_or(otherwise), now, out);
  }
  return done;
}

void writer_core::failed(const net::wg_public_key& key, task& one, const net::error& why,
                         time_point now, writer_effects& out) {
  one.written = one.reset_written = false;
  ++one.failures;
  one.not_before = now + one.wait.next();
  out.emplace_back(writer_note{true, "peer " + to_string(key) + ": " + to_string(why)});
  if (one.failures <= timing_.retries) return;
  const auto wanted = records_.peers.find(key);
  const auto* is = seen_ ? net::wg::find_peer(*seen_, key) : nullptr;
  const bool roams = one.write && is && wanted != records_.peers.end() && wanted->second &&
                     !one.reset && !difference(key, desired(*wanted->second), is);
  if (!roams) return refuse(one, why, out);
  // All but the endpoint is as wanted, and WireGuard keeps returning to where it hears the peer.
  one.write.reset();
  for (const auto id : std::exchange(one.waiting, {}))
    out.emplace_back(writer_answer{id, msg::peer_applied{key}});
}

void writer_core::refuse(task& one, const net::error& why, writer_effects& out) {
  for (const auto id : std::exchange(one.waiting, {}))
    out.emplace_back(writer_answer{id, why});
}

void writer_core::fail_everybody(const net::error& why, writer_effects& out) {
  for (auto& [key, one] : tasks_)
    refuse(one, why, out);
  for (const auto id : std::exchange(interface_waiting_, {}))
    out.emplace_back(writer_answer{id, why});
  for (const auto& [key, assertion] : assertions_)
    out.emplace_back(writer_answer{assertion.request(), why});
  assertions_.clear();
}

} // namespace lanrage::actors
