#include "actors/nat/check_list.hpp"

#include "config/defaults.hpp"

#include <algorithm>
#include <tuple>

namespace lanrage::actors {

namespace defaults = config::defaults;

namespace {

/// By more than noise, and by a quarter.
bool clearly_longer(std::chrono::nanoseconds rtt, std::chrono::nanoseconds than) {
  return than * 5 < rtt * 4 && than + defaults::punch_noise < rtt;
}

/// Among equally long paths the smaller is better: no NAT before NAT, IPv6 before IPv4.
std::pair<int, bool> taste(const remote& r) {
  return {path_class(r.what.kind), r.what.address.address.is_v4()};
}

} // namespace

std::optional<check> remote::take(const net::probe_transaction& id) {
  const auto at =
      std::find_if(open.begin(), open.end(), [&](const check& each) { return each.id == id; });
  if (at == open.end()) return std::nullopt;
  const auto found = *at;
  open.erase(at);
  return found;
}

remote* check_list::add(const net::candidate& what) {
  if (auto* known = find(what.address)) {
    if (path_class(what.kind) < path_class(known->what.kind)) known->what.kind = what.kind;
    return known;
  }
  if (all_.size() >= defaults::punch_candidates_max) return nullptr;
  const auto at = std::find_if(all_.begin(), all_.end(), [&](const remote& each) {
    return path_class(what.kind) < path_class(each.what.kind);
  });
  remote fresh;
  fresh.what = what;
  return &*all_.insert(at, std::move(fresh));
}

remote* check_list::find(const net::endpoint& where) {
  const auto at = std::find_if(all_.begin(), all_.end(),
                               [&](const remote& each) { return each.what.address == where; });
  return at == all_.end() ? nullptr : &*at;
}

const remote* check_list::best() const {
  std::optional<std::chrono::nanoseconds> least;
  for (const auto& each : all_)
    if (each.proven()) least = least ? std::min(*least, *each.rtt) : *each.rtt;
  const remote* found = nullptr;
  const auto rank = [](const remote& r) { return std::tuple{taste(r), *r.rtt, r.what.address}; };
  for (const auto& each : all_) {
    if (!each.proven() || clearly_longer(*each.rtt, *least)) continue;
    if (!found || rank(each) < rank(*found)) found = &each;
  }
  return found;
}

bool clearly_better(const remote& next, const remote& old) {
  if (clearly_longer(*old.rtt, *next.rtt)) return true;
  return !clearly_longer(*next.rtt, *old.rtt) && would_be_better(next, old);
}

bool would_be_better(const remote& next, const remote& old) {
  return taste(next) < taste(old);
}

bool may_probe(const net::endpoint& where, const std::vector<net::ip_address>& hosts,
               std::uint16_t own_port) {
  const auto& to = where.address;
  if (!where.valid() || to.is_loopback() || to.is_link_local()) return false;
  if (to.is_v4()) {
    const auto first = to.to_v4() >> 24;
    const bool tunnel = (to.to_v4() >> 16) == 0x0A42; // 10.66.0.0/16
    if (first == 0 || first >= 224 || tunnel) return false;
  } else if (to.octets()[0] == 0xff) {
    return false;
  }
  if (hosts.empty()) return true;
  const auto of_family = [&](const auto& own) { return own.is_v4() == to.is_v4(); };
  const bool ours =
      where.port == own_port && std::find(hosts.begin(), hosts.end(), to) != hosts.end();
  return !ours && std::any_of(hosts.begin(), hosts.end(), of_family);
}

} // namespace lanrage::actors
