#pragma once

#include "sim/world/event_queue.hpp"
#include "sim/world/link.hpp"
#include "sim/world/nat_box.hpp"
#include "sim/world/packet.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace lanrage::sim {

/// An addressing domain: the internet, or what is behind one NAT box.
using realm_id = std::uint32_t;
inline constexpr realm_id internet = 0;

/// sent + duplicated = delivered + dropped + packets under way, always.
struct fabric_counters {
  std::uint64_t sent = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t delivered = 0;
  std::array<std::uint64_t, drop_causes> dropped{};
  std::uint64_t all_dropped() const;
};

/// What the fabric tells about single packets; for logs and tests.
class fabric_observer {
 public:
  virtual ~fabric_observer() = default;
  virtual void on_sent(node_id, const packet&, time_point) {}
  virtual void on_duplicated(node_id, const packet&, time_point) {}
  virtual void on_delivered(node_id, const packet&, time_point) {}
  virtual void on_dropped(node_id, const packet&, drop_cause, time_point) {}
};

/// What faults do to packets (sim/faults/). Nobody is asked where none are planned.
class packet_faults {
 public:
  virtual ~packet_faults() = default;
  struct verdict {
    std::uint8_t dropped_by = 0;        ///< a fault's id; 0: it goes on
    duration later{};                   ///< on top of what the link takes
    time_point not_before{};            ///< it is held that long
    std::optional<duration> copy_after; ///< a second one arrives so much later
  };
  /// A packet starts from one node to the next one. It may be changed.
  virtual verdict on_hop(node_id from, node_id to, packet& what, time_point now) = 0;
  /// It is at a box: a fault's id drops it there.
  virtual std::uint8_t on_box(node_id box, const packet& what, time_point now) = 0;
  /// The box has no port left: whose doing that is; 0: nobody's.
  virtual std::uint8_t out_of_ports(node_id box) = 0;
  /// Whether nothing passes, for what is not made of packets here: control connections.
  virtual bool cuts(node_id from, node_id to) = 0;
};

/// Nodes, the realms they are in, NAT boxes between realms, and a directed link between any two
/// nodes that talk. Packets wait in the world's one queue of events.
class fabric {
 public:
  fabric(std::uint64_t seed, event_queue& queue);

  // --- what there is ---
  /// IPv6 addresses are known everywhere: what is sent to one goes in through the boxes, or out.
  node_id add_host(std::string name, realm_id realm, std::vector<net::ip_address> addresses);
  /// A box with one face in `outer` and a new realm inside (`inside_of`).
  node_id add_nat(std::string name, realm_id outer, net::ip_address address, nat_settings how);
  realm_id inside_of(node_id nat) const { return nodes_[nat].inside; }
  realm_id realm_of(node_id node) const { return nodes_[node].realm; }
  nat_box& nat(node_id id) { return *nodes_[id].box; }
  /// Moves a host: other addresses, perhaps another realm.
  void move_host(node_id host, realm_id realm, std::vector<net::ip_address> addresses);
  void rebind_nat(node_id nat, net::ip_address address);
  void set_up(node_id node, bool up) { nodes_[node].up = up; }
  const std::string& name(node_id node) const { return nodes_[node].name; }
  const std::vector<net::ip_address>& addresses(node_id node) const {
    return nodes_[node].addresses;
  }
  /// The box between a realm and the one around it.
  node_id gateway_of(realm_id realm) const { return realms_[realm].gateway; }
  bool is_up(node_id node) const { return nodes_[node].up; }
  /// The node that stands for it on the internet: itself, or its outermost box.
  node_id face_of(node_id node) const;

  // --- links ---
  /// Of every link between nodes of the internet that has no settings of its own, now or later.
  void set_default(const link_settings& settings);
  /// The same inside networks.
  void set_inside_default(const link_settings& settings);
  void set_link(node_id from, node_id to, link_settings settings);
  link& link_between(node_id from, node_id to);
  void block(node_id from, node_id to, bool blocked) { link_between(from, to).block(blocked); }
  /// Nodes of the internet in different groups do not reach each other. All start in group 0.
  void set_group(node_id node, std::uint32_t group) { nodes_[node].group = group; }
  void ungroup() {
    for (auto& each : nodes_)
      each.group = 0;
  }
  bool reaches(node_id from, node_id to);
  /// The same two for those who only look: no link comes into being.
  const link_settings& settings_between(node_id from, node_id to) const;
  bool open_between(node_id from, node_id to) const;

  // --- packets ---
  /// A host sends, from an address and port of its own; false when it has no such address family.
  bool send(node_id from, std::uint16_t port, const net::endpoint& to, net::byte_view data,
            time_point now);
  /// To every other host of the realm, as multicast with a TTL of 1: no box passes it on, and on
  /// the internet there is none.
  void send_to_neighbours(node_id from, std::uint16_t port, net::byte_view data, time_point now);
  struct arrival {
    node_id host = no_node;
    packet_slot slot = 0;
  };
  /// The event of a packet is due: it goes on, ends, or arrives at a host. What arrives is counted
  /// as delivered and is given back by the caller.
  std::optional<arrival> advance(packet_slot slot, time_point now);
  packet& at(packet_slot slot) { return pool_[slot]; }
  void give_back(packet_slot slot) { pool_.give_back(slot); }

  const fabric_counters& count() const { return count_; }
  std::size_t under_way() const { return pool_.under_way(); }
  void observe(fabric_observer* observer) { observer_ = observer; }
  void use(packet_faults* faults) { faults_ = faults; }

 private:
  struct place {
    std::string name;
    realm_id realm = internet;
    std::vector<net::ip_address> addresses;
    std::unique_ptr<nat_box> box;
    realm_id inside = internet;
    std::uint32_t group = 0;
    bool up = true;
  };
  struct domain {
    std::map<net::ip_address, node_id> hosts;
    node_id gateway = no_node;
  };
  struct own_link {
    link state;
    bool outside = false;      ///< between nodes of the internet
    bool own_settings = false; ///< else those of its kind
  };

  void route(realm_id in, node_id at, packet_slot slot, time_point now);
  node_id box_towards(const net::ip_address& address, realm_id in) const;
  void hop(node_id from, node_id to, packet_slot slot, bool outward, time_point now);
  void drop(node_id at, packet_slot slot, drop_cause cause, time_point now);
  void drop_by(std::uint8_t fault, node_id at, packet_slot slot, time_point now);
  void copy(node_id from, packet_slot of, time_point arrives, time_point now);
  void through_nat(node_id box, packet_slot slot, time_point now);
  void through_firewall(node_id box, packet_slot slot, time_point now);
  own_link& own(node_id from, node_id to);
  const own_link* known(node_id from, node_id to) const;
  void follow(bool outside, const link_settings& settings);

  std::uint64_t seed_;
  event_queue& queue_;
  packet_pool pool_;
  std::vector<place> nodes_;
  std::vector<domain> realms_;
  std::map<net::ip_address, realm_id> routed_; ///< IPv6 addresses behind boxes
  std::vector<own_link> links_;
  std::unordered_map<std::uint64_t, std::uint32_t> link_index_; ///< looked up, never walked
  link_settings default_;
  link_settings inside_default_;
  fabric_counters count_;
  fabric_observer* observer_ = nullptr;
  packet_faults* faults_ = nullptr;
};

} // namespace lanrage::sim
