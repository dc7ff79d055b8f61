#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// The rules of the house that a program can check, as functions from text to violations, so that
/// each rule has a test that it fires. docs/architecture.md says why they are what they are.
namespace lanrage::house {

struct source {
  std::string path; ///< from the root of the repository: "actors/peer/repair.cpp"
  std::string text;
};

struct violation {
  std::string path;
  std::size_t line = 0;
  std::string rule; ///< what is wrong and what to do instead
};
/// "path:line: rule"
std::string to_string(const violation& found);

/// The room a file lives in: "net", "net/os", "actors/peer", "actors/wiring", ... ; "" for none.
std::string room_of(std::string_view path);
/// Whether the file may know neither CAF, Asio, spdlog nor a clock.
bool is_pure(std::string_view path);

/// Code without comments and without the contents of string literals; lines stay lines.
std::string without_comments_and_strings(std::string_view text);

std::vector<violation> check_includes(const source& file);
std::vector<violation> check_purity(const source& file);
std::vector<violation> check_banned_calls(const source& file);
/// `sibling` is the header of a .cpp file, for the members it declares; empty when there is none.
std::vector<violation> check_iteration(const source& file, std::string_view sibling);
std::vector<violation> check_sizes(const source& file);
std::vector<violation> check_message_maps(const source& file);

} // namespace lanrage::house
