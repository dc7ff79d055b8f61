#include "sim/scenario/fields.hpp"

#include "config/value.hpp"
#include "sim/trace/numbers.hpp"

#include <algorithm>
#include <array>

namespace lanrage::sim::scenario {
namespace {

std::string list(const std::vector<std::string_view>& names) {
  std::string out;
  for (const auto name : names)
    out += (out.empty() ? "" : ", ") + std::string{name};
  return out;
}

std::string shown(duration time) {
  static constexpr std::array<std::pair<const char*, std::int64_t>, 5> units{
      {{"h", 3'600'000'000'000},
       {"s", 1'000'000'000},
       {"ms", 1'000'000},
       {"us", 1'000},
       {"ns", 1}}};
  if (time.count() == 0) return "0s";
  for (const auto& [name, length] : units)
    if (time.count() % length == 0) return std::to_string(time.count() / length) + name;
  return {}; // not reached: everything is a whole number of nanoseconds
}

} // namespace

std::string describe(const toml::node& node) {
  if (const auto* text = node.as_string()) return config::describe(config::value{text->get()});
  if (const auto* number = node.as_integer()) return config::describe(config::value{number->get()});
  if (const auto* flag = node.as_boolean()) return config::describe(config::value{flag->get()});
  if (node.is_table()) return "a table";
  if (node.is_array()) return "an array";
  if (node.is_floating_point()) return "a floating-point number";
  return "a date or time";
}

std::optional<std::uint32_t> parse_parts(const toml::node& node, std::uint32_t most) {
  std::optional<std::int64_t> parts;
  if (const auto* number = node.as_integer()) parts = number->get();
  if (const auto* text = node.as_string()) {
    const std::string_view given = text->get();
    const auto percent = given.substr(0, given.empty() ? 0 : given.size() - 1);
    const auto point = percent.find('.');
    // Plain digits only, and no more of them than are exact.
    const bool exact = point == std::string_view::npos || percent.size() - point - 1 <= 4;
    if (given.ends_with('%') && exact &&
        percent.find_first_not_of("0123456789.") == std::string_view::npos)
      parts = trace::parse_decimal(percent, 4);
  }
  if (!parts || *parts < 0 || *parts > most) return std::nullopt;
  return static_cast<std::uint32_t>(*parts);
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, int>, 4> units{
      {{"Gbit/s", 9}, {"Mbit/s", 6}, {"kbit/s", 3}, {"bit/s", 0}}};
  for (const auto& [name, digits] : units) {
    if (!text.ends_with(name)) continue;
    const auto number = text.substr(0, text.size() - name.size());
    if (number.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
    const auto rate = trace::parse_decimal(number, digits);
    // A thousand Gbit/s keeps every product with octets and nanoseconds below 2^63.
    if (!rate || *rate <= 0 || *rate > 1'000'000'000'000) return std::nullopt;
    return static_cast<std::uint64_t>(*rate);
  }
  return std::nullopt;
}

const toml::node* fields::take(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return in_.get(key);
}

void fields::wrong(const toml::node& node, const std::string& expected) {
  wrong(node, describe(node), expected);
}

void fields::wrong(const toml::node& node, const std::string& found, const std::string& expected) {
  problems_.add(place_of(node.source()), found, expected);
}

std::optional<std::string> fields::text(std::string_view key, const std::string& expected) {
  const auto* node = take(key);
  if (!node) return std::nullopt;
  if (const auto* text = node->as_string()) return text->get();
  wrong(*node, describe(*node) + " for " + std::string{key}, expected);
  return std::nullopt;
}

std::optional<bool> fields::flag(std::string_view key) {
  const auto* node = take(key);
  if (!node) return std::nullopt;
  if (const auto* flag = node->as_boolean()) return flag->get();
  wrong(*node, describe(*node) + " for " + std::string{key}, "true or false");
  return std::nullopt;
}

std::optional<std::int64_t> fields::number(std::string_view key, std::int64_t least,
                                           std::int64_t most) {
  const auto* node = take(key);
  if (!node) return std::nullopt;
  const auto* number = node->as_integer();
  if (number && number->get() >= least && number->get() <= most) return number->get();
  wrong(*node, describe(*node) + " for " + std::string{key},
        "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<duration> fields::time(std::string_view key, duration least, duration most) {
  const auto* node = take(key);
  if (!node) return std::nullopt;
  const auto* text = node->as_string();
  const auto given = text ? trace::parse_duration(text->get()) : std::nullopt;
  if (given && *given >= least && *given <= most) return *given;
  wrong(*node, describe(*node) + " for " + std::string{key},
        "a duration with its unit (ns, us, ms, s, m, h, d), such as \"1.5s\", from " +
            shown(least) + " to " + shown(most));
  return std::nullopt;
}

std::optional<std::uint32_t> fields::parts(std::string_view key, std::uint32_t most) {
  const auto* node = take(key);
  if (!node) return std::nullopt;
  const auto parts = parse_parts(*node, most);
  if (!parts)
    wrong(*node, describe(*node) + " for " + std::string{key},
          "a share such as \"1%\" or \"0.25%\", or parts per million as an integer, at most " +
              std::to_string(most / 10'000) + "%");
  return parts;
}

std::vector<fields::name> fields::names(std::string_view key) {
  std::vector<name> out;
  const auto* node = take(key);
  if (!node) return out;
  if (const auto* text = node->as_string()) return {{text->get(), node}};
  const auto* array = node->as_array();
  if (!array || array->empty()) {
    wrong(*node, (array ? "an empty array" : describe(*node)) + " for " + std::string{key},
          "a name or an array of names");
    return out;
  }
  for (const auto& each : *array) {
    if (const auto* text = each.as_string())
      out.push_back({text->get(), &each});
    else
      wrong(each, describe(each) + " in " + std::string{key}, "a name");
  }
  return out;
}

std::optional<std::size_t> fields::word(std::string_view key,
                                        const std::vector<std::string_view>& words) {
  const auto* node = take(key);
  if (!node) return std::nullopt;
  const auto* text = node->as_string();
  if (text) {
    const auto found = std::find(words.begin(), words.end(), text->get());
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  }
  std::string expected = "one of " + list(words);
  if (text)
    if (const auto near = config::nearest(text->get(), words))
      expected = std::string{*near} + " perhaps; " + expected;
  wrong(*node, describe(*node) + " for " + std::string{key}, expected);
  return std::nullopt;
}

bool fields::need(std::string_view key, const std::string& expected) {
  if (take(key)) return true;
  problems_.add(where(), kind_ + " without " + std::string{key}, expected);
  return false;
}

void fields::exclude(std::string_view key, std::string_view other) {
  const auto* one = in_.get(key);
  if (!one || !in_.contains(other)) return;
  wrong(*one, std::string{key} + " and " + std::string{other}, "only one of them");
}

void fields::finish() {
  for (const auto& [key, node] : in_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    std::string expected = "a key of " + kind_;
    if (const auto near = config::nearest(key.str(), known_))
      expected += ", " + std::string{*near} + " perhaps";
    problems_.add(place_of(key.source()), "unknown key " + config::toml_string(key.str()),
                  expected + "; there are " + list(known_));
  }
}

std::vector<const toml::table*> tables_of(const toml::node& node, const std::string& kind,
                                          std::size_t most, problems& into) {
  std::vector<const toml::table*> out;
  const auto* entries = node.as_array();
  if (!entries) {
    into.add(place_of(node.source()), describe(node), kind + " tables");
    return out;
  }
  if (entries->size() > most) {
    into.add(place_of(node.source()), std::to_string(entries->size()) + " of " + kind,
             "at most " + std::to_string(most));
    return out;
  }
  for (const auto& each : *entries) {
    if (const auto* table = each.as_table())
      out.push_back(table);
    else
      into.add(place_of(each.source()), describe(each), "a " + kind + " table");
  }
  return out;
}

} // namespace lanrage::sim::scenario
