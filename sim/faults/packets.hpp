#pragma once

#include "sim/faults/part.hpp"
#include "sim/trace/replay.hpp"

#include <map>
#include <set>

/// Faults of packets under way. Only for the engine.
namespace lanrage::sim::faults {

/// F1 to F12 and F66 on links, F15 to F19 at boxes, F21 to F24, F27, F29, F30 and F32 at relays,
/// F33 and F49 at members: all that is done to a datagram, or to the path that a control connection
/// takes.
class packet_part final : public part, private packet_faults {
 public:
  explicit packet_part(context& in);
  ~packet_part() override;

  bool does(int id) const override;
  void prepare(active& what) override;
  void begin(active& what) override;
  void end(active& what) override;
  void places_changed() override;

 private:
  /// What one fault remembers of one direction of a link.
  struct direction {
    stream random;
    bool losing = false; ///< in a burst
    time_point busy_until{};
    std::int64_t step = -1;
    duration step_by{};
    time_point clogged{};
    time_point freed{};
  };
  struct recording {
    std::string text;
    std::optional<trace::replay> along;
  };
  struct entry {
    active* of = nullptr;
    std::vector<bool> on; ///< by node; faces on the internet for links, own nodes else
    std::vector<bool> to;
    bool to_all = true;
    int way = 0; ///< 0 both, 1 out, 2 in
    std::map<std::pair<node_id, node_id>, direction> directions;
    std::map<net::endpoint, std::size_t> met; ///< in the order of their first packet
    std::set<net::endpoint> registered;       ///< F27
    std::unique_ptr<recording> trace;
  };
  struct hop {
    node_id from;
    node_id to;
    packet& what;
    time_point now;
    verdict& out;
  };

  verdict on_hop(node_id from, node_id to, packet& what, time_point now) override;
  std::uint8_t on_box(node_id box, const packet& what, time_point now) override;
  std::uint8_t out_of_ports(node_id box) override;
  bool cuts(node_id from, node_id to) override;

  void resolve(entry& it);
  bool on_link(const entry& it, node_id from, node_id to) const;
  direction& at(entry& it, node_id from, node_id to);
  void open_recording(entry& it);
  void link_fault(entry& it, const hop& at);
  void recorded(entry& it, const hop& at);
  void loss(entry& it, const hop& at);
  void damage(entry& it, const hop& at);
  void rate(entry& it, const hop& at);
  void swizzle(entry& it, const hop& at);
  void path_change(entry& it, const hop& at);
  void relay_fault(entry& it, const hop& at);
  void stun_fault(entry& it, const hop& at);
  void garbage(entry& it, packet& what);
  void half_open(entry& it, const hop& at);
  void drain(entry& it, const hop& at);
  void drop(entry& it, const hop& at);
  void late(entry& it, const hop& at, duration by);
  bool cuts_path(const entry& it, node_id from, node_id to);

  std::vector<std::unique_ptr<entry>> entries_; ///< of all faults, in the plan's order
  std::vector<entry*> now_;                     ///< those that are on
  std::vector<entry*> drains_;                  ///< F27 listens before it begins
};

} // namespace lanrage::sim::faults
