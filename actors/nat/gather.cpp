#include "actors/nat/gather.hpp"

#include <algorithm>
#include <array>

namespace lanrage::actors {

namespace defaults = config::defaults;

namespace {

bool contains(std::span<const net::endpoint> list, const net::endpoint& what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

bool same(const msg::own_paths& a, const msg::own_paths& b) {
  return a.nat == b.nat && a.candidates == b.candidates && a.details == b.details &&
         a.birthday == b.birthday;
}

/// Whether the world sees us elsewhere: a symmetric NAT's port is another one for everybody.
bool moved(const net::birthday_offer& before, const net::birthday_offer& now) {
  return before.symmetric != now.symmetric || before.seen.address != now.seen.address ||
         (!now.symmetric && before.seen.port != now.seen.port);
}

bool has_reflexive(const msg::own_paths& paths, bool v4) {
  return std::any_of(paths.candidates.begin(), paths.candidates.end(), [v4](const auto& c) {
    return c.kind == net::candidate_kind::server_reflexive && c.address.address.is_v4() == v4;
  });
}

std::vector<net::endpoint> host_endpoints(const std::vector<net::ip_address>& hosts,
                                          std::uint16_t port) {
  std::vector<net::endpoint> out;
  for (const auto& address : hosts)
    out.push_back({address, port});
  return out;
}

} // namespace

net::nat_report classify_nat(std::span<const stun_observation> all,
                             std::span<const net::endpoint> own) {
  net::nat_report out;
  const auto seen = believed(all);
  if (seen.empty()) return out;
  out.translated = std::any_of(seen.begin(), seen.end(),
                               [&](const auto& o) { return !contains(own, o.mapped); });
  bool two_addresses = false;
  bool by_address = false;
  bool by_port = false;
  for (auto a = seen.begin(); a != seen.end(); ++a)
    for (auto b = a + 1; b != seen.end(); ++b) {
      const bool one_address = a->server.address == b->server.address;
      const bool differs = a->mapped != b->mapped;
      two_addresses |= !one_address;
      by_port |= one_address && differs;
      by_address |= !one_address && differs;
    }
  if (by_port)
    out.mapping = net::nat_behavior::address_and_port_dependent;
  else if (by_address)
    out.mapping = net::nat_behavior::address_dependent;
  else if (two_addresses || !out.translated)
    out.mapping = net::nat_behavior::endpoint_independent;
  return out;
}

gather::gather(std::uint16_t listen_port, net::random_source random, bool birthday)
    : port_{listen_port}, random_{random}, survey_{random}, lifetime_{std::move(random)},
      birthday_{birthday} {
  published_.birthday_on = birthday_;
}

void gather::hosts(const std::vector<net::ip_address>& addresses, time_point now,
                   nat_effects& out) {
  look_from_.reset();
  look_again_.reset();
  another_network();
  hosts_.clear();
  for (const auto& address : addresses) // link-local ones would need a scope that frames lack
    if (!address.is_unspecified() && !address.is_loopback() && !address.is_link_local())
      hosts_.push_back(address);
  std::sort(hosts_.begin(), hosts_.end());
  hosts_.erase(std::unique(hosts_.begin(), hosts_.end()), hosts_.end());
  survey_.forget();
  lifetime_.forget();
  choose_servers();
  begin_round(now, out);
  settle(true, now, out);
}

void gather::servers(const std::vector<net::endpoint>& list, time_point now, nat_effects& out) {
  std::vector<net::endpoint> unique;
  for (const auto& server : list)
    if (server.valid() && !contains(unique, server)) unique.push_back(server);
  if (unique == servers_) return;
  servers_ = std::move(unique);
  choose_servers();
  begin_round(now, out);
  settle(false, now, out);
}

void gather::receive(const net::endpoint& from, std::uint16_t at_port,
                     const net::stun::response& answer, time_point now, nat_effects& out) {
  if (survey_.receive(from, at_port, answer, now, out) ||
      lifetime_.receive(from, at_port, answer, now, out))
    settle(false, now, out);
  else if (at_port == 0)
    receive_plain(from, answer, now, out);
}

bool gather::receive_request(const net::stun::transaction_id& id, time_point now,
                             nat_effects& out) {
  const bool ours = survey_.receive_request(id);
  if (ours) settle(false, now, out);
  return ours;
}

void gather::mapped_ports(const std::vector<msg::mapped_port>& ports, time_point now,
                          nat_effects& out) {
  survey_.use_mapped_ports(ports, now, out);
  settle(false, now, out);
}

void gather::predict(time_point now, nat_effects& out) {
  survey_.refresh_prediction(now, out);
}

void gather::look_again(time_point now, nat_effects& out) {
  if (!refresh_at_ || queries_.empty() || (look_from_ && now < *look_from_)) return;
  look_from_ = now + look_again_.next();
  begin_round(now, out);
}

void gather::receive_plain(const net::endpoint& from, const net::stun::response& answer,
                           time_point now, nat_effects& out) {
  const auto q = std::find_if(queries_.begin(), queries_.end(), [&](const query& each) {
    return each.asking && each.server == from && each.id == answer.id;
  });
  if (q == queries_.end()) return;
  const bool v4 = from.address.is_v4();
  if (answer.mapped.address.is_v4() != v4) return; // a server that lies about the family
  q->asking = false;
  if (!q->mapped) q->order = ++answers_;
  q->mapped = answer.mapped;
  const auto own = host_endpoints(hosts_, port_);
  survey_.answered(from, answer.other, answer.mapped, !contains(own, answer.mapped), now, out);
  end_round_if_over(now);
  settle(!has_reflexive(published_, v4), now, out);
}

void gather::tick(time_point now, nat_effects& out) {
  if (refresh_at_ && *refresh_at_ <= now) {
    choose_servers();
    begin_round(now, out);
  }
  for (std::size_t i = 0; i < queries_.size(); ++i) {
    auto& q = queries_[i];
    if (!q.asking || q.next > now) continue;
    if (q.sent < defaults::stun_requests)
      ask(q, now, out);
    else
      give_up(i, now, out);
  }
  survey_.tick(now, out);
  lifetime_.tick(now, out);
  end_round_if_over(now);
  settle(publish_at_ && *publish_at_ <= now, now, out);
}

std::optional<gather::time_point> gather::deadline() const {
  std::optional<time_point> first = refresh_at_;
  const auto consider = [&](time_point at) { first = first ? std::min(*first, at) : at; };
  if (publish_at_) consider(*publish_at_);
  if (const auto at = survey_.deadline()) consider(*at);
  if (const auto at = lifetime_.deadline()) consider(*at);
  for (const auto& q : queries_)
    if (q.asking) consider(q.next);
  return first;
}

msg::own_paths gather::paths() const {
  const auto own = host_endpoints(hosts_, port_);
  msg::own_paths out;
  std::vector<net::candidate> reflexive;
  for (const bool v4 : {true, false}) {
    const auto seen = believed(answered(v4));
    std::vector<net::ip_address> named;
    for (const auto& each : seen) {
      // One per public address: with a dependent mapping no port that a server saw helps a peer,
      // but the address opens its filter if that looks at addresses only.
      const auto& address = each.mapped.address;
      if (contains(own, each.mapped) ||
          std::find(named.begin(), named.end(), address) != named.end())
        continue;
      named.push_back(address);
      reflexive.push_back({net::candidate_kind::server_reflexive, each.mapped});
    }
    if (v4) {
      out.nat = report(seen);
      out.details = details(seen);
      if (out.nat.mapping != net::nat_behavior::endpoint_independent)
        for (const auto& each : survey_.predicted())
          reflexive.push_back({net::candidate_kind::server_reflexive, each});
    } else if (out.nat == net::nat_report{}) {
      out.nat = classify_nat(seen, own);
    }
  }
  for (const auto& each : survey_.mapped_ports()) {
    const net::candidate open{net::candidate_kind::server_reflexive, each.outside};
    if (std::find(reflexive.begin(), reflexive.end(), open) == reflexive.end())
      reflexive.insert(reflexive.begin(), open);
  }
  const auto room = net::candidates_max - std::min(reflexive.size(), net::candidates_max);
  for (const auto& host : own)
    if (out.candidates.size() < room) out.candidates.push_back({net::candidate_kind::host, host});
  for (const auto& each : reflexive)
    if (out.candidates.size() < net::candidates_max) out.candidates.push_back(each);
  out.birthday_on = birthday_;
  out.birthday = birthday_offer(out);
  return out;
}

net::nat_report gather::report(const std::vector<stun_observation>& seen) const {
  auto out = classify_nat(seen, host_endpoints(hosts_, port_));
  if (seen.empty()) return out;
  out.filtering = survey_.filtering();
  if (!out.translated) return out;
  using enum net::nat_behavior;
  if (out.mapping == endpoint_independent)
    return out; // two addresses agree: RFC 5780 4.3 ends here
  if (survey_.port_matters().value_or(false))
    out.mapping = address_and_port_dependent;
  else if (out.mapping == unknown && survey_.address_matters())
    out.mapping = *survey_.address_matters() ? address_dependent : endpoint_independent;
  return out;
}

msg::nat_details gather::details(const std::vector<stun_observation>& seen) const {
  msg::nat_details out;
  if (!seen.empty()) {
    out.mapped = seen.front().mapped;
    out.ports_preserved = std::all_of(seen.begin(), seen.end(),
                                      [&](const auto& each) { return each.mapped.port == port_; });
  }
  out.port_delta = survey_.port_delta();
  out.hairpin = survey_.hairpin();
  out.port_mapped = survey_.mapped_ports();
  out.lifetime = lifetime_.found();
  return out;
}

bool gather::reaches(const net::endpoint& server) const {
  return hosts_.empty() || std::any_of(hosts_.begin(), hosts_.end(), [&](const auto& own) {
           return own.is_v4() == server.address.is_v4();
         });
}

/// A few of the list per family: those that answered last time first, so that a round never gives
/// up what works, then in the list's order.
void gather::choose_servers() {
  std::vector<query> all;
  for (const auto& server : servers_) {
    const auto known = std::find_if(queries_.begin(), queries_.end(),
                                    [&](const query& q) { return q.server == server; });
    query fresh;
    fresh.server = server;
    if (reaches(server)) all.push_back(known != queries_.end() ? *known : fresh);
  }
  std::stable_partition(all.begin(), all.end(),
                        [](const query& q) { return q.mapped.has_value(); });
  queries_.clear();
  for (const bool v4 : {true, false}) {
    std::size_t taken = 0;
    for (const auto& each : all)
      if (each.server.address.is_v4() == v4 && taken++ < defaults::stun_servers_max)
        queries_.push_back(each);
  }
}

/// Another server of this family that was not asked in this round, in place of one that is silent.
bool gather::add_spare(bool v4) {
  for (const auto& server : servers_) {
    if (server.address.is_v4() != v4 || contains(tried_, server)) continue;
    query spare;
    spare.server = server;
    queries_.push_back(spare);
    return true;
  }
  return false;
}

void gather::begin_round(time_point now, nat_effects& out) {
  tried_.clear();
  refresh_at_.reset();
  survey_.begin_round();
  for (auto& q : queries_) {
    tried_.push_back(q.server);
    random_(q.id);
    q.sent = 0;
    q.rto = defaults::stun_rto;
    ask(q, now, out);
  }
}

/// A retransmission is the same request: same transaction (RFC 8489 6.2.1).
void gather::ask(query& q, time_point now, nat_effects& out) {
  auto request = net::stun::binding_request(q.id);
  out.frames.push_back({q.server, std::make_shared<const net::bytes>(std::move(request))});
  q.asking = true;
  ++q.sent;
  q.next = now + q.rto;
  q.rto *= 2;
}

void gather::give_up(std::size_t index, time_point now, nat_effects& out) {
  queries_[index].asking = false;
  queries_[index].mapped.reset();
  if (!add_spare(queries_[index].server.address.is_v4())) return;
  auto& spare = queries_.back();
  tried_.push_back(spare.server);
  random_(spare.id);
  spare.rto = defaults::stun_rto;
  ask(spare, now, out);
}

void gather::end_round_if_over(time_point now) {
  if (refresh_at_ || queries_.empty()) return;
  bool any = false;
  for (const auto& q : queries_) {
    if (q.asking) return;
    any |= q.mapped.has_value();
  }
  if (any) {
    retry_.reset();
    refresh_at_ = now + defaults::stun_refresh;
    measure_lifetime(now);
  } else {
    refresh_at_ = now + retry_.next();
  }
}

void gather::measure_lifetime(time_point now) {
  const auto seen = believed(answered(true));
  if (!classify_nat(seen, host_endpoints(hosts_, port_)).translated) return;
  std::vector<net::endpoint> with;
  for (const auto& each : seen)
    with.push_back(each.server);
  lifetime_.begin(std::move(with), now);
}

/// Publishes what changed: at once when it is urgent, else together with what follows soon.
void gather::settle(bool urgent, time_point now, nat_effects& out) {
  auto current = paths();
  if (current.birthday && offered_ && moved(*offered_, *current.birthday)) {
    another_network();
    current = paths();
  }
  if (current.birthday) offered_ = current.birthday;
  if (same(current, published_)) {
    publish_at_.reset();
    return;
  }
  if (!urgent) {
    if (!publish_at_) publish_at_ = now + defaults::paths_coalesce;
    return;
  }
  publish_at_.reset();
  published_ = current;
  out.publish = std::move(current);
}

std::vector<stun_observation> gather::answered(bool v4) const {
  std::vector<const query*> known;
  for (const auto& q : queries_)
    if (q.mapped && q.server.address.is_v4() == v4) known.push_back(&q);
  std::sort(known.begin(), known.end(),
            [](const query* a, const query* b) { return a->order < b->order; });
  std::vector<stun_observation> out;
  for (const auto* q : known)
    out.push_back({q->server, *q->mapped});
  return out;
}

} // namespace lanrage::actors
