#include "net/os/wg_go.hpp"

#include "net/os/process.hpp"

#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <set>

namespace lanrage::net::os {

namespace {

std::set<std::filesystem::path> installed() {
  std::string path = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin";
  if (const char* own = std::getenv("PATH")) path = std::string{own} + ":" + path;
  std::set<std::filesystem::path> found;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    const auto directory = path.substr(at, end - at);
    at = end + 1;
    if (!directory.starts_with('/')) continue; // a relative PATH entry is no place for root's tools
    std::error_code failed;
    auto file = std::filesystem::canonical(directory + "/wireguard-go", failed);
    if (!failed && ::access(file.c_str(), X_OK) == 0) found.insert(std::move(file));
  }
  return found;
}

/// What it says when it fails stands below a banner drawn with box characters.
std::string last_plain_line(const std::string& text) {
  std::string last;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    at = end + 1;
    if (!line.empty() && static_cast<unsigned char>(line.front()) < 128) last = line;
  }
  return last;
}

} // namespace

std::vector<std::uint64_t> version_numbers(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  const auto line = text.substr(0, text.find('\n'));
  const auto start = line.find(" v");
  if (start == std::string_view::npos) return numbers;
  bool inside = false;
  for (const unsigned char c : line.substr(start + 2)) {
    if (std::isdigit(c)) {
      if (!inside) numbers.push_back(0);
      inside = true;
      numbers.back() = numbers.back() * 10 + (c - '0');
    } else if (c == '.') {
      inside = false;
    } else {
      break; // "-dirty" and the like
    }
  }
  return numbers;
}

std::optional<std::filesystem::path> newest_wireguard_go() {
  const auto candidates = installed();
  if (candidates.empty()) return std::nullopt;
  if (candidates.size() == 1) return *candidates.begin();
  std::filesystem::path best;
  std::vector<std::uint64_t> best_version;
  for (const auto& file : candidates) {
    const auto said = run_process({file.string(), "--version"});
    const auto version = said ? version_numbers(said->out) : std::vector<std::uint64_t>{};
    if (best.empty() || version > best_version) {
      best = file;
      best_version = version;
    }
  }
  return best;
}

result<void> start_wireguard_go(const std::string& interface) {
  const auto program = newest_wireguard_go();
  if (!program)
    return fail(errc::wg_unavailable,
                "the kernel has no WireGuard and wireguard-go is not installed: "
                "apt-get install wireguard-go");
  process_options options;
  options.deadline = std::chrono::seconds{5};
  // Without WG_PROCESS_FOREGROUND and LOG_LEVEL in its environment it goes to the background by
  // itself, with /dev/null for its output, as soon as link and socket exist: its end is our signal.
  const auto ended = run_process({program->string(), interface}, options);
  if (!ended) return ended.error();
  if (ended->status == 0) return {};
  const auto said = last_plain_line(ended->out + ended->err);
  const bool denied = said.find("not permitted") != std::string::npos ||
                      said.find("ermission denied") != std::string::npos;
  return fail(denied ? errc::not_permitted : errc::wg_refused,
              program->string() + ": " +
                  (said.empty() ? "exit status " + std::to_string(ended->status) : said));
}

} // namespace lanrage::net::os
