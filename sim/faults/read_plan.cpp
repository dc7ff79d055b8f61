#include "sim/faults/read_plan.hpp"

#include "config/dotted_keys.hpp"
#include "sim/faults/read_faults.hpp"
#include "sim/faults/targets.hpp"
#include "sim/scenario/fields.hpp"

#include <algorithm>

namespace lanrage::sim::faults {
namespace {

using namespace std::chrono_literals;
using scenario::fields;
using scenario::problems;

/// Which names a fault may have, for messages.
std::string aim_text(const kind& of) {
  if (of.links) return "the ends of links";
  static constexpr std::array<std::pair<aim, const char*>, 4> words{{{aim_members, "members"},
                                                                     {aim_boxes, "boxes"},
                                                                     {aim_relays, "relays"},
                                                                     {aim_control, "control"}}};
  std::string out;
  for (const auto& [bit, word] : words)
    if (of.at & bit) out += (out.empty() ? "" : " or ") + std::string{word};
  return out;
}

class fault_reader {
 public:
  fault_reader(const toml::table& table, const scenario::script& of, ground where, problems& into)
      : in_(table, "[[fault]]", into), cast_(of), where_(where) {}

  /// Absent: nothing but problems.
  std::optional<fault> read() {
    const auto* what = read_kind();
    if (!what) return std::nullopt; // which keys it may have is not known
    fault out = make_fault(*what, names("on", *what), {}, {});
    if (!in_.has("on")) in_.need("on", "whom it happens to: " + aim_text(*what));
    if (what->links) out.to = names("to", *what);
    in_.need("start", "when it begins, such as \"10s\"");
    out.start = in_.time("start", 0s, scenario::limits::until).value_or(0s);
    out.end = out.start;
    if (!what->instant) read_end(out);
    for (std::size_t i = 0; i < what->arguments.size(); ++i)
      if (const auto value = read_argument(what->arguments[i])) out.arguments[i] = *value;
    in_.finish();
    return out;
  }

 private:
  const kind* read_kind() {
    if (!in_.need("kind", "what breaks; lanrage sim faults lists all")) return nullptr;
    const auto* node = in_.take("kind");
    if (const auto* text = node->as_string())
      if (const auto* found = find_kind(std::string_view{text->get()})) {
        const auto& others = laboratory_kinds();
        const bool real = found >= others.data() && found < others.data() + others.size();
        if (!real || where_ == ground::laboratory) return found;
        in_.wrong(*node, "\"" + text->get() + "\", which only a laboratory can do",
                  "a kind of lanrage sim faults");
        return nullptr;
      }
    std::vector<std::string_view> known;
    for (const auto& each : kinds())
      known.push_back(each.name);
    return known_word("kind", known), nullptr;
  }
  /// Makes the problem with the nearest word in it.
  void known_word(std::string_view key, const std::vector<std::string_view>& words) {
    (void)in_.word(key, words);
  }

  std::vector<std::string> names(std::string_view key, const kind& of) {
    std::vector<std::string> out;
    const auto given = in_.names(key);
    if (given.size() > limits::names) {
      in_.wrong(*in_.take(key), std::to_string(given.size()) + " names",
                "at most " + std::to_string(limits::names));
      return out;
    }
    for (const auto& each : given) {
      if (cast_.may_aim(of, each.text))
        out.push_back(each.text);
      else
        in_.wrong(*each.node,
                  "\"" + each.text + "\"" +
                      (cast_.find(each.text) ? ", which it cannot happen to"
                                             : ", which nothing is named"),
                  aim_text(of) + " of the scenario, or \"all\"");
    }
    auto sorted = out;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
      in_.wrong(*in_.take(key), "a name twice in " + std::string{key}, "each name once");
    return out;
  }

  void read_end(fault& into) {
    in_.need("end", "when it ends");
    const auto end = in_.time("end", 0s, scenario::limits::until);
    if (!end) return;
    into.end = *end;
    if (into.end < into.start)
      in_.wrong(*in_.take("end"), "an end before the start", "a time not before start");
  }

  std::optional<std::int64_t> read_argument(const argument& of) {
    switch (of.is) {
    case measure::time:
      if (const auto got = in_.time(of.name, duration{of.least}, duration{of.most}))
        return got->count();
      return std::nullopt;
    case measure::share:
      if (const auto got = in_.parts(of.name, static_cast<std::uint32_t>(of.most)))
        return static_cast<std::int64_t>(*got);
      return std::nullopt;
    case measure::count:
      return in_.number(of.name, of.least, of.most);
    case measure::flag:
      if (const auto got = in_.flag(of.name)) return *got ? 1 : 0;
      return std::nullopt;
    case measure::word:
      if (const auto got = in_.word(of.name, words_of(of))) return static_cast<std::int64_t>(*got);
      return std::nullopt;
    }
    return std::nullopt;
  }

  fields in_;
  cast cast_;
  ground where_;
};

} // namespace

void read_faults(scenario::problems& into, const toml::node& node, const scenario::script& of,
                 plan& out, ground where) {
  for (const auto* table : scenario::tables_of(node, "[[fault]]", limits::faults, into))
    if (auto got = fault_reader{*table, of, where, into}.read())
      out.faults.push_back(std::move(*got));
}

scenario::result<plan> parse_plan(std::string_view text, const std::string& file_name,
                                  const scenario::script& of, ground where) {
  plan out;
  problems bad;
  if (text.size() > scenario::limits::file_octets) {
    bad.add({1, 1}, std::to_string(text.size()) + " octets", "at most 1 MiB");
    return scenario::bad_input{bad.lines(file_name)};
  }
  if (const auto at = config::overlong_key(text)) {
    bad.add({at->line, at->column}, "a key of more parts",
            "at most " + std::to_string(config::dotted_parts_max) + " parts with dots between");
    return scenario::bad_input{bad.lines(file_name)};
  }
  try {
    const auto root = toml::parse(text, std::string_view{file_name});
    fields top{root, "the plan", bad};
    if (const auto seed = top.number("seed", 0, INT64_MAX))
      out.seed = static_cast<std::uint64_t>(*seed);
    if (const auto* node = top.take("fault")) read_faults(bad, *node, of, out, where);
    top.finish();
  } catch (const toml::parse_error& error) {
    bad.add(scenario::place_of(error.source()),
            "no TOML (" + std::string{error.description()} + ")", "the syntax of TOML 1.0");
  }
  if (bad.any()) return scenario::bad_input{bad.lines(file_name)};
  return out;
}

scenario::result<plan> load_plan(const std::filesystem::path& file, const scenario::script& of,
                                 ground where) {
  const auto text = scenario::read_text(file);
  if (!text) return text.error();
  return parse_plan(*text, file.string(), of, where);
}

} // namespace lanrage::sim::faults
