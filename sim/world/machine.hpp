#pragma once

#include "messages/values.hpp"
#include "sim/world/agenda.hpp"
#include "sim/world/fabric.hpp"
#include "sim/world/fake_wireguard.hpp"

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::sim {

enum class device_call : std::uint8_t { ensure, observe, apply, remove };
inline constexpr std::size_t device_calls = 4;

/// How the operating system answers calls about WireGuard: after how long, and with which errors.
struct device_behavior {
  /// Made by `wg` and a fresh interface, read over UAPI, written by `wg` (docs/benchmarks.md).
  std::array<duration, device_calls> takes{std::chrono::milliseconds{20}, duration{},
                                           std::chrono::milliseconds{4},
                                           std::chrono::milliseconds{20}};
  /// Each call takes the next of its kind; none left: it works.
  std::array<std::deque<net::error>, device_calls> failures;
};

class machine;

/// What faults do to an operating system (sim/faults/). Nobody is asked where none are planned.
class machine_faults {
 public:
  virtual ~machine_faults() = default;
  /// A call about WireGuard begins: how much longer it takes.
  virtual duration slower(const machine& on, device_call call) = 0;
  /// It fails before anything is done.
  virtual std::optional<net::error> refuses(const machine& on, device_call call) = 0;
  /// It was done, and says that it was not.
  virtual std::optional<net::error> loses_answer(const machine& on, device_call call) = 0;
  virtual void on_dump(const machine& on, net::wg::observation& seen) = 0;
  /// A document cannot be stored.
  virtual std::optional<net::error> on_store(const machine& on, const std::string& name) = 0;
};

/// What a daemon hooks into its machine. A killed daemon has no hooks.
struct daemon_hooks {
  std::function<void(const packet&)> frame;      ///< STUN or one of ours, on WireGuard's port
  std::function<void(const packet&)> lan;        ///< on the port of the local network
  std::function<void(std::uint64_t token)> echo; ///< an answer to an echo of the daemon's
  std::function<void(duration slept)> network;   ///< addresses or routes changed
};

/// What a machine tells the world.
class machine_observer {
 public:
  virtual ~machine_observer() = default;
  virtual void on_echo(std::uint32_t machine, std::uint64_t token) = 0; ///< answer to a user's echo
  virtual void on_echo_request(std::uint32_t, const inner_packet&) {}
  virtual void on_wg_drop(std::uint32_t, wg_drop, const inner_packet*) {}
  virtual void on_handshake(std::uint32_t, const net::wg_public_key&) {}
  // For those who only watch.
  virtual void on_echo_asked(std::uint32_t, const inner_packet&) {}
  virtual void on_echo_answered(std::uint32_t, const inner_packet&) {}
  virtual void on_waiting(std::uint32_t, const inner_packet&, bool) {}
  virtual void on_echo_lost(std::uint32_t, const echo_key&, std::string_view /*cause*/) {}
  virtual void on_decrypted(std::uint32_t, const inner_packet&) {} ///< whoever it is for
  virtual void on_device(std::uint32_t, bool /*there*/) {}
  virtual void on_changes(std::uint32_t, const std::vector<net::wg::change>&) {}
};

/// Tokens of users' echoes have this bit; the daemon's have not.
inline constexpr std::uint64_t user_echo = std::uint64_t{1} << 63;

/// A member's machine: an operating system with addresses, a WireGuard that outlives the daemon, a
/// disk, and the answers to echoes through the tunnel.
class machine final : private wg_surroundings {
 public:
  machine(std::uint32_t number, std::string name, node_id node, const net::wg_public_key& own,
          std::uint64_t seed, duration unix_epoch, fabric& net, agenda& time,
          machine_observer& observer);

  const std::string& name() const { return name_; }
  node_id node() const { return node_; }
  fabric& net() { return net_; }
  agenda& time() { return time_; }

  // --- network ---
  /// Why nobody here took it; empty: it was taken.
  std::string_view datagram(const packet& as_sent);
  /// `from_port` 0: WireGuard's.
  void send_frame(const net::endpoint& to, net::byte_view data, std::uint16_t from_port = 0);
  /// Of WireGuard's packets, by the kernel: outlives a daemon that is killed.
  void rewrite_ports(std::vector<net::port_rewrite> all) { rewrites_ = std::move(all); }
  const std::vector<net::port_rewrite>& rewrites() const { return rewrites_; }
  /// On the local network: to one, or as multicast to all.
  void send_lan(const std::optional<net::ip_address>& to, net::byte_view data);
  bool has_lan() const { return net_.realm_of(node_) != internet; }
  /// The daemon's end of a stream to a relay: what this machine sends to the address that comes
  /// back goes into `out`; what comes by the stream is given to `streamed`.
  net::endpoint add_stream(std::function<void(net::byte_view)> out);
  void remove_stream(const net::endpoint& at) { streams_.erase(at); }
  /// Whether an address is, or was, our end of a stream.
  bool had_stream(const net::endpoint& at) const { return streams_ever_.contains(at); }
  void remove_streams() { streams_.clear(); }
  std::string_view streamed(const net::endpoint& at, net::byte_view datagram);
  std::vector<net::ip_address> addresses() const; ///< sorted
  /// `slept`: the machine was suspended for so long until now.
  void addresses_changed(duration slept = {}) {
    if (hooks.network) hooks.network(slept);
  }
  /// The receiver index of what WireGuard sends there; none when that may be one of several.
  std::optional<net::session_index> session_towards(const net::endpoint& where) const;
  /// Through the tunnel; false when the interface or a peer for the address is missing.
  bool echo(net::virtual_ip to, std::uint64_t token, std::uint16_t octets);
  /// The same for the daemon: the echo's token, which no other echo of this machine has. WireGuard
  /// keeps packets for seconds, so an answer may come to a later daemon, and must not be taken for
  /// that to one of its own (the real prober draws nonces).
  std::optional<std::uint64_t> probe(net::virtual_ip to, std::uint16_t octets);

  // --- WireGuard's interface ---
  net::result<msg::device_state> ensure(net::virtual_ip address);
  net::result<msg::device_state> observe() const;
  net::result<msg::done> apply(const std::vector<net::wg::change>& changes);
  /// As net::os::wg_interface::remove.
  net::result<msg::done> remove(const std::set<net::wg_public_key>& peers);
  /// Somebody else takes the interface away; the next `ensure` makes a new one.
  void delete_device();
  fake_wireguard* wireguard() { return device_.get(); }
  void wake(std::uint64_t token);
  /// The failure that the next call of this kind meets, if any.
  std::optional<net::error> next_failure(device_call call);
  /// How long a call of this kind takes now.
  duration takes(device_call call) const {
    const auto usual = behavior.takes[static_cast<std::size_t>(call)];
    return faults ? usual + faults->slower(*this, call) : usual;
  }
  /// The interface that `ensure` makes next has this key.
  void rekey(const net::wg_public_key& own);
  /// The calendar's error from now on.
  void set_wall_offset(duration ahead);
  duration wall_offset() const { return wall_offset_; }
  std::uint32_t number() const { return number_; }

  daemon_hooks hooks;
  device_behavior behavior;
  std::map<std::string, std::string> documents; ///< the disk
  std::optional<net::error> disk_error;         ///< while set, nothing can be stored
  machine_faults* faults = nullptr;

 private:
  bool by_stream(const net::endpoint& to, net::byte_view data);
  std::uint16_t source_towards(const net::endpoint& to) const;
  std::optional<packet> rewritten(const packet& arrived) const;
  void transmit(const net::endpoint& to, net::byte_view datagram) override;
  void receive(const inner_packet& inner) override;
  void wake_at(time_point when, std::uint64_t token) override;
  void dropped(wg_drop cause, const inner_packet* inner) override;
  void waiting(const inner_packet& inner, bool begins) override;
  void discarded(const inner_packet& inner) override;
  void handshake_done(const net::wg_public_key& peer) override;

  std::uint32_t number_;
  std::string name_;
  node_id node_;
  net::wg_public_key own_;
  std::uint64_t seed_;
  duration unix_epoch_;
  duration wall_offset_{};
  fabric& net_;
  agenda& time_;
  machine_observer& observer_;
  std::map<net::endpoint, std::function<void(net::byte_view)>> streams_; ///< by our ends
  std::set<net::endpoint> streams_ever_;
  std::uint16_t stream_port_ = 0;
  std::uint64_t probes_ = 0; ///< of all daemons so far
  std::vector<net::port_rewrite> rewrites_;
  std::unique_ptr<fake_wireguard> device_;
  std::uint32_t devices_ = 0; ///< made so far; wakes of former ones mean nothing
};

} // namespace lanrage::sim
