#pragma once

#include "sim/scenario/problems.hpp"

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How the reader takes a table apart. Only for the reader's own files.
namespace lanrage::sim::scenario {

inline place place_of(const toml::source_region& where) {
  return {where.begin.line, where.begin.column};
}

/// For messages: `integer 30`, `string "abc"`, `a table`.
std::string describe(const toml::node& node);

/// "1%", "0.25%" or parts per million as an integer; at most `most` parts per million.
std::optional<std::uint32_t> parse_parts(const toml::node& node, std::uint32_t most);
/// "10Mbit/s", "64kbit/s": bits per second, more than none.
std::optional<std::uint64_t> parse_rate(std::string_view text);

/// One table whose keys are taken one by one. What nobody asked for is a problem in the end, so no
/// key can be known to the reader and not to the check, or the other way round.
class fields {
 public:
  /// `kind`: what the table is, for messages: "[[member]]".
  fields(const toml::table& in, std::string kind, problems& into)
      : in_(in), kind_(std::move(kind)), problems_(into) {}

  const toml::node* take(std::string_view key);
  bool has(std::string_view key) const { return in_.contains(key); }

  /// Absent when the key is, and when its value is wrong, which is a problem then.
  std::optional<std::string> text(std::string_view key, const std::string& expected);
  std::optional<bool> flag(std::string_view key);
  std::optional<std::int64_t> number(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<duration> time(std::string_view key, duration least, duration most);
  std::optional<std::uint32_t> parts(std::string_view key, std::uint32_t most);
  /// A text, or an array of texts, each with its node.
  struct name {
    std::string text;
    const toml::node* node;
  };
  std::vector<name> names(std::string_view key);
  /// One of these words; its number.
  std::optional<std::size_t> word(std::string_view key, const std::vector<std::string_view>& words);

  /// The key must be there; false and a problem otherwise.
  bool need(std::string_view key, const std::string& expected);
  /// Not both.
  void exclude(std::string_view key, std::string_view other);
  /// Every key that was not taken is a problem.
  void finish();

  void wrong(const toml::node& node, const std::string& expected);
  void wrong(const toml::node& node, const std::string& found, const std::string& expected);
  place where() const { return place_of(in_.source()); }
  problems& all() { return problems_; }
  const std::string& kind() const { return kind_; }

 private:
  const toml::table& in_;
  std::string kind_;
  problems& problems_;
  std::vector<std::string_view> known_;
};

/// The tables of an array of tables; a problem for each entry that is none.
std::vector<const toml::table*> tables_of(const toml::node& node, const std::string& kind,
                                          std::size_t most, problems& into);

} // namespace lanrage::sim::scenario
