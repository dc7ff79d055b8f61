#include "net/control/client.hpp"

#include "config/defaults.hpp"
#include "net/control/tls.hpp"
#include "net/os/web_socket.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <deque>
#include <optional>
#include <tuple>

namespace lanrage::net::control {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
namespace defaults = config::defaults;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

std::chrono::microseconds since(clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - start);
}

class client_impl final : public client, public std::enable_shared_from_this<client_impl> {
 public:
  client_impl(asio::io_context& io, client_options options, client_events events)
      : options_(std::move(options)), events_(std::move(events)), strand_(asio::make_strand(io)),
        tls_(pinned_context(this)), resolver_(strand_), deadline_(strand_), ping_timer_(strand_),
        ws_(strand_, tls_) {}

  void launch() {
    // Posted, so that no event comes from inside the caller's call.
    asio::post(strand_, [self = shared_from_this()] { self->start(); });
  }
  void send(client_message message) override;
  void join(membership in) override;
  void close() override;

 private:
  /// Where the attempt is; says what a failure means.
  enum class phase { resolving, connecting, securing, upgrading, open, closing, over };

  template <class F>
  auto handler(F method) {
    return [self = shared_from_this(), method](error_code ec, auto&&...) {
      if (self->phase_ != phase::over) ((*self).*method)(ec);
    };
  }
  beast::tcp_stream& tcp_layer() { return beast::get_lowest_layer(ws_); }

  void start();
  static asio::ssl::context pinned_context(client_impl* self);
  void on_resolved(error_code ec, const tcp::resolver::results_type& found);
  void on_connected(error_code ec);
  void on_tls(error_code ec);
  void upgrade();
  void on_upgraded(error_code ec);
  void read();
  void on_read(error_code ec);
  void queue(std::string text);
  void write();
  void on_written(error_code ec);
  void ping();
  void on_ping_timer(error_code ec);
  void on_control(websocket::frame_type kind, beast::string_view payload);
  void on_shut(error_code) { finish(fail(errc::closed)); }
  error meaning_of(error_code ec) const;
  void finish(error why);

  client_options options_;
  client_events events_;
  asio::strand<asio::io_context::executor_type> strand_;
  asio::ssl::context tls_;
  tcp::resolver resolver_;
  asio::steady_timer deadline_;
  asio::steady_timer ping_timer_;
  os::web_socket ws_;
  websocket::response_type response_;
  beast::flat_buffer buffer_;
  std::deque<std::string> queue_;
  std::vector<membership> joins_; ///< asked for before there was a connection to prove on
  channel_binding binding_{};
  wg_public_key own_;
  clock::time_point started_;
  clock::time_point pinged_;
  std::uint64_t ping_number_ = 0;
  phase phase_ = phase::resolving;
  bool writing_ = false;
  bool pin_seen_ = false;
  bool pin_holds_ = false;
};

void client_impl::start() {
  own_ = public_key(options_.key);
  deadline_.expires_after(options_.handshake);
  deadline_.async_wait([self = shared_from_this()](error_code ec) {
    if (!ec && self->phase_ < phase::open)
      self->finish(fail(errc::timed_out, "the control server did not answer in time"));
  });
  resolver_.async_resolve(options_.server.host, std::to_string(options_.server.port),
                          tcp::resolver::numeric_service,
                          [self = shared_from_this()](error_code ec, const auto& found) {
                            if (self->phase_ == phase::resolving) self->on_resolved(ec, found);
                          });
}

/// Complete before the stream exists: a stream copies its context's settings when it is made.
asio::ssl::context client_impl::pinned_context(client_impl* self) {
  asio::ssl::context out{asio::ssl::context::tls_client};
  restrict_tls(out.native_handle());
  out.set_verify_mode(asio::ssl::verify_peer);
  // Replaces the whole chain check: the invite's pin is the only authority.
  SSL_CTX_set_cert_verify_callback(
      out.native_handle(),
      [](X509_STORE_CTX* chain, void* argument) {
        auto* client = static_cast<client_impl*>(argument);
        const auto pin = pin_of(X509_STORE_CTX_get0_cert(chain));
        client->pin_holds_ = pin && *pin == client->options_.server.pin;
        client->pin_seen_ = true;
        return client->pin_holds_ ? 1 : 0;
      },
      self);
  return out;
}

