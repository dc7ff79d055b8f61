#include "sim/trace/sink.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace lanrage::sim::trace {

file_sink::file_sink(std::filesystem::path place) : place_(std::move(place)) {}

file_sink::~file_sink() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

result<void> file_sink::open() {
  // Moving something onto a device or a pipe would put a file in its place.
  struct stat there {};
  if (::stat(place_.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
    return problem{place_.string(), 0, "something that is no file", "a file to write", {}};
  auto name = place_.string() + ".XXXXXX";
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) return system_problem(place_.string(), "write", errno);
  temporary_ = std::move(name);
  // mkostemp makes it private; a trace is as readable as any file the user writes.
  const auto mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(descriptor_, 0666 & ~mask) != 0)
    return system_problem(place_.string(), "write", errno);
  return {};
}

result<void> file_sink::write(std::string_view octets) {
  while (!octets.empty()) {
    const auto put = ::write(descriptor_, octets.data(), octets.size());
    if (put < 0 && errno != EINTR) return system_problem(place_.string(), "write", errno);
    if (put > 0) octets.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

result<void> file_sink::commit() {
  if (::fsync(descriptor_) != 0) return system_problem(place_.string(), "write", errno);
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) return system_problem(place_.string(), "write", errno);
  if (::rename(temporary_.c_str(), place_.c_str()) != 0)
    return system_problem(place_.string(), "write", errno);
  temporary_.clear();
  return {};
}

} // namespace lanrage::sim::trace
