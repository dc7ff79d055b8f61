#include "actors/wg/writer_core.hpp"

#include <utility>

/// What others ask of the writer; what the device makes of it is in writer_core.cpp.
namespace lanrage::actors {

using net::errc;

writer_core::task& writer_core::task_of(const net::wg_public_key& key) {
  return tasks_.try_emplace(key, timing_).first->second;
}

void writer_core::request(request_id id, const msg::interface_wanted& order, time_point now,
                          writer_effects& out) {
  // What stood in the way of the one need not stand in the way of the other.
  if (records_.interface && records_.interface->there != order.there) shape_not_before_ = {};
  records_.interface = order;
  if (!order.there)
    for (const auto& [key, peer] : records_.peers)
      if (peer) withdraw(key, out);
  interface_waiting_.push_back(id);
  if (is_as_wanted()) shaped(out);
  advance(now, out);
}

void writer_core::request(request_id id, const msg::set_peer& order, time_point now,
                          writer_effects& out) {
  desire(id, order.peer, false, now, out);
}

void writer_core::request(request_id id, const msg::reset_peer& order, time_point now,
                          writer_effects& out) {
  desire(id, order.peer, true, now, out);
}

void writer_core::desire(request_id id, const msg::wg_peer& peer, bool reset, time_point now,
                         writer_effects& out) {
  if (records_.interface && !records_.interface->there) {
    out.emplace_back(writer_answer{id, net::fail(errc::closed, "this machine is in no party")});
    return;
  }
  if (!peer.address.leased()) {
    out.emplace_back(writer_answer{id, net::fail(errc::wg_refused, "a peer without virtual IP")});
    return;
  }
  const auto holder = holders_.find(peer.address);
  if (holder != holders_.end() && holder->second != peer.key) {
    out.emplace_back(
        writer_answer{id, net::fail(errc::address_clash, to_string(peer.address) + " belongs to " +
                                                             to_string(holder->second))});
    return;
  }
  const auto known = records_.peers.find(peer.key);
  const bool wanted = known != records_.peers.end() && known->second;
  const bool moved = !wanted || known->second->where != peer.where;
  const auto assertion = assertions_.find(peer.key);
  const bool asserted = assertion != assertions_.end() && assertion->second.where() == peer.where;
  if (assertion != assertions_.end() && (reset || (moved && !asserted)))
    end_assertion(peer.key, false, out);

  auto& one = task_of(peer.key);
  // Wanted again before its removal was seen: the old session must not survive.
  one.reset = one.reset || reset || (known != records_.peers.end() && !wanted);
  if (moved && !asserted) {
    one.write = peer.where;
    one.written = false;
  }
  if (wanted) holders_.erase(known->second->address);
  holders_[peer.address] = peer.key;
  records_.peers[peer.key] = peer;
  batch_.erase(peer.key); // what is on its way was for the values before
  one.waiting.push_back(id);
  one.failures = 0;
  one.wait.reset();
  one.not_before = {};
  request_mark_ = one.asked_before = asked_;
  advance(now, out);
}

void writer_core::request(request_id id, const msg::remove_peer& order, time_point now,
                          writer_effects& out) {
  withdraw(order.key, out);
  task_of(order.key).waiting.push_back(id);
  advance(now, out);
}

void writer_core::withdraw(const net::wg_public_key& key, writer_effects& out) {
  if (assertions_.count(key)) end_assertion(key, false, out);
  auto& one = task_of(key);
  const auto stored = records_.peers.find(key);
  if (stored != records_.peers.end() && stored->second) {
    holders_.erase(stored->second->address);
    refuse(one, net::fail(errc::closed, "the peer is being removed"), out);
  }
  records_.peers[key] = std::nullopt;
  batch_.erase(key);
  task fresh{timing_};
  fresh.waiting = std::move(one.waiting);
  request_mark_ = fresh.asked_before = asked_;
  one = std::move(fresh);
}

void writer_core::request(request_id id, const msg::assert_endpoint& order, time_point now,
                          writer_effects& out) {
  const auto stored = records_.peers.find(order.key);
  if (stored == records_.peers.end() || !stored->second) {
    out.emplace_back(writer_answer{id, net::fail(errc::wg_refused, "no such WireGuard peer")});
    return;
  }
  endpoint_assertion fresh{id, order, now, timing_};
  const auto running = assertions_.find(order.key);
  if (running != assertions_.end()) {
    fresh.inherit(running->second);
    out.emplace_back(
        writer_answer{running->second.request(), msg::assert_report{order.key, false}});
    assertions_.erase(running);
  }
  assertions_.emplace(order.key, std::move(fresh));
  // An endpoint that is still to be written once would fight against this one.
  const auto task_at = tasks_.find(order.key);
  if (task_at != tasks_.end()) task_at->second.write.reset();
  request_mark_ = asked_;
  advance(now, out);
}

void writer_core::watch(const msg::watch_peer& order, time_point now, writer_effects& out) {
  records_.watched[order.key] = order.eager;
  signals_.watch(order.key);
  if (seen_) signals_.tell(order.key, *seen_, out);
  advance(now, out);
}

void writer_core::unwatch(const msg::unwatch_peer& order) {
  records_.watched.erase(order.key);
  signals_.unwatch(order.key);
}

void writer_core::judge_assertions(time_point now, writer_effects& out) {
  keys landed;
  keys expired;
  for (const auto& [key, assertion] : assertions_) {
    const auto verdict = assertion.judge(now);
    if (verdict == endpoint_assertion::verdict::landed) landed.insert(key);
    if (verdict == endpoint_assertion::verdict::expired) expired.insert(key);
  }
  for (const auto& key : landed)
    end_assertion(key, true, out);
  for (const auto& key : expired) {
    auto& one = task_of(key);
    one.write = assertions_.at(key).before();
    one.written = false;
    request_mark_ = one.asked_before = asked_;
    end_assertion(key, false, out);
  }
}

void writer_core::end_assertion(const net::wg_public_key& key, bool landed, writer_effects& out) {
  settled_ = false;
  const auto at = assertions_.find(key);
  const auto stored = records_.peers.find(key);
  if (stored != records_.peers.end() && stored->second) {
    auto& where = stored->second->where;
    if (landed)
      where = at->second.where();
    else if (where == at->second.where() && at->second.before())
      where = at->second.before();
  }
  out.emplace_back(writer_answer{at->second.request(), msg::assert_report{key, landed}});
  assertions_.erase(at);
}

} // namespace lanrage::actors
