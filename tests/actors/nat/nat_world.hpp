#pragma once

#include "actors/nat/nat_session.hpp"
#include "net/crypto.hpp"
#include "net/frames.hpp"
#include "tests/support/splitmix.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

/// A tiny deterministic internet for two punching sessions: NAT boxes, delay, loss, duplicates.
namespace lanrage::actors::test {

using namespace std::chrono_literals;
using time_point = msg::time_point;

inline const time_point dawn = time_point{} + std::chrono::hours{1};

inline net::endpoint at(std::string_view text) {
  return net::endpoint::parse(text).value();
}

/// Reproducible octets: a member of a given number always has the same keys.
inline net::random_source seeded(std::uint64_t seed) {
  return net::seeded_random(seed, "nat world");
}

enum class nat_kind : std::uint8_t {
  none,      ///< public address, no filter
  full_cone, ///< endpoint-independent mapping and filtering
  cone,      ///< endpoint-independent mapping, address-and-port-dependent filtering
  symmetric, ///< address-and-port-dependent mapping and filtering
  stealing,  ///< a cone that rejects, and loses its port to who came unsolicited
};

class nat_box {
 public:
  nat_box(nat_kind kind, net::ip_address address, std::uint16_t port)
      : kind_{kind}, address_{address}, port_{port} {}

  net::endpoint mapped() const { return {address_, port_}; }
  net::ip_address address() const { return address_; }

  net::endpoint outbound(const net::endpoint& to, time_point now) {
    auto& port = flows_[to];
    if (port == 0) {
      const auto stolen = stolen_.find(to);
      const bool lost = stolen != stolen_.end() && now < stolen->second;
      port = kind_ == nat_kind::symmetric || lost ? next_port_++ : port_;
    }
    open_.insert({port, to});
    return {address_, port};
  }
  bool inbound(const net::endpoint& from, std::uint16_t port, time_point now) {
    if (kind_ == nat_kind::full_cone && port == port_ && !flows_.empty()) return true;
    if (open_.contains({port, from})) return true;
    if (kind_ == nat_kind::stealing && port == port_) stolen_[from] = now + 30s;
    return false;
  }

 private:
  nat_kind kind_;
  net::ip_address address_;
  std::uint16_t port_;
  std::uint16_t next_port_ = 40000;
  std::map<net::endpoint, std::uint16_t> flows_; ///< remote -> our public port
  std::set<std::pair<std::uint16_t, net::endpoint>> open_;
  std::map<net::endpoint, time_point> stolen_;
};

struct weather {
  std::chrono::nanoseconds delay = 20ms; ///< one way
  std::chrono::nanoseconds jitter{};     ///< up to this much more: reorders
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
};

struct member {
  net::wg_private_key key;
  net::wg_public_key pub;
  net::endpoint host;
  int lan = 0;
  std::optional<nat_box> nat;
  std::unique_ptr<nat_session> session;
  std::vector<std::pair<time_point, msg::path_event>> events;
  std::size_t sent = 0;
  std::size_t probes = 0;
  std::multiset<std::pair<net::endpoint, net::bytes>> answers; ///< to, transaction
  std::set<net::bytes> asked;                                  ///< transactions of own probes

  net::endpoint reflexive() const { return nat ? nat->mapped() : host; }
  std::vector<net::candidate> candidates() const {
    std::vector<net::candidate> out{{net::candidate_kind::host, host}};
    if (nat) out.push_back({net::candidate_kind::server_reflexive, reflexive()});
    return out;
  }
  std::vector<msg::path_event> news(msg::path_news what) const {
    std::vector<msg::path_event> out;
    for (const auto& [when, event] : events)
      if (event.news == what) out.push_back(event);
    return out;
  }
};

/// The transaction of an encoded probe or answer.
inline net::bytes transaction_of(const net::bytes& frame) {
  return {frame.begin() + 24, frame.begin() + 36};
}

class nat_lab {
 public:
  struct delivery {
    int to; ///< index of the member
    net::endpoint from;
    net::bytes data;
  };

  /// members[0] is the initiator.
  nat_lab(nat_kind a, nat_kind b, std::uint64_t seed = 1, weather sky = {}, bool same_lan = false)
      : random_{seed}, sky_{sky} {
    make(0, a, 1, "192.168.1.5:51820", "198.51.100.1");
    make(1, b, same_lan ? 1 : 2, same_lan ? "192.168.1.9:51820" : "192.168.2.5:51820",
         "203.0.113.9");
    if (same_lan && members[0].nat) members[1].nat = std::nullopt;
    if (members[1].pub < members[0].pub) {
      std::swap(members[0].key, members[1].key);
      std::swap(members[0].pub, members[1].pub);
    }
    for (int i : {0, 1}) {
      auto& own = members[i];
      const auto& peer = members[1 - i];
      const auto key = net::probe_key(own.key, peer.pub).value();
      own.session = std::make_unique<nat_session>(session_identity{own.pub, peer.pub, key},
                                                  seeded(seed * 2 + i));
      act(i, [&](auto& s, auto& out) { s.expect(true, now, out); });
    }
  }

