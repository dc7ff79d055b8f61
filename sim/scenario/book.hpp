#pragma once

#include "sim/scenario/fields.hpp"

#include <initializer_list>
#include <map>

/// What the reader knows while it reads. Only for the reader's own files.
namespace lanrage::sim::scenario {

class book {
 public:
  book(script& to, problems& found) : into(to), wrongs(found) {}

  script& into;
  problems& wrongs;
  std::optional<std::uint32_t> count; ///< see `reading`

  /// A new name for a thing; a problem if something has it, or if it is no name.
  void define(const fields::name& name, thing what);
  void define_party(const fields::name& name);
  void define_stream(const fields::name& name);
  void define_trace(const std::string& name, place where);

  std::optional<thing> find(const fields::name& name, std::initializer_list<kind> kinds);
  /// Of one key: a name, or an array of names; problems are noted, the others returned.
  std::vector<thing> things(fields& in, std::string_view key, std::initializer_list<kind> kinds);
  /// The same for members only; "all" is every member.
  std::vector<std::uint32_t> members(fields& in, std::string_view key);
  std::optional<std::uint32_t> one(fields& in, std::string_view key, kind what);
  std::optional<std::uint32_t> party(fields& in, std::string_view key);
  std::optional<std::uint32_t> stream(fields& in, std::string_view key);
  std::optional<std::uint32_t> trace(fields& in, std::string_view key);
  bool has_relay(const std::string& name) const;

 private:
  using numbers = std::map<std::string, std::uint32_t, std::less<>>;
  std::optional<std::uint32_t> look_up(fields& in, std::string_view key, const numbers& among,
                                       const std::string& what);
  std::string suggestion(const std::string& name, const std::vector<std::string_view>& known) const;
  bool usable(const std::string& name, place where, std::size_t most);

  std::map<std::string, thing, std::less<>> things_{{"control", {kind::control, 0}}};
  numbers parties_;
  numbers streams_;
  numbers traces_;
};

/// Sections of the file; what they find wrong is in the book's problems.
void read_world(book& in, const toml::table& root, fields& top);
void read_links(book& in, const toml::node& node);
void read_parties(book& in, const toml::node& node);
void read_events(book& in, const toml::node& node);
void read_expectations(book& in, const toml::node& node);

/// A [[link]] or what an event says about links: which ones, and how they are.
std::vector<pair_of_things> read_between(book& in, fields& from);
link_change read_link_change(book& in, fields& from);
/// The keys check_interval, check_timeout, degraded_above.
void read_health(fields& from, config::health_settings& into);

} // namespace lanrage::sim::scenario
