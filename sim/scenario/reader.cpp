#include "sim/scenario/reader.hpp"

#include "config/dotted_keys.hpp"
#include "sim/faults/read_faults.hpp"
#include "sim/scenario/book.hpp"
#include "sim/trace/source.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanrage::sim::scenario {
namespace {

using namespace std::chrono_literals;

void read_top(book& all, fields& in) {
  if (const auto text = in.text("description", "one sentence")) {
    all.into.description = *text;
    if (text->empty() || text->size() > 500 || text->find('\n') != std::string::npos)
      in.wrong(*in.take("description"), "one sentence on one line, at most 500 octets");
  }
  in.need("description", "one sentence on what the scenario shows");
  if (const auto until = in.time("until", 1ms, limits::until)) all.into.until = *until;
  in.need("until", "how long the run is, such as \"60s\"");
  if (const auto seed = in.number("seed", 0, INT64_MAX))
    all.into.seed = static_cast<std::uint64_t>(*seed);
}

void read_all(book& all, const toml::table& root) {
  fields in{root, "the scenario", all.wrongs};
  read_top(all, in);
  read_world(all, root, in);
  if (const auto* node = in.take("link")) read_links(all, *node);
  if (const auto* node = in.take("party")) read_parties(all, *node);
  if (const auto* node = in.take("event")) read_events(all, *node);
  if (const auto* node = in.take("expect")) read_expectations(all, *node);
  if (const auto* node = in.take("fault"))
    faults::read_faults(all.wrongs, *node, all.into, all.into.faults);
  in.finish();
  std::stable_sort(all.into.events.begin(), all.into.events.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
}

} // namespace

void throw_exception_from_error(const bad_input& what, const boost::source_location&) {
  throw std::logic_error(what.lines.front());
}

result<script> parse(std::string_view text, const std::string& file_name, const reading& how) {
  script out;
  problems bad;
  if (text.size() > limits::file_octets) {
    bad.add({1, 1}, std::to_string(text.size()) + " octets", "at most 1 MiB");
    return bad_input{bad.lines(file_name)};
  }
  if (const auto at = config::overlong_key(text)) {
    bad.add({at->line, at->column}, "a key of more parts",
            "at most " + std::to_string(config::dotted_parts_max) + " parts with dots between");
    return bad_input{bad.lines(file_name)};
  }
  try {
    const auto root = toml::parse(text, std::string_view{file_name});
    book all{out, bad};
    all.count = how.count;
    read_all(all, root);
  } catch (const toml::parse_error& error) {
    bad.add(place_of(error.source()), "no TOML (" + std::string{error.description()} + ")",
            "the syntax of TOML 1.0");
  }
  if (bad.any()) return bad_input{bad.lines(file_name)};
  return out;
}

result<std::string> read_text(const std::filesystem::path& file) {
  std::error_code failed;
  const auto status = std::filesystem::status(file, failed);
  if (!std::filesystem::exists(status)) return bad_input{{file.string() + ": no such file"}};
  if (std::filesystem::is_directory(status)) return bad_input{{file.string() + ": a folder"}};
  const auto from = trace::file_input(file);
  if (!from) return bad_input{{trace::to_string(from.error())}};
  const auto source = from->open();
  if (!source) return bad_input{{trace::to_string(source.error())}};
  // One octet more than allowed, so that parse() sees that there is more.
  std::string text(limits::file_octets + 1, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const auto got = (*source)->read({text.data() + filled, text.size() - filled});
    if (!got) return bad_input{{trace::to_string(got.error())}};
    if (*got == 0) break;
    filled += *got;
  }
  text.resize(filled);
  return text;
}

result<script> load(const std::filesystem::path& file, const reading& how) {
  const auto text = read_text(file);
  if (!text) return text.error();
  return parse(*text, file.string(), how);
}

} // namespace lanrage::sim::scenario