  /// Executes one call on a member's session and what comes of it.
  template <class F>
  void act(int i, F call) {
    nat_effects out;
    call(*members[i].session, out);
    for (const auto& frame : out.frames) {
      note_sent(members[i], frame);
      send(i, frame.to, *frame.data);
    }
    for (const auto& event : out.events)
      members[i].events.push_back({now, event});
  }
  void start(int i, std::uint32_t epoch = 1, std::chrono::microseconds after = 0us) {
    start(i, members[1 - i].candidates(), epoch, after);
  }
  void start(int i, std::vector<net::candidate> candidates, std::uint32_t epoch = 1,
             std::chrono::microseconds after = 0us) {
    const msg::start_punch order{members[1 - i].pub, epoch, std::move(candidates), after};
    const own_network network{{members[i].host.address}, members[i].host.port};
    act(i, [&](auto& s, auto& out) { s.start(order, network, now, out); });
  }
  void nominate(int i, const net::endpoint& where, std::uint32_t epoch = 1) {
    const msg::nominate_path order{members[1 - i].pub, epoch, where};
    act(i, [&](auto& s, auto& out) { s.nominate(order, now, out); });
  }
  void deliver(int i, const net::endpoint& from, const net::bytes& data) {
    act(i, [&](auto& s, auto& out) { s.receive(from, data, now, out); });
  }

  void run_for(std::chrono::nanoseconds span) { run_until(now + span); }
  void run_until(time_point end) {
    for (;;) {
      std::optional<time_point> next;
      const auto consider = [&](time_point t) { next = next ? std::min(*next, t) : t; };
      if (!in_flight_.empty()) consider(in_flight_.begin()->first.first);
      for (const auto& each : members)
        if (const auto due = each.session->deadline()) consider(*due);
      if (!next || *next > end) break;
      now = std::max(now, *next);
      if (!in_flight_.empty() && in_flight_.begin()->first.first <= now) {
        const auto first = std::move(in_flight_.begin()->second);
        in_flight_.erase(in_flight_.begin());
        arrive(first);
        continue;
      }
      for (int i : {0, 1}) {
        const auto due = members[i].session->deadline();
        if (due && *due <= now) act(i, [&](auto& s, auto& out) { s.tick(now, out); });
      }
    }
    now = end;
  }

  /// What WireGuard would see: a packet of `i` to `to`, without weather. The source as seen by the
  /// receiver, and the receiver; absent: dropped on the way.
  std::optional<std::pair<int, net::endpoint>> route(int i, const net::endpoint& to) {
    auto& own = members[i];
    auto& other = members[1 - i];
    if (to == other.host && own.lan == other.lan) return {{1 - i, own.host}};
    const bool internet = other.nat || other.host.address == public_of(1 - i);
    if (!internet) return std::nullopt;
    const auto from = own.nat ? own.nat->outbound(to, now) : own.host;
    return {{1 - i, from}};
  }
  bool admits(int i, const net::endpoint& from, const net::endpoint& to) {
    auto& own = members[i];
    if (to == own.host && (!own.nat || own.lan == members[1 - i].lan)) return true;
    return own.nat && to.address == own.nat->address() && own.nat->inbound(from, to.port, now);
  }
  /// Whether a handshake of `i` to `where` would get through and its response come back.
  bool works(int i, const net::endpoint& where) {
    const auto there = route(i, where);
    if (!there || !admits(1 - i, there->second, where)) return false;
    const auto back = route(1 - i, there->second);
    return back && back->second == where && admits(i, where, there->second);
  }
  /// The address at which the other side sees packets of `i` to `where`.
  net::endpoint seen_as(int i, const net::endpoint& where) { return route(i, where)->second; }

  time_point now = dawn;
  member members[2];
  std::vector<delivery> delivered; ///< everything that arrived, for replaying
  std::size_t answers_to_answers = 0;

 private:
  struct packet {
    int to;
    net::endpoint from;
    net::endpoint dest;
    net::bytes data;
  };

  void make(int i, nat_kind kind, int lan, std::string_view host, std::string_view address) {
    auto& own = members[i];
    own.key = net::generate_x25519<net::wg_private_key>(seeded(900 + i));
    own.pub = net::public_key(own.key);
    own.lan = lan;
    publics_[i] = net::ip_address::parse(address).value();
    own.host = kind == nat_kind::none ? net::endpoint{publics_[i], 51820} : at(host);
    if (kind != nat_kind::none) own.nat.emplace(kind, publics_[i], 51820);
  }
  net::ip_address public_of(int i) const { return publics_[i]; }

  void note_sent(member& own, const msg::send_frame& frame) {
    ++own.sent;
    const auto id = transaction_of(*frame.data);
    if (net::kind_of(*frame.data) == net::frame_kind::probe) {
      ++own.probes;
      own.asked.insert(id);
    } else {
      own.answers.insert({frame.to, id});
      if (own.asked.contains(id)) ++answers_to_answers;
    }
  }
  void send(int i, const net::endpoint& to, const net::bytes& data) {
    const auto path = route(i, to);
    if (!path) return;
    const int copies = random_.below(100) < sky_.duplicate_percent ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      if (random_.below(100) < sky_.loss_percent) continue;
      const bool local = members[0].lan == members[1].lan && to == members[1 - i].host;
      auto delay = local ? std::chrono::nanoseconds{1ms} : sky_.delay;
      if (sky_.jitter > 0ns) delay += std::chrono::nanoseconds{random_.below(sky_.jitter.count())};
      in_flight_[{now + delay, ++count_}] = {path->first, path->second, to, data};
    }
  }
  void arrive(const packet& p) {
    if (!admits(p.to, p.from, p.dest)) return;
    delivered.push_back({p.to, p.from, p.data});
    deliver(p.to, p.from, p.data);
  }

  lanrage::test::splitmix random_;
  weather sky_;
  net::ip_address publics_[2];
  std::map<std::pair<time_point, std::uint64_t>, packet> in_flight_;
  std::uint64_t count_ = 0;
};

} // namespace lanrage::actors::test
