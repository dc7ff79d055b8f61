#include "net/control/server.hpp"

#include "net/control/identity.hpp"
#include "net/control/overloaded.hpp"
#include "net/control/server_session.hpp"
#include "net/control/source_rate.hpp"
#include "net/control/store.hpp"
#include "net/control/tls.hpp"
#include "net/os/files.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

namespace lanrage::net::control {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// Connections that are still shaking hands, beside the sessions.
constexpr std::size_t handshakes_max = 1'024;
/// After a failed accept (no file descriptors left) the next try waits.
constexpr std::chrono::milliseconds accept_again = std::chrono::milliseconds{100};
/// Members get this long to take the goodbye of a stopping server.
constexpr std::chrono::milliseconds drain = std::chrono::milliseconds{300};
/// Refusals written to the log per second; the rest is only counted.
constexpr std::uint32_t logged_refusals_per_s = 20;

ip_address address_of(const asio::ip::address& from) {
  return from.is_v4() ? ip_address::v4(from.to_v4().to_uint())
                      : ip_address::v6(from.to_v6().to_bytes());
}

asio::ip::address asio_address(const ip_address& from) {
  if (from.is_v4()) return asio::ip::address_v4{from.to_v4()};
  return asio::ip::address_v6{from.octets()};
}

tcp::endpoint listen_endpoint(const endpoint& from) {
  return {asio_address(from.address), from.port};
}

moment at_now() {
  using std::chrono::system_clock;
  const auto unix_time = system_clock::now().time_since_epoch();
  return {std::chrono::steady_clock::now(),
          static_cast<std::uint64_t>(
              std::chrono::duration_cast<std::chrono::milliseconds>(unix_time).count())};
}

/// The address this machine would use towards the internet; nothing is sent.
std::string outgoing_address(asio::io_context& io) {
  asio::ip::udp::socket probe{io};
  error_code ec;
  probe.open(asio::ip::udp::v4(), ec);
  // TEST-NET-1 (RFC 5737): any address behind the default route will do.
  if (!ec) probe.connect({asio::ip::make_address_v4("192.0.2.1"), 9}, ec);
  if (ec) return "127.0.0.1";
  return probe.local_endpoint().address().to_string();
}

struct atomic_counters {
  std::atomic<std::uint64_t> sessions{0}, connections{0}, logins{0}, refused_source{0},
      refused_handshake{0}, refused_request{0}, refused_login{0}, refused_parties{0},
      refused_full{0}, forgotten{0}, rotated{0}, messages{0}, messages_bad{0},
      messages_too_large{0}, messages_refused{0}, slow_members{0};
};

} // namespace

class control_server::impl final : public session_owner {
 public:
  impl(server_limits limits, server_identity identity, std::unique_ptr<store> kept,
       const stored_state& stored, const std::vector<relay_info>& relays)
      : limits_(limits), identity_(std::move(identity)), store_(std::move(kept)),
        registry_(limits.registry, identity_.login, identity_.token, relays, stored),
        sources_(limits.connects_per_s, limits.connects_burst) {}

  result<void> listen(const config::control_settings& settings);
  void run_thread() {
    thread_ = std::thread{[this] { io_.run(); }};
  }
  void stop();
  void set_relays(std::vector<relay_info> relays) {
    asio::post(io_, [this, relays = std::move(relays)]() mutable {
      perform(registry_.set_relays(std::move(relays), at_now()));
    });
  }

  void set_guest(std::shared_ptr<os::https_guest> guest) {
    asio::post(io_, [this, guest = std::move(guest)]() mutable { guest_ = std::move(guest); });
  }

  os::https_guest* guest_for(std::string_view target) override {
    return guest_ && guest_->serves(target) ? guest_.get() : nullptr;
  }
  ip_address source_of(session_id id) const override {
    const auto found = connections_.find(id);
    return found == connections_.end() ? ip_address{} : found->second.source;
  }
  void on_login(session_id id, const login& request, const channel_binding& binding) override {
    perform(registry_.opened(id, request, binding, at_now()));
  }
  void on_message(session_id id, const client_message& message) override {
    ++count_.messages;
    perform(registry_.received(id, message, at_now()));
  }
  void on_undecodable(session_id id, const undecodable& message) override {
    ++count_.messages_bad;
    log_refusal(id, message.why);
    perform(registry_.received(id, message, at_now()));
  }
  void on_closed(session_id id) override;
  void on_mishap(session_id id, mishap what, std::string_view detail) override;

  const server_limits limits_;
  const server_identity identity_;
  server_line line_;
  endpoint listening_;
  os::descriptor claimed_; ///< no other process is in our state folder
  atomic_counters count_;
  mutable std::mutex failed_mutex_;
  std::optional<error> failed_;

 private:
  struct connection {
    std::shared_ptr<server_session> session;
    ip_address source;
    bool accepted = false;
  };

