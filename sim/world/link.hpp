#pragma once

#include "sim/world/moment.hpp"
#include "sim/world/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace lanrage::sim {

/// What becomes of one packet on a path.
struct passage {
  enum class fate : std::uint8_t {
    delivered,
    lost,       ///< as recorded or drawn
    unreachable ///< there is no path at this time
  };
  fate what = fate::delivered;
  duration after{}; ///< delivered: on the way for this long
};

/// Where a link's delays and losses come from: a constant, or a recording. Called once per packet,
/// with times that never decrease; `packet` counts from 0.
class delay_source {
 public:
  virtual ~delay_source() = default;
  virtual passage next(time_point now, std::uint64_t packet) = 0;
};

class constant_delay final : public delay_source {
 public:
  explicit constant_delay(duration after) : after_(after) {}
  passage next(time_point, std::uint64_t) override { return {passage::fate::delivered, after_}; }

 private:
  duration after_;
};

/// One direction between two nodes. Everything but the source applies on top of it.
struct link_settings {
  std::shared_ptr<delay_source> source; ///< absent: `delay`
  duration delay{};
  duration jitter{};                       ///< up to this much more, evenly
  std::uint32_t loss_ppm = 0;              ///< packets lost, per million
  std::uint32_t duplicate_ppm = 0;         ///< packets that arrive twice
  std::uint32_t mtu = 1'500;               ///< octets of an IP packet
  std::uint64_t bits_per_s = 0;            ///< 0: no limit
  std::uint32_t queue_octets = 256 * 1024; ///< that wait for the rate; more are dropped
  bool fifo = true;                        ///< packets do not overtake each other
};

/// Why a packet did not arrive. Every drop has one of these.
enum class drop_cause : std::uint8_t {
  none,
  loss,        ///< on a link
  unreachable, ///< the link's source knows no path now
  partitioned, ///< by order
  mtu,         ///< larger than the link allows
  queue,       ///< the link's rate is used up
  no_route,    ///< nobody has the address
  node_down,   ///< the machine is off
  nat_filter,  ///< no mapping, or not for this sender
  nat_hairpin, ///< the box does not turn packets round
  nat_blocked, ///< the box lets no UDP out
  nat_ports,   ///< no port left to map to
  too_many_hops,
  fault, ///< of a plan: the packet says which
};
inline constexpr std::size_t drop_causes = 14;
const char* to_string(drop_cause cause);

struct transit {
  drop_cause dropped = drop_cause::none;
  time_point at;                       ///< of arrival
  std::optional<time_point> duplicate; ///< a second copy arrives then
};

/// The state of one directed link.
class link {
 public:
  link(link_settings settings, stream random) : settings_(std::move(settings)), random_(random) {}

  /// Pure: what happens to a packet of that many octets (headers included) that starts now.
  transit pass(time_point now, std::size_t octets);

  void use(link_settings settings) { settings_ = std::move(settings); }
  const link_settings& settings() const { return settings_; }
  void block(bool blocked) { blocked_ = blocked; }
  bool blocked() const { return blocked_; }

 private:
  time_point arrival(time_point depart, duration on_the_way);

  link_settings settings_;
  stream random_;
  bool blocked_ = false;
  std::uint64_t packets_ = 0;
  time_point busy_until_{};
  time_point last_arrival_{};
};

} // namespace lanrage::sim
