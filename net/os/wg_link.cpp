#include "net/os/wg_link.hpp"

#include "net/os/wg_tool.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

namespace lanrage::net::os {

namespace {

error from_errno(const std::string& name, const char* what) {
  const auto number = errno;
  const auto code = number == EPERM || number == EACCES ? errc::not_permitted
                    : number == ENODEV                  ? errc::wg_unavailable
                                                        : errc::wg_refused;
  return fail(code, name + ": " + what + ": " + strerror(number));
}

/// One ioctl on a named link.
class link_request {
 public:
  explicit link_request(const std::string& name)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  }
  link_request(const link_request&) = delete;
  link_request& operator=(const link_request&) = delete;
  ~link_request() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool operator()(unsigned long what) { return fd_ >= 0 && ::ioctl(fd_, what, &request) == 0; }
  ifreq request{};

 private:
  int fd_;
};

/// Lines look like "  42: 00000000:CA6C 00000000:0000 07 ..."; the port is hexadecimal.
bool table_has_port(const char* table, std::uint16_t port) {
  std::ifstream lines{table};
  for (std::string slot, local, rest; lines >> slot >> local && std::getline(lines, rest);) {
    const auto colon = local.rfind(':');
    if (colon == std::string::npos) continue;
    std::uint16_t found = 0;
    std::from_chars(local.data() + colon + 1, local.data() + local.size(), found, 16);
    if (found == port) return true;
  }
  return false;
}

} // namespace

bool valid_interface_name(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c < 128 && (std::isalnum(c) || c == '.' || c == '_' || c == '-');
  });
}

bool link_exists(const std::string& name) {
  return ::if_nametoindex(name.c_str()) != 0;
}

result<void> bring_up(const std::string& name, int mtu) {
  link_request link{name};
  if (!link(SIOCGIFMTU)) return from_errno(name, "its MTU");
  if (link.request.ifr_mtu != mtu) {
    link.request.ifr_mtu = mtu;
    if (!link(SIOCSIFMTU)) return from_errno(name, "setting the MTU");
  }
  if (!link(SIOCGIFFLAGS)) return from_errno(name, "its flags");
  if (link.request.ifr_flags & IFF_UP) return {};
  link.request.ifr_flags = static_cast<short>(link.request.ifr_flags | IFF_UP);
  if (!link(SIOCSIFFLAGS)) return from_errno(name, "bringing it up");
  return {};
}

std::vector<virtual_ip> virtual_ips(const std::string& name) {
  std::vector<virtual_ip> out;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return out;
  for (const auto* one = all; one; one = one->ifa_next) {
    if (name != one->ifa_name || !one->ifa_addr || one->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr, text,
                sizeof text);
    if (const auto address = virtual_ip::parse(text)) out.push_back(*address);
  }
  ::freeifaddrs(all);
  return out;
}

result<void> use_virtual_ip(const std::string& name, const virtual_ip& address) {
  const auto now = virtual_ips(name);
  // The old one first: a second address of the same network would be removed with it.
  for (const auto& old : now)
    if (old != address)
      if (auto done = ip({"addr", "del", to_string(old) + "/16", "dev", name}); !done) return done;
  if (!address.leased()) return {};
  const auto left = virtual_ips(name);
  if (std::find(left.begin(), left.end(), address) != left.end()) return {};
  return ip({"addr", "add", to_string(address) + "/16", "dev", name});
}

bool udp_port_taken(std::uint16_t port) {
  // The calling thread's namespace; /proc/net would be that of the main thread.
  return table_has_port("/proc/thread-self/net/udp", port) ||
         table_has_port("/proc/thread-self/net/udp6", port);
}

bool await_udp_port(std::uint16_t port, std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!udp_port_taken(port)) {
    if (std::chrono::steady_clock::now() >= end) return false;
    ::poll(nullptr, 0, 1); // nothing announces a bind: look once a millisecond
  }
  return true;
}

} // namespace lanrage::net::os
