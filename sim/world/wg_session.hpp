#pragma once

#include "net/ids.hpp"
#include "sim/world/moment.hpp"

#include <array>
#include <cstdint>
#include <optional>

/// The parts of the fake WireGuard that are values.
namespace lanrage::sim {

/// WireGuard's constants (WireGuard paper 6.1; wireguard-go's constants.go).
namespace wg_time {
using namespace std::chrono_literals;
inline constexpr duration rekey_after = 120s;
inline constexpr duration reject_after = 180s;
inline constexpr duration rekey_timeout = 5s;
inline constexpr duration rekey_attempt = 90s;
inline constexpr duration keepalive = 10s;
inline constexpr duration jitter_max = 333ms;
/// No more than this many initiations from one peer: one in 20 ms.
inline constexpr duration initiation_gap = 20ms;
} // namespace wg_time

/// What goes through the tunnel, as far as anybody in the world looks: an echo or its answer.
struct inner_packet {
  net::virtual_ip from;
  net::virtual_ip to;
  bool reply = false;
  std::uint64_t token = 0;   ///< the asker's
  std::uint16_t octets = 36; ///< of the inner IP packet; 36: ICMP echo with 8 octets
};

/// Which echo a packet belongs to: its asker's address and token, there and back.
struct echo_key {
  std::uint32_t asker = 0;
  std::uint64_t token = 0;
  friend bool operator==(const echo_key&, const echo_key&) = default;
};
inline echo_key key_of(const inner_packet& inner) {
  return {(inner.reply ? inner.to : inner.from).host_order(), inner.token};
}

/// Which counters were seen (RFC 6479's sliding window).
class replay_window {
 public:
  bool accept(std::uint64_t counter) {
    if (counter >= next_) {
      const auto steps = counter - next_ + 1;
      for (std::uint64_t i = 0; i < std::min<std::uint64_t>(steps, width); ++i)
        clear(counter - i);
      next_ = counter + 1;
    } else if (next_ - counter > width || has(counter)) {
      return false;
    }
    bits_[counter % width / 64] |= std::uint64_t{1} << (counter % 64);
    return true;
  }

 private:
  static constexpr std::uint64_t width = 512;
  bool has(std::uint64_t n) const { return (bits_[n % width / 64] >> (n % 64) & 1) != 0; }
  void clear(std::uint64_t n) { bits_[n % width / 64] &= ~(std::uint64_t{1} << (n % 64)); }
  std::array<std::uint64_t, width / 64> bits_{};
  std::uint64_t next_ = 0;
};

/// One session: what both ends derive from a handshake.
struct wg_keypair {
  std::uint32_t local = 0;  ///< our index: what we are addressed by
  std::uint32_t remote = 0; ///< theirs
  std::uint64_t key = 0;    ///< stands for the symmetric keys
  time_point made;
  bool initiator = false;
  std::uint64_t sent = 0; ///< counter of the next packet
  replay_window seen;
};

/// The handshake a peer is in; there is one, whoever began it: an initiation that arrives while our
/// own is open takes its place, and the answer to ours is dropped then.
struct wg_handshake {
  enum class phase : std::uint8_t { none, initiation_sent, response_sent } at = phase::none;
  std::uint32_t local = 0;
  std::uint64_t ephemeral = 0;
};

} // namespace lanrage::sim
