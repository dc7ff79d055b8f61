#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace lanrage::test {

/// systemd's end of sd_notify(3).
class service_manager {
 public:
  explicit service_manager(const std::filesystem::path& path) : path_(path.string()) {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot listen on " + path_);
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~service_manager() { ::close(fd_); }
  const std::string& path() const { return path_; }
  /// The next thing it is told.
  std::string hear() {
    char text[512];
    const auto size = ::recv(fd_, text, sizeof text, 0);
    return size > 0 ? std::string{text, static_cast<std::size_t>(size)} : std::string{};
  }

 private:
  std::string path_;
  int fd_;
};

} // namespace lanrage::test
