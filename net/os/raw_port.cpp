#include "net/os/raw_port.hpp"

#include "net/frames.hpp"
#include "net/os/control_message.hpp"
#include "net/os/descriptor.hpp"
#include "net/os/inet_checksum.hpp"
#include "net/os/io_thread.hpp"
#include "net/os/socket_address.hpp"
#include "net/os/source_cache.hpp"
#include "net/os/udp_filter.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <array>
#include <optional>

namespace lanrage::net::os {

namespace {

namespace asio = boost::asio;
using stream = asio::posix::stream_descriptor;

constexpr std::size_t udp_header_octets = 8;
constexpr std::size_t receive_octets = 2'048; // ours have 1,400 at most; longer ones are dropped
constexpr int buffer_octets = 1'024 * 1'024;
/// What WireGuard gives its handshakes. Other than its data's, so that segmentation offload at the
/// receiver does not glue our datagrams to data and hide them from the raw socket.
constexpr int traffic_class = 0x88;

struct family_options {
  int family;
  int level;
  int packet_info;
  int packet_info_wanted;
  int tos;
};
constexpr family_options options_v4{AF_INET, IPPROTO_IP, IP_PKTINFO, IP_PKTINFO, IP_TOS};
constexpr family_options options_v6{AF_INET6, IPPROTO_IPV6, IPV6_PKTINFO, IPV6_RECVPKTINFO,
                                    IPV6_TCLASS};

result<void> set_option(int socket, int level, int name, int value, const char* what) {
  if (::setsockopt(socket, level, name, &value, sizeof value) != 0) return last_error(what);
  return {};
}

/// What was queued between creating the socket and attaching the filter is anybody's traffic.
void drain(int socket) {
  char octet;
  while (::recv(socket, &octet, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0) {
  }
}

result<descriptor> open_family(const family_options& family, const raw_port_options& options) {
  descriptor out{::socket(family.family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP)};
  if (!out) return last_error("raw socket");
  const int fd = out.get();
  const bool four = family.family == AF_INET;
  auto done = attach_filter(
      fd, udp_filter(options.port, four ? ip_family::v4 : ip_family::v6, options.spare));
  if (!done) return done.error();
  drain(fd);
  if (!(done = set_option(fd, family.level, family.packet_info_wanted, 1, "packet info")))
    return done.error();
  if (!(done = set_option(fd, family.level, family.tos, traffic_class, "traffic class")))
    return done.error();
  // The kernel puts the checksum at this offset into IPv6 datagrams, pseudo header included.
  if (!four && !(done = set_option(fd, IPPROTO_IPV6, IPV6_CHECKSUM, 6, "IPV6_CHECKSUM")))
    return done.error();
  // Room for a burst of answers while the io thread is elsewhere; without the right to it, less.
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer_octets, "receive buffer"))
    (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, buffer_octets, "receive buffer");
  if (options.mark != 0 &&
      !(done = set_option(fd, SOL_SOCKET, SO_MARK, static_cast<int>(options.mark), "SO_MARK")))
    return done.error();
  return out;
}

bytes udp_datagram(std::uint16_t from, std::uint16_t to, byte_view payload) {
  byte_writer out;
  out.u16(from).u16(to).u16(static_cast<std::uint16_t>(udp_header_octets + payload.size()));
  return out.u16(0).raw(payload).take();
}

void fill_checksum_v4(bytes& datagram, const ip_address& from, const ip_address& to) {
  byte_writer pseudo;
  pseudo.u32(from.to_v4()).u32(to.to_v4()).u16(IPPROTO_UDP);
  pseudo.u16(static_cast<std::uint16_t>(datagram.size()));
  auto sum = inet_checksum({pseudo.view(), datagram});
  if (sum == 0) sum = 0xffff; // zero would mean "none" (RFC 768)
  datagram[6] = static_cast<std::uint8_t>(sum >> 8);
  datagram[7] = static_cast<std::uint8_t>(sum);
}

struct arrival {
  ip_address local;
  unsigned interface = 0;
};

arrival read_packet_info(msghdr& header) {
  arrival out;
  for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      out = {from_in(info.ipi_addr), static_cast<unsigned>(info.ipi_ifindex)};
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      out = {from_in6(info.ipi6_addr), info.ipi6_ifindex};
    }
  }
  return out;
}

