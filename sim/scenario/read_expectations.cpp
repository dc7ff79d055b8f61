#include "sim/scenario/book.hpp"

#include <array>

/// [[expect]]: what must come true.
namespace lanrage::sim::scenario {
namespace {

using namespace std::chrono_literals;

constexpr std::array<pair_state, 7> states{
    pair_state::connected, pair_state::healthy, pair_state::degraded, pair_state::direct,
    pair_state::relay,     pair_state::failed,  pair_state::apart};

timing read_when(book& all, fields& in) {
  in.exclude("by", "at");
  in.exclude("by", "from");
  in.exclude("at", "from");
  const auto by = in.time("by", 0s, all.into.until);
  const auto at = in.time("at", 0s, all.into.until);
  const auto from = in.time("from", 0s, all.into.until);
  const auto to = in.time("to", 0s, all.into.until);
  if (to && !from) in.wrong(*in.take("to"), "to without from", "from beside it");
  if (to && from && *to < *from) in.wrong(*in.take("to"), "to before from", "a later time");
  if (!in.has("by") && !in.has("at") && !in.has("from"))
    all.wrongs.add(in.where(), "an expectation without a time",
                   "by (reached until then), at (holds then) or from (holds from then on)");
  if (at) return when_at{*at};
  if (from) return when_from{*from, to};
  return when_by{by.value_or(0s)};
}

wish read_pairs(book& all, fields& in) {
  expect_pairs out;
  in.exclude("pair", "among");
  out.members = all.members(in, in.has("pair") ? "pair" : "among");
  if (in.has("pair") && out.members.size() != 2 && !all.wrongs.any())
    in.wrong(*in.take("pair"), std::to_string(out.members.size()) + " members", "two of them");
  if (in.has("among") && out.members.size() < 2 && !all.wrongs.any())
    in.wrong(*in.take("among"), "one member", "at least two, or \"all\"");
  (void)in.take("pair");
  (void)in.take("among");
  in.need("is", "what the pair is expected to be");
  std::vector<std::string_view> words;
  for (const auto each : states)
    words.emplace_back(to_string(each));
  if (const auto word = in.word("is", words)) out.state = states[*word];
  if (const auto name = in.text("relay", "the name of a relay")) {
    if (!all.has_relay(*name)) (void)all.find({*name, in.take("relay")}, {kind::relay});
    if (out.state != pair_state::relay)
      in.wrong(*in.take("relay"), "relay for a pair that is " + std::string{to_string(out.state)},
               "is = \"relay\" beside it");
    out.relay = *name;
  }
  out.time = read_when(all, in);
  if (in.has("by") && out.state == pair_state::apart)
    in.wrong(*in.take("by"), "by for a pair that is apart from the beginning", "at or from");
  return out;
}

std::optional<std::uint64_t> count(fields& in, std::string_view key) {
  const auto given = in.number(key, 0, static_cast<std::int64_t>(1) << 40);
  return given ? std::optional{static_cast<std::uint64_t>(*given)} : std::nullopt;
}

wish read_pings(book& all, fields& in) {
  expect_pings out;
  out.stream = all.stream(in, "pings").value_or(0);
  out.lost_at_most = count(in, "lost_at_most");
  out.answered_at_least = count(in, "answered_at_least");
  out.silence_at_most = in.time("silence_at_most", 0s, limits::until);
  if (!in.has("lost_at_most") && !in.has("answered_at_least") && !in.has("silence_at_most"))
    all.wrongs.add(in.where(), "pings without a bound",
                   "lost_at_most, answered_at_least or silence_at_most");
  return out;
}

wish read_distinct(book&, fields& in) {
  if (const auto flag = in.flag("distinct_addresses"); flag && !*flag)
    in.wrong(*in.take("distinct_addresses"), "true, or nothing");
  return expect_distinct{};
}

wish read_lines(book& all, fields& in) {
  expect_lines out;
  if (const auto text = in.text("line", "a text that lines of the log contain")) {
    out.text = *text;
    if (text->empty() || text->size() > 500)
      in.wrong(*in.take("line"), "a text of 1 to 500 octets");
  }
  out.at_most = count(in, "at_most");
  out.at_least = count(in, "at_least");
  if (!in.has("at_most") && !in.has("at_least"))
    all.wrongs.add(in.where(), "line without a bound", "at_most (0: never) or at_least");
  if (const auto from = in.time("from", 0s, all.into.until)) out.from = *from;
  out.to = in.time("to", 0s, all.into.until);
  return out;
}

void read_expectation(book& all, const toml::table& table) {
  fields in{table, "[[expect]]", all.wrongs};
  using one_reader = wish (*)(book&, fields&);
  static constexpr std::array<std::pair<std::string_view, one_reader>, 5> readers{
      {{"pair", read_pairs},
       {"among", read_pairs},
       {"pings", read_pings},
       {"distinct_addresses", read_distinct},
       {"line", read_lines}}};
  one_reader found = nullptr;
  for (const auto& [key, read] : readers) {
    if (!in.has(key)) continue;
    if (found && found != read)
      in.wrong(*in.take(key), std::string{key} + " beside another kind of expectation",
               "one kind in each [[expect]]");
    if (!found) found = read;
  }
  if (!found)
    return all.wrongs.add(in.where(), "an [[expect]] of no kind",
                          "pair, among, pings, distinct_addresses or line");
  expectation out{found(all, in), in.where()};
  in.finish();
  all.into.expectations.push_back(std::move(out));
}

} // namespace

const char* to_string(pair_state state) {
  static constexpr std::array<const char*, 7> names{"connected", "healthy", "degraded", "direct",
                                                    "relay",     "failed",  "apart"};
  return names[static_cast<std::size_t>(state)];
}

void read_expectations(book& all, const toml::node& node) {
  for (const auto* table : tables_of(node, "[[expect]]", limits::expectations, all.wrongs))
    read_expectation(all, *table);
}

} // namespace lanrage::sim::scenario
