#pragma once

#include "net/endpoint.hpp"
#include "net/gate.hpp"
#include "net/keys.hpp"
#include "net/random.hpp"
#include "net/relay/limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

namespace lanrage::net::relay {

/// A hash that outsiders cannot steer without the seed: what they choose (addresses, keys) must not
/// pick their bucket.
class seeded_hash {
 public:
  explicit seeded_hash(std::uint64_t seed = 0) : seed_(seed) {}

  std::size_t operator()(byte_view octets) const {
    auto state = seed_ ^ octets.size();
    std::size_t at = 0;
    for (; at + 8 <= octets.size(); at += 8)
      state = step(state, word(octets.data() + at, 8));
    if (at < octets.size()) state = step(state, word(octets.data() + at, octets.size() - at));
    return state;
  }
  std::size_t operator()(const endpoint& where) const {
    return step((*this)(byte_view{where.address.octets()}), where.port);
  }
  template <class Tag, std::size_t N>
  std::size_t operator()(const opaque<Tag, N>& value) const {
    return (*this)(value.view());
  }

 private:
  static std::uint64_t word(const std::uint8_t* from, std::size_t count) {
    std::uint64_t out = 0;
    std::memcpy(&out, from, count);
    return out;
  }
  std::uint64_t step(std::uint64_t state, std::uint64_t value) const {
    return splitmix64::mix((state ^ value) * splitmix64::increment + seed_);
  }

  std::uint64_t seed_;
};

/// Rates per source address for sources that have proven nothing: a fixed table, so a flood of
/// invented addresses costs no memory. Sources that fall into the same place share its rate.
/// A source is an IPv4 address or an IPv6 /64, since a subscriber owns at least that.
class source_gates {
 public:
  static constexpr std::size_t places = 1 << 16;

  /// `burst`: how much of the rate may come at once. With none, admissions are evenly spaced:
  /// never more than `per_second` in any second.
  source_gates(std::uint64_t seed, std::uint32_t per_second, std::chrono::nanoseconds burst)
      : gates_(places), hash_(seed), gap_(std::chrono::nanoseconds{std::chrono::seconds{1}} /
                                          std::max<std::uint32_t>(per_second, 1)),
        burst_(burst) {}

  bool admit(const ip_address& source, steady_time now) {
    const auto octets = byte_view{source.octets()};
    const auto prefix = source.is_v4() ? octets : octets.first(8);
    return gates_[hash_(prefix) % gates_.size()].admit(now, gap_, burst_);
  }

 private:
  std::vector<gate> gates_;
  seeded_hash hash_;
  std::chrono::nanoseconds gap_;
  std::chrono::nanoseconds burst_;
};

} // namespace lanrage::net::relay
