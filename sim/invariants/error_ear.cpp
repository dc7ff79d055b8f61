#include "sim/invariants/error_ear.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace lanrage::sim::invariants {
namespace {

class ear final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  ear(std::shared_ptr<std::vector<std::string>> into, std::shared_ptr<spdlog::logger> behind)
      : into_(std::move(into)), behind_(std::move(behind)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    const std::string text{line.payload.data(), line.payload.size()};
    if (line.level >= spdlog::level::err) into_->push_back(text);
    if (behind_->should_log(line.level)) behind_->log(line.level, text);
  }
  void flush_() override { behind_->flush(); }

 private:
  std::shared_ptr<std::vector<std::string>> into_;
  std::shared_ptr<spdlog::logger> behind_;
};

} // namespace

error_ear::error_ear()
    : heard_(std::make_shared<std::vector<std::string>>()), before_(spdlog::default_logger()) {
  auto logger = std::make_shared<spdlog::logger>("", std::make_shared<ear>(heard_, before_));
  logger->set_level(std::min(before_->level(), spdlog::level::err));
  spdlog::set_default_logger(std::move(logger));
}

error_ear::~error_ear() {
  spdlog::set_default_logger(before_);
}

std::vector<std::string> error_ear::take() {
  return std::exchange(*heard_, {});
}

} // namespace lanrage::sim::invariants
