#pragma once

#include "net/control/server_counters.hpp"
#include "net/endpoint.hpp"
#include "net/errc.hpp"
#include "net/gate.hpp"
#include "net/os/disk_worker.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <utility>

namespace lanrage::net::control {

/// What a control server counts and logs. For the server's thread, but for `counters`.
class server_journal {
 public:
  using counter = std::uint64_t server_counters::*;
  using time_point = std::chrono::steady_clock::time_point;

  explicit server_journal(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void count(counter what, std::int64_t by = 1);
  /// Logs why somebody was refused, and counts it. Each counter has its own budget of lines, so
  /// that a flood neither fills the disk nor hides what else happens; the next line says how many
  /// it cost.
  void refuse(counter as, const ip_address& source, const error& why, time_point now);
  server_counters counters() const; ///< from any thread

  /// Writes the counters to counters.json in the folder.
  void write();
  /// One line about what was counted since the last one, if anybody came or spoke.
  void log();
  /// `write`, and `log` when a minute has passed. To be called every `counters_written_every`.
  void tick(time_point now);

 private:
  struct budget {
    gate lines;
    std::uint64_t left_out = 0;
  };

  std::filesystem::path folder_;
  mutable std::mutex mutex_;
  server_counters counters_;
  server_counters logged_;
  std::array<budget, server_counter_fields.size()> budgets_;
  time_point next_log_{};
  os::disk_worker disk_; // last: its jobs end before anything else goes
};

} // namespace lanrage::net::control
