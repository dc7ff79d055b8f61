#include "net/control/server.hpp"

#include "config/defaults.hpp"
#include "net/control/identity.hpp"
#include "net/control/overloaded.hpp"
#include "net/control/server_journal.hpp"
#include "net/control/server_session.hpp"
#include "net/control/source_rate.hpp"
#include "net/control/store.hpp"
#include "net/control/tls.hpp"
#include "net/os/files.hpp"
#include "net/os/tcp_listen.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

namespace lanrage::net::control {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// After a failed accept (no file descriptors left) the next try waits.
constexpr std::chrono::milliseconds accept_again = std::chrono::milliseconds{100};
/// Members get this long to take the goodbye of a stopping server.
constexpr std::chrono::milliseconds drain = std::chrono::milliseconds{300};

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

/// What a refused login counts as.
server_journal::counter login_refusal(errc why) {
  switch (why) {
  case errc::bad_login:
    return &server_counters::refused_login;
  case errc::limit_reached:
    return &server_counters::refused_full;
  default:
    return &server_counters::refused_parties;
  }
}

} // namespace

class control_server::impl final : public session_owner {
 public:
  impl(server_limits limits, server_identity identity, std::unique_ptr<store> kept,
       const stored_state& stored, const config::control_settings& settings)
      : limits_(limits), identity_(std::move(identity)), journal_(settings.state_dir),
        store_(std::move(kept)),
        registry_(limits.registry, identity_.login, identity_.token, settings.relays, stored),
        sources_(limits.connects_per_s, limits.connects_burst) {}

  result<void> listen(const config::control_settings& settings);
  void run_thread() {
    thread_ = std::thread{[this] {
      io_.run();
      journal_.log();
      journal_.write();
    }};
  }
  void stop();
  void set_relays(std::vector<relay_info> relays) {
    asio::post(io_, [this, relays = std::move(relays)]() mutable {
      perform(registry_.set_relays(std::move(relays), at_now()));
    });
  }

  void report() {
    asio::post(io_, [this] { journal_.write(); });
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
    journal_.count(&server_counters::messages);
    perform(registry_.received(id, message, at_now()));
  }
  void on_undecodable(session_id id, const undecodable& message) override {
    refused(&server_counters::messages_bad, id, message.why);
    perform(registry_.received(id, message, at_now()));
  }
  void on_closed(session_id id) override;
  void on_mishap(session_id id, mishap what, std::string_view detail) override;

  const server_limits limits_;
  const server_identity identity_;
  server_line line_;
  endpoint listening_;
  os::descriptor claimed_; ///< no other process is in our state folder
  server_journal journal_;
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
  void begin(tcp::socket socket, const ip_address& source);
  void perform(effects todo);
  bool persist(const effects& todo);
  void note_refusals(const send_message& what);
  void refused(server_journal::counter as, session_id id, const error& why) {
    journal_.refuse(as, source_of(id), why, std::chrono::steady_clock::now());
  }
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
  bool stopping_ = false;
  std::thread thread_;
};

result<void> control_server::impl::listen(const config::control_settings& settings) {
  restrict_tls(tls_.native_handle());
  error_code ec;
  tls_.use_certificate(asio::buffer(identity_.pem), asio::ssl::context::pem, ec);
  if (!ec) tls_.use_private_key(asio::buffer(identity_.pem), asio::ssl::context::pem, ec);
  if (ec) return fail(errc::bad_state, "server.pem: " + ec.message());

  const auto bound = os::listen_on(acceptor_, settings.listen);
  if (!bound) return bound.error();
  listening_ = *bound;
  line_.host = settings.public_host;
  if (line_.host.empty()) {
    const auto address = os::asio_address(bound->address);
    line_.host = address.is_unspecified() ? outgoing_address(io_) : address.to_string();
  }
  line_.port = bound->port;
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
  journal_.count(&server_counters::connections);
  const auto peer = socket.remote_endpoint(ec);
  if (!ec) begin(std::move(socket), os::address_of(peer.address()));
  accept();
}

