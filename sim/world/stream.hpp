#pragma once

#include "net/random.hpp"
#include "sim/world/moment.hpp"

#include <cstdint>
#include <string_view>

namespace lanrage::sim {

/// A stream of random integers of its own, named after the component or link that draws from it: a
/// new draw in one place does not shift another's. Same seed and name, same integers everywhere.
class stream {
 public:
  stream(std::uint64_t seed, std::string_view name) : words_(first_word(seed, name)) {}

  std::uint64_t next() { return words_.next(); }
  /// Below `bound`; 0 for a bound of 0. The bias of the remainder is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  bool chance_ppm(std::uint32_t parts_per_million) {
    return parts_per_million != 0 && below(1'000'000) < parts_per_million;
  }
  /// From [0, most].
  duration up_to(duration most) {
    return duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most.count()) + 1))};
  }

 private:
  static std::uint64_t first_word(std::uint64_t seed, std::string_view name) {
    std::array<std::uint8_t, 8> raw{};
    net::seeded_random(seed, name)(raw);
    return net::byte_reader{raw}.u64();
  }
  net::splitmix64 words_;
};

} // namespace lanrage::sim
