#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/errc.hpp"
#include "net/os/udp_filter.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace lanrage::net::os {

struct raw_port_options {
  std::uint16_t port = 0; ///< WireGuard's listen port: source of all we send, where we listen
  std::uint32_t mark = 0; ///< WireGuard's fwmark, so that a full tunnel does not swallow us
  std::string tunnel;     ///< WireGuard's interface: what arrives through it is not ours
  port_range spare{};     ///< ports that we may send from and are heard at, too
};

struct raw_datagram {
  endpoint from;
  ip_address local; ///< the own address it arrived at
  bytes payload;
  std::uint16_t at_port = 0; ///< 0: WireGuard's; else the spare port
};

/// Shares the UDP port of a WireGuard that runs beside us: a raw socket per address family sends
/// from that port and receives, by a filter in the kernel, STUN and our own frames only. WireGuard
/// keeps getting everything and ignores what is not its own.
///
/// Needs CAP_NET_RAW (and CAP_NET_ADMIN for a mark) while it opens. Checksums are computed on
/// sending and never looked at on receiving (not yet computed on virtual links); what arrives must
/// be authenticated by its reader.
class raw_port {
 public:
  struct handlers {
    /// A datagram of ours. On the io thread.
    std::function<void(raw_datagram)> received;
    /// One datagram could not be sent: unreachable, not_permitted (a firewall), limit_reached.
    std::function<void(const endpoint&, const error&)> undelivered;
    /// The sockets are lost; open anew. On the io thread, at most once.
    std::function<void(const error&)> failed;
  };

  /// Opens both families; a kernel without IPv6 leaves IPv4 alone. not_permitted, limit_reached.
  static result<std::unique_ptr<raw_port>> open(boost::asio::io_context& context,
                                                raw_port_options options, handlers handle);
  /// Closes, from any thread. Handlers are not called for anything that arrives later.
  ~raw_port();

  /// From any thread. Never blocks. `from_port`: 0 for WireGuard's, or a spare one.
  void send(const endpoint& to, std::shared_ptr<const bytes> payload, std::uint16_t from_port = 0);
  /// Forget which source address the kernel chose for whom. From any thread.
  void routes_changed();

 private:
  class impl;
  explicit raw_port(std::shared_ptr<impl> state) : impl_(std::move(state)) {}

  std::shared_ptr<impl> impl_;
};

} // namespace lanrage::net::os
