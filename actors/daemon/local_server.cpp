#include "actors/daemon/local_server.hpp"

#include "actors/daemon/local_json.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <spdlog/spdlog.h>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <istream>
#include <map>
#include <vector>

namespace lanrage::actors {

namespace asio = boost::asio;
using local = asio::local::stream_protocol;
using error_code = boost::system::error_code;

namespace {

// docs/local-api.md, "The socket".
constexpr std::size_t request_octets_max = 65'536;
constexpr std::size_t clients_max = 64;
constexpr std::size_t stream_lines_max = 256;
constexpr std::chrono::seconds idle_deadline{60};

std::string error_line(net::errc code, std::string detail) {
  return boost::json::serialize(
      boost::json::object{{"ok", false}, {"error", to_json(net::fail(code, std::move(detail)))}});
}

net::error socket_error(net::errc code, const std::filesystem::path& path, const std::string& why) {
  return net::fail(code, "socket " + path.string() + ": " + why);
}

} // namespace

class local_server::impl : public std::enable_shared_from_this<local_server::impl> {
 public:
  impl(asio::io_context& context, std::filesystem::path path)
      : context_(context), path_(std::move(path)), acceptor_(context) {}

  net::result<void> listen(const std::string& group);
  void accept();
  void attach(handlers who);
  void answer(session to, std::string line, bool ends);
  void close();
  asio::io_context& context() { return context_; }

 private:
  struct client {
    client(asio::io_context& context, local::socket from)
        : socket(std::move(from)), input(request_octets_max), idle(context) {}
    local::socket socket;
    asio::streambuf input;
    asio::steady_timer idle;
    std::deque<std::string> output;
    std::uint64_t missed = 0; ///< stream lines dropped since the last one written
    bool asking = false;      ///< a request is with the handler
    bool closing = false;     ///< after the output is written
  };
  using client_ptr = std::shared_ptr<client>;

  void admit(local::socket socket);
  void read(session id, const client_ptr& who);
  void asked(session id, const client_ptr& who, std::size_t octets);
  void watch_for_leaving(session id, const client_ptr& who);
  void send(session id, const client_ptr& who, std::string line);
  void write(session id, const client_ptr& who);
  void drop(session id);

