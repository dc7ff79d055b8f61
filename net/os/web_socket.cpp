#include "net/os/web_socket.hpp"

#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <utility>

namespace lanrage::net::os {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

/// How much was moved nobody asks.
auto without_size(on_done then) {
  return [then = std::move(then)](error_code ec, std::size_t) { then(ec); };
}

} // namespace

void start_tls(https_stream& on, asio::ssl::stream_base::handshake_type as, on_done then) {
  on.async_handshake(as, std::move(then));
}

void end_tls(https_stream& on, on_done then) {
  on.async_shutdown(std::move(then));
}

void read_request(https_stream& on, beast::flat_buffer& buffer, https_parser& parser,
                  on_done then) {
  http::async_read(on, buffer, parser, without_size(std::move(then)));
}

void write_answer(https_stream& on, https_answer& answer, on_done then) {
  http::async_write(on, answer, without_size(std::move(then)));
}

void upgrade(web_socket& on, websocket::response_type& answer, const std::string& host,
             std::string_view target, on_done then) {
  on.async_handshake(answer, host, {target.data(), target.size()}, std::move(then));
}

void accept_upgrade(web_socket& on, const https_request& asked, on_done then) {
  on.async_accept(asked, std::move(then));
}

void read_message(web_socket& on, beast::flat_buffer& buffer, on_done then) {
  on.async_read(buffer, without_size(std::move(then)));
}

void read_part(web_socket& on, beast::flat_buffer& buffer, std::size_t most, on_done then) {
  on.async_read_some(buffer, most, without_size(std::move(then)));
}

void write_message(web_socket& on, asio::const_buffer message, on_done then) {
  on.async_write(message, without_size(std::move(then)));
}

void send_ping(web_socket& on, const websocket::ping_data& with, on_done then) {
  on.async_ping(with, std::move(then));
}

void send_close(web_socket& on, const websocket::close_reason& why, on_done then) {
  on.async_close(why, std::move(then));
}

} // namespace lanrage::net::os
