#pragma once

#include "net/control/registry.hpp"

#include <filesystem>
#include <memory>
#include <span>

namespace lanrage::net::control {

/// Where the server keeps parties, members, leases and sealed records.
class store {
 public:
  virtual ~store() = default;
  /// Everything; bad_state when the file cannot be understood.
  virtual result<stored_state> load() = 0;
  /// All changes or none, in order.
  virtual result<void> apply(std::span<const change> changes) = 0;
};

/// SQLite in write-ahead mode, one file of mode 0600, made when it is missing. bad_state when it
/// cannot be opened or was written by a newer version.
result<std::unique_ptr<store>> open_sqlite(const std::filesystem::path& file);
/// Forgets everything at its end; for tests.
std::unique_ptr<store> make_memory_store();

} // namespace lanrage::net::control
