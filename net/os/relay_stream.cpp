#include "net/os/relay_stream.hpp"

#include "net/os/io_thread.hpp"
#include "net/os/tcp_listen.hpp"
#include "net/os/tls.hpp"
#include "net/os/web_socket.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <deque>

namespace lanrage::net::os {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

constexpr const char* target = "/relay"; // docs/wire.md
/// What TCP may hold that was not sent yet: the rest waits in our queue, which drops what is old.
constexpr int unsent_octets = 128 << 10;

} // namespace

class relay_stream::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(asio::io_context& io, relay_stream_options options, relay_stream_events events)
      : options_(std::move(options)), events_(std::move(events)), strand_(asio::make_strand(io)),
        tls_(pinned_context(this)), deadline_(strand_), ws_(strand_, tls_), udp_(strand_) {}

  void launch() {
    asio::post(strand_, [self = shared_from_this()] { self->start(); });
  }
  void post_close() {
    asio::post(strand_, [self = shared_from_this()] {
      self->events_ = {};
      self->finish(fail(errc::closed));
    });
  }

 private:
  beast::tcp_stream& tcp_layer() { return beast::get_lowest_layer(ws_); }

  template <class F>
  auto handler(F method) {
    return [self = shared_from_this(), method](error_code ec, auto&&...) {
      if (!self->over_) ((*self).*method)(ec);
    };
  }

  static asio::ssl::context pinned_context(impl* self) {
    asio::ssl::context out{asio::ssl::context::tls_client};
    restrict_tls(out.native_handle());
    out.set_verify_mode(asio::ssl::verify_peer);
    // Replaces the whole chain check: the pin in the relay list is the only authority.
    SSL_CTX_set_cert_verify_callback(
        out.native_handle(),
        [](X509_STORE_CTX* chain, void* argument) {
          auto* one = static_cast<impl*>(argument);
          const auto pin = pin_of(X509_STORE_CTX_get0_cert(chain));
          one->pin_holds_ = pin && *pin == one->options_.pin;
          one->pin_seen_ = true;
          return one->pin_holds_ ? 1 : 0;
        },
        self);
    return out;
  }

  void start() {
    deadline_.expires_after(options_.handshake);
    deadline_.async_wait([self = shared_from_this()](error_code ec) {
      if (!ec && !self->open_) self->finish(fail(errc::timed_out, "no TLS in time"));
    });
    const tcp::endpoint to{asio_address(options_.server.address), options_.server.port};
    error_code ec;
    tcp_layer().socket().open(to.protocol(), ec);
    if (ec) return finish(meaning_of(ec));
    if (options_.mark != 0)
      (void)::setsockopt(tcp_layer().socket().native_handle(), SOL_SOCKET, SO_MARK, &options_.mark,
                         sizeof options_.mark);
    tcp_layer().async_connect(to, handler(&impl::on_connected));
  }

  void on_connected(error_code ec) {
    if (ec) return finish(meaning_of(ec));
    const int fd = tcp_layer().socket().native_handle();
    tcp_layer().socket().set_option(tcp::no_delay{true}, ec);
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_octets, sizeof unsent_octets);
    if (!options_.name.empty())
      SSL_set_tlsext_host_name(ws_.next_layer().native_handle(), options_.name.c_str());
    start_tls(ws_.next_layer(), asio::ssl::stream_base::client, handler(&impl::on_tls));
  }

  void on_tls(error_code ec) {
    if (ec) return finish(meaning_of(ec));
    if (!pin_holds_) return finish(fail(errc::wrong_pin, "the certificate was not checked"));
    ws_.set_option(websocket::stream_base::timeout{options_.handshake, options_.dead_after, true});
    ws_.read_message_max(options_.message_octets);
    ws_.auto_fragment(false);
    ws_.binary(true);
    const auto host = options_.name.empty()
                          ? to_string(options_.server)
                          : options_.name + ":" + std::to_string(options_.server.port);
    upgrade(ws_, answer_, host, target, handler(&impl::on_upgraded));
  }

  void on_upgraded(error_code ec) {
    if (ec) return finish(meaning_of(ec));
    const auto loopback = asio::ip::address_v4::loopback();
    udp_.open(udp::v4(), ec);
    if (!ec) udp_.bind({loopback, 0}, ec);
    // From now on the kernel keeps everybody else's datagrams out.
    if (!ec) udp_.connect({loopback, options_.wg_port}, ec);
    if (!ec) udp_.non_blocking(true, ec);
    if (ec) return finish(fail(errc::internal, "loopback socket: " + ec.message()));
    open_ = true;
    deadline_.cancel();
    read();
    listen();
    const auto at = udp_.local_endpoint(ec);
    if (events_.opened) events_.opened({ip_address::v4(at.address().to_v4().to_uint()), at.port()});
  }

  // --- from the relay to WireGuard's port ---

  void read() { read_message(ws_, buffer_, handler(&impl::on_read)); }

  void on_read(error_code ec) {
    if (ec) return finish(meaning_of(ec));
    const auto data = buffer_.cdata();
    // WireGuard's socket may be full or gone: as on any network.
    if (ws_.got_binary() && data.size() > 0) udp_.send(data, 0, ec);
    buffer_.consume(buffer_.size());
    read();
  }

  // --- from WireGuard's port to the relay ---

  void listen() { udp_.async_wait(udp::socket::wait_read, handler(&impl::on_readable)); }

  void on_readable(error_code ec) {
    if (ec) return finish(meaning_of(ec));
    std::array<std::uint8_t, 2'048> room;
    const auto now = std::chrono::steady_clock::now();
    for (int i = 0; i < datagrams_per_turn; ++i) {
      const auto size = udp_.receive(asio::buffer(room), 0, ec);
      if (ec == asio::error::connection_refused) continue; // WireGuard's port is not there
      if (ec) break;
      if (size == 0 || size > options_.message_octets) continue;
      queue_.push_back({{room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)}, now});
      queued_octets_ += size;
    }
    write();
    listen();
  }

  void drop_oldest() {
    const auto now = std::chrono::steady_clock::now();
    while (!queue_.empty() &&
           (queue_.size() > options_.queue_datagrams || queued_octets_ > options_.queue_octets ||
            now - queue_.front().since > options_.queue_age)) {
      queued_octets_ -= queue_.front().datagram.size();
      queue_.pop_front();
    }
  }

  void write() {
    drop_oldest();
    if (writing_ || queue_.empty()) return;
    writing_ = std::move(queue_.front().datagram);
    queued_octets_ -= writing_->size();
    queue_.pop_front();
    write_message(ws_, asio::buffer(*writing_), handler(&impl::on_written));
  }

  void on_written(error_code ec) {
    writing_.reset();
    if (ec) return; // the read side sees it, too, and knows more
    write();
  }

  // --- the end ---

  error meaning_of(error_code ec) const {
    if (pin_seen_ && !pin_holds_)
      return fail(errc::wrong_pin, to_string(options_.server) + " is not the relay of the list");
    const auto detail = to_string(options_.server) + ": " + ec.message();
    if (ec == beast::error::timeout) return fail(errc::timed_out, detail);
    return fail(open_ ? errc::closed : errc::unreachable, detail);
  }

  void finish(error why) {
    if (std::exchange(over_, true)) return;
    error_code ignored;
    deadline_.cancel();
    if (udp_.is_open()) udp_.close(ignored);
    tcp_layer().close();
    const auto tell = std::move(events_.closed);
    events_ = {};
    if (tell) tell(std::move(why));
  }

  const relay_stream_options options_;
  relay_stream_events events_;
  asio::strand<asio::io_context::executor_type> strand_;
  asio::ssl::context tls_;
  asio::steady_timer deadline_;
  web_socket ws_;
  websocket::response_type answer_;
  udp::socket udp_;
  beast::flat_buffer buffer_;
  struct waiting {
    bytes datagram;
    std::chrono::steady_clock::time_point since;
  };
  std::deque<waiting> queue_;
  std::size_t queued_octets_ = 0;
  std::optional<bytes> writing_;
  bool pin_seen_ = false;
  bool pin_holds_ = false;
  bool open_ = false;
  bool over_ = false;
};

relay_stream::relay_stream(std::shared_ptr<impl> made) : impl_(std::move(made)) {}
relay_stream::~relay_stream() {
  impl_->post_close();
}

std::unique_ptr<relay_stream> relay_stream::open(asio::io_context& io, relay_stream_options options,
                                                 relay_stream_events events) {
  auto made = std::make_shared<impl>(io, std::move(options), std::move(events));
  made->launch();
  return std::unique_ptr<relay_stream>{new relay_stream{std::move(made)}};
}

} // namespace lanrage::net::os
