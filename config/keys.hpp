#pragma once

#include "config/settings.hpp"
#include "config/value.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The one table of keys. The loader reads by it, the example file is written from it, so neither
/// can know a key, a default or a limit that the other does not.
namespace lanrage::config {

/// One key of a TOML table that ends up in a `Target`.
template <class Target>
struct key {
  std::string_view name;
  std::string expected;  ///< completes "expected ..."
  std::string_view help; ///< for the example file; lines separated by \n
  std::string shown;     ///< the default as TOML, or a sample value
  bool has_default = true;
  /// False: the value is not what was expected, and nothing was changed.
  std::function<bool(const value&, Target&)> read;
  std::function<bool(const Target&, const Target&)> same;
};

struct table {
  std::string_view name;
  std::string_view help;
  std::vector<key<settings>> keys;
};

/// In the order of the example file.
const std::vector<table>& tables();

/// The keys of one [[control.relays]] entry, all of them needed.
const std::vector<key<net::relay_info>>& relay_entry_keys();

/// What holds when the file says nothing.
settings default_settings();

/// The keys of tables() whose values differ, in its order: "daemon.log".
std::vector<std::string> changed_keys(const settings& before, const settings& after);

/// The host name as a peer id: its first label, in lower case, other characters made '-'.
net::peer_id name_from_host(std::string_view host_name);

} // namespace lanrage::config
