#pragma once

#include "actors/nat/gather.hpp"
#include "actors/nat/nat_effects.hpp"
#include "actors/nat/nat_session.hpp"
#include "actors/nat/path_checks.hpp"
#include "messages/values.hpp"
#include "net/crypto.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace lanrage::actors {

struct core_counters {
  std::uint64_t unknown_members = 0; ///< probes from or to nobody we expect
  std::uint64_t bad_keys = 0;        ///< peers whose key agrees on nothing (low order)
  std::uint64_t foreign_frames = 0;  ///< neither STUN responses nor probes
};

/// The whole nat role without its actor: gathering, and one session per expected peer behind one
/// deadline. Pure.
class nat_core {
 public:
  using time_point = msg::time_point;

  /// `birthday`: whether peers may be offered birthday probing.
  nat_core(net::wg_private_key own, std::uint16_t listen_port, net::random_source random,
           bool birthday = false);

  /// Own addresses, again whenever the network changed.
  void hosts(const msg::host_addresses& now_own, time_point now, nat_effects& out);
  /// The relays answer STUN on their relay port.
  void relays(const msg::relays_listed& list, time_point now, nat_effects& out);
  void expect(const msg::expect_peer& order, time_point now, nat_effects& out);
  void forget(const msg::forget_peer& order, nat_effects& out);
  /// For a peer that is not expected: `failed` at once.
  void start(const msg::start_punch& order, time_point now, nat_effects& out);
  void nominate(const msg::nominate_path& order, time_point now, nat_effects& out);
  /// For a peer that is not expected: nothing. Checks that nobody is in a hurry for share one
  /// budget.
  void check(const msg::check_path& order, time_point now, nat_effects& out);
  void receive(const msg::frame_received& frame, time_point now, nat_effects& out);
  /// The connection has left this path for good.
  void release(const msg::release_path& order, nat_effects& out);
  /// What came of the rewrites that were asked for: all of these are there, or why none changed.
  void rewritten(const std::vector<net::port_rewrite>& all,
                 const std::optional<net::error>& why_not, time_point now, nat_effects& out);
  /// A former incarnation had this one made for a peer that is expected.
  void adopt(const net::wg_public_key& peer, const net::port_rewrite& there);
  /// What the router says it forwards to WireGuard's port.
  void mapped(const msg::ports_mapped& news, time_point now, nat_effects& out);
  void tick(time_point now, nat_effects& out);
  std::optional<time_point> deadline() const;

  msg::own_paths paths() const { return gather_.paths(); }
  const core_counters& counters() const { return counters_; }
  const nat_session* session_of(const net::wg_public_key& peer) const;
  /// By peer, as they shall be now.
  std::map<net::wg_public_key, net::port_rewrite> rewrites() const;

 private:
  struct entry {
    nat_session session;
    path_checks checks;
    std::optional<time_point> due;
  };
  entry* find(const net::wg_public_key& peer);
  void on_probe(const msg::frame_received& frame, time_point now, nat_effects& out);
  void look_after_failures(std::size_t events_before, time_point now, nat_effects& out);
  void reschedule(const net::member_hash& who, entry& what);
  bool afford_background_check(time_point now);
  void tell_rewrites(nat_effects& out);

  net::wg_private_key key_;
  net::wg_public_key public_;
  net::member_hash own_hash_;
  std::uint16_t port_;
  net::random_source random_;
  gather gather_;
  std::map<net::member_hash, entry> sessions_;
  std::set<std::pair<time_point, net::member_hash>> due_;
  time_point checks_paid_until_{}; ///< the budget as one time (GCRA, ITU-T I.371)
  bool birthday_;
  std::vector<net::port_rewrite> rewrites_; ///< asked for last, in the order of the sessions
  core_counters counters_;
};

} // namespace lanrage::actors
