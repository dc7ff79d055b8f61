#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lanrage::net {

/// One counter of a set, and its name outside of the program.
template <class Counters>
using counter_field = std::pair<std::string_view, std::uint64_t Counters::*>;

/// One JSON object, every counter by name, in the order of the fields.
template <class Counters, std::size_t N>
std::string counters_json(const Counters& values,
                          const std::array<counter_field<Counters>, N>& fields) {
  std::string out = "{";
  for (const auto& [name, field] : fields) {
    if (out.size() > 1) out += ',';
    out += '"';
    out += name;
    out += "\":" + std::to_string(values.*field);
  }
  return out + "}";
}

} // namespace lanrage::net
