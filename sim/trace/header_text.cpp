#include "sim/trace/header_text.hpp"

#include "sim/trace/hash.hpp"
#include "sim/trace/numbers.hpp"
#include "sim/trace/percent.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace lanrage::sim::trace {
namespace {

constexpr std::array<std::string_view, 3> clock_names{"recorded", "nominal", "none"};
constexpr std::array<std::string_view, 2> quantity_names{"rtt", "owd"};
constexpr std::array<std::string_view, 2> direction_names{"both", "a>b"};
constexpr std::array<std::string_view, 3> end_names{"stop", "hold", "wrap"};

template <std::size_t N, class T>
std::string_view name_of(const std::array<std::string_view, N>& names, T value) {
  return names[static_cast<std::size_t>(value)];
}

/// "a|b|c" for messages.
template <std::size_t N>
std::string choices(const std::array<std::string_view, N>& names) {
  std::string out;
  for (const auto& name : names)
    out += (out.empty() ? "" : "|") + std::string{name};
  return out;
}

std::string write_split(const split_rule& split) {
  if (split.how == split_rule::kind::half) return "half";
  if (split.how == split_rule::kind::seeded) return "seeded";
  return "ratio:" + std::to_string(split.forward) + '/' + std::to_string(split.whole);
}

std::string write_rules(const link_rules& rules) {
  return " max_age_ns=" + (rules.max_age ? std::to_string(rules.max_age->count()) : "none") +
         " fifo=" + (rules.fifo ? "yes" : "no") +
         " default=" + (rules.fallback ? std::to_string(rules.fallback->count()) : "unreachable");
}

/// One line cut into words. The first error stays; what is read after it is of no meaning.
class words {
 public:
  words(std::string_view line, const line_reader& from) : rest_(line), from_(from) {}

  std::string_view next() {
    const auto cut = rest_.find(' ');
    const auto word = rest_.substr(0, cut);
    rest_ = cut == std::string_view::npos ? std::string_view{} : rest_.substr(cut + 1);
    more_ = cut != std::string_view::npos;
    return word;
  }
  /// The value of the word "key=value".
  std::string_view value(std::string_view key) {
    const auto word = more_ ? next() : std::string_view{};
    if (word.size() > key.size() && word.substr(0, key.size()) == key && word[key.size()] == '=')
      return word.substr(key.size() + 1);
    fail(in_quotes(word), "'" + std::string{key} + "=...'");
    return {};
  }
  std::int64_t number(std::string_view text, std::int64_t most, const std::string& what) {
    const auto value = parse_count(text);
    if (value && *value <= most) return *value;
    fail(in_quotes(text), what + ", a whole number from 0 to " + std::to_string(most));
    return 0;
  }
  std::optional<nanoseconds> time(std::string_view key, std::string_view none, nanoseconds most) {
    const auto text = value(key);
    if (text == none) return {};
    return nanoseconds{number(text, most.count(),
                              std::string{key} + " '" + std::string{none} + "' or nanoseconds")};
  }
  template <class T, std::size_t N>
  T choice(std::string_view key, const std::array<std::string_view, N>& names) {
    const auto text = value(key);
    const auto at = std::find(names.begin(), names.end(), text);
    if (at != names.end()) return static_cast<T>(at - names.begin());
    fail(in_quotes(text), std::string{key} + '=' + choices(names));
    return T{};
  }
  std::string text(std::string_view word, std::string_view what) {
    auto decoded = word.size() <= limits::text_octets ? percent_decoded(word) : std::nullopt;
    if (decoded) return *decoded;
    fail(in_quotes(word), std::string{what} + ", percent-encoded UTF-8 of at most " +
                              std::to_string(limits::text_octets) + " octets");
    return {};
  }
  void done() {
    if (more_) fail(in_quotes(rest_), "the end of the line");
  }
  bool more() const { return more_; }
  void fail(std::string found, std::string expected) {
    if (!trouble_) trouble_ = from_.bad(std::move(found), std::move(expected));
  }
  const std::optional<problem>& trouble() const { return trouble_; }

