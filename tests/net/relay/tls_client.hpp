#pragma once

#include "net/endpoint.hpp"
#include "net/openssl_ptr.hpp"
#include "net/os/descriptor.hpp"
#include "net/os/socket_address.hpp"

#include <catch2/catch.hpp>
#include <openssl/ssl.h>

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <string>

/// A client that says whatever it is told over TCP or TLS: for input that no client of ours makes.
namespace lanrage::net::relay::test {

class tls_client {
 public:
  explicit tls_client(const endpoint& to) {
    fd_.reset(::socket(to.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{5, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const auto where = os::to_socket_address(to);
    REQUIRE(::connect(fd_.get(), where.data(), where.size) == 0);
  }
  /// False when the server wants none of it.
  bool secure(int version = TLS1_3_VERSION) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context_.get(), version);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_.get());
    return SSL_connect(ssl_.get()) == 1;
  }
  void say(std::string_view octets) {
    if (ssl_)
      SSL_write(ssl_.get(), octets.data(), static_cast<int>(octets.size()));
    else
      (void)::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
  }
  /// What comes next; empty at the end, or when nothing comes for five seconds.
  std::string hear() {
    std::array<char, 4'096> room;
    const auto size = ssl_ ? SSL_read(ssl_.get(), room.data(), static_cast<int>(room.size()))
                           : static_cast<int>(::recv(fd_.get(), room.data(), room.size(), 0));
    return size > 0 ? std::string(room.data(), static_cast<std::size_t>(size)) : std::string{};
  }
  /// All that comes until the server closes.
  std::string hear_all() {
    std::string out;
    for (auto more = hear(); !more.empty(); more = hear())
      out += more;
    return out;
  }
  std::string ask_upgrade(const std::string& path = "/relay") {
    say("GET " + path +
        " HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    return hear();
  }
  /// RFC 6455 5.2, masked with zeros. Opcode 1: text, 2: binary, 8: close, 9: ping.
  void frame(unsigned opcode, std::string_view payload) {
    std::string out;
    out += static_cast<char>(0x80u | opcode);
    if (payload.size() < 126) {
      out += static_cast<char>(0x80u | payload.size());
    } else {
      out += static_cast<char>(0x80u | 126u);
      out += static_cast<char>(payload.size() >> 8);
      out += static_cast<char>(payload.size());
    }
    say(out + std::string(4, '\0') + std::string{payload});
  }
  void shut() { fd_.reset(); }

 private:
  os::descriptor fd_;
  openssl_ptr<SSL_CTX, SSL_CTX_free> context_;
  openssl_ptr<SSL, SSL_free> ssl_;
};

} // namespace lanrage::net::relay::test
