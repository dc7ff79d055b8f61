#include "sim/world/link.hpp"

#include <algorithm>
#include <array>

namespace lanrage::sim {

namespace {
constexpr std::uint64_t ns_per_s = 1'000'000'000;
} // namespace

const char* to_string(drop_cause cause) {
  static constexpr std::array<const char*, drop_causes> names{
      "none",        "loss",      "unreachable",   "partitioned", "mtu",
      "queue",       "no_route",  "node_down",     "nat_filter",  "nat_hairpin",
      "nat_blocked", "nat_ports", "too_many_hops", "fault"};
  return names[static_cast<std::size_t>(cause)];
}

time_point link::arrival(time_point depart, duration on_the_way) {
  auto at = depart + on_the_way;
  if (settings_.jitter.count() > 0) at += random_.up_to(settings_.jitter);
  if (settings_.fifo) at = std::max(at, last_arrival_);
  last_arrival_ = std::max(last_arrival_, at);
  return at;
}

transit link::pass(time_point now, std::size_t octets) {
  if (blocked_) return {drop_cause::partitioned, {}, {}};
  if (octets > settings_.mtu) return {drop_cause::mtu, {}, {}};
  const auto number = packets_++;
  passage base{passage::fate::delivered, settings_.delay};
  if (settings_.source) base = settings_.source->next(now, number);
  if (base.what == passage::fate::unreachable) return {drop_cause::unreachable, {}, {}};
  if (base.what == passage::fate::lost || random_.chance_ppm(settings_.loss_ppm))
    return {drop_cause::loss, {}, {}};

  auto depart = now;
  if (settings_.bits_per_s != 0) {
    const auto start = std::max(now, busy_until_);
    const auto waiting = static_cast<std::uint64_t>((start - now).count());
    // Octets ahead of this one: waiting time x rate.
    if (waiting / 8 * settings_.bits_per_s / ns_per_s > settings_.queue_octets)
      return {drop_cause::queue, {}, {}};
    depart =
        start + duration{static_cast<std::int64_t>(octets * 8 * ns_per_s / settings_.bits_per_s)};
    busy_until_ = depart;
  }
  transit out;
  out.at = arrival(depart, base.after);
  if (random_.chance_ppm(settings_.duplicate_ppm)) out.duplicate = arrival(depart, base.after);
  return out;
}

} // namespace lanrage::sim
