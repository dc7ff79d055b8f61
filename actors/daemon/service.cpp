#include "actors/daemon/service.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace lanrage::actors {

void notify_service_manager(std::string_view state) {
  const char* where = std::getenv("NOTIFY_SOCKET");
  if (where == nullptr || *where == '\0') return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(where);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, where, length);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0'; // abstract namespace
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  (void)::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
  ::close(fd);
}

void notify_reloading() {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now().time_since_epoch()); // CLOCK_MONOTONIC
  notify_service_manager("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

std::optional<std::chrono::milliseconds> watchdog_interval() {
  const char* text = std::getenv("WATCHDOG_USEC");
  if (text == nullptr) return std::nullopt;
  const auto every = std::chrono::microseconds{std::strtoull(text, nullptr, 10)};
  if (every <= std::chrono::microseconds::zero()) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(every / 2);
}

net::result<void> drop_capabilities() {
  constexpr auto bit = [](int capability) { return std::uint64_t{1} << capability; };
  constexpr std::uint64_t wanted = bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW);

  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct now[2]{};
  if (::syscall(SYS_capget, &header, now) != 0)
    return net::fail(net::errc::not_permitted, std::string{"capget: "} + std::strerror(errno));
  const std::uint64_t permitted = now[0].permitted | (std::uint64_t{now[1].permitted} << 32);
  // The bounding set only shrinks with CAP_SETPCAP; without it our children cannot gain anything
  // that we do not have anyhow.
  if ((permitted & bit(CAP_SETPCAP)) != 0)
    for (int capability = 0; capability <= CAP_LAST_CAP; ++capability)
      if ((wanted & bit(capability)) == 0) (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);

  const std::uint64_t kept = permitted & wanted;
  __user_cap_data_struct then[2]{};
  for (int half = 0; half < 2; ++half) {
    const auto part = static_cast<std::uint32_t>(kept >> (32 * half));
    then[half].effective = then[half].permitted = part;
  }
  if (::syscall(SYS_capset, &header, then) != 0)
    return net::fail(net::errc::not_permitted, std::string{"capset: "} + std::strerror(errno));
  return {};
}

} // namespace lanrage::actors
