#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <optional>

/// Packets with the time at which the kernel took them: how long they waited for us is known.
namespace lanrage::lab {

struct stamped {
  std::size_t size = 0;         ///< octets in the buffer; what did not fit is lost
  std::chrono::nanoseconds age; ///< since the kernel took it; 0 to 1 s, whatever the clock does
};

/// Makes the kernel note when it takes a packet for this socket.
void stamp_packets(int socket);

/// The next packet that waits; nullopt when none does. `from` takes the address it came from.
std::optional<stamped> receive_stamped(int socket, void* buffer, std::size_t size,
                                       void* from = nullptr, socklen_t from_size = 0);

} // namespace lanrage::lab