  void accept();
  void on_accept(error_code ec, tcp::socket socket);
  void perform(effects todo);
  bool persist(const effects& todo);
  void refused(const refuse_login& what);
  server_session* find(session_id id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : found->second.session.get();
  }
  /// A copy: ending one changes the map.
  std::vector<std::shared_ptr<server_session>> all_sessions() const {
    std::vector<std::shared_ptr<server_session>> out;
    for (const auto& [id, each] : connections_)
      out.push_back(each.session);
    return out;
  }
  void tick();
  void shut_down();
  void log_refusal(session_id id, const error& why);

  std::unique_ptr<store> store_;
  registry registry_;
  source_rate sources_;
  std::shared_ptr<os::https_guest> guest_;
  asio::io_context io_{1};
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer tick_timer_{io_};
  asio::steady_timer pause_timer_{io_};
  std::map<session_id, connection> connections_;
  std::uint64_t last_session_ = 0;
  std::chrono::steady_clock::time_point log_second_{};
  std::uint32_t logged_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

result<void> control_server::impl::listen(const config::control_settings& settings) {
  restrict_tls(tls_.native_handle());
  error_code ec;
  tls_.use_certificate(asio::buffer(identity_.pem), asio::ssl::context::pem, ec);
  if (!ec) tls_.use_private_key(asio::buffer(identity_.pem), asio::ssl::context::pem, ec);
  if (ec) return fail(errc::bad_state, "server.pem: " + ec.message());

  const auto where = listen_endpoint(settings.listen);
  acceptor_.open(where.protocol(), ec);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address{true}, ec);
  if (!ec && where.address().is_v6() && where.address().is_unspecified())
    acceptor_.set_option(asio::ip::v6_only{false}, ec);
  if (!ec) acceptor_.bind(where, ec);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    const auto code = ec == asio::error::access_denied    ? errc::not_permitted
                      : ec == asio::error::address_in_use ? errc::already_exists
                                                          : errc::bad_config;
    return fail(code, "cannot listen on TCP " + to_string(settings.listen) + ": " + ec.message());
  }
  const auto bound = acceptor_.local_endpoint();
  listening_ = {address_of(bound.address()), bound.port()};
  line_.host = settings.public_host;
  if (line_.host.empty())
    line_.host =
        bound.address().is_unspecified() ? outgoing_address(io_) : bound.address().to_string();
  line_.port = bound.port();
  line_.pin = identity_.pin;
  line_.key = public_key(identity_.login);
  accept();
  tick();
  return {};
}

void control_server::impl::accept() {
  acceptor_.async_accept(
      [this](error_code ec, tcp::socket socket) { on_accept(ec, std::move(socket)); });
}

void control_server::impl::on_accept(error_code ec, tcp::socket socket) {
  if (stopping_ || ec == asio::error::operation_aborted) return;
  if (ec) {
    spdlog::warn("control: cannot accept: {}", ec.message());
    pause_timer_.expires_after(accept_again);
    return pause_timer_.async_wait([this](error_code stopped) {
      if (!stopped) accept();
    });
  }
  ++count_.connections;
  const auto peer = socket.remote_endpoint(ec);
  const auto source = ec ? ip_address{} : address_of(peer.address());
  if (!ec && !sources_.allow(source, std::chrono::steady_clock::now())) {
    ++count_.refused_source;
  } else if (!ec && connections_.size() >= limits_.registry.sessions + handshakes_max) {
    ++count_.refused_full;
  } else if (!ec) {
    const session_id id{++last_session_};
    auto session = make_server_session(id, std::move(socket), tls_, limits_, *this);
    connections_.emplace(id, connection{session, source, false});
    session->start();
  }
  accept();
}

bool control_server::impl::persist(const effects& todo) {
  std::vector<change> changes;
  for (const auto& each : todo)
    if (const auto* saved = std::get_if<save>(&each)) changes.push_back(saved->what);
  const auto stored = store_->apply(changes);
  if (stored) return true;
  spdlog::critical("control: {}; stopping", to_string(stored.error()));
  {
    const std::lock_guard lock{failed_mutex_};
    failed_ = stored.error();
  }
  shut_down();
  return false;
}

void control_server::impl::perform(effects todo) {
  if (todo.empty() || !persist(todo)) return;
  for (auto& each : todo) {
    std::visit(
        overloaded{[](const save&) {},
                   [&](const accept_login& e) {
                     ++count_.logins;
                     ++count_.sessions;
                     const auto found = connections_.find(e.session);
                     if (found == connections_.end()) return;
                     found->second.accepted = true;
                     found->second.session->accept();
                   },
                   [&](const refuse_login& e) { refused(e); },
                   [&](const send_message& e) {
                     if (const auto* no = std::get_if<request_refused>(&e.message);
                         no != nullptr && no->why.code != errc::bad_message) {
                       ++count_.messages_refused;
                       log_refusal(e.to.front(), no->why);
                     }
                     const auto text = std::make_shared<const std::string>(encode(e.message));
                     for (const auto id : e.to)
                       if (auto* session = find(id)) session->send(text);
                   },
                   [&](const end_session& e) {
                     if (auto* session = find(e.session)) session->end(e.why);
                   },
                   [&](const note& e) {
                     ++(e.what == note::kind::rotated ? count_.rotated : count_.forgotten);
                     spdlog::info("control: {}, as {} asked", e.text, to_string(source_of(e.by)));
                   }},
        each);
  }
}

