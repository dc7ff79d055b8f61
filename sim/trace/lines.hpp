#pragma once

#include "sim/trace/source.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::sim::trace {

/// Lines of a text, one at a time in bounded memory: at most limits::line_octets each, UTF-8,
/// without NUL. Anything else is a problem with its line number.
class line_reader {
 public:
  /// What ends a line.
  enum class ends : std::uint8_t {
    any,    ///< LF or CRLF; the last line may have none
    strict, ///< LF, always
  };
  static result<line_reader> open(const input& from, ends how);

  /// The next line without its end, valid until the next call; nullopt at the end of the text.
  result<std::optional<std::string_view>> next();

  std::uint64_t line() const { return line_; } ///< of the last line returned, from 1
  const std::string& name() const { return name_; }
  problem bad(std::string found, std::string expected) const {
    return {name_, line_, std::move(found), std::move(expected), problem::kind::input};
  }

 private:
  line_reader(std::string name, std::unique_ptr<byte_source> from, ends how);
  result<bool> fill();
  result<std::optional<std::string_view>> finished(std::string_view line);

  std::string name_;
  std::unique_ptr<byte_source> from_;
  ends how_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0; ///< of what has not been returned yet
  std::size_t end_ = 0;
  std::uint64_t line_ = 0;
};

/// Whether the text is UTF-8 (RFC 3629: shortest form, no surrogates) without NUL.
bool is_text(std::string_view text);

} // namespace lanrage::sim::trace
