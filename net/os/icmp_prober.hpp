#pragma once

#include "net/crypto.hpp"
#include "net/errc.hpp"
#include "net/ids.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace lanrage::net::os {

/// ICMP echo (RFC 792) through the tunnel: one raw socket bound to its interface, any number of
/// probes under way at once (up to 65,536). Needs CAP_NET_RAW whenever it opens its socket, which
/// it does at the first probe and again after the interface was made anew.
class icmp_prober {
 public:
  /// Round trip; timed_out: no answer; unreachable: not sent (no interface, no route, no key);
  /// not_permitted; limit_reached; closed. Called on the io thread, once per probe, also at the
  /// end.
  using on_answer = std::function<void(result<std::chrono::nanoseconds>)>;

  /// `interface` empty: any (tests). `random` makes probes that nobody else can answer.
  icmp_prober(boost::asio::io_context& context, std::string interface, random_source random);
  /// From any thread; what is under way is answered with `closed`.
  ~icmp_prober();

  /// From any thread. 8 octets of payload: with WireGuard's wrapping 108 octets on the wire (IPv4).
  void probe(const virtual_ip& to, std::chrono::milliseconds timeout, on_answer answer);

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace lanrage::net::os
