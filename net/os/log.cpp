#include "net/os/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace lanrage::net::os {

void log_to_stderr(log_level level) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::move(sink)));
  spdlog::flush_on(spdlog::level::info);
  set_log_level(level);
}

void set_log_level(log_level level) {
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::trace, spdlog::level::debug,
                                                         spdlog::level::info, spdlog::level::warn,
                                                         spdlog::level::err};
  spdlog::set_level(levels[static_cast<std::size_t>(level)]);
}

} // namespace lanrage::net::os
