#include "lab/failure.hpp"
#include "lab/laboratory.hpp"

#include <fcntl.h>
#include <sched.h>

#include <thread>

namespace lanrage::lab {

namespace {

std::optional<std::string> find_reason() {
  if (::geteuid() != 0) return "needs root";
  for (const auto* program : {"ip", "nft"})
    if (!find_program(program)) return std::string{program} + " is not installed";
  std::string reason;
  // Tried in a thread that ends with it: a network namespace, the rules of the hardest NAT, and
  // the other kinds of namespace.
  std::thread{[&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      reason = "network namespaces are not permitted";
      return;
    }
    unique_fd here{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    process_spec nft;
    nft.argv = {"nft", "-f", "-"};
    nft.input = nat_ruleset(nat_settings{}, "203.0.113.1");
    try {
      auto r = run_command(nft, habitat{-1, here.get(), -1});
      if (!r.ok()) reason = "nft cannot set up NAT on this kernel: " + r.err.substr(0, 200);
    } catch (const failure& e) {
      reason = e.what();
    }
    if (reason.empty() && ::unshare(CLONE_NEWPID) != 0) reason = "pid namespaces are not permitted";
    if (reason.empty() && ::unshare(CLONE_FS | CLONE_NEWNS) != 0)
      reason = "mount namespaces are not permitted";
  }}.join();
  for (char& c : reason)
    if (c == '\n') c = ' ';
  return reason.empty() ? std::nullopt : std::optional{reason};
}

} // namespace

std::optional<std::string> unavailable_reason() {
  static const auto reason = find_reason();
  return reason;
}

std::optional<std::string> wireguard_unavailable_reason() {
  if (auto reason = unavailable_reason()) return reason;
  if (!find_program("wg")) return "wg (wireguard-tools) is not installed";
  if (!find_program("wireguard-go")) return "wireguard-go is not installed";
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) return "/dev/net/tun is missing";
  return std::nullopt;
}

} // namespace lanrage::lab
