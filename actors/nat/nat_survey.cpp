#include "actors/nat/nat_survey.hpp"

#include <algorithm>
#include <cstdlib>

namespace lanrage::actors {

namespace defaults = config::defaults;
using net::nat_behavior;

void nat_survey::forget() {
  auto random = std::move(random_);
  auto claimed = std::move(claimed_);
  const auto spare = next_spare_;
  *this = nat_survey{std::move(random)};
  claimed_ = std::move(claimed);
  next_spare_ = spare;
}

void nat_survey::begin_round() {
  // A filter that this machine has opened itself would look open: with one server only, its other
  // addresses have heard from us.
  const bool again = helpers_.size() != 1;
  helpers_.clear();
  own_.reset();
  predicted_again_ = 0;
  sampled_at_.reset();
  mapping_tested_ = false;
  if (again) filter_tested_ = false;
}

void nat_survey::answered(const net::endpoint& server, const std::optional<net::endpoint>& other,
                          const net::endpoint& mapped, bool translated, time_point now,
                          nat_effects& out) {
  if (!server.address.is_v4()) return;
  const auto known = std::any_of(helpers_.begin(), helpers_.end(),
                                 [&](const helper& each) { return each.server == server; });
  if (known) return;
  const auto usable = other && other->address.is_v4() && other->port != server.port;
  helpers_.push_back({server, usable ? other : std::nullopt, mapped});
  if (!own_) {
    own_ = mapped;
    translated_ = translated;
  }
  if (usable && !filter_tested_) test_filter(helpers_.back(), now, out);
  if (!sampled_at_ && translated_) take_samples(now, out);
  if (helpers_.size() == 1 && !claimed_.empty()) try_mapped_ports(now, out);
  if (!asking(purpose::filter_both) && !asking(purpose::filter_port)) test_other_mapping(now, out);
}

// --- tests --------------------------------------------------------------------------------------

void nat_survey::test_filter(const helper& with, time_point now, nat_effects& out) {
  filter_tested_ = true;
  address_passed_ = port_passed_ = false;
  const auto& other = *with.other;
  question port;
  port.why = purpose::filter_port;
  port.to = with.server;
  port.from = {with.server.address, other.port};
  port.wanted.change_port = true;
  ask(port, now, out);
  if (other.address == with.server.address) return;
  question both = port;
  both.why = purpose::filter_both;
  both.from = other;
  both.wanted.change_address = true;
  ask(both, now, out);
}

void nat_survey::test_other_mapping(time_point now, nat_effects& out) {
  if (mapping_tested_) return;
  const auto tester = std::find_if(helpers_.begin(), helpers_.end(),
                                   [](const helper& each) { return each.other.has_value(); });
  if (tester == helpers_.end()) return;
  const auto second = std::find_if(tester + 1, helpers_.end(),
                                   [](const helper& each) { return each.other.has_value(); });
  question what;
  what.why = purpose::other_mapping;
  if (second != helpers_.end()) {
    what.to = {second->server.address, second->other->port};
    what.compared = second->mapped;
  } else if (helpers_.size() == 1 && tester->other->address != tester->server.address) {
    what.to = {tester->other->address, tester->server.port};
    what.compared = tester->mapped;
    what.number = 1;
  } else {
    return;
  }
  mapping_tested_ = true;
  what.from = what.to;
  ask(what, now, out);
}

void nat_survey::take_samples(time_point now, nat_effects& out) {
  std::erase_if(open_, [](const question& each) { return each.why == purpose::sample; });
  samples_.assign(defaults::port_samples, {});
  sampled_at_ = now;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    samples_[i].own_port = spare_port();
    question what;
    what.why = purpose::sample;
    what.to = what.from = helpers_.front().server;
    what.own_port = what.arrives_at = samples_[i].own_port;
    what.number = i;
    ask(what, now, out);
  }
}

