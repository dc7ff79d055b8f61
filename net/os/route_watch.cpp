#include "net/os/route_watch.hpp"

#include "net/os/descriptor.hpp"
#include "net/os/socket_address.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <map>

namespace lanrage::net::os {

namespace {

namespace asio = boost::asio;
using stream = asio::posix::stream_descriptor;

constexpr std::uint32_t groups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
constexpr std::size_t receive_octets = 64 * 1'024;

bool usable(const ip_address& address) {
  const bool multicast =
      address.is_v4() ? (address.to_v4() >> 28) == 0xe : address.octets().front() == 0xff;
  return !address.is_unspecified() && !address.is_loopback() && !address.is_link_local() &&
         !multicast;
}

result<descriptor> open_socket() {
  descriptor out{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
  if (!out) return last_error("netlink socket");
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_groups = groups;
  if (::bind(out.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
    return last_error("netlink bind");
  return out;
}

std::string name_of(unsigned index) {
  char name[IF_NAMESIZE]{};
  return ::if_indextoname(index, name) != nullptr ? name : "";
}

/// The fixed part of a netlink message, when the message is long enough for it.
template <class Body>
const Body* body_of(const nlmsghdr& message) {
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof(Body))) return nullptr;
  return static_cast<const Body*>(NLMSG_DATA(&message));
}

/// IFLA_IFNAME: a deleted interface can no longer be asked for its name.
std::string link_name(const nlmsghdr& message) {
  const auto* body = body_of<ifinfomsg>(message);
  auto left = static_cast<int>(IFLA_PAYLOAD(&message));
  for (const auto* a = IFLA_RTA(body); RTA_OK(a, left); a = RTA_NEXT(a, left))
    if (a->rta_type == IFLA_IFNAME) {
      const auto* text = static_cast<const char*>(RTA_DATA(a));
      return {text, ::strnlen(text, RTA_PAYLOAD(a))};
    }
  return {};
}

} // namespace

result<std::vector<ip_address>> local_addresses(const std::string& except) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return last_error("getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all{first, ::freeifaddrs};
  std::vector<ip_address> out;
  for (const auto* at = first; at != nullptr; at = at->ifa_next) {
    const auto address = from_socket_address(at->ifa_addr);
    if (!address || (at->ifa_flags & IFF_UP) == 0 || (at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    if (!usable(address->address) || (!except.empty() && except == at->ifa_name)) continue;
    out.push_back(address->address);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string_view to_string(network_event event) {
  switch (event) {
  case network_event::address:
    return "address";
  case network_event::default_route:
    return "default route";
  case network_event::link:
    return "link";
  case network_event::link_gone:
    return "link gone";
  case network_event::overrun:
    return "overrun";
  }
  return "unknown";
}

class route_watch::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(asio::io_context& context, handlers handle)
      : context_(context), handle_(std::move(handle)), socket_(context) {}

  result<void> open() {
    auto opened = open_socket();
    if (!opened) return opened.error();
    socket_.assign(opened->release());
    return {};
  }

  void start() {
    asio::post(context_, [self = shared_from_this()] { self->wait(); });
  }

  void post_close() {
    asio::post(context_, [self = shared_from_this()] { self->close(); });
  }

 private:
  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    if (socket_.is_open()) socket_.close(ignored);
    handle_ = {};
  }

  void lose(const error& why) {
    const auto tell = std::move(handle_.failed);
    close();
    if (tell) tell(why);
  }

  void wait() {
    if (closed_) return;
    socket_.async_wait(stream::wait_read, [self = shared_from_this()](auto problem) {
      if (self->closed_ || problem == asio::error::operation_aborted) return;
      if (problem) return self->lose(system_error(problem.value(), "wait for netlink"));
      while (!self->closed_ && self->receive()) {
      }
      self->wait();
    });
  }

  bool receive() {
    alignas(nlmsghdr) static thread_local std::array<char, receive_octets> buffer;
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const auto size = ::recvfrom(socket_.native_handle(), buffer.data(), buffer.size(),
                                 MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0 && errno == ENOBUFS) {
      tell(network_event::overrun, {});
      return true;
    }
    if (size <= 0) {
      if (size < 0 && errno != EAGAIN && errno != EINTR) lose(last_error("netlink"));
      return false;
    }
    if (from.nl_pid != 0) return true; // only the kernel's word counts
    auto left = static_cast<unsigned>(size);
    for (const auto* m = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(m, left);
         m = NLMSG_NEXT(m, left))
      read(*m);
    return true;
  }

  void read(const nlmsghdr& message) {
    switch (message.nlmsg_type) {
    case RTM_NEWADDR:
    case RTM_DELADDR:
      if (const auto* body = body_of<ifaddrmsg>(message))
        tell(network_event::address, name_of(body->ifa_index));
      break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      if (const auto* body = body_of<rtmsg>(message); body && body->rtm_dst_len == 0)
        tell(network_event::default_route, {});
      break;
    case RTM_NEWLINK:
      if (const auto* body = body_of<ifinfomsg>(message)) read_link(*body, link_name(message));
      break;
    case RTM_DELLINK:
      if (const auto* body = body_of<ifinfomsg>(message)) {
        links_.erase(body->ifi_index);
        tell(network_event::link_gone, link_name(message));
      }
      break;
    default:
      break;
    }
  }

  /// The kernel repeats RTM_NEWLINK for many things; only going up or down counts.
  void read_link(const ifinfomsg& body, const std::string& name) {
    const bool up = (body.ifi_flags & IFF_UP) != 0 && (body.ifi_flags & IFF_RUNNING) != 0;
    const auto [known, fresh] = links_.try_emplace(body.ifi_index, up);
    if (!fresh && known->second == up) return;
    known->second = up;
    tell(network_event::link, name);
  }

  void tell(network_event event, const std::string& interface) {
    if (handle_.changed) handle_.changed(event, interface);
  }

  asio::io_context& context_;
  handlers handle_;
  stream socket_;
  std::map<int, bool> links_; // interface index: up
  bool closed_ = false;
};

result<std::unique_ptr<route_watch>> route_watch::open(asio::io_context& context, handlers handle) {
  auto state = std::make_shared<impl>(context, std::move(handle));
  if (const auto opened = state->open(); !opened) return opened.error();
  state->start();
  return std::unique_ptr<route_watch>{new route_watch{std::move(state)}};
}

route_watch::~route_watch() {
  impl_->post_close();
}

} // namespace lanrage::net::os
