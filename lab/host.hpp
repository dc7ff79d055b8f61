#pragma once

#include "lab/netns.hpp"
#include "lab/process.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace lanrage::lab {

/// A machine of the laboratory: a network namespace, and a mount namespace with its own /run
/// (WireGuard's sockets in /var/run/wireguard would be shared by all members otherwise), /proc
/// and /sys. Made by the laboratory.
class host {
 public:
  /// Builds the mount namespace of an existing network namespace. `root` exists and is ours.
  host(std::string name, netns network, int pid_ns, std::filesystem::path root);

  const std::string& name() const { return name_; }
  /// The machine's own folder: the same path inside and outside. `run/` in it is /run inside, so
  /// run/lanrage/lanrage.sock can be reached from outside too.
  const std::filesystem::path& root() const { return root_; }
  /// Path outside of a path below /run inside: run_path("lanrage/lanrage.sock").
  std::filesystem::path run_path(const std::filesystem::path& below_run) const {
    return root_ / "run" / below_run;
  }
  const netns& network() const { return network_; }
  int net_ns() const { return network_.fd(); }
  habitat where() const { return {pid_ns_, network_.fd(), mount_ns_.get()}; }

  /// First IPv4 address of the machine itself.
  const std::string& address() const { return addresses_.at(0); }
  const std::vector<std::string>& addresses() const { return addresses_; }
  /// Empty without IPv6.
  const std::string& address6() const { return address6_; }

  process start(const process_spec& spec) const { return process{spec, where()}; }
  command_result run(std::vector<std::string> argv,
                     std::chrono::milliseconds limit = std::chrono::seconds{10}) const {
    return run_command(std::move(argv), where(), limit);
  }
  /// Everything that lives in this machine's network, whoever started it.
  std::vector<pid_t> processes() const { return processes_in(net_ns()); }
  /// Those that run a program of this name, of at most 15 octets.
  std::vector<pid_t> processes(const std::string& program) const;

 private:
  friend class laboratory;
  void make_mounts();

  std::string name_;
  netns network_;
  int pid_ns_;
  std::filesystem::path root_;
  unique_fd mount_ns_;
  std::vector<std::string> addresses_;
  std::string address6_;
};

} // namespace lanrage::lab