/// Steps of the same small size are a pattern. Lost answers make none.
void nat_survey::judge_samples(time_point now, nat_effects& out) {
  std::optional<int> delta;
  for (std::size_t i = 1; i < samples_.size(); ++i) {
    const auto &one = samples_[i - 1].mapped, &next = samples_[i].mapped;
    if (!one || !next) return;
    const int step = one->address == next->address ? next->port - one->port : 0;
    if (std::abs(step) > defaults::port_delta_max || (delta && *delta != step))
      delta = 0;
    else if (!delta || *delta != 0)
      delta = step;
  }
  // A NAT that keeps ports makes a pattern of ours.
  const auto kept = std::all_of(samples_.begin(), samples_.end(), [](const sample& each) {
    return each.mapped->port == each.own_port;
  });
  delta_ = kept ? 0 : delta;
  latest_ = samples_.back().mapped;
  if (!hairpin_) test_hairpin(now, out);
}

/// Both ends are ours, and each opens the filter for the other.
void nat_survey::test_hairpin(time_point now, nat_effects& out) {
  if (!own_ || asking(purpose::hairpin)) return;
  question there;
  there.why = purpose::hairpin;
  there.to = *samples_.front().mapped;
  if (there.to.address != own_->address) return;
  question back = there;
  back.to = *own_;
  back.own_port = samples_.front().own_port;
  ask(there, now, out);
  ask(back, now, out);
}

void nat_survey::refresh_prediction(time_point now, nat_effects& out) {
  if (delta_.value_or(0) == 0 || helpers_.empty() || asking(purpose::sample)) return;
  if (sampled_at_ && now - *sampled_at_ < defaults::predict_gap) return;
  if (predicted_again_++ >= defaults::predict_again_max) return;
  take_samples(now, out);
}

void nat_survey::use_mapped_ports(std::vector<msg::mapped_port> ports, time_point now,
                                  nat_effects& out) {
  if (ports == claimed_) return;
  claimed_ = std::move(ports);
  std::erase_if(proven_, [&](const auto& each) {
    return std::find(claimed_.begin(), claimed_.end(), each) == claimed_.end();
  });
  std::erase_if(open_, [](const question& each) { return each.why == purpose::mapped_port; });
  if (!helpers_.empty()) try_mapped_ports(now, out);
}

/// A server is asked, from a port of its own, to answer to the public port: from an address that
/// never heard from us, when it has one.
void nat_survey::try_mapped_ports(time_point now, nat_effects& out) {
  if (asking(purpose::mapped_port) || !own_) return;
  const auto tester = std::find_if(helpers_.begin(), helpers_.end(), [](const helper& each) {
    return each.other && each.other->address != each.server.address;
  });
  const auto& with = tester == helpers_.end() ? helpers_.front() : *tester;
  for (std::size_t i = 0; i < claimed_.size(); ++i) {
    // Behind a second NAT the router's public address is not the one the world sees.
    if (claimed_[i].outside.address != own_->address) continue;
    question what;
    what.why = purpose::mapped_port;
    what.to = what.from = with.server;
    if (tester != helpers_.end()) {
      what.from = *with.other;
      what.wanted.change_address = what.wanted.change_port = true;
    }
    what.wanted.response_port = claimed_[i].outside.port;
    what.own_port = spare_port();
    what.number = i;
    ask(what, now, out);
  }
}

// --- questions and answers ----------------------------------------------------------------------

void nat_survey::ask(question what, time_point now, nat_effects& out) {
  random_(what.id);
  what.rto = defaults::stun_rto;
  send(what, now, out);
  open_.push_back(what);
}

void nat_survey::send(question& what, time_point now, nat_effects& out) {
  auto request = net::stun::binding_request(what.id, what.wanted);
  out.frames.push_back(
      {what.to, std::make_shared<const net::bytes>(std::move(request)), what.own_port});
  ++what.sent;
  what.next = now + what.rto;
  what.rto *= 2;
}