void control_server::impl::refused(const refuse_login& what) {
  if (what.why.code == errc::bad_login)
    ++count_.refused_login;
  else if (what.why.code == errc::limit_reached)
    ++count_.refused_full;
  else
    ++count_.refused_parties;
  log_refusal(what.session, what.why);
  if (auto* session = find(what.session)) session->refuse(what.why);
}

void control_server::impl::on_closed(session_id id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  if (found->second.accepted) --count_.sessions;
  connections_.erase(found);
  perform(registry_.closed(id, at_now()));
  if (stopping_ && connections_.empty()) io_.stop();
}

void control_server::impl::on_mishap(session_id id, mishap what, std::string_view detail) {
  switch (what) {
  case mishap::handshake:
    ++count_.refused_handshake;
    return log_refusal(id, fail(errc::bad_message, "no TLS or no login: " + std::string{detail}));
  case mishap::request:
    ++count_.refused_request;
    return log_refusal(id, fail(errc::bad_message, std::string{detail}));
  case mishap::too_large:
    ++count_.messages_too_large;
    return log_refusal(id, fail(errc::message_too_large, std::string{detail}));
  case mishap::slow:
    ++count_.slow_members;
    return log_refusal(id, fail(errc::limit_reached, std::string{detail}));
  }
}

void control_server::impl::log_refusal(session_id id, const error& why) {
  const auto now = std::chrono::steady_clock::now();
  if (now - log_second_ >= std::chrono::seconds{1}) {
    log_second_ = now;
    logged_ = 0;
  }
  if (++logged_ > logged_refusals_per_s) return;
  const auto found = connections_.find(id);
  spdlog::info("control: refused {}: {}",
               found == connections_.end() ? "" : to_string(found->second.source), to_string(why));
}

void control_server::impl::tick() {
  constexpr std::chrono::seconds most{60};
  const auto due = std::max(std::chrono::seconds{1}, limits_.registry.token_lifetime / 8);
  tick_timer_.expires_after(std::min(most, due));
  tick_timer_.async_wait([this](error_code ec) {
    if (ec || stopping_) return;
    perform(registry_.tick(at_now()));
    tick();
  });
}

void control_server::impl::shut_down() {
  if (stopping_) return;
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  tick_timer_.cancel();
  pause_timer_.expires_after(drain);
  pause_timer_.async_wait([this](error_code) {
    for (const auto& session : all_sessions())
      session->abort();
    io_.stop();
  });
  for (const auto& session : all_sessions())
    session->end(fail(errc::closed, "the server stops"));
  if (connections_.empty()) io_.stop();
}

void control_server::impl::stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] { shut_down(); });
  thread_.join();
}

control_server::control_server(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
control_server::~control_server() {
  stop();
}

result<std::unique_ptr<control_server>>
control_server::start(const config::control_settings& settings, const server_limits& limits) {
  const auto random = os_random();
  auto claimed = os::claim(settings.state_dir, "control.lock");
  if (!claimed) return claimed.error();
  const auto identity = load_identity(settings.state_dir, random);
  if (!identity) return identity.error();
  auto kept = open_sqlite(settings.state_dir / "control.db");
  if (!kept) return kept.error();
  const auto stored = (*kept)->load();
  if (!stored) return stored.error();
  auto made = std::make_unique<impl>(limits, *identity, std::move(*kept), *stored, settings.relays);
  made->claimed_ = std::move(*claimed);
  if (const auto listening = made->listen(settings); !listening) return listening.error();
  made->run_thread();
  return std::unique_ptr<control_server>{new control_server{std::move(made)}};
}

endpoint control_server::listening() const {
  return impl_->listening_;
}
const server_line& control_server::line() const {
  return impl_->line_;
}
token_public_key control_server::token_key() const {
  return public_key(impl_->identity_.token);
}
void control_server::set_relays(std::vector<relay_info> relays) {
  impl_->set_relays(std::move(relays));
}
void control_server::set_guest(std::shared_ptr<os::https_guest> guest) {
  impl_->set_guest(std::move(guest));
}
const certificate_pin& control_server::pin() const {
  return impl_->identity_.pin;
}
void control_server::stop() {
  impl_->stop();
}

std::optional<error> control_server::failed() const {
  const std::lock_guard lock{impl_->failed_mutex_};
  return impl_->failed_;
}

server_counters control_server::counters() const {
  const auto& c = impl_->count_;
  return {c.sessions,          c.connections,        c.logins,           c.refused_source,
          c.refused_handshake, c.refused_request,    c.refused_login,    c.refused_parties,
          c.refused_full,      c.forgotten,          c.rotated,          c.messages,
          c.messages_bad,      c.messages_too_large, c.messages_refused, c.slow_members};
}

} // namespace lanrage::net::control
