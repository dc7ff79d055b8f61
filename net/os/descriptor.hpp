#pragma once

#include "net/errc.hpp"

#include <string>
#include <utility>

namespace lanrage::net::os {

/// Owns a file descriptor.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(other.release()) {}
  descriptor& operator=(descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~descriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// What an errno means to us, with `what` and the system's own text as detail.
error system_error(int number, const std::string& what);
/// The same for the errno of the call that just failed.
error last_error(const std::string& what);

} // namespace lanrage::net::os
