#include "actors/nat/nat_survey.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

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
  if (answered_.size() != 1) filter_tests_.clear();
  answered_.clear();
  helpers_.clear();
  own_.reset();
  predicted_again_ = 0;
  sampled_at_.reset();
  mapping_tested_with_.reset();
  ports_tried_ = false;
  agreed_ = false;
}

void nat_survey::answered(const net::endpoint& server, const std::optional<net::endpoint>& other,
                          const net::endpoint& mapped, bool translated, time_point now,
                          nat_effects& out) {
  if (!server.address.is_v4()) return;
  const auto known = std::any_of(answered_.begin(), answered_.end(),
                                 [&](const helper& each) { return each.server == server; });
  if (known) return;
  const auto usable = other && other->address.is_v4() && other->port != server.port;
  answered_.push_back({server, usable ? other : std::nullopt, mapped, translated});
  if (choose_helpers()) start_over();
  test_filters(now, out);
  if (!sampled_at_ && helpers_.front().translated) take_samples(now, out);
  if (!std::exchange(ports_tried_, true)) try_mapped_ports(now, out);
  if (asking_filter()) return;
  judge_filter();
  test_other_mapping(now, out);
}

/// Those that are believed now. Whether the first one is another than before.
bool nat_survey::choose_helpers() {
  std::vector<stun_observation> seen;
  for (const auto& each : answered_)
    seen.push_back({each.server, each.mapped});
  const auto agreed = agreed_mapping(seen);
  const auto before = helpers_.empty() ? std::nullopt : std::optional{helpers_.front().server};
  helpers_ = answered_;
  if (agreed) std::erase_if(helpers_, [&](const helper& each) { return each.mapped != *agreed; });
  agreed_ = agreed.has_value();
  return helpers_.front().server != before;
}

/// What the first helper of before was asked does not count.
void nat_survey::start_over() {
  std::erase_if(open_, [](const question& each) {
    return each.why == purpose::sample || each.why == purpose::hairpin ||
           each.why == purpose::mapped_port;
  });
  if (own_) hairpin_.reset();
  own_ = helpers_.front().mapped;
  sampled_at_.reset();
  ports_tried_ = false;
}

// --- tests --------------------------------------------------------------------------------------

/// Where nothing is agreed one server alone: another one has to test mapping by port.
void nat_survey::test_filters(time_point now, nat_effects& out) {
  for (const auto& each : helpers_)
    if (each.other && each.server != mapping_tested_with_ && !tests_filter(each.server) &&
        filter_tests_.size() < (agreed_ ? defaults::filter_testers_max : 1))
      test_filter(each, now, out);
}

bool nat_survey::tests_filter(const net::endpoint& server) const {
  return std::any_of(filter_tests_.begin(), filter_tests_.end(),
                     [&](const filter_test& each) { return each.server == server; });
}

void nat_survey::test_filter(const helper& with, time_point now, nat_effects& out) {
  filter_tests_.push_back({with.server});
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

nat_behavior nat_survey::filter_test::verdict() const {
  return address_passed ? nat_behavior::endpoint_independent
         : port_passed  ? nat_behavior::address_dependent
                        : nat_behavior::address_and_port_dependent;
}

/// By most of the believed servers that tested it, else by the first.
void nat_survey::judge_filter() {
  std::map<nat_behavior, std::size_t> votes;
  std::optional<nat_behavior> first;
  std::size_t all = 0;
  for (const auto& test : filter_tests_) {
    const auto counts = std::any_of(helpers_.begin(), helpers_.end(),
                                    [&](const auto& each) { return each.server == test.server; });
    if (!counts) continue; // it is not believed
    if (!first) first = test.verdict();
    ++votes[test.verdict()];
    ++all;
  }
  if (first) filtering_ = *first;
  for (const auto& [verdict, count] : votes)
    if (count * 2 > all) filtering_ = verdict;
}

void nat_survey::test_other_mapping(time_point now, nat_effects& out) {
  if (mapping_tested_with_ || agreed_) return; // two addresses that agree are proof already
  const auto tester = std::find_if(helpers_.begin(), helpers_.end(),
                                   [](const helper& each) { return each.other.has_value(); });
  if (tester == helpers_.end()) return;
  const auto second = std::find_if(helpers_.begin(), helpers_.end(), [&](const helper& each) {
    return each.other && !tests_filter(each.server);
  });
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
  mapping_tested_with_ = second != helpers_.end() ? second->server : tester->server;
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
    for (auto& each : filter_tests_)
      if (answer && each.server == what.to)
        (what.why == purpose::filter_both ? each.address_passed : each.port_passed) = true;
    if (asking_filter()) return;
    judge_filter();
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

bool nat_survey::asking_filter() const {
  return asking(purpose::filter_both) || asking(purpose::filter_port);
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
  next_spare_ = static_cast<std::uint16_t>((next_spare_ + 1) %
                                           (defaults::spare_ports - defaults::lifetime_ports));
  return port;
}

} // namespace lanrage::actors
