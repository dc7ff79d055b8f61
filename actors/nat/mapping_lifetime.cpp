#include "actors/nat/mapping_lifetime.hpp"

#include "config/defaults.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace lanrage::actors {

namespace defaults = config::defaults;

namespace {

constexpr auto asking_port = static_cast<std::uint16_t>(
    defaults::spare_port_first + defaults::spare_ports - defaults::lifetime_ports);

} // namespace

void mapping_lifetime::forget() {
  begun_ = false;
  servers_.clear();
  flows_.clear();
  open_.reset();
  found_.reset();
}

void mapping_lifetime::begin(std::vector<net::endpoint> servers, time_point now) {
  if (std::exchange(begun_, true)) return;
  servers_ = std::move(servers);
  // Connecting goes first.
  if (!servers_.empty()) start_with_next_server(now + defaults::lifetime_after);
}

void mapping_lifetime::start_with_next_server(time_point now) {
  flows_.clear();
  std::uint16_t port = asking_port;
  for (const auto silence : defaults::lifetime_silences) {
    flow fresh;
    fresh.own_port = ++port;
    fresh.silence = silence;
    fresh.due = now;
    flows_.push_back(fresh);
  }
}

void mapping_lifetime::ask(std::size_t of, time_point now, nat_effects& out) {
  const auto& of_flow = flows_[of];
  question what;
  what.of = of;
  what.own_port = what.arrives_at = of_flow.own_port;
  if (of_flow.next == stage::prove || of_flow.next == stage::check) {
    what.own_port = asking_port;
    what.wanted.response_port = of_flow.public_port;
  } else if (of_flow.next == stage::confirm) {
    what.own_port = what.arrives_at = asking_port;
  }
  random_(what.id);
  what.rto = defaults::lifetime_rto;
  open_ = what;
  send(now, out);
}

void mapping_lifetime::send(time_point now, nat_effects& out) {
  auto request = net::stun::binding_request(open_->id, open_->wanted);
  out.frames.push_back(
      {servers_.front(), std::make_shared<const net::bytes>(std::move(request)), open_->own_port});
  ++open_->sent;
  open_->next = now + open_->rto;
  open_->rto *= 2;
}

bool mapping_lifetime::receive(const net::endpoint& from, std::uint16_t at_port,
                               const net::stun::response& answer, time_point now,
                               nat_effects& out) {
  if (!open_ || answer.id != open_->id || from != servers_.front() || at_port != open_->arrives_at)
    return false;
  ended(&answer, now);
  go_on(now, out);
  return true;
}

void mapping_lifetime::ended(const net::stun::response* answer, time_point now) {
  const auto at = open_->of;
  auto& one = flows_[at];
  open_.reset();
  switch (one.next) {
  case stage::open:
  case stage::settle:
    if (!answer) return flows_.clear(); // the server has gone; the next network may have another
    one.public_port = answer->mapped.port;
    if (one.next == stage::settle) {
      one.next = stage::check;
      one.due = now + one.silence;
    } else if (at == 0) {
      one.next = stage::prove;
    } else {
      one.next = stage::settle;
      one.due = now + defaults::lifetime_settle;
    }
    return;
  case stage::prove:
    if (answer) {
      one.next = stage::settle;
      one.due = now + defaults::lifetime_settle;
      return;
    }
    servers_.erase(servers_.begin());
    flows_.clear();
    if (!servers_.empty()) start_with_next_server(now);
    return;
  case stage::check:
    if (!answer) {
      one.next = stage::confirm;
      return;
    }
    if (!found_) found_.emplace();
    found_->at_least = one.silence;
    flows_.erase(flows_.begin() + static_cast<std::ptrdiff_t>(at));
    return;
  case stage::confirm:
    if (answer) {
      if (!found_) found_.emplace();
      found_->below = one.silence;
    }
    flows_.clear(); // longer silences would say the same
    return;
  }
}

/// The next exchange, when its time has come.
void mapping_lifetime::go_on(time_point now, nat_effects& out) {
  if (open_ || flows_.empty()) return;
  const auto next = std::min_element(flows_.begin(), flows_.end(),
                                     [](const auto& a, const auto& b) { return a.due < b.due; });
  if (next->due <= now) ask(static_cast<std::size_t>(next - flows_.begin()), now, out);
}

void mapping_lifetime::tick(time_point now, nat_effects& out) {
  if (open_ && open_->next <= now) {
    if (open_->sent < defaults::lifetime_requests)
      send(now, out);
    else
      ended(nullptr, now);
  }
  go_on(now, out);
}

std::optional<mapping_lifetime::time_point> mapping_lifetime::deadline() const {
  if (open_) return open_->next;
  std::optional<time_point> first;
  for (const auto& each : flows_)
    first = first ? std::min(*first, each.due) : each.due;
  return first;
}

} // namespace lanrage::actors
