#include "tests/house/rules.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace lanrage::house {
namespace {

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool any_prefix(std::string_view path, const std::vector<std::string_view>& starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return starts_with(path, start); });
}

bool names_any(std::string_view line, const std::vector<std::string_view>& words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return line.find(word) != std::string_view::npos;
  });
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  std::istringstream in{std::string{text}};
  for (std::string line; std::getline(in, line);)
    out.push_back(line);
  return out;
}

/// Which rooms a room may include, itself aside. A role folder is "actors/ROLE".
const std::map<std::string, std::set<std::string>>& directions() {
  static const std::set<std::string> everything{
      "net",    "net/os",      "net/relay",     "net/control",    "config", "messages",
      "actors", "actors/ROLE", "actors/wiring", "actors/drivers", "sim",    "actors/daemon",
      "lab",    "cli"};
  static const std::map<std::string, std::set<std::string>> table{
      {"net", {}},
      {"net/os", {"net"}},
      {"net/relay", {"net", "net/os", "config"}},
      {"net/control", {"net", "net/os", "config"}},
      {"config", {"net"}},
      {"messages", {"net", "net/control", "config"}},
      {"actors", {"net", "config", "messages"}},
      {"actors/ROLE", {"net", "config", "messages", "actors"}},
      {"actors/drivers", {"net", "net/os", "net/control", "config", "messages", "actors"}},
      {"actors/wiring", {"net", "config", "messages", "actors", "actors/ROLE"}},
      {"actors/daemon",
       {"net", "net/os", "net/control", "config", "messages", "actors", "actors/ROLE",
        "actors/drivers", "actors/wiring"}},
      {"sim",
       {"net", "net/relay", "net/control", "config", "messages", "actors", "actors/ROLE",
        "actors/wiring"}},
      {"lab", {"net"}},
      {"cli", everything},
      {"bench", everything},
      {"tests", everything},
  };
  return table;
}

/// "actors/peer" is a role as far as the table goes.
std::string kind_of(const std::string& room) {
  const bool role = starts_with(room, "actors/") && room != "actors/wiring" &&
                    room != "actors/drivers" && room != "actors/daemon";
  return role ? "actors/ROLE" : room;
}

struct ban {
  /// One of these is in every line that matches: std::regex takes seconds for all of the house.
  std::vector<std::string_view> words;
  std::regex pattern;
  std::string says;
  std::vector<std::string_view> only;    ///< where it holds; empty: everywhere
  std::vector<std::string_view> allowed; ///< where it does not
};

const std::vector<ban>& bans() {
  static const std::vector<ban> all{
      {{"sleep"},
       std::regex{R"(\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|::sleep\s*\()"},
       "no sleep: a state with a deadline, a timer, or poll() with a timeout",
       {},
       // Real packets need real time; nothing there runs under virtual time.
       {"lab/", "bench/", "cli/demo", "tests/lab/", "tests/faults/", "tests/soak/"}},
      {{"system_clock"},
       std::regex{R"(\bsystem_clock::now\b)"},
       "no calendar time here: the wall clock is passed in (msg::wall_clock)",
       {"net/", "config/", "messages/", "actors/", "sim/"},
       // The processes' edges, where it is read once and passed on.
       {"actors/daemon/", "net/relay/server.cpp", "net/control/server.cpp", "net/os/"}},
      {{"_clock"},
       std::regex{R"(\b(steady_clock|high_resolution_clock)::now\b)"},
       "no clock here: cores get `now`, actors ask self->clock()",
       {"config/", "messages/", "actors/", "sim/"},
       {"actors/drivers/", "actors/daemon/"}},
      {{"random_device", "mt19937", "default_random"},
       std::regex{R"(\b(random_device|mt19937(_64)?|default_random_engine)\b)"},
       "no randomness of one's own: net::random_source, or the seed that is passed in",
       {"net/", "config/", "messages/", "actors/", "sim/", "cli/"},
       {}},
      {{"rand"},
       std::regex{R"((^|[^\w.>])(s?rand|drand48)\s*\()"},
       "no C randomness: net::random_source, or the seed that is passed in",
       {},
       {}},
      {{"_distribution"},
       std::regex{R"(\bstd::\w+_distribution\b)"},
       "no std distributions: they differ between libraries, so a seed would not reproduce",
       {"net/", "actors/", "sim/"},
       {}},
      {{"caf/all"},
       std::regex{R"(#\s*include\s*<caf/all\.hpp>)"},
       "never caf/all.hpp (4 s to compile): include the narrow headers",
       {},
       {}},
      {{"system", "popen"},
       std::regex{R"((^|[^\w:])(std)?::system\s*\(|\bpopen\s*\()"},
       "no shell: net/os runs processes with an argument list",
       {},
       {}},
  };
  return all;
}

struct size_exception {
  std::string_view path;
  std::size_t lines;
  std::string_view reason;
};
constexpr std::size_t file_lines_max = 400;
constexpr std::size_t test_file_lines_max = 650;
constexpr std::size_t function_lines_max = 70;

