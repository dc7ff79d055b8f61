#pragma once

#include "net/random.hpp"

#include <cstdint>
#include <memory>

namespace lanrage::test {

/// net::splitmix64 with what tests draw from it. Copies share their state.
class splitmix {
 public:
  explicit splitmix(std::uint64_t seed) : stream_(std::make_shared<net::splitmix64>(seed)) {}
  std::uint64_t next() { return stream_->next(); }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// True with the probability `p`.
  bool chance(double p) { return static_cast<double>(next() >> 11) * 0x1p-53 < p; }
  /// Octets of the same stream, for keys and nonces.
  net::random_source source() const { return net::octets_of(stream_); }

 private:
  std::shared_ptr<net::splitmix64> stream_;
};

} // namespace lanrage::test
