#include "net/os/log.hpp"

#include <climits>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace lanrage::net::os {
namespace {

/// Standard error, for programs that must go on whoever reads it: a pipe that nobody empties, or a
/// terminal that was stopped, costs lines of the log and never time.
class unwaiting_stderr final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t formatted;
    formatter_->format(message, formatted);
    std::string line;
    if (lost_ > 0) line = std::to_string(lost_) + " lines of the log were lost: nobody read it\n";
    line.append(formatted.data(), formatted.size());
    if (line.size() > line_max) {
      line.resize(line_max - 1);
      line += '\n';
    }
    if (!writable()) {
      ++lost_;
      return;
    }
    lost_ = 0;
    [[maybe_unused]] const auto nobody_to_tell = ::write(STDERR_FILENO, line.data(), line.size());
  }
  void flush_() override {}

 private:
  /// What a pipe that can be written to takes at once (pipe(7), PIPE_BUF).
  static constexpr std::size_t line_max = PIPE_BUF;

  static bool writable() {
    pollfd out{STDERR_FILENO, POLLOUT, 0};
    return ::poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0;
  }

  std::uint64_t lost_ = 0;
};

} // namespace

void log_to_stderr(log_level level) {
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("", std::make_shared<unwaiting_stderr>()));
  set_log_level(level);
}

void set_log_level(log_level level) {
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::trace, spdlog::level::debug,
                                                         spdlog::level::info, spdlog::level::warn,
                                                         spdlog::level::err};
  spdlog::set_level(levels[static_cast<std::size_t>(level)]);
}

} // namespace lanrage::net::os
