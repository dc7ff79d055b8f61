#include "net/os/wg_uapi.hpp"

#include "net/wg/dump.hpp"
#include "net/wg/uapi.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace lanrage::net::os {

namespace {

using clock = std::chrono::steady_clock;

error from_errno(const std::filesystem::path& socket, const char* what) {
  const auto number = errno;
  const auto code =
      number == EACCES || number == EPERM ? errc::not_permitted : errc::wg_unavailable;
  return fail(code, socket.string() + ": " + what + ": " + strerror(number));
}

/// Waits until the socket is ready; false at the deadline.
bool await(int fd, short events, clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left < 0) return false;
    pollfd watched{fd, events, 0};
    const auto ready = ::poll(&watched, 1, static_cast<int>(left) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

/// Overwrites the text when it dies: answers carry the private key.
struct wiped_text {
  std::string text;
  ~wiped_text() { ::explicit_bzero(text.data(), text.size()); }
};

} // namespace

wg_uapi::wg_uapi(std::filesystem::path socket, std::chrono::milliseconds deadline)
    : socket_(std::move(socket)), deadline_(deadline) {}

wg_uapi::~wg_uapi() {
  close();
}

bool wg_uapi::present() const {
  std::error_code ignored;
  return std::filesystem::is_socket(socket_, ignored);
}

result<wg::observation> wg_uapi::get() {
  auto answer = ask(wg::uapi_get);
  if (!answer) return answer.error();
  const wiped_text text{std::move(*answer)};
  return wg::parse_uapi(text.text);
}

result<void> wg_uapi::set_endpoints(const std::vector<wg::change>& changes) {
  const auto answer = ask(wg::uapi_set_endpoints(changes));
  if (!answer) return answer.error();
  if (auto refused = wg::parse_uapi_set(*answer)) return *refused;
  return {};
}

void wg_uapi::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

/// A kept connection may belong to a WireGuard that has ended since: then ask its successor.
result<std::string> wg_uapi::ask(std::string_view question) {
  const bool kept = fd_ >= 0;
  auto answer = ask_once(question);
  if (!answer) close();
  if (answer || !kept || answer.error().code != errc::wg_unavailable) return answer;
  answer = ask_once(question);
  if (!answer) close();
  return answer;
}

result<std::string> wg_uapi::ask_once(std::string_view question) {
  const auto deadline = clock::now() + deadline_;
  if (fd_ < 0) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    const auto path = socket_.string();
    if (path.size() >= sizeof where.sun_path) return fail(errc::bad_config, path + ": too long");
    std::memcpy(where.sun_path, path.c_str(), path.size() + 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return from_errno(socket_, "socket");
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
      return from_errno(socket_, "connect");
  }
  while (!question.empty()) {
    const auto sent = ::send(fd_, question.data(), question.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      question.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!await(fd_, POLLOUT, deadline)) return fail(errc::timed_out, socket_.string());
    } else if (errno != EINTR) {
      return from_errno(socket_, "send");
    }
  }
  std::string answer;
  std::array<char, 65536> buffer;
  while (!wg::uapi_complete(answer)) {
    const auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got == 0) return fail(errc::wg_unavailable, socket_.string() + ": closed");
    if (got > 0) {
      if (answer.size() + static_cast<std::size_t>(got) > wg::text_max)
        return fail(errc::wg_refused, socket_.string() + ": an answer over 16 MiB");
      answer.append(buffer.data(), static_cast<std::size_t>(got));
      ::explicit_bzero(buffer.data(), static_cast<std::size_t>(got));
    } else if (errno == EAGAIN) {
      if (!await(fd_, POLLIN, deadline)) return fail(errc::timed_out, socket_.string());
    } else if (errno != EINTR) {
      return from_errno(socket_, "recv");
    }
  }
  return answer;
}

} // namespace lanrage::net::os
