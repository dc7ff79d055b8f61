#include "sim/trace/lines.hpp"

#include "sim/trace/values.hpp"

#include <cstring>

namespace lanrage::sim::trace {
namespace {

/// Small, because a simulation may have a reader per link; grows to what the longest line takes.
constexpr std::size_t first_buffer = 16 * 1024;

/// Length of the UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t sequence(std::string_view text) {
  const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto lead = octet(0);
  std::size_t length = 0;
  unsigned char least = 0x80, greatest = 0xBF; // of the second octet
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if ((lead & 0xF0) == 0xE0) {
    length = 3;
    if (lead == 0xE0) least = 0xA0;
    if (lead == 0xED) greatest = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) least = 0x90;
    if (lead == 0xF4) greatest = 0x8F;
  }
  if (length == 0 || text.size() < length) return 0;
  if (octet(1) < least || octet(1) > greatest) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if ((octet(i) & 0xC0) != 0x80) return 0;
  return length;
}

/// Where the octets that are not plain ASCII begin.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    if (word & 0x8080808080808080) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80)
    ++at;
  return at;
}

} // namespace

bool is_text(std::string_view text) {
  if (!text.empty() && std::memchr(text.data(), 0, text.size())) return false;
  for (auto at = ascii_prefix(text); at < text.size(); at += ascii_prefix(text.substr(at))) {
    const auto length = sequence(text.substr(at));
    if (length == 0) return false;
    at += length;
  }
  return true;
}

line_reader::line_reader(std::string name, std::unique_ptr<byte_source> from, ends how)
    : name_(std::move(name)), from_(std::move(from)), how_(how), buffer_(first_buffer) {}

result<line_reader> line_reader::open(const input& from, ends how) {
  auto source = from.open();
  if (!source) return source.error();
  return line_reader{from.name, std::move(*source), how};
}

/// Reads more behind what is there; false at the end of the text.
result<bool> line_reader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  const auto got = from_->read({buffer_.data() + end_, buffer_.size() - end_});
  if (!got) return got.error();
  end_ += *got;
  return *got > 0;
}

result<std::optional<std::string_view>> line_reader::next() {
  ++line_;
  for (std::size_t searched = 0;;) {
    const auto* const from = buffer_.data() + begin_;
    const auto* const at =
        static_cast<const char*>(std::memchr(from + searched, '\n', end_ - begin_ - searched));
    if (at) {
      begin_ += static_cast<std::size_t>(at - from) + 1;
      return finished({from, static_cast<std::size_t>(at - from)});
    }
    searched = end_ - begin_;
    if (searched > limits::line_octets) break;
    const auto more = fill();
    if (!more) return more.error();
    if (*more) continue;
    if (searched == 0) return std::nullopt;
    if (how_ == ends::strict)
      return bad("a last line without its end", "a line feed behind it: the text is truncated");
    begin_ = end_;
    return finished({buffer_.data() + end_ - searched, searched});
  }
  return bad("a line of more than " + std::to_string(limits::line_octets) + " octets",
             "a shorter one");
}

result<std::optional<std::string_view>> line_reader::finished(std::string_view line) {
  if (line.size() > limits::line_octets)
    return bad("a line of " + std::to_string(line.size()) + " octets",
               "at most " + std::to_string(limits::line_octets));
  if (how_ == ends::any && !line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (!is_text(line))
    return bad("octets that are no text: " + in_quotes(line), "UTF-8 without NUL");
  return std::optional{line};
}

} // namespace lanrage::sim::trace
