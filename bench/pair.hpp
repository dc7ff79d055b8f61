#pragma once

#include "bench/figures.hpp"
#include "lab/party.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace lanrage::bench {

struct options {
  std::filesystem::path binary;
  unsigned runs = 7;
  std::chrono::seconds cpu_window{60};
  unsigned peers = 999; ///< of the daemon whose cost is measured: a full party less itself
  std::string log_level = "info";
  std::filesystem::path logs; ///< where the logs of each part go; empty: nowhere
  std::string only;           ///< one part; empty: all
  bool wants(const std::string& part) const { return only.empty() || only == part; }
};

/// Of one start: from the moment to the answer of the first ping, and to the first answer that
/// took the direct path (RTT below 1.5 times twice the one-way delay; the relay's is twice as
/// long).
struct times {
  std::optional<seconds_f> first, direct;
};
struct samples {
  sample first, direct;
  void add(const times& run) {
    first.add(run.first);
    direct.add(run.direct);
  }
};

inline constexpr std::chrono::microseconds one_way{15'000};

/// Watches pings to `to` until there was an answer, and a direct one if wanted. Calls `begin`
/// when the stream runs; the clock starts with it.
times first_answers(int net_ns, const std::string& to, bool direct_wanted,
                    std::chrono::milliseconds limit, const std::function<void()>& begin);

/// Takes away a machine's WireGuard interface, and wireguard-go with it.
void remove_interface(const lab::host& at, const std::string& interface);

/// WireGuard with everything known beforehand: both endpoints, NATs that keep the port.
samples hand_configured(const options& wanted);

struct cold_samples {
  samples cold, remembered;
};
/// Starts `member` again and again; the other end and the servers run all the time.
cold_samples cold_starts(lab::party& p, const std::string& member, const std::string& other,
                         bool direct_wanted, unsigned runs);
/// `lanrage disconnect`, then `lanrage connect`, both daemons running.
samples warm_connects(lab::party& p, const std::string& member, const std::string& other,
                      bool direct_wanted, unsigned runs);
/// The same without a packet of the user's: how long the command takes, which ends with the first
/// answer through the tunnel.
sample quiet_connects(lab::party& p, const std::string& member, const std::string& other,
                      unsigned runs);

} // namespace lanrage::bench
