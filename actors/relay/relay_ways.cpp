#include "actors/relay/relay_table.hpp"

#include <algorithm>
#include <tuple>

/// By UDP, or by a stream where UDP is blocked: how each relay is reached.
namespace lanrage::actors {

namespace defaults = config::defaults;

/// Requests by UDP that left since the last look.
void relay_table::count_requests(time_point now) {
  for (const auto& [id, relay] : relays_) {
    auto& known = asked_[id];
    // That a relay is dead is known after a few.
    if (known != relay.asked() && relay.by_udp() && !relay.in_vain()) udp_.asked(now);
    known = relay.asked();
  }
}

void relay_table::choose_ways(time_point now, relay_effects& out) {
  count_requests(now);
  if (udp_.doubts(now)) {
    for (auto& [id, relay] : relays_)
      if (relay.by_udp()) relay.check(now, out);
    count_requests(now);
  }
  for (auto& [id, relay] : relays_)
    walk(id, relay, ways_[id], now, out);
  if (!udp_.blocked(now)) return;
  open_streams(now, out);
  remembered_.udp_blocked |= std::any_of(relays_.begin(), relays_.end(), [](const auto& each) {
    return each.second.registered() && each.second.streamed();
  });
}

/// What is due on the way to one relay.
void relay_table::walk(const net::relay_id& id, relay_session& relay, stream_way& way,
                       time_point now, relay_effects& out) {
  way.tick(now);
  if (way.open()) {
    if (!relay.wanted() && !relay.asking()) {
      relay.go_by(relay.info().address, now, out);
      return close_stream(id, way, out);
    }
    if (relay.in_vain()) { // the relay is gone, or the stream is and nobody has told
      out.close.push_back(id);
      return stream_lost(id, way, now, out);
    }
  }
  if (way.ask_due(now)) {
    way.asked(now);
    out.frames.push_back({relay.info().address,
                          std::make_shared<const net::bytes>(encode(net::hello{identity_.key}))});
  }
  if (way.return_due()) {
    way.returning(now);
    hand_over(relay);
    relay.go_by(relay.info().address, now, out);
  }
  if (way.now_is() == stream_way::state::returning && relay.registered() && !relay.streamed())
    way.returned(now);
  if (way.return_failed(now)) {
    way.stay(now);
    hand_over(relay);
    relay.go_by(way.at(), now, out);
  }
  if (way.close_due(now)) close_stream(id, way, out);
}

/// To relays that are wanted, and to as many others as it takes to be registered with enough: those
/// that were nearest when UDP worked.
void relay_table::open_streams(time_point now, relay_effects& out) {
  const auto possible = [&](const net::relay_id& id) {
    const auto& relay = relays_.at(id);
    return relay.info().tls && relay.has_tokens();
  };
  std::vector<net::relay_id> order;
  std::size_t used = 0;
  for (auto& [id, way] : ways_) {
    if (!way.closed()) ++used;
    if (way.now_is() == stream_way::state::lingering) { // UDP did not hold
      way.stay(now);
      relays_.at(id).go_by(way.at(), now, out);
    }
    if (way.may_open() && possible(id)) order.push_back(id);
  }
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    const auto key = [&](const net::relay_id& id) {
      const auto& relay = relays_.at(id);
      return std::tuple{!relay.wanted(), !pinned(relay.info()), distance(relay), id};
    };
    return key(a) < key(b);
  });
  for (const auto& id : order) {
    const auto& relay = relays_.at(id);
    const auto limit = relay.wanted() ? defaults::relays_registered + defaults::relays_for_peers_max
                                      : defaults::relays_registered;
    if (used >= limit) continue;
    ++used;
    ways_[id].opening(++remembered_.streams);
    out.open.push_back({relay.info(), remembered_.streams});
  }
}

void relay_table::close_stream(const net::relay_id& id, stream_way& way, relay_effects& out) {
  by_address_.erase(way.at());
  way.close();
  out.close.push_back(id);
}

void relay_table::stream_opened(const msg::stream_opened& news, time_point now,
                                relay_effects& out) {
  const auto found = relays_.find(news.relay);
  if (found == relays_.end() || !ways_[news.relay].opened(news.attempt, news.at, now)) return;
  auto& relay = found->second;
  if (!udp_.blocked(now) && relay.registered() && !relay.streamed()) { // UDP was faster
    close_stream(news.relay, ways_[news.relay], out);
    return settle(now, out);
  }
  by_address_[news.at] = news.relay;
  hand_over(relay);
  relay.go_by(news.at, now, out);
  relay.measure(now, out);
  settle(now, out);
}

void relay_table::stream_closed(const msg::stream_closed& news, time_point now,
                                relay_effects& out) {
  if (news.attempt == 0) {
    for (auto& [id, way] : ways_)
      stream_lost(id, way, now, out);
  } else if (const auto found = ways_.find(news.relay); found != ways_.end()) {
    const auto way = found->second.now_is();
    const bool first = !found->second.failing();
    if (!found->second.failed(news.attempt, now)) return;
    if (way == stream_way::state::opening && first)
      out.news.push_back(relays_.at(news.relay).info().name +
                         " is not reached over TLS: " + net::to_string(news.why));
    stream_lost(news.relay, found->second, now, out);
  }
  settle(now, out);
}

/// It ended by itself. What was reached by it is lost.
void relay_table::stream_lost(const net::relay_id& id, stream_way& way, time_point now,
                              relay_effects& out) {
  way.failed(0, now);
  auto& relay = relays_.at(id);
  by_address_.erase(way.at());
  if (relay.by_udp() && !relay.streamed()) return;
  relay.go_by(relay.info().address, now, out);
  relay.way_ended(now, out);
}

} // namespace lanrage::actors
