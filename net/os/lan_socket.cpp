#include "net/os/lan_socket.hpp"

#include "net/os/control_message.hpp"
#include "net/os/descriptor.hpp"
#include "net/os/io_thread.hpp"
#include "net/os/socket_address.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

namespace lanrage::net::os {

namespace {

namespace asio = boost::asio;
using stream = asio::posix::stream_descriptor;

constexpr std::size_t receive_octets = 2'048; // ours are shorter; longer ones are dropped

/// Interfaces that multicast makes sense on, by number.
using interface_map = std::map<unsigned, std::string>;

/// Part of a bridge or a bond, which has the addresses. A machine with containers has many of
/// these, and the kernel lets one socket join only twenty times.
bool is_part_of_another(const std::string& name) {
  std::error_code ignored;
  return std::filesystem::exists("/sys/class/net/" + name + "/master", ignored);
}

result<interface_map> usable_interfaces(const lan_socket_options& options) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return last_error("getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all{first, ::freeifaddrs};
  constexpr unsigned wanted = IFF_UP | IFF_RUNNING | IFF_MULTICAST;
  constexpr unsigned unwanted = IFF_LOOPBACK | IFF_POINTOPOINT;
  interface_map out;
  for (const auto* each = all.get(); each != nullptr; each = each->ifa_next) {
    if ((each->ifa_flags & wanted) != wanted || (each->ifa_flags & unwanted) != 0) continue;
    const std::string name = each->ifa_name;
    const auto& avoid = options.avoid;
    if (name == options.tunnel || std::find(avoid.begin(), avoid.end(), name) != avoid.end())
      continue;
    if (is_part_of_another(name)) continue;
    if (const auto index = ::if_nametoindex(name.c_str()); index != 0) out[index] = name;
  }
  return out;
}

struct family {
  bool four;
  int domain;
  int level;
  int packet_info_wanted;
  int multicast_ttl;
  int unicast_ttl;
  int loop;
  int all;
};
constexpr family v4_family{true,   AF_INET,           IPPROTO_IP,      IP_PKTINFO, IP_MULTICAST_TTL,
                           IP_TTL, IP_MULTICAST_LOOP, IP_MULTICAST_ALL};
constexpr family v6_family{false,
                           AF_INET6,
                           IPPROTO_IPV6,
                           IPV6_RECVPKTINFO,
                           IPV6_MULTICAST_HOPS,
                           IPV6_UNICAST_HOPS,
                           IPV6_MULTICAST_LOOP,
                           IPV6_MULTICAST_ALL};

result<void> set_flag(int socket, int level, int name, int value, const char* what) {
  if (::setsockopt(socket, level, name, &value, sizeof value) != 0) return last_error(what);
  return {};
}

result<descriptor> open_family(const family& of, std::uint16_t port) {
  descriptor out{::socket(of.domain, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP)};
  if (!out) return last_error("socket of the local network");
  const int fd = out.get();
  result<void> done;
  const auto set = [&](int level, int name, int value, const char* what) {
    if (done) done = set_flag(fd, level, name, value, what);
  };
  if (!of.four) set(IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY");
  // The successor of a daemon that is ending may come before it has gone.
  set(SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  set(of.level, of.packet_info_wanted, 1, "packet info");
  set(of.level, of.multicast_ttl, 1, "multicast TTL");
  set(of.level, of.unicast_ttl, 1, "TTL");
  set(of.level, of.loop, 0, "multicast loop");
  set(of.level, of.all, 0, "multicast all"); // only what this socket joined
  if (!done) return done.error();
  const auto any = of.four ? ip_address::v4(0) : ip_address{};
  auto own = to_socket_address({any, port});
  if (::bind(fd, own.data(), own.size) != 0)
    return last_error("UDP port " + std::to_string(port) + " for the local network");
  return out;
}

bool join_or_leave(int fd, bool four, const ip_address& group, unsigned interface, bool join) {
  if (four) {
    ip_mreqn wish{};
    wish.imr_multiaddr = to_in(group);
    wish.imr_ifindex = static_cast<int>(interface);
    const int how = join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
    return ::setsockopt(fd, IPPROTO_IP, how, &wish, sizeof wish) == 0 || errno == EADDRINUSE;
  }
  ipv6_mreq wish{};
  std::copy(group.octets().begin(), group.octets().end(), wish.ipv6mr_multiaddr.s6_addr);
  wish.ipv6mr_interface = interface;
  const int how = join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP;
  return ::setsockopt(fd, IPPROTO_IPV6, how, &wish, sizeof wish) == 0 || errno == EADDRINUSE;
}

unsigned arrived_at(msghdr& header) {
  for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      return static_cast<unsigned>(info.ipi_ifindex);
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      return info.ipi6_ifindex;
    }
  }
  return 0;
}

} // namespace

class lan_socket::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(asio::io_context& context, lan_socket_options options, handlers handle)
      : context_(context), options_(std::move(options)), handle_(std::move(handle)), v4_(context),
        v6_(context) {}

  result<void> open() {
    auto four = open_family(v4_family, options_.port);
    if (!four) return four.error();
    v4_.assign(four->release());
    auto six = open_family(v6_family, options_.port);
    if (!six) // unreachable: the kernel has no IPv6
      return six.error().code == errc::unreachable ? result<void>{} : six.error();
    v6_.assign(six->release());
    return {};
  }

