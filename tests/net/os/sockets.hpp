#pragma once

#include "net/bytes.hpp"
#include "net/os/descriptor.hpp"
#include "net/os/socket_address.hpp"

#include <boost/asio/io_context.hpp>

#include <poll.h>
#include <sys/time.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

namespace lanrage::net::os::test {

inline constexpr std::chrono::seconds patience{5}; ///< a test that needs this long has failed

/// Runs handlers until the condition holds or patience ends.
template <class Condition>
bool run_until(boost::asio::io_context& context, Condition holds) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds() && std::chrono::steady_clock::now() < end) {
    context.restart();
    context.run_one_for(std::chrono::milliseconds{50});
  }
  return holds();
}

/// Runs whatever is ready or becomes ready within a moment: for proving that nothing happens, after
/// something that must happen was seen.
inline void run_ready(boost::asio::io_context& context) {
  context.restart();
  context.poll();
}

/// A plain UDP socket, the part of WireGuard or of a remote host.
class udp_socket {
 public:
  explicit udp_socket(const endpoint& at) {
    auto own = to_socket_address(at);
    fd_ = descriptor{::socket(own.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    if (own.storage.ss_family == AF_INET6)
      ::setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (!fd_ || ::bind(fd_.get(), own.data(), own.size) != 0)
      throw std::runtime_error("cannot bind " + to_string(at));
  }
  explicit udp_socket(std::string_view at) : udp_socket(endpoint::parse(at).value()) {}

  int fd() const { return fd_.get(); }

  void send(std::string_view to, byte_view payload) const {
    auto remote = to_socket_address(endpoint::parse(to).value());
    if (::sendto(fd_.get(), payload.data(), payload.size(), 0, remote.data(), remote.size) < 0)
      throw std::runtime_error("sendto");
  }

  /// The next datagram and where it came from; nothing when none arrives in time.
  std::optional<std::pair<bytes, endpoint>>
  receive(std::chrono::milliseconds wait = patience) const {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(wait.count())) != 1) return std::nullopt;
    bytes buffer(2'048);
    socket_address from;
    from.size = sizeof from.storage;
    const auto size =
        ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, from.data(), &from.size);
    if (size < 0) return std::nullopt;
    buffer.resize(static_cast<std::size_t>(size));
    return std::pair{buffer, from_socket_address(from.data()).value()};
  }
  std::optional<std::pair<bytes, endpoint>> already_here() const {
    return receive(std::chrono::milliseconds{0});
  }

 private:
  descriptor fd_;
};

} // namespace lanrage::net::os::test
