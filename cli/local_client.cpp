#include "cli/local_client.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace lanrage::cli {

namespace json = boost::json;
using clock = std::chrono::steady_clock;
using net::errc;

namespace {

constexpr std::size_t reply_octets_max = 16 * 1024 * 1024;

failure failed(errc code, const std::string& detail) {
  return to_failure(net::fail(code, detail));
}

failure lost(const char* doing) {
  return failed(errc::closed, std::string{doing} + ": " + std::strerror(errno));
}

std::string text_of(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  return value && value->is_string() ? std::string{value->get_string()} : std::string{};
}

answer<json::object> to_object(const std::string& line) {
  boost::system::error_code wrong;
  auto value = json::parse(line, wrong);
  if (wrong || !value.is_object()) return failed(errc::bad_message, "the daemon sent no object");
  return std::move(value.get_object());
}

/// The error of an error reply; nothing when there is none.
std::optional<failure> error_in(const json::object& reply) {
  const auto* ok = reply.if_contains("ok");
  if (!ok || !ok->is_bool() || ok->get_bool()) return std::nullopt;
  const auto* error = reply.if_contains("error");
  if (!error || !error->is_object()) return failed(errc::bad_message, "an error without its words");
  const auto& words = error->get_object();
  return failure{text_of(words, "code"), text_of(words, "text"), text_of(words, "remedy")};
}

failure cannot_open(const std::filesystem::path& socket, int why) {
  switch (why) {
  case ENOENT:
  case ECONNREFUSED:
    return failed(errc::daemon_not_running, "nobody listens on " + socket.string());
  case EACCES:
  case EPERM: {
    auto out = failed(errc::not_permitted, "the daemon's socket " + socket.string());
    out.remedy = "use it as root, or as a member of the group the socket belongs to";
    return out;
  }
  default:
    return failed(errc::daemon_not_running, socket.string() + ": " + std::strerror(why));
  }
}

} // namespace

answer<local_client> local_client::open(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = socket.string();
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return failed(errc::bad_config, "\"" + path + "\" cannot be the path of a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return failed(errc::internal, std::strerror(errno));
  local_client out{descriptor};
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return cannot_open(socket, errno);
  return out;
}

local_client::local_client(local_client&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), pending_(std::move(other.pending_)) {}

local_client::~local_client() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<failure> local_client::send(const json::object& request) {
  const auto line = json::serialize(request) + '\n';
  std::size_t sent = 0;
  while (sent < line.size()) {
    const auto n = ::send(descriptor_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    // The daemon may have said why it closes, and that is still to be read.
    if (n < 0 && errno == EPIPE) return std::nullopt;
    if (n < 0) return lost("sending to the daemon");
    sent += static_cast<std::size_t>(n);
  }
  return std::nullopt;
}

answer<std::optional<std::string>> local_client::read_line(std::optional<clock::time_point> until) {
  std::size_t searched = 0;
  for (;;) {
    if (const auto end = pending_.find('\n', searched); end != std::string::npos) {
      auto line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return std::optional{std::move(line)};
    }
    searched = pending_.size();
    if (searched > reply_octets_max)
      return failed(errc::message_too_large, "the daemon's reply does not end");

    int wait = -1;
    if (until) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - clock::now());
      if (left.count() <= 0) return failed(errc::timed_out, "the daemon");
      wait = static_cast<int>(left.count());
    }
    pollfd wanted{descriptor_, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, wait);
    if (ready < 0 && errno != EINTR) return lost("waiting for the daemon");
    if (ready <= 0) continue;
    std::array<char, 65536> buffer;
    const auto n = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return std::optional<std::string>{};
    if (n < 0) return lost("reading from the daemon");
    pending_.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

answer<json::object> local_client::ask(const json::object& request,
                                       std::chrono::milliseconds within) {
  const auto until = clock::now() + within;
  if (auto wrong = send(request)) return *std::move(wrong);
  auto line = read_line(until);
  if (auto* wrong = std::get_if<failure>(&line)) return std::move(*wrong);
  const auto& text = std::get<std::optional<std::string>>(line);
  if (!text) return failed(errc::closed, "the daemon closed the connection without an answer");
  auto reply = to_object(*text);
  if (const auto* object = std::get_if<json::object>(&reply))
    if (auto wrong = error_in(*object)) return *std::move(wrong);
  return reply;
}

answer<std::optional<json::object>> local_client::next() {
  auto line = read_line(std::nullopt);
  if (auto* wrong = std::get_if<failure>(&line)) return std::move(*wrong);
  const auto& text = std::get<std::optional<std::string>>(line);
  if (!text) return std::optional<json::object>{};
  auto event = to_object(*text);
  if (auto* wrong = std::get_if<failure>(&event)) return std::move(*wrong);
  auto& object = std::get<json::object>(event);
  if (auto wrong = error_in(object)) return *std::move(wrong);
  return std::optional{std::move(object)};
}

std::variant<json::object, exit_code> ask_daemon(const std::filesystem::path& socket,
                                                 const json::object& request,
                                                 std::chrono::milliseconds within, bool as_json) {
  auto opened = local_client::open(socket);
  if (const auto* wrong = std::get_if<failure>(&opened)) return report(*wrong, as_json);
  auto reply = std::get<local_client>(opened).ask(request, within);
  if (const auto* wrong = std::get_if<failure>(&reply)) return report(*wrong, as_json);
  return std::move(std::get<json::object>(reply));
}

} // namespace lanrage::cli
