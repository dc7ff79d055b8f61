#pragma once

#include "net/crypto.hpp"

#include <cstdint>
#include <memory>

namespace lanrage::net {

/// splitmix64: small, fast, the same octets on every machine. For what need not be secret.
class splitmix64 {
 public:
  explicit splitmix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// A stream of its own per name, so that one component's draws do not move another's. Copies share
/// their state.
inline random_source seeded_random(std::uint64_t seed, std::string_view name) {
  byte_writer key;
  key.u64(seed);
  const auto digest = blake2s({key.view(), as_bytes(name)});
  byte_reader first{digest};
  return [stream = std::make_shared<splitmix64>(first.u64())](std::span<std::uint8_t> out) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (i % 8 == 0) word = stream->next();
      out[i] = static_cast<std::uint8_t>(word >> (8 * (i % 8)));
    }
  };
}

} // namespace lanrage::net
