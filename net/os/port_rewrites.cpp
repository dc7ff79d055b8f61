#include "net/os/port_rewrites.hpp"

#include "net/os/process.hpp"

namespace lanrage::net::os {

namespace {

std::string table_name(std::uint16_t wg_port) {
  return "ip lanrage_" + std::to_string(wg_port);
}

error refused(std::string detail) {
  return fail(errc::bad_state, "nft: " + std::move(detail));
}

} // namespace

std::string port_rewrite_rules(std::uint16_t wg_port, const std::vector<port_rewrite>& all) {
  const auto table = table_name(wg_port);
  const auto own = std::to_string(wg_port);
  // What is not there cannot be deleted, so it is made first.
  std::string out = "add table " + table + "; delete table " + table + ";";
  if (all.empty()) return out;
  // Outgoing behind connection tracking, incoming before it: to the host's own firewall these are
  // packets of WireGuard's port, and answers belong to what was sent.
  out += " add table " + table + ";";
  out += " add chain " + table + " out { type filter hook output priority -150; };";
  out += " add chain " + table + " in { type filter hook prerouting priority -350; };";
  for (const auto& each : all) {
    const auto address = to_string(each.peer.address);
    const auto theirs = std::to_string(each.peer.port);
    const auto ours = std::to_string(each.port);
    out += " add rule " + table + " out ip daddr " + address + " udp sport " + own + " udp dport " +
           theirs + " udp sport set " + ours + ";";
    out += " add rule " + table + " in ip saddr " + address + " udp sport " + theirs +
           " udp dport " + ours + " udp dport set " + own + ";";
  }
  return out;
}

result<void> set_port_rewrites(std::uint16_t wg_port, const std::vector<port_rewrite>& all) {
  const auto ran = run_process({"nft", port_rewrite_rules(wg_port, all)});
  if (!ran && ran.error().code == errc::wg_unavailable)
    return refused("the program is not installed, which birthday probing needs: install nftables");
  if (!ran) return ran.error();
  if (ran->status != 0) return refused(ran->err.substr(0, ran->err.find('\n')));
  return {};
}

void remove_port_rewrites(std::uint16_t wg_port) {
  (void)run_process({"nft", "delete table " + table_name(wg_port)});
}

} // namespace lanrage::net::os
