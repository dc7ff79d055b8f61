#include "net/os/disk_worker.hpp"

#include <cstddef>
#include <utility>

namespace lanrage::net::os {

namespace {
constexpr std::size_t jobs_max = 4;
} // namespace

disk_worker::disk_worker() : thread_([this] { work(); }) {}

disk_worker::~disk_worker() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool disk_worker::post(std::function<void()> job) {
  {
    const std::lock_guard lock{mutex_};
    if (jobs_.size() >= jobs_max) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void disk_worker::work() {
  std::unique_lock lock{mutex_};
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

} // namespace lanrage::net::os
