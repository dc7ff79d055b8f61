#include "sim/world/stream_net.hpp"

#include "config/stream_defaults.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace lanrage::sim {

namespace defaults = config::defaults;

namespace {
/// TCP's handshake, TLS 1.3's and the upgrade are a round trip each.
constexpr int opened_after = 6;
constexpr int refused_after = 2;
} // namespace

stream_net::connection* stream_net::find(std::uint64_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

std::uint64_t stream_net::open(node_id member, relay_site& relay, listener hears) {
  const auto id = ++last_;
  auto& it = streams_[id];
  it.member = member;
  it.relay = &relay;
  it.flow = net::relay::flow_endpoint(id, member);
  it.hears = std::move(hears);
  if (!reaches(it)) {
    time_.after(defaults::stream_handshake_deadline,
                [this, id] { finish(id, net::fail(net::errc::timed_out, "no TCP")); });
    return id;
  }
  const auto way = delay(it);
  if (!relay.running()) {
    time_.after(refused_after * way,
                [this, id] { finish(id, net::fail(net::errc::unreachable, "refused")); });
    return id;
  }
  time_.after(opened_after * way, [this, id] {
    auto* ready = find(id);
    if (!ready) return;
    if (!reaches(*ready) || !ready->relay->running())
      return finish(id, net::fail(net::errc::timed_out, "the path was cut"));
    ready->opened = true;
    ready->hears.opened();
  });
  return id;
}

void stream_net::send(std::uint64_t id, net::byte_view datagram) {
  auto* it = find(id);
  if (!it || !it->opened || !reaches(*it)) return paths_.lost(datagram, "the stream is cut");
  it->last_up = std::max(it->last_up, time_.now() + delay(*it));
  paths_.carried(datagram, +1);
  time_.at(it->last_up, [this, id, data = net::bytes(datagram.begin(), datagram.end())] {
    paths_.carried(data, -1);
    const auto* arrived = find(id);
    if (!arrived) return paths_.lost(data, "the stream is closed");
    paths_.arrive(data, [&] { return arrived->relay->streamed(arrived->flow, data); });
  });
}

void stream_net::answer(std::uint64_t id, net::byte_view datagram) {
  auto* it = find(id);
  if (!it || !it->opened || !reaches(*it)) return paths_.lost(datagram, "the stream is cut");
  it->last_down = std::max(it->last_down, time_.now() + delay(*it));
  paths_.carried(datagram, +1);
  time_.at(it->last_down, [this, id, data = net::bytes(datagram.begin(), datagram.end())] {
    paths_.carried(data, -1);
    const auto* arrived = find(id);
    if (!arrived) return paths_.lost(data, "the stream is closed");
    paths_.arrive(data, [&] { return arrived->hears.datagram(data); });
  });
}

void stream_net::close(std::uint64_t id) {
  const auto* it = find(id);
  if (!it) return;
  auto* relay = it->relay;
  const auto flow = it->flow;
  const auto arrives = std::max(it->last_up, time_.now() + delay(*it));
  streams_.erase(id);
  time_.at(arrives, [relay, flow] { relay->flow_closed(flow); });
}

void stream_net::close_all(node_id member) {
  std::vector<std::uint64_t> theirs;
  for (const auto& [id, each] : streams_)
    if (each.member == member) theirs.push_back(id);
  for (const auto id : theirs)
    close(id);
}

void stream_net::relay_ended(const relay_site& relay) {
  for (auto& [id, each] : streams_)
    if (each.relay == &relay && each.opened)
      time_.after(delay(each),
                  [this, id = id] { finish(id, net::fail(net::errc::closed, "by the relay")); });
}

void stream_net::paths_changed() {
  for (auto& [id, each] : streams_) {
    const bool cut = !reaches(each);
    if (!each.opened || cut == (each.cuts % 2 == 1)) continue;
    const auto cuts = ++each.cuts;
    if (!cut) continue;
    time_.after(defaults::stream_dead_after, [this, id = id, cuts] {
      const auto* it = find(id);
      if (it && it->cuts == cuts) finish(id, net::fail(net::errc::timed_out, "nothing heard"));
    });
  }
}

void stream_net::finish(std::uint64_t id, const net::error& why) {
  auto* it = find(id);
  if (!it) return;
  const auto hears = std::move(it->hears);
  it->relay->flow_closed(it->flow);
  streams_.erase(id);
  hears.closed(why);
}

} // namespace lanrage::sim
