#include "net/os/wg_interface.hpp"

#include "net/os/wg_go.hpp"
#include "net/os/wg_link.hpp"
#include "net/os/wg_tool.hpp"
#include "net/wg/commands.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace lanrage::net::os {

namespace {

/// wireguard-go opens its port a moment after its link came up.
constexpr std::chrono::milliseconds port_deadline{1000};

/// A look that failed says nothing about whose it is.
bool may_be_ours(const error& failed) {
  return failed.code == errc::not_permitted || failed.code == errc::timed_out;
}

bool kernel_lacks_wireguard(const error& failed) {
  return failed.code == errc::wg_refused &&
         (failed.detail.find("Unknown device type") != std::string::npos ||
          failed.detail.find("not supported") != std::string::npos);
}

/// Made by us and left before it got its key.
bool unfinished(const wg::observation& seen) {
  return seen.own == wg_public_key{} && seen.peers.empty();
}

std::set<wg_public_key> keys_of(const wg::observation& seen) {
  std::set<wg_public_key> out;
  for (const auto& peer : seen.peers)
    out.insert(peer.key);
  return out;
}

} // namespace

wg_interface::wg_interface(wg_interface_options options)
    : options_(std::move(options)), uapi_(wg_socket_dir / (options_.name + ".sock")) {}

result<void> wg_interface::check_options() const {
  if (!valid_interface_name(options_.name))
    return fail(errc::bad_config, "wireguard.interface: 1 to 15 letters, digits, '.', '_' or '-'");
  struct stat file {};
  const auto path = options_.key_file.string();
  if (::stat(path.c_str(), &file) != 0) return fail(errc::bad_config, path + ": no such key file");
  if ((file.st_mode & 077) != 0)
    return fail(errc::bad_config, path + ": others may read it; chmod 600 it");
  return {};
}

result<wg::observation> wg_interface::look() {
  // Sockets are shared by all network namespaces: one of our name alone proves nothing.
  if (!link_exists(options_.name))
    return fail(errc::wg_unavailable, options_.name + ": there is no such interface");
  auto seen = uapi_.present() ? uapi_.get() : wg_show(options_.name);
  // A socket that nobody listens on may be left over beside a kernel interface of the same name.
  if (!seen && seen.error().code == errc::wg_unavailable) seen = wg_show(options_.name);
  return seen;
}

result<ensured_interface> wg_interface::ensure(const virtual_ip& address) {
  if (auto sound = check_options(); !sound) return sound.error();
  auto ready = link_exists(options_.name) ? adopt() : create();
  if (!ready) return ready;
  if (address.leased())
    if (auto done = use_virtual_ip(options_.name, address); !done) return done.error();
  if (auto done = bring_up(options_.name, options_.mtu); !done) return done.error();
  if (ready->created && options_.listen_port != 0 &&
      !await_udp_port(options_.listen_port, port_deadline))
    return fail(errc::wg_refused, options_.name + ": WireGuard did not open UDP port " +
                                      std::to_string(options_.listen_port));
  auto seen = look();
  if (!seen) return seen.error();
  ready->seen = seen_ = std::move(*seen);
  return ready;
}

result<ensured_interface> wg_interface::adopt() {
  auto seen = look();
  if (!seen) {
    if (may_be_ours(seen.error())) return seen.error();
    return fail(errc::already_exists, options_.name + " is there and is no WireGuard interface (" +
                                          seen.error().detail +
                                          "); set wireguard.interface to another name");
  }
  if (unfinished(*seen)) {
    if (auto done = set_up(); !done) return done.error();
    return ensured_interface{{}, true};
  }
  if (options_.former && seen->own == *options_.former) return take_over(*seen);
  if (seen->own != options_.own)
    return fail(errc::already_exists, options_.name + " belongs to another WireGuard key (" +
                                          to_string(seen->own) +
                                          "); set wireguard.interface to another name");
  if (seen->fwmark != options_.fwmark)
    if (auto done = wg_set_fwmark(options_.name, options_.fwmark); !done) return done.error();
  return ensured_interface{};
}

/// The key goes last: a crash before it leaves an interface that is still known by the old one.
result<ensured_interface> wg_interface::take_over(const wg::observation& seen) {
  if (auto done = remove_peers(seen, keys_of(seen)); !done) return done.error();
  if (auto done = set_up(); !done) return done.error();
  return ensured_interface{{}, true};
}

result<ensured_interface> wg_interface::create() {
  if (options_.listen_port != 0 && udp_port_taken(options_.listen_port))
    return fail(errc::wg_refused, "UDP port " + std::to_string(options_.listen_port) +
                                      " is in use; set wireguard.listen_port to another");
  auto made = ip({"link", "add", "dev", options_.name, "type", "wireguard"});
  if (!made && kernel_lacks_wireguard(made.error())) made = start_wireguard_go(options_.name);
  if (!made) return made.error();
  if (auto done = set_up(); !done) {
    (void)destroy(); // the next attempt starts from nothing; the first error is the one to tell
    return done.error();
  }
  return ensured_interface{{}, true};
}

result<void> wg_interface::set_up() {
  return wg_set_identity(options_.name, options_.key_file, options_.listen_port, options_.fwmark);
}

result<wg::observation> wg_interface::observe() {
  auto seen = look();
  if (!seen) return seen;
  if (seen->own != options_.own)
    return fail(errc::wg_unavailable, options_.name + ": another took its place");
  seen_ = *seen;
  return seen;
}

result<void> wg_interface::apply(const std::vector<wg::change>& changes) {
  if (!link_exists(options_.name))
    return fail(errc::wg_unavailable, options_.name + ": there is no such interface");
  const bool only_endpoints = std::all_of(changes.begin(), changes.end(), [](const auto& step) {
    return step.kind == wg::change_kind::endpoint;
  });
  if (only_endpoints && uapi_.present()) return uapi_.set_endpoints(changes);
  return wg_set(wg::wg_set_calls(options_.name, changes, seen_));
}

bool wg_interface::is_ours(const wg::observation& seen) const {
  return seen.own == options_.own || seen.own == options_.former || unfinished(seen);
}

result<void> wg_interface::remove_peers(const wg::observation& seen,
                                        const std::set<wg_public_key>& peers) {
  std::vector<wg::change> removals;
  for (const auto& key : peers)
    removals.push_back({wg::change_kind::remove, key, {}, {}, {}});
  return wg_set(wg::wg_set_calls(options_.name, removals, seen));
}

result<void> wg_interface::remove(const std::set<wg_public_key>& peers) {
  if (!link_exists(options_.name)) return {};
  const auto seen = look();
  if (!seen && may_be_ours(seen.error())) return seen.error();
  if (!seen || !is_ours(*seen)) return {};
  const auto there = keys_of(*seen);
  if (std::includes(peers.begin(), peers.end(), there.begin(), there.end())) return destroy();
  if (auto done = remove_peers(*seen, peers); !done) return done;
  return use_virtual_ip(options_.name, {});
}

result<void> wg_interface::destroy() {
  if (link_exists(options_.name))
    if (auto done = ip({"link", "del", "dev", options_.name}); !done) return done;
  // wireguard-go watches its socket and ends without it, whatever became of the link.
  ::unlink((wg_socket_dir / (options_.name + ".sock")).c_str());
  return {};
}

} // namespace lanrage::net::os