/// The UDP datagram inside what a raw socket delivers: IPv4 brings its header along.
std::optional<byte_view> strip_ip(byte_view packet, bool four) {
  if (!four) return packet;
  if (packet.empty()) return std::nullopt;
  const std::size_t header = (packet[0] & 0x0f) * 4u;
  if (header < sizeof(iphdr) || packet.size() < header) return std::nullopt;
  return packet.subspan(header);
}

} // namespace

class raw_port::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(asio::io_context& context, raw_port_options options, handlers handle)
      : context_(context), options_(std::move(options)), handle_(std::move(handle)), v4_(context),
        v6_(context), sources_(options_.mark) {}

  result<void> open() {
    auto four = open_family(options_v4, options_);
    if (!four) return four.error();
    v4_.assign(four->release());
    auto six = open_family(options_v6, options_);
    if (!six) // unreachable: the kernel has no IPv6
      return six.error().code == errc::unreachable ? result<void>{} : six.error();
    v6_.assign(six->release());
    return {};
  }

  void start() {
    asio::post(context_, [self = shared_from_this()] {
      self->wait(self->v4_, true);
      if (self->v6_.is_open()) self->wait(self->v6_, false);
    });
  }

  void post_send(const endpoint& to, std::shared_ptr<const bytes> payload, std::uint16_t from) {
    asio::post(context_, [self = shared_from_this(), to, payload = std::move(payload), from] {
      if (self->closed_) return;
      const auto sent = self->send(from == 0 ? self->options_.port : from, to, *payload);
      if (!sent && self->handle_.undelivered) self->handle_.undelivered(to, sent.error());
    });
  }

  void post_routes_changed() {
    asio::post(context_, [self = shared_from_this()] { self->sources_.clear(); });
  }

  void post_close() {
    asio::post(context_, [self = shared_from_this()] { self->close(); });
  }

 private:
  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    if (v4_.is_open()) v4_.close(ignored);
    if (v6_.is_open()) v6_.close(ignored);
    handle_ = {};
  }

  void lose(const error& why) {
    if (closed_) return;
    const auto tell = std::move(handle_.failed);
    close();
    if (tell) tell(why);
  }

  void wait(stream& socket, bool four) {
    if (closed_) return;
    socket.async_wait(stream::wait_read, [self = shared_from_this(), &socket, four](auto problem) {
      if (self->closed_ || problem == asio::error::operation_aborted) return;
      if (problem) return self->lose(system_error(problem.value(), "wait for datagrams"));
      for (int i = 0; i < datagrams_per_turn && !self->closed_; ++i)
        if (!self->receive(socket.native_handle(), four)) break;
      self->wait(socket, four);
    });
  }

  /// Takes one datagram; false when there was none.
  bool receive(int fd, bool four) {
    std::array<std::uint8_t, receive_octets> buffer;
    alignas(cmsghdr) std::array<char, 128> control;
    socket_address from;
    iovec vector{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_name = from.data();
    header.msg_namelen = sizeof from.storage;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const auto size = ::recvmsg(fd, &header, MSG_DONTWAIT);
    if (size < 0) {
      if (errno == EAGAIN || errno == EINTR) return false;
      if (errno == EBADF || errno == ENOTSOCK) lose(last_error("receive"));
      return false; // the rest is about one datagram (a queued ICMP error)
    }
    if ((header.msg_flags & MSG_TRUNC) != 0) return true;
    const auto packet = byte_view{buffer}.first(static_cast<std::size_t>(size));
    if (const auto datagram = strip_ip(packet, four))
      deliver(*datagram, from, read_packet_info(header));
    return true;
  }

  void deliver(byte_view datagram, const socket_address& from, const arrival& at) {
    byte_reader in{datagram};
    const auto source_port = in.u16();
    const auto own_port = in.u16(); // the filter checked it
    const auto length = in.u16();
    if (!in.ok() || length < udp_header_octets || length > datagram.size()) return;
    if (length - udp_header_octets > frame_size_max || came_through_tunnel(at.interface)) return;
    auto source = from_socket_address(from.data());
    if (!source || source_port == 0) return;
    source->port = source_port; // a raw socket reports the protocol there
    const auto payload = datagram.subspan(udp_header_octets, length - udp_header_octets);
    if (handle_.received)
      handle_.received({*source, at.local, bytes(payload.begin(), payload.end()),
                        own_port == options_.port ? std::uint16_t{0} : own_port});
  }

  /// Asked each time, because an interface that is made anew has another index.
  bool came_through_tunnel(unsigned interface) const {
    if (options_.tunnel.empty() || interface == 0) return false;
    char name[IF_NAMESIZE]{};
    return ::if_indextoname(interface, name) != nullptr && options_.tunnel == name;
  }

  result<void> send(std::uint16_t from, const endpoint& to, byte_view payload) {
    if (!to.valid() || payload.size() > frame_size_max)
      return fail(errc::bad_frame, "cannot send to " + to_string(to));
    if (!to.address.is_v4()) return send_v6(from, to, payload);
    auto sent = send_v4(from, to, payload);
    // The address we computed with may have gone this very moment: ask anew, once.
    if (!sent && sent.error().code == errc::unreachable) {
      sources_.clear();
      sent = send_v4(from, to, payload);
    }
    return sent;
  }

  result<void> send_v4(std::uint16_t from, const endpoint& to, byte_view payload) {
    const auto source = sources_.source_for(to.address);
    if (!source) return source.error();
    auto datagram = udp_datagram(from, to.port, payload);
    fill_checksum_v4(datagram, *source, to.address);
    in_pktinfo info{};
    info.ipi_spec_dst = to_in(*source); // the very address the checksum was made for
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof info)> control{};
    msghdr header{};
    header.msg_control = control.data();
    put_control_message(header, IPPROTO_IP, IP_PKTINFO, info);
    return write(v4_.native_handle(), header, to, datagram);
  }

  result<void> send_v6(std::uint16_t from, const endpoint& to, byte_view payload) {
    if (!v6_.is_open()) return fail(errc::unreachable, "this kernel has no IPv6");
    auto datagram = udp_datagram(from, to.port, payload);
    msghdr header{};
    return write(v6_.native_handle(), header, to, datagram);
  }

  result<void> write(int fd, msghdr& header, const endpoint& to, bytes& datagram) {
    auto remote = to_socket_address({to.address, 0}); // raw sockets have no ports
    iovec vector{datagram.data(), datagram.size()};
    header.msg_name = remote.data();
    header.msg_namelen = remote.size;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (::sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
    // The kernel says EINVAL for a source address that is no longer ours.
    const int number = errno == EINVAL ? EADDRNOTAVAIL : errno;
    return system_error(number, "send to " + to_string(to));
  }

  asio::io_context& context_;
  const raw_port_options options_;
  handlers handle_;
  stream v4_;
  stream v6_;
  source_cache sources_;
  bool closed_ = false;
};

result<std::unique_ptr<raw_port>> raw_port::open(asio::io_context& context,
                                                 raw_port_options options, handlers handle) {
  auto state = std::make_shared<impl>(context, std::move(options), std::move(handle));
  if (const auto opened = state->open(); !opened) return opened.error();
  state->start();
  return std::unique_ptr<raw_port>{new raw_port{std::move(state)}};
}

raw_port::~raw_port() {
  impl_->post_close();
}

void raw_port::send(const endpoint& to, std::shared_ptr<const bytes> payload,
                    std::uint16_t from_port) {
  impl_->post_send(to, std::move(payload), from_port);
}

void raw_port::routes_changed() {
  impl_->post_routes_changed();
}

} // namespace lanrage::net::os
