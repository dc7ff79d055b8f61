#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace lanrage::cli::test {

/// A daemon of one client: answers the n-th line it hears with the n-th of its lines (which may be
/// several at once, or nothing), then closes. Joins in its destructor.
class fake_daemon {
 public:
  explicit fake_daemon(std::vector<std::string> answers);
  ~fake_daemon();
  const std::filesystem::path& socket() const { return path_; }
  /// What it heard, once the client is gone.
  std::vector<std::string> heard();

 private:
  void serve(std::vector<std::string> answers);

  std::filesystem::path path_;
  int listening_ = -1;
  std::vector<std::string> heard_;
  std::thread serving_;
};

/// What a piece of code writes to standard output; standard error is swallowed.
struct said {
  std::string out;
  std::string err;
};
said listen_to(const std::function<void()>& code);

} // namespace lanrage::cli::test
