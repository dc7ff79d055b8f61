#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/os/descriptor.hpp"
#include "net/relay/counters.hpp"
#include "net/relay/gate.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace lanrage::net::relay {

/// Bounds of the streams; the defaults are config/stream_defaults.hpp's, tests make them small.
struct flow_limits {
  std::size_t streams = 0;
  std::size_t per_source = 0; ///< per IPv4 address or IPv6 /64
  std::size_t arrivals = 0;   ///< datagrams that the relay did not look at yet
  std::size_t arrivals_per_stream = 0;
  std::size_t queue_octets = 0; ///< waiting for one stream's reader
  std::size_t queue_datagrams = 0;
  std::chrono::milliseconds queue_age{}; ///< what waited longer is dropped
  std::chrono::milliseconds unused_after{};
};
flow_limits default_flow_limits();

/// Between the streams, which live on their server's thread, and the relay's own: datagrams both
/// ways, in bounded queues. Nobody waits: what does not fit is dropped and counted, of what goes
/// out the oldest first. Every function may be called from any thread.
class flow_exchange {
 public:
  explicit flow_exchange(const flow_limits& limits, std::uint64_t seed);

  // --- the stream's side ---
  /// `wake`: there is something to take, or the flow has ended; called on the relay's thread, once
  /// until `take`. Nothing when there is no room.
  std::optional<std::uint64_t> open(const ip_address& source, std::function<void()> wake,
                                    steady_time now);
  void put(std::uint64_t flow, bytes datagram);
  struct outgoing {
    std::deque<bytes> datagrams;
    bool ended = false;
  };
  /// The next few, so that what is left goes on growing old here.
  outgoing take(std::uint64_t flow, steady_time now);
  void close(std::uint64_t flow);
  void refused();   ///< a request for another path, or without an upgrade
  void ended_bad(); ///< a stream that broke the rules

  // --- the relay's side ---
  int event() const { return event_.get(); } ///< readable when there are arrivals
  struct arrivals {
    std::vector<std::pair<endpoint, bytes>> datagrams;
    std::vector<endpoint> closed;
  };
  arrivals drain();
  void send(const endpoint& flow, byte_view datagram, steady_time now);
  /// Ends the flows that have been unused for too long.
  void sweep(const std::function<bool(const endpoint&)>& used, steady_time now);
  void add_to(counters& total) const;

 private:
  struct waiting {
    bytes datagram;
    steady_time since;
  };
  struct flow {
    endpoint name;
    ip_address source;
    std::function<void()> wake;
    bool woken = false;
    bool ended = false;
    std::deque<waiting> out;
    std::size_t out_octets = 0;
    std::size_t arrived = 0; ///< waiting for the relay
    steady_time used;
  };
  static ip_address network_of(const ip_address& source);
  void drop_oldest(flow& of, steady_time now);
  void signal() const;

  const flow_limits limits_;
  const seeded_hash hash_;
  os::descriptor event_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, flow> flows_;
  std::map<ip_address, std::size_t> per_source_;
  std::uint64_t last_ = 0;
  arrivals arrived_;
  counters count_; ///< the streams' fields only
};

} // namespace lanrage::net::relay
