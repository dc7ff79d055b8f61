#include "sim/trace/lines.hpp"
#include "sim/trace/percent.hpp"
#include "sim/trace/values.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::sim::trace;

namespace {

/// All lines in brackets, and the problem that ended them.
std::string read_all(const std::string& text, line_reader::ends how) {
  auto lines = line_reader::open(text_input("t", text), how).value();
  std::string out;
  for (;;) {
    const auto line = lines.next();
    if (!line) return out + to_string(line.error());
    if (!*line) return out;
    out += '[' + std::string{**line} + ']';
  }
}

} // namespace

TEST_CASE("lines end with LF or CRLF, the last one with the text") {
  CHECK(read_all("a\r\nb\n\nc", line_reader::ends::any) == "[a][b][][c]");
  CHECK(read_all("", line_reader::ends::any).empty());
}

TEST_CASE("a strict text has a line feed behind every line and nothing else") {
  CHECK(read_all("a\r\n", line_reader::ends::strict) == "[a\r]");
  CHECK(read_all("a\nb", line_reader::ends::strict) ==
        "[a]t:2: found a last line without its end, expected a line feed behind it: the text is "
        "truncated");
}

TEST_CASE("a line over the limit is an error, however it arrives") {
  const std::string longest(limits::line_octets, 'x');
  CHECK(read_all(longest + "\n" + longest, line_reader::ends::any).size() ==
        2 * (longest.size() + 2));
  CHECK(read_all(longest + "x\n", line_reader::ends::any).find("t:1: found a line of ") == 0);
  CHECK(read_all("a\n" + std::string(1'000'000, 'x'), line_reader::ends::any).find("[a]t:2:") == 0);
}

TEST_CASE("what is no UTF-8 is no text") {
  CHECK(is_text("Zürich \xF0\x9F\x9B\xB0 ok"));
  CHECK(is_text(std::string(40, 'a') + "é"));
  for (const auto& bad : std::vector<std::string>{
           std::string("a\0b", 3), std::string("\xFF"), std::string("\xC3"),
           std::string("\xC0\x80"), std::string("\xED\xA0\x80"), std::string("\xE0\x80\x80"),
           std::string("\xF4\x90\x80\x80"), std::string("\xF8\x88\x80\x80\x80"),
           std::string("\x80"), std::string("\xE2\x82")})
    CHECK_FALSE(is_text(bad));
  CHECK(read_all("ok\nZ\xFCrich\n", line_reader::ends::any) ==
        "[ok]t:2: found octets that are no text: 'Z?rich', expected UTF-8 without NUL");
}

TEST_CASE("percent-encoding has one form") {
  CHECK(percent_encoded("a b=c%") == "a%20b%3Dc%25");
  CHECK(percent_decoded("a%20b%3Dc%25") == "a b=c%");
  CHECK(percent_decoded("Z%C3%BCrich") == "Zürich");
  for (const auto* word : {"%", "%2", "%2f", "%41", "a b", "%FF", "%0A", "=", "é"}) {
    INFO(word);
    CHECK_FALSE(percent_decoded(word));
  }
}