/// Files that may be longer, and how long; the number only ever goes down.
constexpr std::array<size_exception, 4> long_files{{
    {"net/frames.cpp", 430, "one codec per frame, all of the same shape"},
    {"net/control/protocol.cpp", 480, "one codec per message, all of the same shape"},
    {"net/control/registry.cpp", 500, "one decision per request; they share every table"},
    {"net/control/server.cpp", 420, "accepting, sessions and store of one server"},
}};

/// Lines from the one that ends with an opening brace to the one that closes it, both counted.
std::size_t lines_until_closed(const std::vector<std::string>& code, std::size_t first) {
  int depth = 1;
  for (std::size_t i = first + 1; i < code.size(); ++i) {
    for (const char c : code[i]) {
      if (c == '{') ++depth;
      if (c == '}' && --depth == 0) return i - first + 1;
    }
  }
  return code.size() - first;
}

} // namespace

std::string to_string(const violation& found) {
  return found.path + ':' + std::to_string(found.line) + ": " + found.rule;
}

std::string room_of(std::string_view path) {
  if (starts_with(path, "actors/wiring")) return "actors/wiring";
  if (starts_with(path, "actors/")) {
    const auto end = path.find('/', 7);
    return end == std::string_view::npos ? "actors" : std::string{path.substr(0, end)};
  }
  for (const auto* room : {"net/os", "net/relay", "net/control", "net", "config", "messages", "sim",
                           "lab", "cli", "bench", "tests"})
    if (starts_with(path, std::string{room} + "/")) return room;
  return {};
}

bool is_pure(std::string_view path) {
  const auto room = room_of(path);
  const auto name = path.substr(path.rfind('/') + 1);
  const auto stem = name.substr(0, name.rfind('.'));
  if (room == "net" || room == "config") return true;
  // Two servers: their cores run in the simulation, their shells know sockets and disks.
  if (room == "net/relay") return !any_prefix(stem, {"server", "udp_batch"});
  if (room == "net/control")
    return !any_prefix(stem, {"server", "client", "tls", "store", "identity"});
  if (kind_of(room) == "actors/ROLE") {
    const std::set<std::string_view> shells{"relay_selector",
                                            "wg_writer",
                                            "connection_supervisor",
                                            "connection_peers",
                                            "connection_state",
                                            "guardian",
                                            "root"};
    const bool actor = stem.size() > 6 && stem.substr(stem.size() - 6) == "_actor";
    return !actor && !shells.contains(stem);
  }
  return false;
}

std::string without_comments_and_strings(std::string_view text) {
  std::string out;
  enum { code, line_comment, block_comment, in_string, in_char, raw } state = code;
  std::string raw_end;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c == '\n' && state != block_comment && state != raw) state = code;
    switch (state) {
    case code:
      if (c == '/' && next == '/') {
        state = line_comment;
      } else if (c == '/' && next == '*') {
        state = block_comment;
        ++i;
      } else if (c == 'R' && next == '"') {
        const auto open = text.find('(', i);
        raw_end = ")" + std::string{text.substr(i + 2, open - i - 2)} + "\"";
        out += "\"\"";
        i = open;
        state = raw;
      } else {
        // A quote between digits separates thousands.
        const bool digit = i > 0 && std::isalnum(static_cast<unsigned char>(text[i - 1]));
        if (c == '"') state = in_string;
        if (c == '\'' && !digit) state = in_char;
        out += c;
      }
      break;
    case in_string:
    case in_char:
      if (c == '\\') {
        ++i;
      } else if (c == (state == in_string ? '"' : '\'')) {
        out += c;
        state = code;
      }
      break;
    case block_comment:
      if (c == '\n') out += c;
      if (c == '*' && next == '/') {
        state = code;
        ++i;
      }
      break;
    case raw:
      if (c == '\n') out += c;
      if (text.substr(i, raw_end.size()) == raw_end) {
        i += raw_end.size() - 1;
        state = code;
      }
      break;
    case line_comment:
      break;
    }
  }
  return out;
}

