#pragma once

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>

namespace lanrage::test {

/// The log while this lives, "LEVEL: TEXT" a line, for tests to read instead of people. To be made
/// before, and to end after, whatever logs on threads of its own.
class captured_log {
 public:
  captured_log() {
    auto logger = std::make_shared<spdlog::logger>("", sink_);
    logger->set_pattern("%l: %v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~captured_log() { spdlog::set_default_logger(before_); }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;

  std::string text() const { return sink_->text(); }
  /// How many lines have that in them.
  std::size_t lines(const std::string& that) const {
    std::istringstream in{text()};
    std::size_t found = 0;
    for (std::string line; std::getline(in, line);)
      if (line.find(that) != std::string::npos) ++found;
    return found;
  }

 private:
  class sink final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    std::string text() {
      const std::lock_guard lock{mutex_};
      return text_;
    }

   private:
    void sink_it_(const spdlog::details::log_msg& message) override {
      spdlog::memory_buf_t formatted;
      formatter_->format(message, formatted);
      text_.append(formatted.data(), formatted.size());
    }
    void flush_() override {}

    std::string text_;
  };

  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::shared_ptr<sink> sink_ = std::make_shared<sink>();
};

} // namespace lanrage::test
