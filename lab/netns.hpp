#pragma once

#include "lab/process.hpp"
#include "lab/unique_fd.hpp"

#include <functional>
#include <string>
#include <vector>

namespace lanrage::lab {

/// Where iproute2 keeps named network namespaces.
inline constexpr const char* netns_folder = "/run/netns";

/// Runs `work` in a thread inside the network namespace and waits for it; its exception comes out
/// here. Sockets opened there stay in that namespace for good.
void in_netns(int net_ns, const std::function<void()>& work);

/// Runs one `ip -batch`; with a name, inside that namespace (`ip -n NAME -batch`).
void ip_batch(const std::string& lines, const std::string& netns_name = {});

/// Writes a kernel setting of a namespace. `key` as sysctl names it with slashes, such as
/// "net/ipv4/ip_forward". Settings marked optional may be absent on this kernel.
struct kernel_setting {
  std::string key;
  std::string value;
  bool optional = false;
};
void write_settings(int net_ns, const std::vector<kernel_setting>& settings);

/// A handle on a named network namespace. Owns the descriptor, not the name: names are made and
/// removed in batches by their laboratory.
class netns {
 public:
  netns() = default;
  /// Opens an existing namespace; throws failure when there is none of that name.
  explicit netns(std::string name);

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }
  habitat where() const { return habitat{-1, fd_.get(), -1}; }

 private:
  std::string name_;
  unique_fd fd_;
};

/// Names of all namespaces that start with `prefix`, sorted.
std::vector<std::string> netns_names(const std::string& prefix);

/// Ids of the processes inside a network namespace, sorted; threads are not looked at one by one.
std::vector<pid_t> processes_in(int net_ns);

/// Removes a named namespace without a helper program; false when there was none.
bool remove_netns(const std::string& name);

} // namespace lanrage::lab
