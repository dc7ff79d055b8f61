#pragma once

#include "actors/wg/writer_effects.hpp"

#include <map>
#include <optional>
#include <set>

namespace lanrage::actors {

/// What watchers are told: counters, handshakes and endpoints of watched peers whenever one of them
/// moved, and who moved the endpoint: we or WireGuard. Pure.
class signal_book {
 public:
  /// The next look at this peer is told in any case.
  void watch(const net::wg_public_key& key);
  /// Of its handshakes the next one is still told, as such.
  void unwatch(const net::wg_public_key& key);

  /// We are writing this endpoint: finding it at the next look is not roaming.
  void wrote(const net::wg_public_key& key, const net::endpoint& where);
  /// We are making this peer anew on purpose: its counters start from zero and nobody is alarmed.
  void renewing(const net::wg_public_key& key);
  /// The device was made anew: every session is lost.
  void device_renewed();

  /// A look at the device. Peers in `asserting` flap between two endpoints because we fight for one
  /// of them: that is not told as roaming.
  void look(const net::wg::observation& seen, const std::set<net::wg_public_key>& asserting,
            msg::time_point now, writer_effects& out);
  /// Somebody watched carries traffic, of which more is to be expected.
  bool traffic(msg::time_point now) const { return busy_until_ && now < *busy_until_; }
  /// One peer right now, as the last look had it.
  void tell(const net::wg_public_key& key, const net::wg::observation& seen, writer_effects& out);

 private:
  struct watched {
    msg::wg_signal last;
    bool due = true;                        ///< tell even if nothing moved
    bool known = false;                     ///< `last` is from a look
    bool lost = false;                      ///< the device was made anew since
    std::optional<msg::time_point> data_at; ///< data moved last
  };
  void look_at(watched& one, const net::wg::peer_state* seen, bool asserting,
               msg::time_point now_at, writer_effects& out);

  void look_at_unwatched(const net::wg::peer_state& seen, writer_effects& out);

  std::map<net::wg_public_key, watched> watched_;
  /// Of peers that nobody watches: the last handshake that is no news. Most have none.
  std::map<net::wg_public_key, std::chrono::nanoseconds> old_handshakes_;
  std::optional<msg::time_point> busy_until_;
  std::map<net::wg_public_key, net::endpoint> wrote_;
  std::set<net::wg_public_key> renewing_;
};

} // namespace lanrage::actors
