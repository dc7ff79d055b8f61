#pragma once

#include "net/endpoint.hpp"
#include "net/errc.hpp"
#include "net/ids.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>

namespace lanrage::net::os {

/// Sees one of WireGuard's data packets leave from its port for `to` and tells the receiver index
/// in it, through a packet socket that is open for that moment only and whose filter in the kernel
/// passes nothing else. Needs CAP_NET_RAW. `done` is called once, on the io thread: timed_out when
/// nothing left in time, not_permitted, limit_reached.
void watch_index(boost::asio::io_context& context, std::uint16_t port, const endpoint& to,
                 std::chrono::milliseconds timeout,
                 std::function<void(result<session_index>)> done);

} // namespace lanrage::net::os
