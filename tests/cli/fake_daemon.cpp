#include "tests/cli/fake_daemon.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace lanrage::cli::test {

fake_daemon::fake_daemon(std::vector<std::string> answers) {
  static std::atomic<int> count = 0;
  path_ = std::filesystem::temp_directory_path() /
          ("lanrage-" + std::to_string(::getpid()) + "-" + std::to_string(count++) + ".sock");
  listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
  if (::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listening_, 1) != 0)
    throw std::runtime_error("cannot listen on " + path_.string());
  serving_ = std::thread{[this, answers = std::move(answers)] { serve(answers); }};
}

fake_daemon::~fake_daemon() {
  ::shutdown(listening_, SHUT_RDWR); // ends an accept that nobody came to
  if (serving_.joinable()) serving_.join();
  ::close(listening_);
  std::filesystem::remove(path_);
}

std::vector<std::string> fake_daemon::heard() {
  if (serving_.joinable()) serving_.join();
  return heard_;
}

void fake_daemon::serve(std::vector<std::string> answers) {
  const int client = ::accept(listening_, nullptr, nullptr);
  if (client < 0) return;
  std::string pending;
  std::array<char, 4096> buffer;
  for (const auto& answer : answers) {
    while (pending.find('\n') == std::string::npos) {
      const auto n = ::recv(client, buffer.data(), buffer.size(), 0);
      if (n <= 0) {
        ::close(client);
        return;
      }
      pending.append(buffer.data(), static_cast<std::size_t>(n));
    }
    heard_.push_back(pending.substr(0, pending.find('\n')));
    pending.erase(0, pending.find('\n') + 1);
    ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }
  ::close(client);
}

said listen_to(const std::function<void()>& code) {
  std::ostringstream out, err;
  auto* out_before = std::cout.rdbuf(out.rdbuf());
  auto* err_before = std::cerr.rdbuf(err.rdbuf());
  try {
    code();
  } catch (...) {
    std::cout.rdbuf(out_before);
    std::cerr.rdbuf(err_before);
    throw;
  }
  std::cout.rdbuf(out_before);
  std::cerr.rdbuf(err_before);
  return {out.str(), err.str()};
}

} // namespace lanrage::cli::test
