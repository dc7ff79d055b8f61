#include "sim/scenario/book.hpp"

#include "config/value.hpp"
#include "net/ids.hpp"

#include <algorithm>

namespace lanrage::sim::scenario {
namespace {

constexpr std::size_t suggested_octets_max = 64;
constexpr std::size_t name_octets_max = 64;

std::string quoted(const std::string& name) {
  return config::describe(config::value{name});
}

const char* word_for(kind what) {
  switch (what) {
  case kind::control:
    return "control";
  case kind::member:
    return "a member";
  case kind::nat:
    return "a nat";
  case kind::relay:
    return "a relay";
  }
  return "";
}

std::string words_for(std::initializer_list<kind> kinds) {
  std::string out;
  for (const auto each : kinds)
    out += (out.empty() ? "" : " or ") + std::string{word_for(each)};
  return out;
}

bool among(std::initializer_list<kind> kinds, kind what) {
  return std::find(kinds.begin(), kinds.end(), what) != kinds.end();
}

} // namespace

bool book::usable(const std::string& name, place where, std::size_t most) {
  const bool good =
      !name.empty() && name.size() <= most &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos &&
      name.front() != '-' && name.back() != '-' && name != "all" && name != "internet";
  if (!good)
    wrongs.add(where, quoted(name) + " for a name",
               "1 to " + std::to_string(most) +
                   " of a-z 0-9 and '-', not '-' at an end, neither all nor internet");
  return good;
}

void book::define(const fields::name& name, thing what) {
  const auto where = place_of(name.node->source());
  // A member's name is its peer id; relays and boxes follow the same rule.
  if (!usable(name.text, where, 32)) return;
  if (!things_.emplace(name.text, what).second)
    wrongs.add(where, "a second " + quoted(name.text), "names that differ");
}

void book::define_party(const fields::name& name) {
  const auto where = place_of(name.node->source());
  const auto number = static_cast<std::uint32_t>(parties_.size());
  if (usable(name.text, where, 32) && !parties_.emplace(name.text, number).second)
    wrongs.add(where, "a second party " + quoted(name.text), "names that differ");
}

void book::define_stream(const fields::name& name) {
  const auto where = place_of(name.node->source());
  const auto number = static_cast<std::uint32_t>(streams_.size());
  if (usable(name.text, where, name_octets_max) && !streams_.emplace(name.text, number).second)
    wrongs.add(where, "a second ping stream " + quoted(name.text), "names that differ");
}

void book::define_trace(const std::string& name, place where) {
  const auto number = static_cast<std::uint32_t>(traces_.size());
  if (usable(name, where, name_octets_max)) traces_.emplace(name, number);
}

std::string book::suggestion(const std::string& name,
                             const std::vector<std::string_view>& known) const {
  // Beyond what is listed nobody reads it; and long texts are no typing mistakes.
  if (wrongs.count() >= limits::problems || name.size() > suggested_octets_max) return {};
  const auto near = config::nearest(name, known);
  return near ? ", " + std::string{*near} + " perhaps" : std::string{};
}

std::optional<thing> book::find(const fields::name& name, std::initializer_list<kind> kinds) {
  const auto found = things_.find(name.text);
  if (found != things_.end() && among(kinds, found->second.what)) return found->second;
  if (found != things_.end()) {
    wrongs.add(place_of(name.node->source()),
               quoted(name.text) + ", which is " + word_for(found->second.what), words_for(kinds));
    return std::nullopt;
  }
  std::vector<std::string_view> known;
  for (const auto& [each, what] : things_)
    if (among(kinds, what.what)) known.push_back(each);
  wrongs.add(place_of(name.node->source()), quoted(name.text) + ", which nothing is named",
             words_for(kinds) + suggestion(name.text, known));
  return std::nullopt;
}

std::vector<thing> book::things(fields& in, std::string_view key,
                                std::initializer_list<kind> kinds) {
  std::vector<thing> out;
  for (const auto& name : in.names(key)) {
    if (name.text == "all" && among(kinds, kind::member)) {
      for (std::uint32_t i = 0; i < into.members.size(); ++i)
        out.push_back({kind::member, i});
    } else if (const auto found = find(name, kinds)) {
      out.push_back(*found);
    }
  }
  std::sort(out.begin(), out.end());
  const auto twice = std::adjacent_find(out.begin(), out.end());
  if (twice != out.end()) {
    in.wrong(*in.take(key), "a name twice in " + std::string{key}, "each name once");
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }
  return out;
}

std::vector<std::uint32_t> book::members(fields& in, std::string_view key) {
  std::vector<std::uint32_t> out;
  for (const auto& each : things(in, key, {kind::member}))
    out.push_back(each.number);
  return out;
}

std::optional<std::uint32_t> book::one(fields& in, std::string_view key, kind what) {
  const auto text = in.text(key, std::string{"the name of "} + word_for(what));
  if (!text) return std::nullopt;
  const auto found = find({*text, in.take(key)}, {what});
  return found ? std::optional{found->number} : std::nullopt;
}

std::optional<std::uint32_t> book::look_up(fields& in, std::string_view key, const numbers& among,
                                           const std::string& what) {
  const auto text = in.text(key, "the name of " + what);
  if (!text) return std::nullopt;
  const auto found = among.find(*text);
  if (found != among.end()) return found->second;
  std::vector<std::string_view> known;
  for (const auto& [name, number] : among)
    known.push_back(name);
  in.wrong(*in.take(key), quoted(*text) + " for " + std::string{key},
           "the name of " + what + suggestion(*text, known));
  return std::nullopt;
}

std::optional<std::uint32_t> book::party(fields& in, std::string_view key) {
  return look_up(in, key, parties_, "a party");
}

std::optional<std::uint32_t> book::stream(fields& in, std::string_view key) {
  return look_up(in, key, streams_, "a ping stream");
}

std::optional<std::uint32_t> book::trace(fields& in, std::string_view key) {
  return look_up(in, key, traces_, "a trace in [traces]");
}

bool book::has_relay(const std::string& name) const {
  const auto found = things_.find(name);
  return found != things_.end() && found->second.what == kind::relay;
}

} // namespace lanrage::sim::scenario
