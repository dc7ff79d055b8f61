#pragma once

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace lanrage::lab {

/// A laboratory step that did not work; what() says which step and why. The laboratory throws
/// because its parts are built in constructors and must unwind when they are built half-way.
class failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws a failure "WHAT: <text of errno>".
[[noreturn]] inline void throw_errno(const std::string& what, int error = errno) {
  throw failure(what + ": " + std::strerror(error));
}

} // namespace lanrage::lab
