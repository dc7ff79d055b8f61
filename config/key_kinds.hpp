#pragma once

#include "config/keys.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The kinds of keys there are, so that a key in the table is one call. Only for keys.cpp.
namespace lanrage::config::kinds {

/// Where a key's value lives. Captureless, so that a key is a line of a table.
template <class Target, class T>
using place = T& (*)(Target&);

template <class T>
using in_settings = place<settings, T>;

template <class T>
T default_of(in_settings<T> at) {
  settings values = default_settings();
  return at(values);
}

/// Whether two targets agree at that place.
template <class Target, class T>
auto same_at(place<Target, T> at) {
  // Only read; a place is not const because the loader writes through it.
  return [at](const Target& a, const Target& b) {
    return at(const_cast<Target&>(a)) == at(const_cast<Target&>(b));
  };
}

// --- what a text may be
// ---------------------------------------------------------------------------

bool printable_name(std::string_view given, std::size_t octets_max);
std::optional<std::filesystem::path> absolute_path(const std::string& given);
/// At most what fits sockaddr_un.
std::optional<std::filesystem::path> socket_path(const std::string& given);
std::optional<std::string> relay_name(const std::string& given);
std::optional<std::string> interface_name(const std::string& given);
/// What one listens on: the address may be 0.0.0.0 or ::, the port may not be 0.
std::optional<net::endpoint> listen_endpoint(const std::string& given);
/// What others are told: neither 0.0.0.0 nor port 0.
std::optional<net::endpoint> reachable_endpoint(const std::string& given);
std::optional<std::string> host(const std::string& given);

// --- keys
// -----------------------------------------------------------------------------------------

key<settings> flag(std::string_view name, in_settings<bool> at, std::string_view help);
key<settings> directory(std::string_view name, in_settings<std::filesystem::path> at,
                        std::string_view help);
key<settings> log(in_settings<log_level> at);
key<settings> listen_list(std::string_view name, in_settings<std::vector<net::endpoint>> at,
                          std::string_view help);

/// Names of relays, none by default.
key<settings> relay_list(std::string_view name, in_settings<std::vector<std::string>> at,
                         std::string_view help);

/// Names of network interfaces, none by default.
key<settings> interface_list(std::string_view name, in_settings<std::vector<std::string>> at,
                             std::string_view help);

/// Both limits belong to what is allowed.
template <std::integral T>
key<settings> number(std::string_view name, in_settings<T> at, std::int64_t min, std::int64_t max,
                     std::string_view help) {
  return {name,
          "an integer from " + std::to_string(min) + " to " + std::to_string(max),
          help,
          std::to_string(default_of(at)),
          true,
          [at, min, max](const value& found, settings& into) {
            const auto* given = std::get_if<std::int64_t>(&found);
            if (!given || *given < min || *given > max) return false;
            at(into) = static_cast<T>(*given);
            return true;
          },
          same_at(at)};
}

template <class Duration>
key<settings> duration(std::string_view name, in_settings<Duration> at,
                       std::chrono::milliseconds min, std::chrono::milliseconds max,
                       std::string_view help) {
  const bool whole_seconds = std::same_as<Duration, std::chrono::seconds>;
  return {name,
          std::string{"a duration with its unit, such as "} +
              (whole_seconds ? "\"30s\" or \"5m\"" : "\"30s\" or \"250ms\"") + ", from " +
              show_duration(min) + " to " + show_duration(max),
          help,
          toml_string(show_duration(default_of(at))),
          true,
          [at, min, max](const value& found, settings& into) {
            const auto* text = std::get_if<std::string>(&found);
            const auto given = text ? parse_duration(*text) : std::nullopt;
            if (!given || *given < min || *given > max) return false;
            const auto exact = std::chrono::duration_cast<Duration>(*given);
            if (exact != *given) return false;
            at(into) = exact;
            return true;
          },
          same_at(at)};
}

/// A string that `make` turns into the value; absent: not acceptable.
template <class Target, class T, class Make>
key<Target> text(std::string_view name, place<Target, T> at, std::string expected,
                 std::string shown, bool has_default, std::string_view help, Make make) {
  return {name,
          std::move(expected),
          help,
          toml_string(shown),
          has_default,
          [at, make](const value& found, Target& into) {
            const auto* given = std::get_if<std::string>(&found);
            auto made = given ? make(*given) : decltype(make(std::string{})){};
            if (!made) return false;
            at(into) = *std::move(made);
            return true;
          },
          same_at(at)};
}

} // namespace lanrage::config::kinds
