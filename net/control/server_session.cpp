#include "net/control/server_session.hpp"

#include "net/control/tls.hpp"
#include "net/os/web_socket.hpp"

#include <deque>
#include <optional>

namespace lanrage::net::control {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

http::status status_of(errc code) {
  switch (code) {
  case errc::bad_message:
    return http::status::bad_request;
  case errc::bad_login:
    return http::status::unauthorized;
  case errc::message_too_large:
    return http::status::request_header_fields_too_large;
  case errc::limit_reached:
    return http::status::service_unavailable;
  default:
    return http::status::forbidden;
  }
}

websocket::close_code close_code_of(errc code) {
  switch (code) {
  case errc::bad_message:
    return websocket::close_code::bad_payload;
  case errc::message_too_large:
    return websocket::close_code::too_big;
  case errc::closed:
    return websocket::close_code::going_away;
  default:
    return websocket::close_code::policy_error;
  }
}

/// Whether what came was wrong, rather than nothing more coming.
bool is_malformed(error_code ec) {
  return ec == websocket::condition::protocol_violation ||
         ec.category() == asio::error::get_ssl_category();
}

class session_impl final : public server_session,
                           public std::enable_shared_from_this<session_impl> {
 public:
  session_impl(session_id id, asio::ip::tcp::socket socket, asio::ssl::context& tls,
               const server_limits& limits, session_owner& owner)
      : id_(id), limits_(limits), owner_(owner), ws_(std::move(socket), tls) {}

  void start() override;
  void accept() override;
  void refuse(const error& why) override { answer(status_of(why.code), why); }
  void send(std::shared_ptr<const std::string> text) override;
  void end(const error& why) override;
  void abort() override { finish(); }

 private:
  using mishap = session_owner::mishap;

  beast::tcp_stream& tcp() { return beast::get_lowest_layer(ws_); }
  void on_tls(error_code ec);
  void on_request(error_code ec);
  void hand_over(os::https_guest& guest);
  void answer(http::status status, const error& why);
  void on_accepted(error_code ec);
  void read();
  void on_read(error_code ec);
  void write();
  void on_written(error_code ec);
  void close_now();
  void on_shut(error_code) { finish(); }
  void finish();

  /// Binds a member function as a completion handler that keeps the session alive.
  template <class F>
  auto handler(F method) {
    return [self = shared_from_this(), method](error_code ec, auto&&...) {
      if (!self->finished_) ((*self).*method)(ec);
    };
  }

  session_id id_;
  const server_limits& limits_;
  session_owner& owner_;
  os::web_socket ws_;
  beast::flat_buffer buffer_;
  std::optional<os::https_parser> parser_;
  os::https_request request_;
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::size_t queued_octets_ = 0;
  std::optional<error> closing_;
  channel_binding binding_{};
  bool open_ = false;
  bool writing_ = false;
  bool finished_ = false;
};

void session_impl::start() {
  error_code ignored;
  tcp().socket().set_option(asio::ip::tcp::no_delay{true}, ignored);
  tcp().expires_after(limits_.handshake);
  os::start_tls(ws_.next_layer(), asio::ssl::stream_base::server, handler(&session_impl::on_tls));
}

void session_impl::on_tls(error_code ec) {
  const auto binding = ec ? result<channel_binding>{fail(errc::closed)}
                          : exporter_of(ws_.next_layer().native_handle());
  if (!binding) {
    owner_.on_mishap(id_, mishap::handshake, ec.message());
    return finish();
  }
  binding_ = *binding;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(limits_.header_octets));
  parser_->body_limit(0);
  os::read_request(ws_.next_layer(), buffer_, *parser_, handler(&session_impl::on_request));
}

void session_impl::on_request(error_code ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    owner_.on_mishap(id_, mishap::request, "header too large");
    return answer(http::status::request_header_fields_too_large,
                  fail(errc::message_too_large, "the request header"));
  }
  if (ec) {
    owner_.on_mishap(id_, mishap::handshake, ec.message());
    return finish();
  }
  request_ = parser_->release();
  const auto target = request_.target();
  if (auto* guest = owner_.guest_for({target.data(), target.size()})) return hand_over(*guest);
  const auto refused = [&](http::status status, std::string why) {
    owner_.on_mishap(id_, mishap::request, why);
    answer(status, fail(errc::bad_message, std::move(why)));
  };
  if (request_.target() != beast::string_view{login_target.data(), login_target.size()})
    return refused(http::status::not_found, "there is only /v1 here");
  if (!websocket::is_upgrade(request_))
    return refused(http::status::upgrade_required, "not a WebSocket upgrade");
  const auto header = request_.find({login_header.data(), login_header.size()});
  if (header == request_.end())
    return refused(http::status::bad_request, "the login header is missing");
  const auto request = decode_login({header->value().data(), header->value().size()});
  if (!request) return refused(http::status::bad_request, request.error().detail);
  owner_.on_login(id_, *request, binding_);
}