void client_impl::on_resolved(error_code ec, const tcp::resolver::results_type& found) {
  if (ec) return finish(meaning_of(ec));
  phase_ = phase::connecting;
  started_ = clock::now();
  tcp_layer().async_connect(found, handler(&client_impl::on_connected));
}

void client_impl::on_connected(error_code ec) {
  if (ec) return finish(meaning_of(ec));
  phase_ = phase::securing;
  events_.round_trip(since(started_));
  started_ = clock::now();
  tcp_layer().socket().set_option(tcp::no_delay{true}, ec);
  os::start_tls(ws_.next_layer(), asio::ssl::stream_base::client, handler(&client_impl::on_tls));
}

void client_impl::on_tls(error_code ec) {
  if (ec) return finish(meaning_of(ec));
  // The first round trip may have waited for neighbours to be resolved; the shortest one counts.
  events_.round_trip(since(started_));
  if (!pin_holds_) return finish(fail(errc::wrong_pin, "the certificate was not checked"));
  const auto binding = exporter_of(ws_.next_layer().native_handle());
  if (!binding) return finish(binding.error());
  binding_ = *binding;
  phase_ = phase::upgrading;
  upgrade();
}

void client_impl::upgrade() {
  const auto& [server, key, parties] =
      std::tie(options_.server.key, options_.key, options_.parties);
  const auto request =
      options_.replaces ? make_login(key_change{*options_.replaces, key}, server, binding_, parties)
                        : make_login(key, server, binding_, parties);
  if (!request) return finish(fail(errc::bad_invite, "the server's login key is unusable"));
  ws_.set_option(
      websocket::stream_base::decorator([header = encode(*request)](websocket::request_type& out) {
        out.set(beast::string_view{login_header.data(), login_header.size()}, header);
      }));
  ws_.set_option(websocket::stream_base::timeout{options_.handshake, options_.dead_after, false});
  ws_.read_message_max(options_.message_octets);
  ws_.auto_fragment(false);
  ws_.text(true);
  ws_.control_callback([this](websocket::frame_type kind, beast::string_view payload) {
    on_control(kind, payload);
  });
  started_ = clock::now();
  os::upgrade(ws_, response_, host_and_port(options_.server), login_target,
              handler(&client_impl::on_upgraded));
}

void client_impl::on_upgraded(error_code ec) {
  if (ec) return finish(meaning_of(ec));
  if (phase_ == phase::closing) return finish(fail(errc::closed));
  events_.round_trip(since(started_));
  phase_ = phase::open;
  deadline_.cancel();
  events_.opened();
  for (auto& in : std::exchange(joins_, {}))
    join(std::move(in));
  read();
  if (!queue_.empty() && !writing_) write();
  on_ping_timer({});
}

void client_impl::read() {
  os::read_message(ws_, buffer_, handler(&client_impl::on_read));
}

void client_impl::on_read(error_code ec) {
  if (ec) return finish(meaning_of(ec));
  const auto data = buffer_.cdata();
  auto message = decode_server({static_cast<const char*>(data.data()), data.size()});
  buffer_.consume(buffer_.size());
  // A message we do not understand is the server's defect or a newer protocol: not ours to guess.
  if (!message) return finish(message.error());
  events_.message(std::move(*message));
  if (phase_ != phase::over) read();
}

void client_impl::send(client_message message) {
  asio::post(strand_, [self = shared_from_this(), text = encode(message)]() mutable {
    self->queue(std::move(text));
  });
}

void client_impl::join(membership in) {
  asio::post(strand_, [self = shared_from_this(), in = std::move(in)]() mutable {
    if (self->phase_ < phase::open) return self->joins_.push_back(std::move(in));
    self->queue(encode(client_message{make_join(in, self->binding_, self->own_)}));
  });
}