 private:
  std::string_view rest_;
  const line_reader& from_;
  bool more_ = true;
  std::optional<problem> trouble_;
};

link_rules read_rules(words& line) {
  link_rules out;
  out.max_age = line.time("max_age_ns", "none", limits::time);
  const auto fifo = line.value("fifo");
  out.fifo = fifo == "yes";
  if (fifo != "yes" && fifo != "no") line.fail(in_quotes(fifo), "fifo=yes|no");
  out.fallback = line.time("default", "unreachable", limits::value);
  return out;
}

void read_meta(words& line, header& head) {
  const auto word = line.next();
  const auto cut = word.find('=');
  const auto key = word.substr(0, cut);
  const bool good =
      cut != std::string_view::npos && !key.empty() && key.size() <= 32 &&
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-.") == std::string_view::npos;
  if (!good) return line.fail(in_quotes(word), "key=value, the key of a-z 0-9 _ - .");
  if (head.metas.size() == limits::meta_lines)
    return line.fail("one more meta line", "at most " + std::to_string(limits::meta_lines));
  head.metas.push_back({std::string{key}, line.text(word.substr(cut + 1), "a value")});
}

void read_time(words& line, header& head) {
  if (line.value("unit") != "ns") line.fail("another unit", "unit=ns");
  const auto origin = line.value("origin_unix_ns");
  if (origin != "none")
    head.origin_unix_ns = line.number(origin, std::numeric_limits<std::int64_t>::max(),
                                      "origin_unix_ns 'none' or nanoseconds since 1970");
  head.clock = line.choice<clock_kind>("clock", clock_names);
  head.end = line.choice<at_end>("end", end_names);
}

void read_value(words& line, header& head) {
  head.quantity = line.choice<quantity>("quantity", quantity_names);
  if (line.value("unit") != "ns") line.fail("another unit", "unit=ns");
  if (head.quantity == quantity::owd) return;
  const auto text = line.value("split");
  if (const auto split = parse_split(text))
    head.split = *split;
  else
    line.fail(in_quotes(text), "split=half|ratio:P/Q|seeded, 0 < P < Q");
}

void read_node(words& line, header& head) {
  const auto id = line.number(line.next(), limits::nodes - 1, "a node's number");
  if (id != static_cast<std::int64_t>(head.nodes.size()))
    line.fail("node " + std::to_string(id), "node " + std::to_string(head.nodes.size()));
  auto label = line.text(line.value("label"), "a label");
  if (label.empty()) line.fail("no label", "one");
  head.nodes.push_back(std::move(label));
}

void read_link(words& line, header& head) {
  const auto id = line.number(line.next(), limits::links - 1, "a link's number");
  if (id != static_cast<std::int64_t>(head.links.size()))
    line.fail("link " + std::to_string(id), "link " + std::to_string(head.links.size()));
  link out;
  const auto last = static_cast<std::int64_t>(head.nodes.size()) - 1;
  out.a = node_id(line.number(line.value("a"), last, "a node declared above"));
  out.b = node_id(line.number(line.value("b"), last, "a node declared above"));
  if (out.a == out.b) line.fail("a link from a node to itself", "two different nodes");
  out.dir = line.choice<direction>("dir", direction_names);
  out.rules = read_rules(line);
  head.links.push_back(out);
}

void read_mesh(words& line, header& head) {
  const auto nodes = line.number(line.value("nodes"), limits::mesh_nodes, "the number of nodes");
  if (nodes < 2 || nodes != static_cast<std::int64_t>(head.nodes.size()))
    line.fail("a mesh of " + std::to_string(nodes) + " nodes",
              "one of all the nodes declared above (" + std::to_string(head.nodes.size()) +
                  "), and at least 2");
  head.mesh = read_rules(line);
}

/// The kinds of lines, in the order they have in a header.
enum class part : std::uint8_t { first, meta, time, value, node, link, mesh, body };

struct kind_of_line {
  std::string_view word;
  part is;
  std::array<part, 2> after; ///< what it may follow, itself aside
  bool repeats;
};
constexpr std::array<kind_of_line, 7> kinds{{
    {"meta", part::meta, {part::first, part::first}, true},
    {"time", part::time, {part::first, part::meta}, false},
    {"value", part::value, {part::time, part::time}, false},
    {"node", part::node, {part::value, part::value}, true},
    {"link", part::link, {part::node, part::node}, true},
    {"mesh", part::mesh, {part::node, part::node}, false},
    {"body", part::body, {part::link, part::mesh}, false},
}};

std::string expected_after(part last) {
  std::string out;
  for (const auto& kind : kinds)
    if (kind.after[0] == last || kind.after[1] == last || (kind.is == last && kind.repeats))
      out += (out.empty() ? "'" : " or '") + std::string{kind.word} + "'";
  return out;
}

void read_line(words& line, part& last, header& head) {
  const auto word = line.next();
  const auto* const kind = std::find_if(kinds.begin(), kinds.end(), [&](const auto& each) {
    const bool follows = each.after[0] == last || each.after[1] == last;
    return each.word == word && (follows || (each.is == last && each.repeats));
  });
  if (kind == kinds.end()) return line.fail(in_quotes(word), expected_after(last));
  if (kind->is != part::body && !line.more()) return line.fail("nothing behind it", "its fields");
  last = kind->is;
  switch (kind->is) {
  case part::meta:
    return read_meta(line, head);
  case part::time:
    return read_time(line, head);
  case part::value:
    return read_value(line, head);
  case part::node:
    return read_node(line, head);
  case part::link:
    return read_link(line, head);
  case part::mesh:
    return read_mesh(line, head);
  case part::first:
  case part::body:
    return;
  }
}

} // namespace

