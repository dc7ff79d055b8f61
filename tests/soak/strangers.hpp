#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

/// What strangers on the internet do to open ports.
namespace lanrage::soak {

/// Sends random datagrams from a network namespace until it is destroyed: noise, and what begins as
/// WireGuard's messages, STUN and our own frames do.
class junk {
 public:
  struct place {
    std::string address; ///< IPv4
    std::uint16_t port;
  };
  /// `rate`: datagrams per second and place. Throws lab::failure.
  junk(int net_ns, std::vector<place> to, std::int64_t rate, std::uint64_t seed);
  ~junk();
  junk(const junk&) = delete;
  junk& operator=(const junk&) = delete;
  std::uint64_t sent() const { return sent_; }

 private:
  void run(std::int64_t rate, std::uint64_t seed);

  std::vector<int> sockets_; ///< one per place, connected
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> sent_{0};
  std::thread thread_;
};

/// Holds TCP connections open: every other one says nothing, the rest one octet of a TLS greeting a
/// second.
class half_open {
 public:
  half_open(int net_ns, const std::string& address, std::uint16_t port, std::int64_t count);
  ~half_open();
  half_open(const half_open&) = delete;
  half_open& operator=(const half_open&) = delete;
  std::uint64_t said() const { return said_; } ///< octets that were accepted

 private:
  void run();

  std::vector<int> sockets_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> said_{0};
  std::thread thread_;
};

} // namespace lanrage::soak