void client_impl::queue(std::string text) {
  if (phase_ >= phase::closing) return;
  if (queue_.size() >= options_.queue_messages)
    return finish(fail(errc::limit_reached, "the control server takes no more messages"));
  queue_.push_back(std::move(text));
  if (phase_ == phase::open && !writing_) write();
}

void client_impl::write() {
  writing_ = true;
  os::write_message(ws_, asio::buffer(queue_.front()), handler(&client_impl::on_written));
}

void client_impl::on_written(error_code ec) {
  writing_ = false;
  if (ec) return; // the read side sees it, too, and knows more
  queue_.pop_front();
  if (!queue_.empty()) write();
}

void client_impl::on_ping_timer(error_code ec) {
  if (ec || phase_ != phase::open) return;
  pinged_ = clock::now();
  const auto number = std::to_string(++ping_number_);
  os::send_ping(ws_, websocket::ping_data{number}, [self = shared_from_this()](error_code) {});
  ping_timer_.expires_after(options_.ping);
  ping_timer_.async_wait(handler(&client_impl::on_ping_timer));
}

void client_impl::on_control(websocket::frame_type kind, beast::string_view payload) {
  if (kind == websocket::frame_type::close) {
    // Told at once; the formal end would wait for the server's last octet. Posted, since the
    // stream must not be closed from within its own callback.
    const auto why = parse_close_reason({payload.data(), payload.size()});
    return asio::post(strand_, [self = shared_from_this(), why] {
      self->finish(self->phase_ == phase::closing
                       ? fail(errc::closed)
                       : why.value_or(fail(errc::closed, "by the control server")));
    });
  }
  if (kind != websocket::frame_type::pong || payload != std::to_string(ping_number_)) return;
  events_.round_trip(since(pinged_));
}

void client_impl::close() {
  asio::post(strand_, [self = shared_from_this()] {
    if (self->phase_ >= phase::closing) return;
    const bool open = self->phase_ == phase::open;
    self->phase_ = phase::closing;
    if (!open) return self->finish(fail(errc::closed));
    os::send_close(self->ws_, websocket::close_code::normal, self->handler(&client_impl::on_shut));
  });
}

error client_impl::meaning_of(error_code ec) const {
  const auto detail = options_.server.host + ": " + ec.message();
  if (phase_ == phase::closing) return fail(errc::closed);
  if (phase_ == phase::securing && pin_seen_ && !pin_holds_)
    return fail(errc::wrong_pin, options_.server.host + " is not the server of the invite");
  if (ec == websocket::error::upgrade_declined) {
    const auto& body = response_.body();
    if (const auto why = decode_refusal(body)) return *why;
    return fail(errc::control_refused, detail);
  }
  if (ec == beast::error::timeout) return fail(errc::timed_out, detail);
  if (phase_ == phase::open) return fail(errc::closed, detail);
  return fail(errc::control_unreachable, detail);
}

void client_impl::finish(error why) {
  if (phase_ == phase::over) return;
  phase_ = phase::over;
  resolver_.cancel();
  deadline_.cancel();
  ping_timer_.cancel();
  tcp_layer().close();
  events_.closed(std::move(why));
  events_ = {}; // whatever the callbacks hold must not live as long as the last handler
}

} // namespace

client_options default_client_options(server_line server, wg_private_key key,
                                      std::vector<membership> parties) {
  client_options out{std::move(server), key, std::move(parties), {}, {}, {}, 0, 0};
  out.handshake = defaults::control_handshake_deadline;
  out.ping = defaults::control_ping;
  out.dead_after = defaults::control_dead_after;
  out.message_octets = defaults::control_message_max;
  out.queue_messages = defaults::control_queue_max;
  return out;
}

std::shared_ptr<client> client::open(asio::io_context& io, client_options options,
                                     client_events events) {
  auto made = std::make_shared<client_impl>(io, std::move(options), std::move(events));
  made->launch();
  return made;
}

} // namespace lanrage::net::control
