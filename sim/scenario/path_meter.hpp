#pragma once

#include "sim/report/recorder.hpp"
#include "sim/world.hpp"

#include <vector>

namespace lanrage::sim::scenario {

/// Looks at the links of a world without sending anything: the recorded run is the same run.
class path_meter final : public report::meter {
 public:
  /// All but `nats` must outlive it; members and relays by their numbers in the scenario.
  path_meter(world& in, const std::vector<member_id>& members,
             const std::vector<relay_number>& relays);

  std::optional<duration> one_way(std::uint32_t from, std::uint32_t to, report::path over) override;
  bool may_be_direct(std::uint32_t a, std::uint32_t b) override;

 private:
  /// The links from a node outwards, to where it meets another one.
  std::vector<node_id> outwards(node_id from);
  enum class carrier : std::uint8_t {
    udp,
    tls, ///< also out of a network that blocks UDP, to a relay
  };
  std::optional<duration> along(node_id from, node_id to, carrier by);
  std::optional<duration> across(std::optional<duration> so_far, node_id from, node_id to);

  world& world_;
  const std::vector<member_id>& members_;
  const std::vector<relay_number>& relays_;
};

} // namespace lanrage::sim::scenario