void control_server::impl::begin(tcp::socket socket, const ip_address& source) {
  const auto now = std::chrono::steady_clock::now();
  if (!sources_.allow(source, now))
    return journal_.refuse(&server_counters::refused_source, source,
                           fail(errc::limit_reached, "connections of one source"), now);
  if (connections_.size() >= limits_.registry.sessions + limits_.handshakes)
    return journal_.refuse(&server_counters::refused_full, source,
                           fail(errc::limit_reached, "connections"), now);
  const session_id id{++last_session_};
  auto session = make_server_session(id, std::move(socket), tls_, limits_, *this);
  connections_.emplace(id, connection{session, source, false});
  session->start();
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
                     const auto found = connections_.find(e.session);
                     if (found == connections_.end()) return;
                     journal_.count(&server_counters::logins);
                     journal_.count(&server_counters::sessions);
                     found->second.accepted = true;
                     found->second.session->accept();
                   },
                   [&](const refuse_login& e) {
                     refused(login_refusal(e.why.code), e.session, e.why);
                     if (auto* session = find(e.session)) session->refuse(e.why);
                   },
                   [&](const send_message& e) {
                     note_refusals(e);
                     const auto text = std::make_shared<const std::string>(encode(e.message));
                     for (const auto id : e.to)
                       if (auto* session = find(id)) session->send(text);
                   },
                   [&](const end_session& e) {
                     if (e.why.code == errc::limit_reached)
                       refused(&server_counters::messages_over_rate, e.session, e.why);
                     if (auto* session = find(e.session)) session->end(e.why);
                   },
                   [&](const note& e) {
                     journal_.count(e.what == note::kind::rotated ? &server_counters::rotated
                                                                  : &server_counters::forgotten);
                     spdlog::info("control: {}, as {} asked", e.text, to_string(source_of(e.by)));
                   }},
        each);
  }
}

void control_server::impl::note_refusals(const send_message& what) {
  if (const auto* no = std::get_if<request_refused>(&what.message)) {
    // What is no message of the protocol was noted when it came.
    if (no->why.code != errc::bad_message)
      refused(&server_counters::messages_refused, what.to.front(), no->why);
  } else if (const auto* hello = std::get_if<welcome>(&what.message)) {
    for (const auto& party : hello->refused)
      refused(login_refusal(party.why.code), what.to.front(), party.why);
  }
}

void control_server::impl::on_closed(session_id id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  if (found->second.accepted) journal_.count(&server_counters::sessions, -1);
  connections_.erase(found);
  perform(registry_.closed(id, at_now()));
  if (stopping_ && connections_.empty()) io_.stop();
}

void control_server::impl::on_mishap(session_id id, mishap what, std::string_view detail) {
  switch (what) {
  case mishap::handshake:
    return refused(&server_counters::refused_handshake, id,
                   fail(errc::bad_message, "no TLS or no login: " + std::string{detail}));
  case mishap::request:
    return refused(&server_counters::refused_request, id,
                   fail(errc::bad_message, std::string{detail}));
  case mishap::malformed:
    return refused(&server_counters::messages_bad, id,
                   fail(errc::bad_message, std::string{detail}));
  case mishap::too_large:
    return refused(&server_counters::messages_too_large, id,
                   fail(errc::message_too_large, std::string{detail}));
  case mishap::slow:
    return refused(&server_counters::slow_members, id,
                   fail(errc::limit_reached, std::string{detail}));
  }
}

void control_server::impl::tick() {
  constexpr auto most = config::defaults::counters_written_every;
  const auto due = std::max(std::chrono::seconds{1}, limits_.registry.token_lifetime / 8);
  journal_.tick(std::chrono::steady_clock::now());
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
  auto made = std::make_unique<impl>(limits, *identity, std::move(*kept), *stored, settings);
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
  return impl_->journal_.counters();
}
void control_server::report() {
  impl_->report();
}

} // namespace lanrage::net::control
