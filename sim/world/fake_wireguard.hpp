#pragma once

#include "net/errc.hpp"
#include "net/wg/state.hpp"
#include "sim/world/stream.hpp"
#include "sim/world/wg_session.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lanrage::sim {

/// Why WireGuard did not pass a packet on.
enum class wg_drop : std::uint8_t {
  no_peer,          ///< no peer has the inner address
  no_endpoint,      ///< the peer has no endpoint yet
  queue_full,       ///< too many packets wait for a session
  gave_up,          ///< waited for a session in vain
  unknown_index,    ///< a packet for no session of ours
  bad_key,          ///< a packet that its session's peer did not make
  replayed,         ///< a counter seen before
  too_old,          ///< of a session past its life
  unknown_peer,     ///< an initiation of somebody who is not configured
  not_for_us,       ///< an initiation whose mac1 is for another key
  invalid_response, ///< not the answer to the initiation we are waiting for
  stale_initiation, ///< older than the last one, or too soon after it
  not_allowed,      ///< an inner address that is not its peer's
  malformed,
};
inline constexpr std::size_t wg_drops = 14;
const char* to_string(wg_drop cause);

/// What a WireGuard does to its surroundings.
class wg_surroundings {
 public:
  virtual ~wg_surroundings() = default;
  virtual void transmit(const net::endpoint& to, net::byte_view datagram) = 0;
  virtual void receive(const inner_packet& inner) = 0;
  /// Call `wake(token)` at that time.
  virtual void wake_at(time_point when, std::uint64_t token) = 0;
  virtual void dropped(wg_drop, const inner_packet*) {}
  /// It waits for a session, or does not wait any more.
  virtual void waiting(const inner_packet&, bool) {}
  /// It was waiting for a peer that was removed.
  virtual void discarded(const inner_packet&) {}
  virtual void handshake_done(const net::wg_public_key&) {}
};

/// A WireGuard interface without cryptography: the same packets from outside (types, lengths,
/// indices, a real mac1), the same timers and the same decisions as wireguard-go's device/ (timers,
/// noise-protocol, send, receive), so that a daemon that configures it wrongly sees what it would
/// see. Only honest worlds: whoever holds a public key could pretend to own it.
class fake_wireguard {
 public:
  /// `unix_epoch`: calendar time at the world's beginning.
  fake_wireguard(const net::wg_public_key& own, std::uint16_t listen_port, duration unix_epoch,
                 stream random, wg_surroundings& around);

  // --- configuration ---
  net::wg::observation observe() const;
  void apply(const net::wg::change& change, time_point now);
  void set_address(net::virtual_ip address) { address_ = address; }
  net::virtual_ip address() const { return address_; }
  std::uint16_t listen_port() const { return listen_port_; }
  /// The calendar was set.
  void set_unix_epoch(duration unix_epoch) { unix_epoch_ = unix_epoch; }
  const net::wg_public_key& own() const { return own_; }

  // --- packets ---
  /// From the tunnel's own side; false when no peer has the address (ENOKEY).
  bool send(const inner_packet& inner, time_point now);
  /// From the network.
  void datagram(const net::endpoint& from, net::byte_view data, time_point now);
  /// Whose echo is in a data packet: this WireGuard encrypts nothing. None in keepalives.
  static std::optional<echo_key> echo_in(net::byte_view datagram);
  /// The interface goes away: what waits for sessions is discarded.
  void discard_waiting();
  void wake(std::uint64_t token, time_point now);
  /// The machine slept: timers are due as the calendar says (they fire late, once).
  std::uint64_t sessions() const;
  /// The receiver index of data that goes there now; none when that may be one of several.
  std::optional<net::session_index> session_towards(const net::endpoint& where) const;
  std::array<std::uint64_t, wg_drops> drops() const { return drops_; }

 private:
  using slot = std::uint32_t;
  enum timer : std::uint8_t { retransmit, send_keepalive, new_handshake, zero_keys, persistent };
  static constexpr std::size_t timers = 5;
  enum session_place : std::uint8_t { current, previous, next };