std::vector<violation> check_includes(const source& file) {
  static const std::regex quoted{R"(^\s*#\s*include\s*"([^"]+)\")"};
  std::vector<violation> found;
  const auto room = room_of(file.path);
  if (room.empty()) return found;
  const auto& allowed = directions().at(kind_of(room));
  const auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (!names_any(lines[i], {"include"}) || !std::regex_search(lines[i], match, quoted)) continue;
    const auto target = room_of(match[1].str());
    if (target == room || allowed.contains(kind_of(target))) continue;
    // Tests keep helpers beside themselves, outside any room's path.
    if (room == "tests" && target.empty()) continue;
    // The directory is the control plane's client, the only role that knows its protocol.
    if (room == "actors/directory" && target == "net/control") continue;
    std::string rule;
    if (target.empty())
      rule =
          "includes \"" + match[1].str() + "\", which is no path from the root of the repository";
    else if (kind_of(room) == "actors/ROLE" && kind_of(target) == "actors/ROLE")
      rule = room + " includes " + target + ": role folders meet in messages/ only";
    else
      rule = room + " must not include " + target +
             (target == "net/os" ? ": only drivers and the daemon touch the system" : "");
    found.push_back({file.path, i + 1, rule});
  }
  return found;
}

std::vector<violation> check_purity(const source& file) {
  static const std::regex impure{R"(#\s*include\s*<(caf/|boost/asio|boost/beast|spdlog/|sqlite3))"};
  static const std::regex clock{
      R"((_clock::now\b|\bclock_gettime\s*\(|\bgettimeofday\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\)))"};
  std::vector<violation> found;
  if (!is_pure(file.path)) return found;
  const auto lines = lines_of(without_comments_and_strings(file.text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (names_any(lines[i], {"include"}) && std::regex_search(lines[i], impure))
      found.push_back({file.path, i + 1,
                       "a pure file includes neither CAF, Asio, Beast, spdlog nor SQLite: move it "
                       "to the shell"});
    if (names_any(lines[i], {"clock", "time"}) && std::regex_search(lines[i], clock))
      found.push_back({file.path, i + 1, "a pure file reads no clock: take `now` as an argument"});
  }
  return found;
}

std::vector<violation> check_banned_calls(const source& file) {
  std::vector<violation> found;
  const auto lines = lines_of(without_comments_and_strings(file.text));
  for (const auto& each : bans()) {
    if (!each.only.empty() && !any_prefix(file.path, each.only)) continue;
    if (any_prefix(file.path, each.allowed)) continue;
    for (std::size_t i = 0; i < lines.size(); ++i)
      if (names_any(lines[i], each.words) && std::regex_search(lines[i], each.pattern))
        found.push_back({file.path, i + 1, each.says});
  }
  return found;
}

std::vector<violation> check_iteration(const source& file, std::string_view sibling) {
  static const std::regex declared{R"(\bunordered_(?:multi)?(?:map|set)\s*<.*>\s+(\w+)\s*[;{=])"};
  std::vector<violation> found;
  if (!is_pure(file.path) && !any_prefix(file.path, {"actors/", "sim/"})) return found;
  const auto code = without_comments_and_strings(file.text);
  std::set<std::string> names;
  for (const auto& text : {code, without_comments_and_strings(sibling)})
    for (std::sregex_iterator it{text.begin(), text.end(), declared}, end; it != end; ++it)
      names.insert((*it)[1].str());
  const auto lines = lines_of(code);
  for (const auto& name : names) {
    const std::regex walks{R"(\bfor\s*\(.*:\s*)" + name + R"(\s*\)|\b)" + name +
                           R"(\s*\.\s*c?begin\s*\()"};
    for (std::size_t i = 0; i < lines.size(); ++i)
      if (names_any(lines[i], {name}) && std::regex_search(lines[i], walks))
        found.push_back({file.path, i + 1,
                         "iterates over the unordered " + name +
                             ": its order is chance; use std::map or a sorted vector"});
  }
  return found;
}

std::vector<violation> check_sizes(const source& file) {
  std::vector<violation> found;
  const auto lines = lines_of(file.text);
  const bool test = starts_with(file.path, "tests/");
  auto limit = test ? test_file_lines_max : file_lines_max;
  for (const auto& each : long_files)
    if (each.path == file.path) limit = each.lines;
  if (lines.size() > limit)
    found.push_back({file.path, limit + 1,
                     "the file has " + std::to_string(lines.size()) + " lines, at most " +
                         std::to_string(limit) + ": split it by what it does"});
  if (test) return found;

  // Formatted code: a function's body opens with ") {" at the end of a line, like that of `if`.
  static const std::regex opens{
      R"(\)(?:\s*(?:const|noexcept|override|mutable|->\s*[\w:<>,&* ]+))*\s*\{$)"};
  static const std::regex control{R"(^\s*(\}|if|for|while|switch|else|do|catch|try|namespace)\b)"};
  const auto code = lines_of(without_comments_and_strings(file.text));
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (!code[i].ends_with('{') || !std::regex_search(code[i], opens) ||
        std::regex_search(code[i], control))
      continue;
    const auto length = lines_until_closed(code, i);
    if (length > function_lines_max)
      found.push_back({file.path, i + 1,
                       "the function has " + std::to_string(length) + " lines, at most " +
                           std::to_string(function_lines_max) + ": name its parts"});
  }
  return found;
}

std::vector<violation> check_message_maps(const source& file) {
  std::vector<violation> found;
  if (room_of(file.path) != "messages") return found;
  const auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!names_any(lines[i], {"caf::reacts_to<", "caf::replies_to<"})) continue;
    const auto above = i == 0 ? std::string{} : lines[i - 1];
    const auto text = above.find_first_not_of(' ');
    if (text == std::string::npos || above.compare(text, 4, "/// ") != 0)
      found.push_back({file.path, i + 1,
                       "a handler without a comment: say above it what comes of the message"});
  }
  return found;
}

} // namespace lanrage::house
