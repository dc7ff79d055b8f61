#pragma once

#include "net/bytes.hpp"
#include "net/crypto.hpp"
#include "net/errc.hpp"
#include "net/keys.hpp"

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace lanrage::net::relay {

/// Creates the directory (0700) where it is missing.
result<void> make_private_directory(const std::filesystem::path& where);

/// The relay's private key, base64 in a file of mode 0600; created on first use. bad_state when
/// the file holds no key, not_permitted when it cannot be read or made.
result<relay_private_key> load_or_create_key(const std::filesystem::path& file,
                                             const random_source& random);

/// Whole contents; nothing when there is no such file.
result<std::optional<bytes>> read_state(const std::filesystem::path& file);

/// Replaces a file atomically: whoever reads it sees the old or the new contents. `mode` as for
/// chmod.
result<void> write_state(const std::filesystem::path& file, byte_view contents, unsigned mode);

/// A thread for what may wait for the disk. Jobs run in order and only a few may wait: when the
/// disk does not keep up, newer state soon replaces what is dropped.
class disk_worker {
 public:
  disk_worker();
  ~disk_worker(); ///< finishes what was accepted

  /// False when the disk has not kept up; the job is dropped.
  bool post(std::function<void()> job);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace lanrage::net::relay
