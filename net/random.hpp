#pragma once

#include "net/crypto.hpp"

#include <cstdint>
#include <memory>

namespace lanrage::net {

/// splitmix64: small, fast, the same octets on every machine. For what need not be secret.
class splitmix64 {
 public:
  static constexpr std::uint64_t increment = 0x9E3779B97F4A7C15;

  explicit splitmix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return mix(state_ += increment); }

  /// Its finaliser: every bit of the result depends on every bit of the word.
  static constexpr std::uint64_t mix(std::uint64_t word) {
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB;
    return word ^ (word >> 31);
  }

 private:
  std::uint64_t state_;
};

/// The octets of a stream, one word after the other. Copies share their state.
inline random_source octets_of(std::shared_ptr<splitmix64> stream) {
  return [stream = std::move(stream)](std::span<std::uint8_t> out) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (i % 8 == 0) word = stream->next();
      out[i] = static_cast<std::uint8_t>(word >> (8 * (i % 8)));
    }
  };
}

/// A stream of its own per name, so that one component's draws do not move another's. Copies share
/// their state.
inline random_source seeded_random(std::uint64_t seed, std::string_view name) {
  byte_writer key;
  key.u64(seed);
  const auto digest = blake2s({key.view(), as_bytes(name)});
  byte_reader first{digest};
  return octets_of(std::make_shared<splitmix64>(first.u64()));
}

} // namespace lanrage::net