bool nat_survey::receive(const net::endpoint& from, std::uint16_t at_port,
                         const net::stun::response& answer, time_point now, nat_effects& out) {
  const auto at = std::find_if(open_.begin(), open_.end(), [&](const question& each) {
    return each.id == answer.id && each.from == from && each.arrives_at == at_port &&
           each.why != purpose::hairpin;
  });
  if (at == open_.end()) return false;
  const auto what = *at;
  open_.erase(at);
  ended(what, &answer, now, out);
  return true;
}

bool nat_survey::receive_request(const net::stun::transaction_id& id) {
  const auto ours = std::any_of(open_.begin(), open_.end(), [&](const question& each) {
    return each.why == purpose::hairpin && each.id == id;
  });
  if (!ours) return false;
  hairpin_ = true;
  std::erase_if(open_, [](const question& each) { return each.why == purpose::hairpin; });
  return true;
}

void nat_survey::tick(time_point now, nat_effects& out) {
  std::vector<question> silent;
  for (auto& each : open_) {
    if (each.next > now) continue;
    if (each.sent < defaults::filter_requests)
      send(each, now, out);
    else
      silent.push_back(each);
  }
  std::erase_if(open_, [&](const question& each) {
    return std::any_of(silent.begin(), silent.end(),
                       [&](const question& gone) { return gone.id == each.id; });
  });
  for (const auto& each : silent)
    ended(each, nullptr, now, out);
}

void nat_survey::ended(const question& what, const net::stun::response* answer, time_point now,
                       nat_effects& out) {
  switch (what.why) {
  case purpose::filter_both:
  case purpose::filter_port:
    (what.why == purpose::filter_both ? address_passed_ : port_passed_) |= answer != nullptr;
    if (asking(purpose::filter_both) || asking(purpose::filter_port)) return;
    filtering_ = address_passed_ ? nat_behavior::endpoint_independent
                 : port_passed_  ? nat_behavior::address_dependent
                                 : nat_behavior::address_and_port_dependent;
    return test_other_mapping(now, out);
  case purpose::other_mapping:
    if (answer) {
      auto& matters = what.number == 0 ? port_matters_ : address_matters_;
      matters = answer->mapped != what.compared;
    }
    return;
  case purpose::sample:
    if (answer && answer->mapped.address.is_v4()) samples_[what.number].mapped = answer->mapped;
    if (!asking(purpose::sample)) judge_samples(now, out);
    return;
  case purpose::hairpin:
    if (!asking(purpose::hairpin)) hairpin_ = false;
    return;
  case purpose::mapped_port:
    if (!answer) std::erase(proven_, claimed_[what.number]);
    if (answer && std::find(proven_.begin(), proven_.end(), claimed_[what.number]) == proven_.end())
      proven_.push_back(claimed_[what.number]);
    return;
  }
}

bool nat_survey::asking(purpose why) const {
  return std::any_of(open_.begin(), open_.end(),
                     [why](const question& each) { return each.why == why; });
}

std::optional<nat_survey::time_point> nat_survey::deadline() const {
  std::optional<time_point> first;
  for (const auto& each : open_)
    first = first ? std::min(*first, each.next) : each.next;
  return first;
}

std::vector<net::endpoint> nat_survey::predicted() const {
  std::vector<net::endpoint> out;
  if (!latest_ || delta_.value_or(0) == 0) return out;
  for (int i = 1; i <= defaults::predicted_ports; ++i) {
    const int port = latest_->port + i * *delta_;
    if (port > 0 && port <= 0xffff)
      out.push_back({latest_->address, static_cast<std::uint16_t>(port)});
  }
  return out;
}

/// Round and round: a port is used again when its last mapping is long forgotten.
std::uint16_t nat_survey::spare_port() {
  const auto port = static_cast<std::uint16_t>(defaults::spare_port_first + next_spare_);
  next_spare_ = static_cast<std::uint16_t>((next_spare_ + 1) % defaults::spare_ports);
  return port;
}

} // namespace lanrage::actors
