#pragma once

#include "net/endpoint.hpp"
#include "net/errc.hpp"
#include "net/keys.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace lanrage::net::os {

struct relay_stream_options {
  endpoint server; ///< TCP
  certificate_pin pin;
  std::string name;                      ///< for SNI and Host; may be empty
  std::uint16_t wg_port = 0;             ///< WireGuard's: the only one that our end listens to
  std::uint32_t mark = 0;                ///< fwmark of the TCP connection; 0: none
  std::chrono::milliseconds handshake{}; ///< TCP, TLS and upgrade together
  std::chrono::milliseconds dead_after{};
  std::size_t message_octets = 0;
  std::size_t queue_octets = 0; ///< waiting to be written; the oldest are dropped
  std::size_t queue_datagrams = 0;
  std::chrono::milliseconds queue_age{}; ///< what waited longer is dropped
};

/// Both are called on the io_context's thread, never from inside a call of ours into it.
struct relay_stream_events {
  std::function<void(endpoint)> opened; ///< our end: an address on the loopback interface
  std::function<void(error)> closed; ///< the last event; wrong_pin, timed_out, unreachable, closed
};

/// A stream to a relay (docs/wire.md, "Relay streams") and its end on this machine, a UDP socket on
/// 127.0.0.1: what WireGuard's port sends there goes into the stream, one message per datagram, and
/// what comes out of the stream goes to WireGuard's port. One attempt, no retry. The destructor
/// closes it, and then there are no more events.
class relay_stream {
 public:
  static std::unique_ptr<relay_stream>
  open(boost::asio::io_context& io, relay_stream_options options, relay_stream_events events);
  ~relay_stream();
  relay_stream(const relay_stream&) = delete;
  relay_stream& operator=(const relay_stream&) = delete;

 private:
  class impl;
  explicit relay_stream(std::shared_ptr<impl> made);
  std::shared_ptr<impl> impl_;
};

} // namespace lanrage::net::os
