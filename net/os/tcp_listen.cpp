#include "net/os/tcp_listen.hpp"

#include <boost/asio/ip/v6_only.hpp>

namespace lanrage::net::os {

namespace asio = boost::asio;

ip_address address_of(const asio::ip::address& from) {
  if (from.is_v4()) return ip_address::v4(from.to_v4().to_uint());
  return ip_address::v6(from.to_v6().to_bytes()); // IPv4 behind a dual-stack socket is mapped
}

asio::ip::address asio_address(const ip_address& from) {
  if (from.is_v4()) return asio::ip::address_v4{from.to_v4()};
  return asio::ip::address_v6{from.octets()};
}

result<endpoint> listen_on(asio::ip::tcp::acceptor& acceptor, const endpoint& where) {
  const asio::ip::tcp::endpoint at{asio_address(where.address), where.port};
  boost::system::error_code ec;
  acceptor.open(at.protocol(), ec);
  if (!ec) acceptor.set_option(asio::ip::tcp::acceptor::reuse_address{true}, ec);
  if (!ec && at.address().is_v6() && at.address().is_unspecified())
    acceptor.set_option(asio::ip::v6_only{false}, ec);
  if (!ec) acceptor.bind(at, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    const auto code = ec == asio::error::access_denied    ? errc::not_permitted
                      : ec == asio::error::address_in_use ? errc::already_exists
                                                          : errc::bad_config;
    return fail(code, "cannot listen on TCP " + to_string(where) + ": " + ec.message());
  }
  const auto bound = acceptor.local_endpoint();
  return endpoint{address_of(bound.address()), bound.port()};
}

} // namespace lanrage::net::os