/// The connection lives on, but not as one of ours.
void session_impl::hand_over(os::https_guest& guest) {
  const auto keep = shared_from_this(); // the owner lets go of us
  const auto source = owner_.source_of(id_);
  finished_ = true;
  auto connection = std::move(ws_.next_layer());
  owner_.on_closed(id_);
  guest.take(std::move(connection), std::move(request_), source);
}

void session_impl::answer(http::status status, const error& why) {
  auto response = std::make_shared<os::https_answer>(status, 11);
  response->set(http::field::content_type, "application/json");
  if (status == http::status::upgrade_required) response->set(http::field::upgrade, "websocket");
  response->keep_alive(false);
  response->body() = encode_refusal(why);
  response->prepare_payload();
  tcp().expires_after(limits_.handshake);
  os::write_answer(ws_.next_layer(), *response,
                   [self = shared_from_this(), response](error_code ec) {
                     if (self->finished_) return;
                     if (ec) return self->finish();
                     os::end_tls(self->ws_.next_layer(), self->handler(&session_impl::on_shut));
                   });
}

void session_impl::accept() {
  tcp().expires_never(); // from here on the WebSocket keeps time
  ws_.set_option(websocket::stream_base::timeout{limits_.handshake, limits_.dead_after, true});
  ws_.read_message_max(0); // on_read() does it, and says why
  ws_.auto_fragment(false);
  ws_.text(true);
  os::accept_upgrade(ws_, request_, handler(&session_impl::on_accepted));
}

void session_impl::on_accepted(error_code ec) {
  if (ec) {
    owner_.on_mishap(id_, mishap::handshake, ec.message());
    return finish();
  }
  open_ = true;
  read();
  if (!queue_.empty()) return write();
  if (closing_) close_now();
}

void session_impl::read() {
  os::read_part(ws_, buffer_, limits_.message_octets, handler(&session_impl::on_read));
}

void session_impl::on_read(error_code ec) {
  // The stream has closed with the code that says so (1002, 1007), or TLS with its alert.
  if (is_malformed(ec) && !closing_) owner_.on_mishap(id_, mishap::malformed, ec.message());
  if (ec) return finish();
  if (closing_) return; // the close takes what still comes
  if (buffer_.size() > limits_.message_octets) {
    owner_.on_mishap(id_, mishap::too_large, "message");
    return end(fail(errc::message_too_large, "the message"));
  }
  if (ws_.is_message_done()) {
    const auto data = buffer_.cdata();
    auto message =
        ws_.got_text()
            ? decode_client({static_cast<const char*>(data.data()), data.size()})
            : undecodable{fail(errc::bad_message, "a binary message"), {}, std::nullopt, true};
    if (const auto* good = std::get_if<client_message>(&message))
      owner_.on_message(id_, *good);
    else
      owner_.on_undecodable(id_, std::get<undecodable>(message));
    buffer_.consume(buffer_.size());
  }
  if (!finished_ && !closing_) read();
}

void session_impl::send(std::shared_ptr<const std::string> text) {
  if (finished_ || closing_) return;
  queued_octets_ += text->size();
  queue_.push_back(std::move(text));
  if (queue_.size() > limits_.queue_messages || queued_octets_ > limits_.queue_octets) {
    owner_.on_mishap(id_, mishap::slow, "it does not read");
    return finish();
  }
  if (open_ && !writing_) write();
}

void session_impl::write() {
  writing_ = true;
  os::write_message(ws_, asio::buffer(*queue_.front()), handler(&session_impl::on_written));
}

void session_impl::on_written(error_code ec) {
  writing_ = false;
  if (ec) return finish();
  queued_octets_ -= queue_.front()->size();
  queue_.pop_front();
  if (!queue_.empty()) return write();
  if (closing_) close_now();
}

void session_impl::end(const error& why) {
  if (finished_ || closing_) return;
  closing_ = why;
  if (open_ && !writing_ && queue_.empty()) close_now();
}

void session_impl::close_now() {
  const auto reason = close_reason(*closing_);
  os::send_close(ws_, {close_code_of(closing_->code), reason}, handler(&session_impl::on_shut));
}

void session_impl::finish() {
  if (finished_) return;
  const auto keep = shared_from_this(); // the owner lets go of us
  finished_ = true;
  tcp().close();
  owner_.on_closed(id_);
}

} // namespace

std::shared_ptr<server_session> make_server_session(session_id id, asio::ip::tcp::socket socket,
                                                    asio::ssl::context& tls,
                                                    const server_limits& limits,
                                                    session_owner& owner) {
  return std::make_shared<session_impl>(id, std::move(socket), tls, limits, owner);
}

} // namespace lanrage::net::control
