#include "net/os/source_cache.hpp"

#include "net/os/descriptor.hpp"
#include "net/os/socket_address.hpp"

namespace lanrage::net::os {

namespace {

/// Bounds the harm of a route change nobody told us about. One look-up costs about 10 us.
constexpr std::chrono::seconds fresh_for{1};
constexpr std::size_t entries_max = 4'096;
constexpr std::uint16_t any_port = 9; // nothing is sent there

/// Connecting a UDP socket sends nothing but makes the kernel choose.
result<ip_address> ask_kernel(const ip_address& to, std::uint32_t mark) {
  auto remote = to_socket_address({to, any_port});
  const descriptor socket{::socket(remote.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket) return last_error("socket");
  if (mark != 0 && ::setsockopt(socket.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
    return last_error("SO_MARK");
  if (::connect(socket.get(), remote.data(), remote.size) != 0)
    return last_error("route to " + to_string(to));
  socket_address own;
  own.size = sizeof own.storage;
  if (::getsockname(socket.get(), own.data(), &own.size) != 0) return last_error("getsockname");
  const auto source = from_socket_address(own.data());
  if (!source) return fail(errc::internal, "getsockname: another family");
  return source->address;
}

} // namespace

result<ip_address> source_cache::source_for(const ip_address& to) {
  const auto now = std::chrono::steady_clock::now();
  const auto known = known_.find(to);
  if (known != known_.end() && now - known->second.learned < fresh_for) return known->second.source;
  const auto source = ask_kernel(to, mark_);
  if (!source) {
    if (known != known_.end()) known_.erase(known);
    return source;
  }
  if (known_.size() >= entries_max) known_.clear();
  known_[to] = {*source, now};
  return source;
}

} // namespace lanrage::net::os
