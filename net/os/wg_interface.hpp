#pragma once

#include "net/errc.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"
#include "net/os/wg_uapi.hpp"
#include "net/wg/state.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lanrage::net::os {

struct wg_interface_options {
  std::string name;               ///< at most 15 octets
  wg_public_key own;              ///< whose interface it must be to be adopted
  std::filesystem::path key_file; ///< the private key as `wg` reads it; must be 0600
  std::uint16_t listen_port = 0;  ///< of a new interface; 0: WireGuard chooses
  std::uint32_t fwmark = 0;       ///< 0: none
  int mtu = 1380;                 ///< octets
  /// The key before `own`: its interface is ours, too, but gets the new key and loses its peers.
  std::optional<wg_public_key> former{};
};

struct ensured_interface {
  wg::observation seen;
  bool created = false; ///< by this call: there are no sessions
};

/// Our one WireGuard interface, in the network namespace of the calling thread. Every call blocks,
/// each part of it with a deadline.
class wg_interface {
 public:
  explicit wg_interface(wg_interface_options options);

  /// Adopts the interface when it is there and has our key, with its port and sessions untouched;
  /// makes it when it is not there: by the kernel, else by the newest wireguard-go. Then brings it
  /// up with our MTU and, when leased, our address. Errors: already_exists when the name belongs to
  /// somebody else, wg_unavailable, wg_refused, not_permitted, bad_config, timed_out.
  result<ensured_interface> ensure(const virtual_ip& address);
  /// wg_unavailable: it is gone, or wireguard-go died.
  result<wg::observation> observe();
  /// Endpoints over the socket, all else in as few `wg` calls as possible. On wg_refused some of
  /// the changes may have been made.
  result<void> apply(const std::vector<wg::change>& changes);
  /// Takes away these peers and our addresses, and where nobody else's peers are then left, the
  /// interface, and wireguard-go with it. An interface that is not ours stays as it is; not an
  /// error, nor is it when there is none.
  result<void> remove(const std::set<wg_public_key>& peers);

 private:
  result<wg::observation> look();
  /// By its key, or made by us and left before it got its key.
  bool is_ours(const wg::observation& seen) const;
  result<void> remove_peers(const wg::observation& seen, const std::set<wg_public_key>& peers);
  result<ensured_interface> adopt();
  result<ensured_interface> take_over(const wg::observation& seen);
  result<ensured_interface> create();
  result<void> destroy();
  result<void> set_up();
  result<void> check_options() const;

  wg_interface_options options_;
  wg_uapi uapi_;
  wg::observation seen_; ///< the last one: what `apply` need not write again
};

} // namespace lanrage::net::os
