#pragma once

#include "net/endpoint.hpp"

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <string_view>

namespace lanrage::net::os {

using https_stream = boost::beast::ssl_stream<boost::beast::tcp_stream>;
using https_request = boost::beast::http::request<boost::beast::http::empty_body>;

/// A service behind a path of somebody else's HTTPS port: the relay's streams on the control
/// server's. It is given connections whose TLS and request have been read, and keeps them; it runs
/// on their executor.
class https_guest {
 public:
  virtual ~https_guest() = default;
  virtual bool serves(std::string_view target) const = 0;
  virtual void take(https_stream connection, https_request asked, const ip_address& source) = 0;
};

} // namespace lanrage::net::os