  struct peer {
    bool used = false;
    std::uint32_t generation = 0;
    net::wg_public_key key;
    std::optional<std::array<std::uint8_t, 32>> mac1_key;
    net::virtual_ip allowed;
    std::vector<std::string> allowed_texts; ///< the same, as observe() says it
    std::optional<net::endpoint> where;
    duration keepalive{};
    std::uint64_t rx = 0;
    std::uint64_t tx = 0;
    std::optional<duration> latest_handshake;
    wg_handshake handshake;
    std::array<std::optional<wg_keypair>, 3> keys; ///< by session_place
    std::vector<inner_packet> staged;
    std::array<time_point, timers> due{never, never, never, never, never};
    time_point armed = never; ///< the earliest wake under way
    std::optional<time_point> sent_handshake;
    std::uint32_t attempts = 0;
    bool last_minute_handshake = false;
    bool another_keepalive = false;
    std::optional<time_point> last_initiation; ///< consumed
    std::uint64_t last_stamp = 0;              ///< of theirs
  };
  struct index_entry {
    slot of = 0;
    std::uint64_t key = 0; ///< 0: of a handshake still open
  };

  // Configuration (fake_wireguard.cpp).
  slot add(const net::wg_public_key& key);
  void remove(slot at);
  void put(const net::wg::change& change, time_point now);
  void allow(slot at, net::virtual_ip address);

  // Data (fake_wireguard_data.cpp).
  void on_data(const net::endpoint& from, net::byte_view data, time_point now);
  void flush_staged(peer& p, time_point now);
  void send_data(peer& p, wg_keypair& with, const inner_packet* inner, time_point now);
  void send_keepalive_packet(peer& p, time_point now);
  void deliver(peer& p, net::byte_view plain, time_point now);
  bool usable(const std::optional<wg_keypair>& keys, time_point now) const;
  void keep_fresh_sending(peer& p, time_point now);
  void keep_fresh_receiving(peer& p, time_point now);

  // Handshakes (fake_wireguard_handshake.cpp).
  void initiate(peer& p, bool retry, time_point now);
  void on_initiation(const net::endpoint& from, net::byte_view data, time_point now);
  void on_response(const net::endpoint& from, net::byte_view data, time_point now);
  void respond(peer& p, std::uint32_t remote, std::uint64_t ephemeral, time_point now);
  void begin_session(peer& p, wg_keypair made, time_point now);
  void promote(peer& p);
  void completed(peer& p, time_point now);
  std::uint32_t new_index(peer& p);
  void forget_handshake(peer& p);
  void forget(std::optional<wg_keypair>& keys);

  // Timers (fake_wireguard_timers.cpp).
  void fire(peer& p, timer which, time_point now);
  void retry_handshake(peer& p, time_point now);
  void set(peer& p, timer which, time_point when) {
    p.due[which] = when;
    arm(p);
  }
  void arm(peer& p);
  void traversed(peer& p, time_point now);
  void authentic(peer& p, const net::endpoint& from, time_point now);
  duration jitter() { return random_.up_to(wg_time::jitter_max); }

  bool transmit(peer& p, net::byte_view data);
  void stage(peer& p, const inner_packet& inner);
  void unstage(const inner_packet& inner);
  void discard(peer& p);
  void drop(wg_drop cause, const inner_packet* inner = nullptr);
  slot slot_of(const peer& p) const { return static_cast<slot>(&p - peers_.data()); }

  net::wg_public_key own_;
  std::array<std::uint8_t, 32> own_mac1_key_;
  std::uint16_t listen_port_;
  duration unix_epoch_;
  stream random_;
  wg_surroundings& around_;
  net::virtual_ip address_;
  std::vector<peer> peers_;
  std::vector<slot> free_;
  std::map<net::wg_public_key, slot> by_key_;
  std::map<net::virtual_ip, slot> routes_;
  std::map<std::uint32_t, index_entry> indices_;
  std::array<std::uint64_t, wg_drops> drops_{};
  net::bytes scratch_;
};

} // namespace lanrage::sim
