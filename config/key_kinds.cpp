#include "config/key_kinds.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace lanrage::config::kinds {
namespace {

constexpr std::size_t interface_octets_max = 15; // IFNAMSIZ less its end
constexpr std::size_t socket_octets_max = 107;   // sockaddr_un::sun_path less its end
constexpr std::size_t host_octets_max = 253;     // RFC 1035 section 2.3.4

constexpr std::array<std::pair<std::string_view, log_level>, 5> levels{
    {{"trace", log_level::trace},
     {"debug", log_level::debug},
     {"info", log_level::info},
     {"warn", log_level::warn},
     {"error", log_level::error}}};

} // namespace

key<settings> flag(std::string_view name, in_settings<bool> at, std::string_view help) {
  return {name,
          "true or false",
          help,
          default_of(at) ? "true" : "false",
          true,
          [at](const value& found, settings& into) {
            const auto* given = std::get_if<bool>(&found);
            if (given) at(into) = *given;
            return given != nullptr;
          },
          same_at(at)};
}

std::optional<std::filesystem::path> absolute_path(const std::string& given) {
  const std::filesystem::path path{given};
  if (!path.is_absolute() || given.find('\0') != std::string::npos) return std::nullopt;
  return path;
}

std::optional<std::filesystem::path> socket_path(const std::string& given) {
  return given.size() <= socket_octets_max ? absolute_path(given) : std::nullopt;
}

key<settings> directory(std::string_view name, in_settings<std::filesystem::path> at,
                        std::string_view help) {
  return text(name, at, "an absolute path", default_of(at).string(), true, help, absolute_path);
}

key<settings> log(in_settings<log_level> at) {
  return text("log", at, "one of \"trace\", \"debug\", \"info\", \"warn\", \"error\"", "info", true,
              "How much is logged.", [](const std::string& given) -> std::optional<log_level> {
                for (const auto& [name, level] : levels)
                  if (given == name) return level;
                return std::nullopt;
              });
}

bool printable_name(std::string_view given, std::size_t octets_max) {
  return !given.empty() && given.size() <= octets_max &&
         std::all_of(given.begin(), given.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::optional<std::string> relay_name(const std::string& given) {
  return printable_name(given, 32) ? std::optional{given} : std::nullopt;
}

std::optional<std::string> interface_name(const std::string& given) {
  const bool usable = printable_name(given, interface_octets_max) && given != "." &&
                      given != ".." && given.find('/') == std::string::npos &&
                      given.find(':') == std::string::npos;
  return usable ? std::optional{given} : std::nullopt;
}

std::optional<net::endpoint> listen_endpoint(const std::string& given) {
  const auto where = net::endpoint::parse(given);
  return where && where->port != 0 ? where : std::nullopt;
}

std::optional<net::endpoint> reachable_endpoint(const std::string& given) {
  const auto where = net::endpoint::parse(given);
  return where && where->valid() ? where : std::nullopt;
}

key<settings> listen_list(std::string_view name, in_settings<std::vector<net::endpoint>> at,
                          std::string_view help) {
  std::string shown;
  for (const auto& where : default_of(at))
    shown += (shown.empty() ? "" : ", ") + toml_string(to_string(where));
  return {name,
          "addresses with ports to listen on, such as [\"0.0.0.0:51820\", \"[::]:51820\"]",
          help,
          "[" + shown + "]",
          true,
          [at](const value& found, settings& into) {
            std::vector<std::string> texts;
            if (const auto* one = std::get_if<std::string>(&found)) texts = {*one};
            if (const auto* many = std::get_if<std::vector<std::string>>(&found)) texts = *many;
            std::vector<net::endpoint> all;
            for (const auto& given : texts) {
              const auto where = listen_endpoint(given);
              if (!where || std::find(all.begin(), all.end(), *where) != all.end()) return false;
              all.push_back(*where);
            }
            if (all.empty()) return false;
            at(into) = std::move(all);
            return true;
          },
          same_at(at)};
}

namespace {

/// One text or an array of them, each usable and none twice.
key<settings> names(std::string_view name, in_settings<std::vector<std::string>> at,
                    std::string expected, std::string_view help,
                    std::optional<std::string> (*usable)(const std::string&)) {
  return {name,
          std::move(expected),
          help,
          "[]",
          true,
          [at, usable](const value& found, settings& into) {
            std::vector<std::string> all;
            if (const auto* one = std::get_if<std::string>(&found))
              all = {*one};
            else if (const auto* many = std::get_if<std::vector<std::string>>(&found))
              all = *many;
            else
              return false;
            for (const auto& given : all)
              if (!usable(given) || std::count(all.begin(), all.end(), given) != 1) return false;
            at(into) = std::move(all);
            return true;
          },
          same_at(at)};
}

} // namespace

key<settings> relay_list(std::string_view name, in_settings<std::vector<std::string>> at,
                         std::string_view help) {
  return names(name, at, "names of relays, such as [\"relay1\", \"relay2\"]", help, &relay_name);
}

key<settings> interface_list(std::string_view name, in_settings<std::vector<std::string>> at,
                             std::string_view help) {
  return names(name, at, "names of network interfaces, such as [\"docker0\"]", help,
               &interface_name);
}

std::optional<std::string> host(const std::string& given) {
  if (net::ip_address::parse(given)) return given;
  const bool name = printable_name(given, host_octets_max) &&
                    std::all_of(given.begin(), given.end(), [](unsigned char c) {
                      return std::isalnum(c) || c == '-' || c == '.';
                    });
  return name ? std::optional{given} : std::nullopt;
}

} // namespace lanrage::config::kinds
