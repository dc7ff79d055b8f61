#include "net/relay/udp_batch.hpp"

#include "net/os/socket_address.hpp"

#include <cerrno>
#include <cstring>

namespace lanrage::net::relay {

namespace {

/// The forced form passes the system's limit, for root; the plain one takes what is allowed.
void set_buffer(int fd, int forced, int plain, std::size_t octets) {
  const int size = static_cast<int>(octets);
  if (::setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) != 0)
    ::setsockopt(fd, SOL_SOCKET, plain, &size, sizeof size);
}

/// Writes an address where a sendmmsg finds it; sockaddr_in fits into sockaddr_in6.
socklen_t put_address(sockaddr_in6& at, const endpoint& to) {
  if (to.address.is_v4()) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(to.port);
    four.sin_addr = os::to_in(to.address);
    std::memcpy(&at, &four, sizeof four);
    return sizeof four;
  }
  at = {};
  at.sin6_family = AF_INET6;
  at.sin6_port = htons(to.port);
  std::memcpy(&at.sin6_addr, to.address.octets().data(), to.address.octets().size());
  return sizeof at;
}

} // namespace

result<udp_socket> udp_socket::open(const endpoint& where, std::size_t buffer) {
  const auto what = "cannot listen on UDP " + to_string(where);
  const bool four = where.address.is_v4();
  udp_socket out;
  out.fd.reset(::socket(four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!out.fd) return os::last_error(what);
  const int fd = out.fd.get();
  const int on = 1;
  if (!four && ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
    return os::last_error(what);
  set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer);
  set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer);
  // As WireGuard does: fragment rather than lose what is too large for a later link.
  const int no_discovery = four ? IP_PMTUDISC_DONT : IPV6_PMTUDISC_DONT;
  ::setsockopt(fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
               &no_discovery, sizeof no_discovery);
  const auto address = os::to_socket_address(where);
  if (::bind(fd, address.data(), address.size) != 0) return os::last_error(what);
  os::socket_address bound;
  bound.size = sizeof bound.storage;
  if (::getsockname(fd, bound.data(), &bound.size) != 0) return os::last_error(what);
  out.local = os::from_socket_address(bound.data()).value_or(where);
  return out;
}

receive_batch::receive_batch() : buffers_(batch_size) {
  for (std::size_t i = 0; i < batch_size; ++i) {
    parts_[i] = {buffers_[i].data(), buffers_[i].size()};
    heads_[i].msg_hdr.msg_name = &names_[i];
    heads_[i].msg_hdr.msg_iov = &parts_[i];
    heads_[i].msg_hdr.msg_iovlen = 1;
  }
}

std::size_t receive_batch::receive(int fd) {
  for (auto& head : heads_) {
    head.msg_hdr.msg_namelen = sizeof(sockaddr_in6);
    head.msg_hdr.msg_flags = 0;
  }
  const int count = ::recvmmsg(fd, heads_.data(), batch_size, MSG_DONTWAIT, nullptr);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::optional<byte_view> receive_batch::datagram(std::size_t i) const {
  if (heads_[i].msg_hdr.msg_flags & MSG_TRUNC) return std::nullopt;
  return byte_view{buffers_[i].data(), heads_[i].msg_len};
}

endpoint receive_batch::from(std::size_t i) const {
  return os::from_socket_address(reinterpret_cast<const sockaddr*>(&names_[i]))
      .value_or(endpoint{});
}

void send_batch::add(const endpoint& to, byte_view payload) {
  const auto i = count_++;
  // sendmmsg never writes through the payload; iovec just serves both directions.
  parts_[i] = {const_cast<std::uint8_t*>(payload.data()), payload.size()};
  heads_[i].msg_hdr = {};
  heads_[i].msg_hdr.msg_name = &names_[i];
  heads_[i].msg_hdr.msg_namelen = put_address(names_[i], to);
  heads_[i].msg_hdr.msg_iov = &parts_[i];
  heads_[i].msg_hdr.msg_iovlen = 1;
}

send_batch::outcome send_batch::flush(int fd) {
  outcome out;
  std::size_t sent = 0;
  while (sent < count_) {
    const int done = ::sendmmsg(fd, heads_.data() + sent, static_cast<unsigned>(count_ - sent),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done > 0) {
      sent += static_cast<std::size_t>(done);
    } else if (errno == EINTR) {
      continue;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      out.congested = count_ - sent;
      break;
    } else {
      ++out.failed; // the first of the rest; the others may fare better
      ++sent;
    }
  }
  count_ = 0;
  return out;
}

} // namespace lanrage::net::relay
