#pragma once

#include "actors/relay/relay_table.hpp"
#include "config/settings.hpp"
#include "net/relay/routing.hpp"
#include "tests/support/splitmix.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

/// A relay_table among real relay cores, in virtual time: every link has a delay, relays can be
/// down, datagrams can be lost.
namespace lanrage::actors::test {

using namespace std::chrono_literals;
using time_point = msg::time_point;

inline net::relay::relay_limits limits() {
  net::relay::relay_limits out;
  out.members = 100;
  out.routes = 1'000;
  out.routes_per_member = 100;
  out.members_per_party = 100;
  out.parties_per_member = 16;
  out.provisional_per_peer = 8;
  out.lifetime = 300s;
  out.route_idle = 240s;
  out.cookie_period = 1h;
  out.timestamp_ahead = 600s;
  out.membership_grace = 168h;
  out.rate_kbit_s = 100'000;
  out.burst = 250ms;
  out.refusals_per_source_s = 10;
  out.stun_per_source_s = 50;
  out.proofs_per_source_s = 20;
  out.mac1_tests_s = 20'000;
  out.packet_budget_s = 1'000;
  return out;
}

inline net::party_id party(std::uint8_t n) {
  net::party_id out;
  out.octets.fill(n);
  return out;
}

inline net::session_index index(std::uint32_t value) {
  net::byte_writer out;
  return *net::session_index::from(out.u32(value).view());
}

struct relay_lab {
  /// One relay and its link.
  struct place {
    net::relay_private_key key;
    std::unique_ptr<net::relay::relay_core> core;
    net::relay_info info;
    std::chrono::nanoseconds delay{}; ///< one way
    bool down = false;
    int lose = 0; ///< so many datagrams to it vanish
    bool tcp_closed = false;
    std::uint64_t attempt = 0; ///< of the stream that is being opened, or is open
    bool streaming = false;
    net::endpoint at{};   ///< our end of the stream
    net::endpoint flow{}; ///< the relay's name for it
  };