  asio::io_context& context_;
  std::filesystem::path path_;
  local::acceptor acceptor_;
  handlers handlers_;
  std::map<session, client_ptr> clients_;
  session next_ = 1;
  bool accepting_ = false;
};

net::result<void> local_server::impl::listen(const std::string& group) {
  error_code failed;
  if (path_.native().size() >= sizeof(sockaddr_un::sun_path))
    return socket_error(net::errc::bad_config, path_, "the path is too long for a Unix socket");
  std::filesystem::create_directories(path_.parent_path(), failed);
  if (std::filesystem::exists(path_, failed)) {
    local::socket probe{context_};
    probe.connect(local::endpoint{path_.string()}, failed);
    if (!failed)
      return socket_error(net::errc::already_exists, path_, "another daemon answers on it");
    std::filesystem::remove(path_, failed);
  }
  acceptor_.open(local::endpoint{path_.string()}.protocol(), failed);
  // Nobody may open it between bind and chmod.
  const auto mask = ::umask(0177);
  if (!failed) acceptor_.bind(local::endpoint{path_.string()}, failed);
  ::umask(mask);
  if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
  if (failed)
    return socket_error(failed == error_code{EACCES, boost::system::system_category()}
                            ? net::errc::not_permitted
                            : net::errc::bad_config,
                        path_, failed.message());
  if (const auto* entry = ::getgrnam(group.c_str()); entry != nullptr) {
    if (::chown(path_.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0)
      spdlog::warn("socket {}: cannot give it to group {}: {}", path_.string(), group,
                   std::strerror(errno));
  }
  ::chmod(path_.c_str(), 0660);
  return {};
}

void local_server::impl::accept() {
  acceptor_.async_accept([self = shared_from_this()](error_code failed, local::socket socket) {
    if (failed == asio::error::operation_aborted || !self->acceptor_.is_open()) return;
    if (!failed) self->admit(std::move(socket));
    self->accept();
  });
}

void local_server::impl::admit(local::socket socket) {
  const auto who = std::make_shared<client>(context_, std::move(socket));
  const auto id = next_++;
  clients_.emplace(id, who);
  if (clients_.size() > clients_max) {
    who->closing = true;
    return send(id, who, error_line(net::errc::limit_reached, "too many clients on the socket"));
  }
  read(id, who);
}

void local_server::impl::read(session id, const client_ptr& who) {
  who->idle.expires_after(idle_deadline);
  who->idle.async_wait([self = shared_from_this(), id, who](error_code failed) {
    if (!failed && !who->asking) self->drop(id);
  });
  asio::async_read_until(
      who->socket, who->input, '\n',
      [self = shared_from_this(), id, who](error_code failed, std::size_t octets) {
        who->idle.cancel();
        if (!failed) return self->asked(id, who, octets);
        if (failed != asio::error::not_found) return self->drop(id);
        who->closing = true;
        self->send(id, who,
                   error_line(net::errc::message_too_large, "a request is at most 65536 octets"));
      });
}

void local_server::impl::asked(session id, const client_ptr& who, std::size_t octets) {
  std::string line(octets - 1, '\0');
  std::istream in{&who->input};
  in.read(line.data(), static_cast<std::streamsize>(line.size()));
  in.ignore(1);
  who->asking = true;
  if (!handlers_.asked)
    return answer(id, error_line(net::errc::closed, "the daemon is starting or stopping"), true);
  handlers_.asked(id, std::move(line));
  watch_for_leaving(id, who);
}

/// A client that closes while it waits abandons its request.
void local_server::impl::watch_for_leaving(session id, const client_ptr& who) {
  who->socket.async_wait(local::socket::wait_read,
                         [self = shared_from_this(), id, who](error_code failed) {
                           if (failed || !who->asking) return;
                           error_code unused;
                           if (who->socket.available(unused) == 0) self->drop(id);
                           // More requests may wait in the socket; they are read in their turn.
                         });
}

void local_server::impl::answer(session to, std::string line, bool ends) {
  const auto found = clients_.find(to);
  if (found == clients_.end() || !found->second->asking) return;
  const auto who = found->second;
  if (ends) {
    who->asking = false;
  } else if (who->output.size() >= stream_lines_max) {
    ++who->missed;
    return;
  } else if (who->missed > 0) {
    send(to, who,
         boost::json::serialize(
             boost::json::object{{"event", "lagged"}, {"missed", std::exchange(who->missed, 0)}}));
  }
  send(to, who, std::move(line));
}

void local_server::impl::send(session id, const client_ptr& who, std::string line) {
  line += '\n';
  who->output.push_back(std::move(line));
  if (who->output.size() == 1) write(id, who);
}

void local_server::impl::write(session id, const client_ptr& who) {
  asio::async_write(who->socket, asio::buffer(who->output.front()),
                    [self = shared_from_this(), id, who](error_code failed, std::size_t) {
                      if (failed) return self->drop(id);
                      who->output.pop_front();
                      if (!who->output.empty()) return self->write(id, who);
                      if (who->closing) return self->drop(id);
                      if (!who->asking && self->clients_.count(id) > 0) self->read(id, who);
                    });
}

void local_server::impl::drop(session id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  const auto who = found->second;
  clients_.erase(found);
  error_code unused;
  who->idle.cancel();
  who->socket.close(unused);
  if (who->asking && handlers_.left) handlers_.left(id);
}

void local_server::impl::attach(handlers who) {
  handlers_ = {};
  std::vector<session> waiting;
  for (const auto& entry : clients_)
    if (entry.second->asking) waiting.push_back(entry.first);
  for (const auto id : waiting)
    drop(id);
  handlers_ = std::move(who);
  // Who connects before anybody answers waits in the backlog.
  if (handlers_.asked && !std::exchange(accepting_, true)) accept();
}

void local_server::impl::close() {
  error_code unused;
  acceptor_.close(unused);
  handlers_ = {};
  while (!clients_.empty())
    drop(clients_.begin()->first);
  std::filesystem::remove(path_, unused);
}

net::result<std::unique_ptr<local_server>> local_server::open(asio::io_context& context,
                                                              const std::filesystem::path& path,
                                                              const std::string& group) {
  auto state = std::make_shared<impl>(context, path);
  if (const auto ready = state->listen(group); !ready) return ready.error();
  return std::unique_ptr<local_server>{new local_server{std::move(state)}};
}

local_server::~local_server() {
  asio::post(impl_->context(), [state = impl_] { state->close(); });
}

void local_server::attach(handlers who) {
  asio::post(impl_->context(),
             [state = impl_, who = std::move(who)]() mutable { state->attach(std::move(who)); });
}

void local_server::reply(session to, std::string line) {
  asio::post(impl_->context(), [state = impl_, to, line = std::move(line)]() mutable {
    state->answer(to, std::move(line), true);
  });
}

void local_server::stream(session to, std::string line) {
  asio::post(impl_->context(), [state = impl_, to, line = std::move(line)]() mutable {
    state->answer(to, std::move(line), false);
  });
}

} // namespace lanrage::actors
