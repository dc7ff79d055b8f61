#pragma once

#include "actors/delay_history.hpp"
#include "actors/relay/relay_session.hpp"
#include "actors/relay/stream_way.hpp"
#include "actors/relay/udp_watch.hpp"
#include "net/crypto.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>

namespace lanrage::actors {

/// What survives a restart of the actor.
struct relay_table_memory {
  std::optional<msg::relays_listed> listed;
  std::map<net::relay_id, remembered_relay> relays;
  bool udp_blocked = false;  ///< a stream got through where UDP did not
  std::uint64_t streams = 0; ///< attempts so far
};

/// What the user wants of relays, by name. Both ends have to be registered with a relay to use it,
/// so one that either end avoids is used by neither.
struct relay_wishes {
  std::set<std::string, std::less<>> pin;   ///< before all others, as long as they live
  std::set<std::string, std::less<>> avoid; ///< never registered with, never told to peers
  friend bool operator==(const relay_wishes&, const relay_wishes&) = default;
};

/// All relays of our parties: measures them, stays registered with the nearest few (and with those
/// that our peers are nearest to), and ranks them for a pair. Pure.
///
/// Registration races: every relay is said hello to at once, and the first ones to answer, which
/// are the nearest, are registered with. Later a registered relay is only replaced by a clearly
/// nearer one, and never while it carries our sessions.
class relay_table {
 public:
  using time_point = msg::time_point;

  /// `unix_now`: the calendar at `now`.
  relay_table(const net::wg_private_key& own, std::chrono::milliseconds unix_now, time_point now,
              relay_table_memory remembered = {}, relay_wishes wishes = {});

  void listed(const msg::relays_listed& list, time_point now, relay_effects& out);
  void receive(const msg::frame_received& frame, time_point now, relay_effects& out);
  void network_changed(time_point now, relay_effects& out);
  /// Our own addresses: without IPv4, relays are spoken to over IPv6.
  void hosts(const std::vector<net::ip_address>& own, time_point now, relay_effects& out);
  void trouble(const net::relay_id& relay, time_point now, relay_effects& out);
  /// Relays that both we and a peer with these legs are registered with, best first: dependable
  /// ones before doubtful ones, pinned before others, those with room before crowded ones, then by
  /// rtt(self, R) + rtt(R, peer), then by id. Leaves out `excluded`. Where the peer's nearest relay
  /// promises better, or there is none in common, we register with it too, and the next ranking has
  /// it.
  msg::relay_ranking rank(const std::vector<net::relay_leg>& peer_legs, time_point now,
                          relay_effects& out, const std::set<net::relay_id>& excluded = {});
  /// A session moves to this relay: the others are asked what they know of it, then this one is
  /// told. Ends in `prepared`. False: not registered there, nothing is done.
  bool prepare(const msg::prepare_relay& order, time_point now, relay_effects& out);
  void stream_opened(const msg::stream_opened& news, time_point now, relay_effects& out);
  void stream_closed(const msg::stream_closed& news, time_point now, relay_effects& out);
  void tick(time_point now, relay_effects& out);
  std::optional<time_point> deadline() const;

  /// Nearest first; what was last published.
  const msg::own_legs& legs() const { return published_; }
  relay_table_memory memory() const;
  const relay_session* session(const net::relay_id& relay) const;

 private:
  void add(const net::relay_info& info);
  void give_tokens(time_point now, relay_effects& out);
  void choose(time_point now, relay_effects& out);
  std::vector<net::relay_id> nearest(std::size_t count) const;
  std::chrono::microseconds distance(const relay_session& to) const;
  void serve_peer(const std::vector<net::relay_leg>& legs, const msg::relay_ranking& have,
                  time_point now, relay_effects& out);
  bool pinned(const net::relay_info& info) const { return wishes_.pin.count(info.name) != 0; }
  void remember_measurements(time_point now);
  msg::path_forecast forecast(const net::relay_leg& peer_leg) const;
  void want(relay_session& relay, time_point now, relay_effects& out);
  // Handing over sessions (relay_handover.cpp).
  struct preparation {
    msg::prepare_relay order;
    net::member_hash peer;
    time_point since;
    std::set<net::relay_id> asked; ///< whose answers are worth waiting for
    bool claimed = false;
    bool told = false;
  };
  void hand_over(relay_session& to);
  void claim_unknown(relay_session& from, time_point now, relay_effects& out);
  void learn(const net::session_index& index, const net::member_hash& peer);
  void forget_old_preparations(time_point now);
  void advance_preparations(time_point now, relay_effects& out);
  // UDP or a stream (relay_ways.cpp).
  void choose_ways(time_point now, relay_effects& out);
  void walk(const net::relay_id& id, relay_session& relay, stream_way& way, time_point now,
            relay_effects& out);
  void open_streams(time_point now, relay_effects& out);
  void close_stream(const net::relay_id& id, stream_way& way, relay_effects& out);
  void stream_lost(const net::relay_id& id, stream_way& way, time_point now, relay_effects& out);
  void count_requests(time_point now);
  void settle(time_point now, relay_effects& out);
  void publish(relay_effects& out);
  msg::own_legs current_legs() const;

  /// What was measured of the way to one relay.
  struct leg_history {
    delay_history delays;
    std::optional<time_point> taken;
  };

  net::wg_private_key own_;
  relay_identity identity_;
  std::chrono::milliseconds unix_offset_;
  relay_table_memory remembered_;
  relay_wishes wishes_;
  std::map<net::relay_id, relay_session> relays_;
  std::map<net::relay_id, leg_history> legs_; ///< of relays_
  delay_persistence persistence_;
  std::map<net::endpoint, net::relay_id> by_address_; ///< relays, and our ends of streams to them
  udp_watch udp_;
  std::map<net::relay_id, std::uint64_t> asked_; ///< requests by UDP that udp_ knows of
  std::map<net::relay_id, stream_way> ways_;     ///< of relays_
  bool have_v4_ = true;                          ///< until we know better
  std::vector<net::bytes> tokens_;
  std::map<net::relay_id, time_point> for_peers_; ///< last asked for by a ranking
  std::vector<preparation> preparing_;
  std::deque<net::route_claim> learned_; ///< not from relays; the latest first, bounded
  std::map<net::relay_id, std::vector<net::route_claim>> before_; ///< a relay's last full list
  time_point measure_at_{};
  msg::own_legs published_;
};

} // namespace lanrage::actors