  void start() {
    asio::post(context_, [self = shared_from_this()] {
      self->look();
      self->wait(self->v4_, true);
      if (self->v6_.is_open()) self->wait(self->v6_, false);
    });
  }
  void post_send(std::optional<lan_end> to, std::shared_ptr<const bytes> payload) {
    asio::post(context_, [self = shared_from_this(), to, payload = std::move(payload)] {
      if (!self->closed_) self->send(to, *payload);
    });
  }
  void post_refresh() {
    asio::post(context_, [self = shared_from_this()] {
      if (!self->closed_) self->look();
    });
  }
  void post_close() {
    asio::post(context_, [self = shared_from_this()] { self->close(); });
  }

 private:
  /// Joins where an interface came, forgets those that went. An interface that was made anew under
  /// its old number has lost its membership, so all are joined again.
  void look() {
    auto now = usable_interfaces(options_);
    if (!now) return lose(now.error());
    for (const auto& [index, name] : joined_)
      if (!now->contains(index)) membership(index, false);
    std::erase_if(*now, [&](const auto& each) { return !membership(each.first, true); });
    joined_ = std::move(*now);
    std::vector<std::string> names;
    for (const auto& [index, name] : joined_)
      names.push_back(name);
    std::sort(names.begin(), names.end());
    if (handle_.ready) handle_.ready(std::move(names));
  }

  /// True: in at least one family.
  bool membership(unsigned interface, bool join) {
    const bool four = join_or_leave(v4_.native_handle(), true, options_.group_v4, interface, join);
    const bool six = v6_.is_open() &&
                     join_or_leave(v6_.native_handle(), false, options_.group_v6, interface, join);
    return four || six;
  }

  void send(const std::optional<lan_end>& to, byte_view payload) {
    if (to) return send_to(*to, payload);
    for (const auto& [index, name] : joined_) {
      send_to({options_.group_v4, index}, payload);
      if (v6_.is_open()) send_to({options_.group_v6, index}, payload);
    }
  }

  void send_to(const lan_end& to, byte_view payload) {
    if (!joined_.contains(to.interface)) return;
    const bool four = to.address.is_v4();
    if (!four && !v6_.is_open()) return;
    auto remote = to_socket_address({to.address, options_.port});
    if (!four) reinterpret_cast<sockaddr_in6*>(&remote.storage)->sin6_scope_id = to.interface;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    iovec vector{const_cast<std::uint8_t*>(payload.data()), payload.size()};
    msghdr header{};
    header.msg_name = remote.data();
    header.msg_namelen = remote.size;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    if (four) {
      in_pktinfo info{};
      info.ipi_ifindex = static_cast<int>(to.interface);
      put_control_message(header, IPPROTO_IP, IP_PKTINFO, info);
    } else {
      in6_pktinfo info{};
      info.ipi6_ifindex = to.interface;
      put_control_message(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
    // An interface without an address of that family cannot send, and need not.
    (void)::sendmsg((four ? v4_ : v6_).native_handle(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  void wait(stream& socket, bool four) {
    if (closed_) return;
    socket.async_wait(stream::wait_read, [self = shared_from_this(), &socket, four](auto problem) {
      if (self->closed_ || problem == asio::error::operation_aborted) return;
      if (problem) return self->lose(system_error(problem.value(), "wait for datagrams"));
      for (int i = 0; i < datagrams_per_turn && !self->closed_; ++i)
        if (!self->receive(socket.native_handle())) break;
      self->wait(socket, four);
    });
  }

  /// Takes one datagram; false when there was none.
  bool receive(int fd) {
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
      if (errno == EBADF || errno == ENOTSOCK) lose(last_error("receive"));
      return false; // the rest is about one datagram (a queued ICMP error)
    }
    if ((header.msg_flags & MSG_TRUNC) != 0) return true;
    const auto source = from_socket_address(from.data());
    const auto interface = arrived_at(header);
    if (!source || source->port != options_.port || !joined_.contains(interface)) return true;
    const auto payload = byte_view{buffer}.first(static_cast<std::size_t>(size));
    if (handle_.received)
      handle_.received({{source->address, interface}, bytes(payload.begin(), payload.end())});
    return true;
  }

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

  asio::io_context& context_;
  const lan_socket_options options_;
  handlers handle_;
  stream v4_;
  stream v6_;
  interface_map joined_;
  bool closed_ = false;
};

result<std::unique_ptr<lan_socket>> lan_socket::open(asio::io_context& context,
                                                     lan_socket_options options, handlers handle) {
  auto state = std::make_shared<impl>(context, std::move(options), std::move(handle));
  if (const auto opened = state->open(); !opened) return opened.error();
  state->start();
  return std::unique_ptr<lan_socket>{new lan_socket{std::move(state)}};
}

lan_socket::~lan_socket() {
  impl_->post_close();
}

void lan_socket::send(std::optional<lan_end> to, std::shared_ptr<const bytes> payload) {
  impl_->post_send(to, std::move(payload));
}

void lan_socket::refresh() {
  impl_->post_refresh();
}

} // namespace lanrage::net::os
