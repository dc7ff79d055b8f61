#include "net/os/descriptor.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace lanrage::net::os {

namespace {

errc code_of(int number) {
  switch (number) {
  case EPERM:
  case EACCES:
    return errc::not_permitted;
  case ENETUNREACH:
  case EHOSTUNREACH:
  case ENETDOWN:
  case EHOSTDOWN:
  case EADDRNOTAVAIL:
  case EAFNOSUPPORT:
  case ENODEV:
  case ENXIO:
    return errc::unreachable;
  case ETIMEDOUT:
    return errc::timed_out;
  case EEXIST:
  case EADDRINUSE:
    return errc::already_exists;
  case EMFILE:
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
  case EAGAIN:
    return errc::limit_reached;
  case EPIPE:
  case ECONNRESET:
  case EBADF:
    return errc::closed;
  default:
    return errc::internal;
  }
}

} // namespace

void descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

error system_error(int number, const std::string& what) {
  return fail(code_of(number), what + ": " + std::generic_category().message(number));
}

error last_error(const std::string& what) {
  return system_error(errno, what);
}

} // namespace lanrage::net::os
