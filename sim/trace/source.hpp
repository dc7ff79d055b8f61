#pragma once

#include "sim/trace/problem.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lanrage::sim::trace {

/// Octets in order, from wherever.
class byte_source {
 public:
  virtual ~byte_source() = default;
  /// At most into.size() octets; 0 at the end.
  virtual result<std::size_t> read(std::span<char> into) = 0;
};

/// Something to read, possibly more than once: a name for messages, and how to open it.
struct input {
  std::string name;
  std::function<result<std::unique_ptr<byte_source>>()> open;
};

/// A file. Every open() shares one descriptor, each reading at a place of its own, so that a
/// thousand readers of a file are no thousand descriptors. A pipe can be read once.
result<input> file_input(const std::filesystem::path& path);

/// A text in memory, which the caller keeps alive.
input text_input(std::string name, std::string_view text);

} // namespace lanrage::sim::trace
