#include "net/relay/server_listener.hpp"

#include "config/stream_defaults.hpp"
#include "net/os/tcp_listen.hpp"
#include "net/os/web_socket.hpp"
#include "net/relay/gate.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include <optional>
#include <thread>

namespace lanrage::net::relay {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace defaults = config::defaults;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::size_t handshakes_max = 1'024;
constexpr std::uint32_t header_octets = 4'096;
/// After a failed accept (no file descriptors left) the next try waits.
constexpr auto accept_again = 100ms;

/// One connection until its request has been read.
class greeting final : public std::enable_shared_from_this<greeting> {
 public:
  greeting(tcp::socket socket, asio::ssl::context& tls, const ip_address& source,
           std::shared_ptr<os::https_guest> guest, std::size_t& open)
      : stream_(std::move(socket), tls), source_(source), guest_(std::move(guest)), open_(open) {
    ++open_;
    parser_.header_limit(header_octets);
    parser_.body_limit(0);
  }
  ~greeting() { --open_; }

  void start() {
    error_code ignored;
    beast::get_lowest_layer(stream_).socket().set_option(tcp::no_delay{true}, ignored);
    beast::get_lowest_layer(stream_).expires_after(defaults::relay_stream_handshake);
    os::start_tls(stream_, asio::ssl::stream_base::server,
                  [self = shared_from_this()](error_code ec) {
                    if (!ec) self->read();
                  });
  }

 private:
  void read() {
    os::read_request(stream_, buffer_, parser_, [self = shared_from_this()](error_code ec) {
      if (!ec) self->guest_->take(std::move(self->stream_), self->parser_.release(), self->source_);
    });
  }

  os::https_stream stream_;
  ip_address source_;
  std::shared_ptr<os::https_guest> guest_;
  std::size_t& open_;
  beast::flat_buffer buffer_;
  os::https_parser parser_;
};

} // namespace

class https_listener::impl {
 public:
  impl(std::shared_ptr<os::https_guest> guest, std::uint64_t seed)
      : guest_(std::move(guest)), sources_(seed, defaults::control_connects_per_s, 1s) {}
  ~impl() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  result<void> listen(const endpoint& where, const os::tls_identity& identity) {
    os::restrict_tls(tls_.native_handle());
    error_code ec;
    tls_.use_certificate(asio::buffer(identity.pem), asio::ssl::context::pem, ec);
    if (!ec) tls_.use_private_key(asio::buffer(identity.pem), asio::ssl::context::pem, ec);
    if (ec) return fail(errc::bad_state, "relay.pem: " + ec.message());
    const auto bound = os::listen_on(acceptor_, where);
    if (!bound) return bound.error();
    listening = *bound;
    accept();
    thread_ = std::thread{[this] { io_.run(); }};
    return {};
  }

  endpoint listening;

 private:
  void accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec == asio::error::operation_aborted) return;
      if (ec) {
        spdlog::warn("relay: cannot accept: {}", ec.message());
        pause_.expires_after(accept_again);
        return pause_.async_wait([this](error_code stopped) {
          if (!stopped) accept();
        });
      }
      greet(std::move(socket));
      accept();
    });
  }

  void greet(tcp::socket socket) {
    error_code ec;
    const auto peer = socket.remote_endpoint(ec);
    if (ec || handshakes_ >= handshakes_max) return;
    const auto source = os::address_of(peer.address());
    if (!sources_.admit(source, std::chrono::steady_clock::now())) return;
    std::make_shared<greeting>(std::move(socket), tls_, source, guest_, handshakes_)->start();
  }

  std::size_t handshakes_ = 0; ///< outlives the handlers that io_ holds
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  std::shared_ptr<os::https_guest> guest_;
  source_gates sources_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer pause_{io_};
  std::thread thread_;
};

https_listener::https_listener(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
https_listener::~https_listener() = default;

result<std::unique_ptr<https_listener>> https_listener::open(const endpoint& where,
                                                             const os::tls_identity& identity,
                                                             std::shared_ptr<os::https_guest> guest,
                                                             std::uint64_t seed) {
  auto made = std::make_unique<impl>(std::move(guest), seed);
  if (const auto done = made->listen(where, identity); !done) return done.error();
  return std::unique_ptr<https_listener>{new https_listener{std::move(made)}};
}

endpoint https_listener::listening() const {
  return impl_->listening;
}

} // namespace lanrage::net::relay
