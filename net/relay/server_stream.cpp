#include "net/relay/server_stream.hpp"

#include "config/stream_defaults.hpp"
#include "net/os/web_socket.hpp"

#include <boost/asio/post.hpp>

#include <netinet/tcp.h>

#include <deque>

namespace lanrage::net::relay {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
namespace defaults = config::defaults;
using boost::system::error_code;

/// What TCP may hold that was not sent yet: the rest waits in our queue, which drops what is old.
constexpr int unsent_octets = 128 << 10;

class stream_session final : public std::enable_shared_from_this<stream_session> {
 public:
  stream_session(os::https_stream connection, os::https_request asked,
                 std::shared_ptr<flow_exchange> flows)
      : ws_(std::move(connection)), asked_(std::move(asked)), flows_(std::move(flows)) {}
  ~stream_session() { leave(); }

  void start(const ip_address& source);

 private:
  beast::tcp_stream& tcp() { return beast::get_lowest_layer(ws_); }

  template <class F>
  auto handler(F method) {
    return [self = shared_from_this(), method](error_code ec, auto&&...) {
      if (!self->finished_) ((*self).*method)(ec);
    };
  }

  void refuse(http::status status) {
    auto answer = std::make_shared<os::https_answer>(status, 11);
    if (status == http::status::upgrade_required) answer->set(http::field::upgrade, "websocket");
    answer->keep_alive(false);
    answer->prepare_payload();
    tcp().expires_after(defaults::relay_stream_handshake);
    os::write_answer(ws_.next_layer(), *answer,
                     [self = shared_from_this(), answer](error_code) { self->finish(); });
  }

  void on_accepted(error_code ec) {
    if (ec) return finish();
    open_ = true;
    read();
    woken();
  }

  void read() {
    os::read_part(ws_, buffer_, defaults::stream_message_max, handler(&stream_session::on_read));
  }

  void on_read(error_code ec) {
    if (ec) return finish();
    if (closing_) return; // the close takes what still comes
    const bool large = buffer_.size() > defaults::stream_message_max;
    if (large || !ws_.got_binary()) {
      flows_->ended_bad();
      return end(large ? websocket::close_code::too_big : websocket::close_code::unknown_data);
    }
    if (!ws_.is_message_done()) return read();
    const auto data = buffer_.cdata();
    const auto* octets = static_cast<const std::uint8_t*>(data.data());
    if (data.size() > 0) flows_->put(*flow_, bytes(octets, octets + data.size()));
    buffer_.consume(buffer_.size());
    read();
  }

  /// Something waits for the member, or the relay has no use for the stream.
  void woken() {
    if (finished_ || closing_ || !open_ || writing_) return; // looked at when that is done
    if (queue_.empty()) {
      auto next = flows_->take(*flow_, std::chrono::steady_clock::now());
      queue_ = std::move(next.datagrams);
      if (next.ended) return end(websocket::close_code::policy_error);
    }
    if (queue_.empty()) return;
    writing_ = true;
    os::write_message(ws_, asio::buffer(queue_.front()), handler(&stream_session::on_written));
  }

  void on_written(error_code ec) {
    writing_ = false;
    if (ec) return finish();
    queue_.pop_front();
    woken();
  }

  void end(websocket::close_code why) {
    if (closing_) return;
    closing_ = true;
    os::send_close(ws_, why, [self = shared_from_this()](error_code) { self->finish(); });
  }

  void leave() {
    if (flow_) flows_->close(*flow_);
    flow_.reset();
  }

  void finish() {
    if (finished_) return;
    finished_ = true;
    leave();
    tcp().close();
  }

  os::web_socket ws_;
  os::https_request asked_;
  std::shared_ptr<flow_exchange> flows_;
  std::optional<std::uint64_t> flow_;
  beast::flat_buffer buffer_;
  std::deque<bytes> queue_; ///< taken, being written
  bool open_ = false;
  bool writing_ = false;
  bool closing_ = false;
  bool finished_ = false;
};

void stream_session::start(const ip_address& source) {
  const bool upgrade = websocket::is_upgrade(asked_);
  if (!upgrade ||
      asked_.target() != beast::string_view{stream_target.data(), stream_target.size()}) {
    flows_->refused();
    return refuse(upgrade ? http::status::not_found : http::status::upgrade_required);
  }
  flow_ = flows_->open(
      source,
      [weak = weak_from_this(), executor = ws_.get_executor()] {
        asio::post(executor, [weak] {
          if (const auto self = weak.lock()) self->woken();
        });
      },
      std::chrono::steady_clock::now());
  if (!flow_) return refuse(http::status::service_unavailable);
  tcp().expires_never(); // from here on the WebSocket keeps time
  const int unsent = unsent_octets;
  (void)::setsockopt(tcp().socket().native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
                     sizeof unsent);
  ws_.set_option(websocket::stream_base::timeout{defaults::relay_stream_handshake,
                                                 defaults::stream_dead_after, true});
  ws_.read_message_max(0); // on_read() does it, and counts
  ws_.auto_fragment(false);
  ws_.binary(true);
  os::accept_upgrade(ws_, asked_, handler(&stream_session::on_accepted));
}

class stream_guest final : public os::https_guest {
 public:
  explicit stream_guest(std::shared_ptr<flow_exchange> flows) : flows_(std::move(flows)) {}
  bool serves(std::string_view target) const override { return target == stream_target; }
  void take(os::https_stream connection, os::https_request asked,
            const ip_address& source) override {
    std::make_shared<stream_session>(std::move(connection), std::move(asked), flows_)
        ->start(source);
  }

 private:
  std::shared_ptr<flow_exchange> flows_;
};

} // namespace

std::shared_ptr<os::https_guest> make_stream_guest(std::shared_ptr<flow_exchange> flows) {
  return std::make_shared<stream_guest>(std::move(flows));
}

} // namespace lanrage::net::relay
