#include "cli/json_text.hpp"

#include <boost/json/serialize.hpp>

#include <array>
#include <charconv>
#include <cmath>

namespace lanrage::cli {
namespace {

namespace json = boost::json;

std::string to_text(double number) {
  if (!std::isfinite(number)) return "null"; // JSON has no other word for it
  std::array<char, 400> text{};              // the longest double in fixed notation has 327 octets
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return {text.data(), end.ptr};
}

void append(std::string& out, const json::value& value) {
  if (const auto* object = value.if_object()) {
    char before = '{';
    for (const auto& [name, inside] : *object) {
      out += before + json::serialize(json::value(name)) + ':';
      append(out, inside);
      before = ',';
    }
    out += object->empty() ? "{}" : "}";
  } else if (const auto* array = value.if_array()) {
    char before = '[';
    for (const auto& inside : *array) {
      out += before;
      append(out, inside);
      before = ',';
    }
    out += array->empty() ? "[]" : "]";
  } else if (const auto* number = value.if_double()) {
    out += to_text(*number);
  } else {
    out += json::serialize(value);
  }
}

} // namespace

std::string to_line(const json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

} // namespace lanrage::cli
