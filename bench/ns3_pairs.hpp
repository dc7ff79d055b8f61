#pragma once

#include <cstdint>

/// The peer of the simulation's benchmark: ns-3, a discrete-event network simulator.
namespace lanrage::bench {

struct ns3_figures {
  std::uint64_t round_trips = 0;
  std::uint64_t events = 0;
  double cpu_s = 0; ///< of the run; building the network is not in it
};

/// `nodes` in pairs, each pair with a point-to-point link of its own of 1 to 80 ms one way; the
/// first of each pair sends 64 octets by UDP over IPv4 each second, the other one echoes them. One
/// thread, ns-3's default scheduler. `queues`: with ns-3's default queue discipline (fq_codel).
ns3_figures run_ns3_pairs(std::uint32_t nodes, std::uint32_t virtual_s, bool queues);

} // namespace lanrage::bench
