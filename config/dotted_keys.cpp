#include "config/dotted_keys.hpp"

#include <algorithm>

namespace lanrage::config {
namespace {

/// Goes over a text, knowing strings and comments from the rest and nothing more of TOML.
class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {}

  std::optional<text_place> find() {
    std::size_t dots = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c); // a quoted part of a key, or a value
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '.') {
        if (++dots >= dotted_parts_max) return place();
      } else if (!part_of_key(c)) {
        dots = 0;
      }
      ++at_;
    }
    return std::nullopt;
  }

 private:
  static bool part_of_key(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == ' ' || c == '\t';
  }

  void skip_string(char quote) {
    const std::string_view three = quote == '"' ? "\"\"\"" : "'''";
    const bool lines = text_.substr(at_).starts_with(three);
    at_ += lines ? three.size() : 1;
    while (at_ < text_.size()) {
      if (lines ? text_.substr(at_).starts_with(three) : text_[at_] == quote) {
        at_ += lines ? three.size() : 1;
        return;
      }
      if (!lines && text_[at_] == '\n') return; // never closed: the parser says so
      at_ += text_[at_] == '\\' && quote == '"' ? 2 : 1;
    }
  }

  text_place place() const {
    text_place out;
    for (const char c : text_.substr(0, at_)) {
      if (c == '\n')
        out = {out.line + 1, 1};
      else
        ++out.column;
    }
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

} // namespace

std::optional<text_place> overlong_key(std::string_view toml) {
  return scanner{toml}.find();
}

} // namespace lanrage::config
