#pragma once

#include "net/endpoint.hpp"
#include "net/errc.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace lanrage::net::os {

ip_address address_of(const boost::asio::ip::address& from);
boost::asio::ip::address asio_address(const ip_address& from);

/// Listens, on all IPv6 addresses also for IPv4. Where, with the port the system gave if 0 was
/// asked for. already_exists, not_permitted, bad_config (an address that is not ours).
result<endpoint> listen_on(boost::asio::ip::tcp::acceptor& acceptor, const endpoint& where);

} // namespace lanrage::net::os
