#include "net/random.hpp"
#include "sim/trace/replay.hpp"

namespace lanrage::sim::trace {
namespace {

/// A number that belongs to its arguments, whoever asks and in whatever order: counter-based, so
/// that one link's questions never move another link's answers.
std::uint64_t drawn(std::uint64_t seed, link_id link, std::uint64_t record) {
  net::splitmix64 first{seed ^ (0x6C696E6B00000000 + index(link))}; // "link"
  net::splitmix64 second{first.next() ^ record};
  return second.next();
}

/// The share of a round trip that the way a>b has, as a fraction.
struct share {
  std::int64_t part;
  std::int64_t whole;
};

share forward_share(const split_rule& split, link_id link, std::uint64_t seed) {
  switch (split.how) {
  case split_rule::kind::half:
    return {1, 2};
  case split_rule::kind::ratio:
    return {split.forward, split.whole};
  case split_rule::kind::seeded:
    // A quarter to three quarters, the same for the whole run: asymmetry is the route's.
    return {256 + static_cast<std::int64_t>(drawn(seed, link, 0) % 513), 1024};
  }
  return {1, 2};
}

} // namespace

fate one_way(const reading& now, const header& head, link_id link, toward to, std::uint64_t seed) {
  const auto about = head.at(link);
  fate out{fate::outcome::unreachable, {}, now.is};
  if (to == toward::a && about.dir == direction::forward) return out;
  const bool round_trip = head.quantity == quantity::rtt;
  switch (now.is) {
  case reading::state::down:
    return out;
  case reading::state::ended:
    out.is = fate::outcome::ended;
    return out;
  case reading::state::unknown:
    if (!about.rules.fallback) return out;
    return {fate::outcome::arrives, *about.rules.fallback, now.is};
  case reading::state::lost: {
    out.is = fate::outcome::lost;
    if (!round_trip || about.dir == direction::forward) return out;
    const bool lost_toward_b = drawn(seed, link, now.record) % 2 == 0;
    if (lost_toward_b == (to == toward::b) || !now.value) return out;
    break;
  }
  case reading::state::sample:
    break;
  }
  out.is = fate::outcome::arrives;
  out.delay = now.value.value_or(nanoseconds{});
  if (!round_trip) return out;
  const auto by = forward_share(head.split, link, seed);
  // value <= 1 h and part <= 1,000,000: below 2^63.
  const auto forward = nanoseconds{out.delay.count() * by.part / by.whole};
  out.delay = to == toward::b ? forward : out.delay - forward;
  return out;
}

} // namespace lanrage::sim::trace
