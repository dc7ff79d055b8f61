#pragma once

#include "net/os/https_guest.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <functional>
#include <string>
#include <string_view>

/// What Beast does on our TLS connections, with one type of completion handler. Its operations are
/// deeply nested templates, so they are compiled in one place instead of in each of four users.
/// Arguments and streams must live until the handler is called, on the stream's executor.
namespace lanrage::net::os {

using web_socket = boost::beast::websocket::stream<https_stream, false>; // without compression
using https_parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
using https_answer = boost::beast::http::response<boost::beast::http::string_body>;
using on_done = std::function<void(boost::system::error_code)>;

void start_tls(https_stream& on, boost::asio::ssl::stream_base::handshake_type as, on_done then);
/// The end of TLS, after the last octet was written.
void end_tls(https_stream& on, on_done then);
/// Reads a request's header.
void read_request(https_stream& on, boost::beast::flat_buffer& buffer, https_parser& parser,
                  on_done then);
void write_answer(https_stream& on, https_answer& answer, on_done then);

void upgrade(web_socket& on, boost::beast::websocket::response_type& answer,
             const std::string& host, std::string_view target, on_done then);
void accept_upgrade(web_socket& on, const https_request& asked, on_done then);
/// A whole message.
void read_message(web_socket& on, boost::beast::flat_buffer& buffer, on_done then);
/// At most `most` octets of one.
void read_part(web_socket& on, boost::beast::flat_buffer& buffer, std::size_t most, on_done then);
void write_message(web_socket& on, boost::asio::const_buffer message, on_done then);
void send_ping(web_socket& on, const boost::beast::websocket::ping_data& with, on_done then);
void send_close(web_socket& on, const boost::beast::websocket::close_reason& why, on_done then);

} // namespace lanrage::net::os
