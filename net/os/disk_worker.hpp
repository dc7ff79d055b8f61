#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace lanrage::net::os {

/// A thread for what may wait for the disk. Jobs run in order and only a few may wait: when the
/// disk does not keep up, newer state soon replaces what is dropped.
class disk_worker {
 public:
  disk_worker();
  ~disk_worker(); ///< finishes what was accepted

  /// False when the disk has not kept up; the job is dropped.
  bool post(std::function<void()> job);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace lanrage::net::os
