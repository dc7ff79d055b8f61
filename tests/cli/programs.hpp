#pragma once

#include "lab/process.hpp"
#include "tests/support/places.hpp"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

/// The real program as its users start it.
namespace lanrage::cli::test {

struct folder {
  std::filesystem::path path;
  folder() {
    char name[] = "/tmp/lanrage-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
    path = name;
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream{path / name} << text;
    return path / name;
  }
  std::string read(const std::string& name) const {
    std::ifstream in{path / name};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
};

/// A port of 127.0.0.1 that nobody has at the moment.
inline std::string free_port(int type) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool found = ::bind(fd, generic, size) == 0 && ::getsockname(fd, generic, &size) == 0;
  ::close(fd);
  if (!found) throw std::runtime_error("no free port");
  return std::to_string(ntohs(address.sin_port));
}

/// `lanrage ARGUMENTS...`, its standard output read line by line, its log in a file.
class program {
 public:
  static constexpr std::chrono::seconds patience{20};

  program(const folder& in, const std::string& name, std::vector<std::string> arguments,
          std::map<std::string, std::string> environment = {})
      : in_(in), log_(name + ".log") {
    lab::process_spec spec;
    spec.argv = {lanrage::places::program};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.env = std::move(environment);
    spec.err = lab::to_file{in.path / log_};
    process_ = lab::process{spec};
  }

  /// Empty when its output has ended.
  std::string line() {
    return process_.read_line(lab::process::clock::now() + patience).value_or("");
  }
  std::string log() const { return in_.read(log_); }
  /// Waits for a text in the log; false when it does not come.
  bool logs(const std::string& text) {
    const auto end = lab::process::clock::now() + patience;
    while (log().find(text) == std::string::npos)
      if (process_.wait_for(std::chrono::milliseconds{10}) || lab::process::clock::now() > end)
        return log().find(text) != std::string::npos;
    return true;
  }
  void signal(int number) { process_.signal(number); }
  bool running() { return process_.running(); }
  /// Its exit code; -1 when a signal ended it or it does not end.
  int exit_code() {
    const auto ended = process_.wait_for(patience);
    return ended && ended->signal == 0 ? ended->code : -1;
  }

 private:
  const folder& in_;
  std::string log_;
  lab::process process_;
};

} // namespace lanrage::cli::test
