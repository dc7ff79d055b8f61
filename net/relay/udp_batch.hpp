#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/errc.hpp"
#include "net/os/descriptor.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

namespace lanrage::net::relay {

/// Datagrams per system call. Ours: beyond this the call is a small part of a packet's cost.
inline constexpr std::size_t batch_size = 64;
/// Octets per receive buffer: an Ethernet frame's worth of WireGuard, and some.
inline constexpr std::size_t datagram_max = 2048;

/// A bound, non-blocking UDP socket of one family, with buffers of `buffer` octets (or what the
/// system allows). Port 0 takes any; `local` says which.
struct udp_socket {
  os::descriptor fd;
  endpoint local;
  static result<udp_socket> open(const endpoint& where, std::size_t buffer);
};

/// Room for one recvmmsg. What it received stays in place until the next call.
class receive_batch {
 public:
  receive_batch();
  receive_batch(const receive_batch&) = delete;
  receive_batch& operator=(const receive_batch&) = delete;

  /// How many arrived; 0 when nothing is there (or the socket reported a passing error).
  std::size_t receive(int fd);
  /// Nothing when it was larger than a buffer.
  std::optional<byte_view> datagram(std::size_t i) const;
  endpoint from(std::size_t i) const;

 private:
  std::vector<std::array<std::uint8_t, datagram_max>> buffers_;
  std::array<sockaddr_in6, batch_size> names_{};
  std::array<iovec, batch_size> parts_{};
  std::array<mmsghdr, batch_size> heads_{};
};

/// Room for one sendmmsg. Payloads are only looked at: they must live until `flush`.
class send_batch {
 public:
  struct outcome {
    std::size_t failed = 0;    ///< refused one by one (no route, too large, a filter)
    std::size_t congested = 0; ///< the socket's buffer was full; the rest of the batch is dropped
  };

  bool full() const { return count_ == batch_size; }
  /// Only when not full.
  void add(const endpoint& to, byte_view payload);
  outcome flush(int fd);

 private:
  std::size_t count_ = 0;
  std::array<sockaddr_in6, batch_size> names_{};
  std::array<iovec, batch_size> parts_{};
  std::array<mmsghdr, batch_size> heads_{};
};

} // namespace lanrage::net::relay
