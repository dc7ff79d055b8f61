#pragma once

#include <cstdint>

namespace lanrage::test {

/// splitmix64: small, portable, the same everywhere.
struct splitmix {
  std::uint64_t state;
  std::uint64_t operator()() {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return (*this)() % n; }
  bool chance(double p) { return static_cast<double>((*this)() >> 11) * 0x1p-53 < p; }
};

} // namespace lanrage::test