std::optional<split_rule> parse_split(std::string_view text) {
  if (text == "half") return split_rule{};
  if (text == "seeded") return split_rule{split_rule::kind::seeded, 1, 2};
  constexpr std::string_view ratio = "ratio:";
  const auto slash = text.find('/');
  if (text.substr(0, ratio.size()) != ratio || slash == std::string_view::npos) return {};
  const auto forward = parse_count(text.substr(ratio.size(), slash - ratio.size()));
  const auto whole = parse_count(text.substr(slash + 1));
  if (!forward || !whole || *forward == 0 || *forward >= *whole || *whole > 1'000'000) return {};
  return split_rule{split_rule::kind::ratio, static_cast<std::uint32_t>(*forward),
                    static_cast<std::uint32_t>(*whole)};
}

std::optional<at_end> parse_end(std::string_view text) {
  const auto at = std::find(end_names.begin(), end_names.end(), text);
  if (at == end_names.end()) return {};
  return static_cast<at_end>(at - end_names.begin());
}

std::string write_header(const header& head) {
  std::string out = "ltr 1\n";
  for (const auto& each : head.metas)
    out += "meta " + each.key + '=' + percent_encoded(each.value) + '\n';
  out += "time unit=ns origin_unix_ns=" +
         (head.origin_unix_ns ? std::to_string(*head.origin_unix_ns) : "none") +
         " clock=" + std::string{name_of(clock_names, head.clock)} +
         " end=" + std::string{name_of(end_names, head.end)} + '\n';
  out += "value quantity=" + std::string{name_of(quantity_names, head.quantity)} + " unit=ns";
  if (head.quantity == quantity::rtt) out += " split=" + write_split(head.split);
  out += '\n';
  for (std::size_t i = 0; i < head.nodes.size(); ++i)
    out += "node " + std::to_string(i) + " label=" + percent_encoded(head.nodes[i]) + '\n';
  for (std::size_t i = 0; i < head.links.size(); ++i) {
    const auto& each = head.links[i];
    out += "link " + std::to_string(i) + " a=" + std::to_string(index(each.a)) +
           " b=" + std::to_string(index(each.b)) +
           " dir=" + std::string{name_of(direction_names, each.dir)} + write_rules(each.rules) +
           '\n';
  }
  if (head.mesh)
    out += "mesh nodes=" + std::to_string(head.nodes.size()) + write_rules(*head.mesh) + '\n';
  return out + "body\n";
}

result<header> read_header(line_reader& lines, std::uint64_t& hash) {
  header head;
  part last = part::first;
  for (bool first = true; last != part::body; first = false) {
    const auto got = lines.next();
    if (!got) return got.error();
    if (!*got) return lines.bad("the end of the file", first ? "'ltr 1'" : expected_after(last));
    hash = fnv(fnv(hash, **got), "\n");
    if (first) {
      if (**got != "ltr 1")
        return lines.bad(in_quotes(**got), "'ltr 1', a latency trace version 1");
      continue;
    }
    words line{**got, lines};
    read_line(line, last, head);
    if (!line.trouble()) line.done();
    if (line.trouble()) return *line.trouble();
  }
  return head;
}

} // namespace lanrage::sim::trace
