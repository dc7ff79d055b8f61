#pragma once

#include "net/errc.hpp"
#include "sim/world/agenda.hpp"
#include "sim/world/packet.hpp"
#include "sim/world/relay_site.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

namespace lanrage::sim {

/// What streams know of their surroundings, between a member and a relay.
struct stream_paths {
  std::function<bool(node_id member, node_id relay)> reaches;
  std::function<duration(node_id member, node_id relay)> delay; ///< one way
  /// Takes what arrived at either end; says why it ended there, or nothing.
  using taker = std::function<std::string_view()>;
  std::function<void(net::byte_view, const taker&)> arrive;
  std::function<void(net::byte_view, std::string_view why)> lost; ///< on its way
  std::function<void(net::byte_view, int change)> carried;        ///< one more or less under way
};

/// Members' streams to relays (docs/wire.md, "Relay streams"): TCP, so no box that blocks UDP is in
/// their way, nothing is lost or overtaken, and what is sent while the path is cut is dropped by
/// the full queue before it.
class stream_net {
 public:
  /// The member's end. After `closed` nothing more.
  struct listener {
    std::function<void()> opened;
    std::function<std::string_view(net::byte_view)> datagram; ///< why it ended here, or nothing
    std::function<void(const net::error&)> closed;
  };

  stream_net(agenda& time, stream_paths paths) : time_(time), paths_(std::move(paths)) {}

  /// One attempt; the stream's number, which is also its flow's at the relay.
  std::uint64_t open(node_id member, relay_site& relay, listener hears);
  void send(std::uint64_t stream, net::byte_view datagram);
  /// Nothing more is heard of it.
  void close(std::uint64_t stream);
  void close_all(node_id member);

  /// From the relay to the member.
  void answer(std::uint64_t stream, net::byte_view datagram);
  /// The relay's process ended, and its streams with it.
  void relay_ended(const relay_site& relay);
  /// Paths were cut or healed.
  void paths_changed();

 private:
  struct connection {
    node_id member = no_node;
    relay_site* relay = nullptr;
    net::endpoint flow; ///< what the relay knows it by
    listener hears;
    bool opened = false;
    std::uint64_t cuts = 0; ///< odd: cut now
    time_point last_up;
    time_point last_down;
  };
  connection* find(std::uint64_t id);
  bool reaches(const connection& one) const {
    return paths_.reaches(one.member, one.relay->node());
  }
  duration delay(const connection& one) const {
    return paths_.delay(one.member, one.relay->node());
  }
  void finish(std::uint64_t id, const net::error& why);

  agenda& time_;
  stream_paths paths_;
  std::map<std::uint64_t, connection> streams_;
  std::uint64_t last_ = 0;
};

} // namespace lanrage::sim
