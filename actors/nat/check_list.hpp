#pragma once

#include "messages/values.hpp"
#include "net/frames.hpp"
#include "net/record.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace lanrage::actors {

/// One probe of ours that may still be answered.
struct check {
  net::probe_transaction id{};
  msg::time_point sent{};
  bool ready = false;    ///< it said that our WireGuard knows the peer
  bool nominate = false; ///< it asked the peer to move here
};

/// An address of the peer and what is known of the path to it.
struct remote {
  net::candidate what;
  std::vector<check> open; ///< oldest first, bounded
  std::optional<msg::time_point> first_sent;
  std::optional<msg::time_point> last_sent;
  bool heard = false;                          ///< the peer reaches us from there
  std::uint16_t sent = 0;                      ///< probes, in this run
  std::uint16_t answered = 0;                  ///< of them
  std::optional<std::chrono::nanoseconds> rtt; ///< proven: the best round trip so far

  bool proven() const { return rtt.has_value(); }
  /// Takes the check that this answer belongs to; absent: none of ours, or answered already.
  std::optional<check> take(const net::probe_transaction& id);
};

/// Smaller is better. A host candidate has no NAT in its way that could forget us.
inline int path_class(net::candidate_kind kind) {
  return kind == net::candidate_kind::host ? 0 : 1;
}

/// The addresses of one peer that are probed in one session, best class first. Bounded. Pure.
class check_list {
 public:
  void clear() { all_.clear(); }
  /// The entry for this address, made if need be; null when the list is full. An address known as
  /// several kinds counts as the best of them.
  remote* add(const net::candidate& what);
  remote* find(const net::endpoint& where);
  /// Of the proven entries whose round trip is not clearly longer than the shortest: the best
  /// class, in it IPv6 before IPv4, then the shortest.
  const remote* best() const;
  std::vector<remote>& all() { return all_; }
  const std::vector<remote>& all() const { return all_; }

 private:
  std::vector<remote> all_;
};

/// Whether `next` is so much better than `old` that moving is worth it: a round trip shorter by a
/// fifth and by more than noise, or about the same and a better class, or IPv6 in the same class.
/// Both are proven.
bool clearly_better(const remote& next, const remote& old);

/// Whether it would be, by class and family, if its round trip turned out to be about the same.
bool would_be_better(const remote& next, const remote& old);

/// An address that a probe may go to. Nobody can make us probe our own machine, a group or the
/// tunnel by listing such an address. `hosts`: our own addresses; none: not known yet.
bool may_probe(const net::endpoint& where, const std::vector<net::ip_address>& hosts,
               std::uint16_t own_port);

} // namespace lanrage::actors