  explicit relay_lab(std::vector<std::chrono::milliseconds> delays) {
    own = net::generate_x25519<net::wg_private_key>(random.source());
    control = net::generate_secret<net::token_private_key>(random.source());
    for (const auto delay : delays) {
      auto& p = relays.emplace_back();
      const auto number = relays.size();
      p.key = net::generate_x25519<net::relay_private_key>(random.source());
      p.delay = delay;
      const net::endpoint at{net::ip_address::v4(0xc0000200 + static_cast<std::uint32_t>(number)),
                             51820};
      p.info = {net::public_key(p.key), "relay" + std::to_string(number), at};
      restart(number - 1);
    }
    start_table();
  }
  void start_table(relay_table_memory memory = {}, relay_wishes wishes = {}) {
    table =
        std::make_unique<relay_table>(own, unix_now(), now, std::move(memory), std::move(wishes));
  }
  /// The relay forgets everything.
  void restart(std::size_t which) {
    relays[which].core = std::make_unique<net::relay::relay_core>(
        relays[which].key, net::public_key(control), limits(), random.source());
  }
  std::chrono::milliseconds unix_now() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - begin) + 1'800'000'000s +
           wall_error;
  }
  net::relay_id id(std::size_t which) const { return relays[which].info.id(); }
  const relay_session& session(std::size_t which) const { return *table->session(id(which)); }

  net::bytes token(std::size_t which, const net::party_id& of = party(1)) const {
    net::relay_token t;
    t.member = net::public_key(own);
    t.party = of;
    t.relay = id(which);
    t.expires_unix_s = 1'800'000'000 + 86'400;
    return encode(sign(t, control));
  }
  msg::relays_listed list() const {
    msg::relays_listed out;
    for (std::size_t i = 0; i < relays.size(); ++i) {
      out.relays.push_back(relays[i].info);
      out.tokens.push_back(token(i));
    }
    return out;
  }

  template <class Step>
  void step(Step what) {
    relay_effects out;
    what(*table, out);
    for (const auto& frame : out.frames)
      ship(frame);
    for (auto& text : out.news)
      news.push_back(text);
    for (const auto& relay : out.close)
      close_stream(relay);
    for (const auto& wanted : out.open)
      open_stream(wanted);
    if (out.publish) published.push_back({now, *out.publish});
    for (const auto& ready : out.prepared)
      prepared.push_back({now, ready});
  }
  void give_list() {
    step([&](auto& t, auto& out) { t.listed(list(), now, out); });
  }
  void ship(const msg::send_frame& frame) {
    sent.push_back({now, frame});
    for (std::size_t i = 0; i < relays.size(); ++i) {
      auto& p = relays[i];
      if (p.streaming && p.at == frame.to) ship_by_stream(i, frame);
      if (p.info.address != frame.to || udp_blocked) continue;
      if (p.lose > 0) {
        --p.lose;
        continue;
      }
      const auto arrives = now + p.delay;
      events.emplace(arrives, [this, i, data = frame.data, from = address] {
        auto& relay = relays[i];
        if (relay.down) return;
        const auto said = relay.core->receive(*data, {from, 0}, instant());
        if (said.what != net::relay::verdict::action::answer) return;
        const net::bytes back{said.payload.begin(), said.payload.end()};
        answer(i, back, relay.delay);
      });
    }
  }
  // --- streams ---
  void offer_tls() {
    for (auto& each : relays)
      each.info.tls = net::relay_tls{443, {}, {}};
  }
  place& place_of(const net::relay_id& relay) {
    return *std::find_if(relays.begin(), relays.end(),
                         [&](const auto& each) { return each.info.id() == relay; });
  }
  void open_stream(const msg::open_stream& wanted) {
    opened.push_back({now, wanted});
    auto& p = place_of(wanted.relay.id());
    p.attempt = wanted.attempt;
    events.emplace(now + 6 * p.delay, [this, &p, attempt = wanted.attempt] {
      if (p.attempt != attempt) return;
      if (p.down || p.tcp_closed) return end_stream(p, net::errc::unreachable);
      p.streaming = true;
      p.at = {net::ip_address::v4(0x7f000001), static_cast<std::uint16_t>(40'000 + attempt)};
      p.flow = net::relay::flow_endpoint(attempt, 1);
      step([&](auto& t, auto& out) { t.stream_opened({p.info.id(), attempt, p.at}, now, out); });
    });
  }
  void close_stream(const net::relay_id& relay) {
    closed.push_back({now, relay});
    auto& p = place_of(relay);
    if (p.streaming) p.core->flow_closed(p.flow);
    p.streaming = false;
    p.attempt = 0;
  }
  /// It ends without being asked to.
  void end_stream(place& p, net::errc why) {
    const auto attempt = p.attempt;
    if (p.streaming) p.core->flow_closed(p.flow);
    p.streaming = false;
    step([&](auto& t, auto& out) {
      t.stream_closed({p.info.id(), attempt, net::fail(why, "here")}, now, out);
    });
  }
  void ship_by_stream(std::size_t i, const msg::send_frame& frame) {
    auto& p = relays[i];
    events.emplace(now + p.delay, [this, &p, data = frame.data, attempt = p.attempt] {
      if (p.down || !p.streaming || p.attempt != attempt) return;
      const auto said = p.core->receive(*data, {p.flow, net::relay::via_stream}, instant());
      if (said.what != net::relay::verdict::action::answer) return;
      answer_from(p.at, {said.payload.begin(), said.payload.end()}, p.delay);
    });
  }
  net::relay::instant instant() const {
    return {now, net::relay::unix_time{
                     std::chrono::duration_cast<std::chrono::milliseconds>(now - begin) +
                     1'800'000'000s}};
  }
  void answer_from(const net::endpoint& from, const net::bytes& datagram,
                   std::chrono::nanoseconds after) {
    events.emplace(now + after, [this, from, datagram] {
      msg::frame_received frame{from, {}, std::make_shared<const net::bytes>(datagram)};
      step([&](auto& t, auto& out) { t.receive(frame, now, out); });
    });
  }
  /// Something arrives at the member from a relay's address.
  void answer(std::size_t which, const net::bytes& datagram, std::chrono::nanoseconds after) {
    answer_from(relays[which].info.address, datagram, after);
  }
  /// A WireGuard packet of ours that another program sends through the same port.
  void send_wireguard(std::size_t which, net::bytes packet) {
    ship({relays[which].info.address, std::make_shared<const net::bytes>(std::move(packet))});
  }
  /// To the very nanosecond: everything due until then happens at its own time.
  void run(std::chrono::nanoseconds time) {
    const auto end = now + time;
    for (;;) {
      const auto due = table->deadline();
      const bool timer = due && *due <= end && (events.empty() || *due < events.begin()->first);
      if (timer) {
        now = std::max(now, *due);
        step([&](auto& t, auto& out) { t.tick(now, out); });
      } else if (!events.empty() && events.begin()->first <= end) {
        auto node = events.extract(events.begin());
        now = node.key();
        node.mapped()();
      } else {
        break;
      }
    }
    now = end;
  }
  /// Frames of a kind sent to a relay, with their times since the beginning.
  std::vector<std::chrono::milliseconds> times(std::size_t which, net::frame_kind kind) const {
    std::vector<std::chrono::milliseconds> out;
    for (const auto& [when, frame] : sent)
      if (frame.to == relays[which].info.address && net::kind_of(*frame.data) == kind)
        out.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(when - begin));
    return out;
  }

  lanrage::test::splitmix random{1};
  time_point begin = time_point{} + 1000h;
  time_point now = begin;
  std::chrono::milliseconds wall_error{}; ///< of our own calendar
  net::endpoint address{net::ip_address::v4(0xc6336401), 51820};
  net::wg_private_key own;
  net::token_private_key control;
  std::vector<place> relays;
  std::unique_ptr<relay_table> table;
  std::multimap<time_point, std::function<void()>> events;
  std::vector<std::pair<time_point, msg::send_frame>> sent;
  std::vector<std::string> news;
  std::vector<std::pair<time_point, msg::own_legs>> published;
  std::vector<std::pair<time_point, msg::prepare_relay>> prepared;
  bool udp_blocked = false; ///< nothing of ours leaves by UDP
  std::vector<std::pair<time_point, msg::open_stream>> opened;
  std::vector<std::pair<time_point, net::relay_id>> closed;
};

} // namespace lanrage::actors::test
