#pragma once

#include "lab/unique_fd.hpp"

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace lanrage::lab {

/// Folder with one sub-folder per laboratory alive on this machine.
inline constexpr const char* estate_folder = "/run/lanrage-lab";

/// What a laboratory owns beyond its own memory, and the promise that all of it goes: a folder, a
/// name prefix for network namespaces, and a pid namespace with a janitor as its process 1.
///
/// The janitor waits on a pipe whose other end only the runner holds. When that closes (release(),
/// the destructor, or the runner's death, by SIGKILL too) it kills every process of the pid
/// namespace, removes every namespace with the prefix and the folder, and ends. Should the janitor
/// be killed itself, the kernel kills all processes of its pid namespace, and sweep_stale() of the
/// next laboratory removes the rest.
class estate {
 public:
  /// Sweeps what dead runners left, then takes a fresh prefix. Throws failure.
  estate();
  estate(const estate&) = delete;
  estate& operator=(const estate&) = delete;
  ~estate();

  /// "lr<pid in base 36>-" for the first laboratory of a process, "lr<pid>.2-" for its second.
  const std::string& prefix() const { return prefix_; }
  /// 0700; removed with everything in it.
  const std::filesystem::path& folder() const { return folder_; }
  /// Descriptor of the pid namespace that processes of this laboratory live in.
  int pid_ns() const { return pid_ns_.get(); }
  pid_t janitor() const { return janitor_; }

  /// Removes everything now and waits until it is gone. Idempotent.
  void release() noexcept;

 private:
  void claim();
  void start_janitor();

  std::string prefix_;
  std::filesystem::path folder_;
  unique_fd lock_, lifeline_, pid_ns_;
  pid_t janitor_ = -1;
};

/// Removes laboratories whose runner is gone: their processes, namespaces and folders. Returns the
/// prefixes of those it removed. Laboratories of living runners are not touched.
std::vector<std::string> sweep_stale();

/// Prefixes of all laboratories on this machine, alive or stale, sorted.
std::vector<std::string> known_estates();

} // namespace lanrage::lab
