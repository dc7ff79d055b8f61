#pragma once

#include "net/bytes.hpp"
#include "net/errc.hpp"
#include "net/keys.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace lanrage::net {

namespace json = boost::json;

inline std::string_view view_of(const json::string& text) {
  return {text.data(), text.size()};
}
inline json::string_view json_view(std::string_view text) {
  return {text.data(), text.size()};
}

/// JSON numbers that every implementation reads exactly (RFC 8259, 6).
inline constexpr std::uint64_t number_max = (std::uint64_t{1} << 53) - 1;
/// Nesting deeper than this is refused; our deepest message has 6.
inline constexpr std::size_t json_depth_max = 8;

inline result<json::object> parse_object(std::string_view text) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  boost::system::error_code ec;
  auto value = json::parse(json_view(text), ec, {}, options);
  if (ec) return fail(errc::bad_message, "no JSON: " + ec.message());
  if (!value.is_object()) return fail(errc::bad_message, "no JSON object");
  return std::move(value.get_object());
}

/// Reads the fields of one object and remembers the first that is missing or wrong, so that a
/// decoder reads straight down and checks once.
class field_reader {
 public:
  explicit field_reader(const json::object& from) : from_(from) {}

  bool ok() const { return problem_.empty(); }
  error problem() const { return fail(errc::bad_message, problem_); }
  void refuse(std::string_view name, std::string_view expected) {
    if (problem_.empty()) problem_ = "'" + std::string{name} + "' must be " + std::string{expected};
  }
  template <class T>
  T failed(std::string_view name, std::string_view expected) {
    refuse(name, expected);
    return T{};
  }

  const json::value* find(std::string_view name) const {
    return from_.if_contains(json_view(name));
  }
  bool has(std::string_view name) const { return find(name) != nullptr; }

  std::string_view text(std::string_view name, std::size_t max) {
    const auto* value = find(name);
    if (value == nullptr || !value->is_string() || value->get_string().size() > max)
      return failed<std::string_view>(name, "a text of at most " + std::to_string(max) + " octets");
    return view_of(value->get_string());
  }
  std::uint64_t number(std::string_view name, std::uint64_t max) {
    const auto* value = find(name);
    if (value != nullptr && value->is_int64() && value->get_int64() >= 0 &&
        static_cast<std::uint64_t>(value->get_int64()) <= max)
      return static_cast<std::uint64_t>(value->get_int64());
    return failed<std::uint64_t>(name, "an integer from 0 to " + std::to_string(max));
  }
  bool flag(std::string_view name) {
    const auto* value = find(name);
    if (value == nullptr || !value->is_bool()) return failed<bool>(name, "true or false");
    return value->get_bool();
  }
  template <class Octets>
  Octets octets(std::string_view name) {
    const auto value = from_base64(text(name, Octets::size * 2 + 4));
    const auto out = value ? Octets::from(*value) : std::nullopt;
    if (!out) return failed<Octets>(name, std::to_string(Octets::size) + " octets in base64");
    return *out;
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> array_of(std::string_view name) {
    return octets<opaque<struct field_tag, N>>(name).octets;
  }
  bytes blob(std::string_view name, std::size_t max) {
    auto value = from_base64(text(name, max * 4 / 3 + 4));
    if (!value || value->size() > max)
      return failed<bytes>(name, "at most " + std::to_string(max) + " octets in base64");
    return std::move(*value);
  }
  /// A value that a parser of ours reads from text.
  template <class Parse>
  auto parsed(std::string_view name, std::size_t max, Parse&& parse, std::string_view expected) {
    auto value = parse(text(name, max));
    using type = typename decltype(value)::value_type;
    if (!value) return failed<type>(name, expected);
    return std::move(*value);
  }
  const json::object& object(std::string_view name) {
    static const json::object none;
    const auto* value = find(name);
    if (value != nullptr && value->is_object()) return value->get_object();
    refuse(name, "an object");
    return none;
  }
  /// Calls `read(field_reader&)` for each object of an array.
  template <class Read>
  void each(std::string_view name, std::size_t max, Read&& read) {
    const auto* value = find(name);
    if (value == nullptr || !value->is_array() || value->get_array().size() > max)
      return refuse(name, "an array of at most " + std::to_string(max) + " elements");
    for (const auto& element : value->get_array()) {
      if (!element.is_object()) return refuse(name, "an array of objects");
      field_reader fields{element.get_object()};
      read(fields);
      if (!fields.ok()) {
        if (problem_.empty()) problem_ = "in '" + std::string{name} + "': " + fields.problem_;
        return;
      }
    }
  }
  /// Takes over the first problem of an inner object.
  void adopt(const field_reader& inner, std::string_view name) {
    if (problem_.empty() && !inner.ok())
      problem_ = "in '" + std::string{name} + "': " + inner.problem_;
  }

 private:
  const json::object& from_;
  std::string problem_;
};

} // namespace lanrage::net
