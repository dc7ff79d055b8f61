#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lanrage::sim::trace {

/// Why an input cannot be used: where it is, what stands there, what would be right.
struct problem {
  enum class kind : std::uint8_t {
    input,  ///< the text is not what it should be
    system, ///< reading or writing itself failed (no such file, disk full)
  };
  std::string file;
  std::uint64_t line = 0; ///< from 1; 0: the file as a whole
  std::string found;
  std::string expected; ///< empty for the system's failures
  kind what = kind::input;

  friend bool operator==(const problem&, const problem&) = default;
};

/// "FILE:LINE: found X, expected Y".
std::string to_string(const problem& trouble);

/// Text of unknown origin for a message: in quotes, harmless to a terminal, at most 60 characters.
std::string in_quotes(std::string_view text);

/// "cannot open FILE: No such file or directory" from errno's number.
problem system_problem(std::string file, std::string_view doing, int error_number);

/// Thrown only where a problem is a defect (`result::value()` on one).
[[noreturn]] void throw_exception_from_error(const problem& trouble, const boost::source_location&);

template <class T>
using result = boost::system::result<T, problem>;

} // namespace lanrage::sim::trace
