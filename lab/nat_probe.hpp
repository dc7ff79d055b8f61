#pragma once

#include "lab/host.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace lanrage::lab {

/// What a NAT depends on (RFC 4787 section 4.1 and 5, RFC 5780 section 4).
enum class dependence { endpoint_independent, address_dependent, address_and_port_dependent };
std::string_view to_string(dependence d);

/// What was observed from behind a NAT.
struct nat_behaviour {
  bool udp_works = false; ///< false: everything below is unknown
  dependence mapping = dependence::endpoint_independent;
  dependence filtering = dependence::endpoint_independent;
  bool port_preserved = false;
  bool hairpin = false; ///< two sockets here reached each other by public address
  std::string mapped;   ///< public "address:port" of the first binding
  int port_step = 0;    ///< second mapping's port minus the first's, when they differ
};

/// Answers on two addresses and two ports of a public machine, from whichever the question asks
/// for, as a STUN server with CHANGE-REQUEST would. A protocol of its own, on purpose: it judges
/// the laboratory without using the product's code.
class nat_probe_server {
 public:
  static constexpr std::uint16_t first_port = 3478, second_port = 3479;
  /// `at` has at least two IPv4 addresses.
  explicit nat_probe_server(const host& at);
  ~nat_probe_server();
  const std::string& first_address() const { return addresses_[0]; }
  const std::string& second_address() const { return addresses_[1]; }

 private:
  void run();
  std::vector<std::string> addresses_;
  std::vector<unique_fd> sockets_; // index = 2 * address + port
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// Finds out how the NAT in front of a machine behaves. `patience`: how long an answer may take.
nat_behaviour probe_nat(const host& from, const nat_probe_server& server,
                        std::chrono::milliseconds patience);

/// A public address and port.
struct public_mapping {
  std::string address;
  std::uint16_t port;
  bool operator==(const public_mapping&) const = default;
  std::string text() const { return address + ":" + std::to_string(port); }
};

/// A UDP socket in a machine's network, for tests.
class udp_socket {
 public:
  explicit udp_socket(const host& at, std::uint16_t port = 0,
                      const std::string& address = "0.0.0.0");
  std::uint16_t port() const { return port_; }
  void send(const std::string& address, std::uint16_t port, const std::string& payload);
  struct datagram {
    std::string address;
    std::uint16_t port;
    std::string payload;
  };
  std::optional<datagram> receive(std::chrono::steady_clock::time_point deadline);

 private:
  unique_fd fd_;
  std::uint16_t port_ = 0;
};

/// What the server's first address and port see of this socket; nullopt without an answer.
std::optional<public_mapping> ask_mapping(udp_socket& from, const nat_probe_server& server,
                                          std::chrono::milliseconds patience);

} // namespace lanrage::lab
