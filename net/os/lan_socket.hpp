#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/errc.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::net::os {

struct lan_socket_options {
  std::uint16_t port = 0;
  ip_address group_v4;
  ip_address group_v6;
  std::string tunnel;             ///< WireGuard's interface: nothing is said or heard there
  std::vector<std::string> avoid; ///< other interfaces that are left alone
};

/// One end on the local network: an address, and the number of the interface that leads there.
struct lan_end {
  ip_address address;
  std::uint32_t interface = 0;
};
struct lan_datagram {
  lan_end from;
  bytes payload;
};

/// Multicast on every interface that is up, can do it, and is neither loopback, a point-to-point
/// link, part of a bridge or bond, the tunnel nor to be avoided; unicast from the same port.
/// Nothing leaves the local network: TTL and hop limit are 1. Needs no privileges. What arrives
/// must be authenticated by its reader.
class lan_socket {
 public:
  struct handlers {
    /// On the io thread; only from the same port of another machine, on such an interface.
    std::function<void(lan_datagram)> received;
    /// The interfaces in use, sorted: after opening and after each refresh(). On the io thread.
    std::function<void(std::vector<std::string>)> ready;
    /// The sockets are lost; open anew. On the io thread, at most once.
    std::function<void(const error&)> failed;
  };

  /// Opens both families; a kernel without IPv6 leaves IPv4 alone. already_exists: something else
  /// has the port.
  static result<std::unique_ptr<lan_socket>> open(boost::asio::io_context& context,
                                                  lan_socket_options options, handlers handle);
  /// From any thread. Handlers may be called until the io thread has got to it.
  ~lan_socket();

  /// To one, or to the group over every interface. What cannot be sent is lost. From any thread.
  void send(std::optional<lan_end> to, std::shared_ptr<const bytes> payload);
  /// Links or addresses changed: looks again where to speak and listen. From any thread.
  void refresh();

 private:
  class impl;
  explicit lan_socket(std::shared_ptr<impl> state) : impl_(std::move(state)) {}

  std::shared_ptr<impl> impl_;
};

} // namespace lanrage::net::os
