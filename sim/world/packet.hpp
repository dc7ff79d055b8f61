#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"

#include <cstdint>
#include <vector>

namespace lanrage::sim {

using node_id = std::uint32_t;
inline constexpr node_id no_node = 0xffffffff;

/// A UDP datagram under way.
struct packet {
  net::endpoint from;
  net::endpoint to;
  net::bytes data;
  node_id next = no_node; ///< the node it reaches when its event is due
  bool outward = false;   ///< it reaches a NAT box from the inside
  std::uint8_t hops = 0;
  std::uint8_t fault = 0; ///< dropped by this one (sim/faults/kinds.hpp)
};

using packet_slot = std::uint32_t;

/// Packets under way. A slot keeps its buffer when it is reused: a steady flow allocates nothing.
class packet_pool {
 public:
  packet_slot take(const net::endpoint& from, const net::endpoint& to, net::byte_view data) {
    packet_slot slot;
    if (free_.empty()) {
      slot = static_cast<packet_slot>(packets_.size());
      packets_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    auto& p = packets_[slot];
    p.from = from;
    p.to = to;
    p.data.assign(data.begin(), data.end());
    p.next = no_node;
    p.outward = false;
    p.hops = 0;
    p.fault = 0;
    return slot;
  }
  void give_back(packet_slot slot) { free_.push_back(slot); }
  packet& operator[](packet_slot slot) { return packets_[slot]; }
  std::size_t under_way() const { return packets_.size() - free_.size(); }

 private:
  std::vector<packet> packets_;
  std::vector<packet_slot> free_;
};

} // namespace lanrage::sim
