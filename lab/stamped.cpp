#include "lab/stamped.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <ctime>

namespace lanrage::lab {

namespace {

using namespace std::chrono_literals;
using ns = std::chrono::nanoseconds;

ns age_of(msghdr& message) {
  for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS) continue;
    timespec then{}, now{};
    std::memcpy(&then, CMSG_DATA(c), sizeof then);
    ::clock_gettime(CLOCK_REALTIME, &now);
    const ns passed =
        std::chrono::seconds{now.tv_sec - then.tv_sec} + ns{now.tv_nsec - then.tv_nsec};
    return std::clamp<ns>(passed, 0ns, 1s); // the wall clock may be set meanwhile
  }
  return 0ns;
}

} // namespace

void stamp_packets(int socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

std::optional<stamped> receive_stamped(int socket, void* buffer, std::size_t size, void* from,
                                       socklen_t from_size) {
  iovec io{buffer, size};
  alignas(cmsghdr) char control[128];
  msghdr message{};
  message.msg_name = from;
  message.msg_namelen = from_size;
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const auto got = ::recvmsg(socket, &message, MSG_DONTWAIT);
  if (got < 0) return std::nullopt;
  return stamped{std::size_t(got), age_of(message)};
}

} // namespace lanrage::lab
