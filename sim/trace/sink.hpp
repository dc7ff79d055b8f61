#pragma once

#include "sim/trace/problem.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace lanrage::sim::trace {

/// Where octets go.
class byte_sink {
 public:
  virtual ~byte_sink() = default;
  virtual result<void> write(std::string_view octets) = 0;
};

class text_sink : public byte_sink {
 public:
  result<void> write(std::string_view octets) override {
    text += octets;
    return {};
  }
  std::string text;
};

/// A file that appears whole or not at all: written beside its place under a name of its own, moved
/// there by commit(). Without commit nothing stays behind.
class file_sink : public byte_sink {
 public:
  explicit file_sink(std::filesystem::path place);
  ~file_sink() override;
  file_sink(const file_sink&) = delete;
  file_sink& operator=(const file_sink&) = delete;

  /// Before the first write.
  result<void> open();
  result<void> write(std::string_view octets) override;
  result<void> commit();

 private:
  std::filesystem::path place_;
  std::string temporary_;
  int descriptor_ = -1;
};

} // namespace lanrage::sim::trace
