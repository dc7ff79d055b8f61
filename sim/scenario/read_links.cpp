#include "sim/scenario/book.hpp"

#include <algorithm>

/// [[link]] and [[party]], and what events say about links.
namespace lanrage::sim::scenario {
namespace {

using namespace std::chrono_literals;

constexpr auto anywhere = {kind::member, kind::nat, kind::relay, kind::control};

/// One end of `between`: a name, or an array of names.
std::vector<thing> read_end(book& all, fields& in, const toml::node& node) {
  std::vector<thing> out;
  const auto add = [&](const toml::node& each) {
    const auto* text = each.as_string();
    if (!text) return in.wrong(each, describe(each) + " in between", "a name");
    if (text->get() == "all") {
      for (std::uint32_t i = 0; i < all.into.members.size(); ++i)
        out.push_back({kind::member, i});
    } else if (const auto found = all.find({text->get(), &each}, anywhere)) {
      out.push_back(*found);
    }
  };
  if (const auto* array = node.as_array()) {
    for (const auto& each : *array)
      add(each);
  } else {
    add(node);
  }
  return out;
}

void read_trace_link(fields& in, trace_use& out) {
  const auto* node = in.take("trace_link");
  if (!node) return;
  const auto* array = node->as_array();
  if (array && array->size() == 2 && array->is_homogeneous<std::string>()) {
    out.link = std::array{array->get(0)->as_string()->get(), array->get(1)->as_string()->get()};
    return;
  }
  const auto* number = node->as_integer();
  if (number && number->get() >= 0 &&
      number->get() < static_cast<std::int64_t>(trace::limits::links))
    out.link = static_cast<std::uint32_t>(number->get());
  else
    in.wrong(*node, describe(*node) + " for trace_link",
             "the number of one of the trace's links, or an array of two of its nodes' labels");
}

void read_trace(book& all, fields& in, link_change& out) {
  const auto which = all.trace(in, "trace");
  trace_use use;
  use.where = in.where();
  if (const auto* node = in.take("trace")) use.where = place_of(node->source());
  read_trace_link(in, use);
  if (const auto start = in.time("start", 0s, trace::limits::time)) use.start = *start;
  if (const auto offset = in.time("offset", 0s, limits::delay)) use.offset = *offset;
  if (const auto end = in.word("end", {"stop", "hold", "wrap"}))
    use.end = std::array{trace::at_end::stop, trace::at_end::hold, trace::at_end::wrap}[*end];
  for (const auto* key : {"trace_link", "start", "offset", "end"})
    if (in.has(key) && !in.has("trace"))
      in.wrong(*in.take(key), std::string{key} + " without trace", "trace beside it");
  if (!which) return;
  use.trace = *which;
  out.trace = use;
}

void read_party(book& all, const toml::table& table) {
  fields in{table, "[[party]]", all.wrongs};
  party_entry out;
  if (const auto name = in.text("name", "a name")) out.name = *name;
  if (in.need("name", "every party to have a name")) all.define_party({out.name, in.take("name")});
  in.need("creator", "a member who creates the party");
  out.creator = all.one(in, "creator", kind::member).value_or(0);
  if (const auto at = in.time("at", 0s, all.into.until)) out.at = *at;
  out.members = all.members(in, "members");
  std::erase(out.members, out.creator);
  out.join_at = in.time("join_at", 0s, all.into.until).value_or(out.at);
  if (out.join_at < out.at)
    in.wrong(*in.take("join_at"), "join_at before the party is made", "a time not before `at`");
  if (const auto gap = in.time("join_gap", 0s, 1h)) out.join_gap = *gap;
  in.finish();
  all.into.parties.push_back(std::move(out));
}

} // namespace

std::vector<pair_of_things> read_between(book& all, fields& in) {
  std::vector<pair_of_things> out;
  in.exclude("between", "among");
  if (const auto* node = in.take("between")) {
    const auto* ends = node->as_array();
    if (!ends || ends->size() != 2) {
      in.wrong(*node, describe(*node) + " for between",
               "an array of two ends, each a name or an array of names");
      return out;
    }
    const auto one = read_end(all, in, *ends->get(0));
    const auto other = read_end(all, in, *ends->get(1));
    if (one.size() * other.size() > limits::pairs) {
      in.wrong(*node, "too many pairs", "at most " + std::to_string(limits::pairs));
      return out;
    }
    for (const auto& a : one)
      for (const auto& b : other)
        if (a != b) out.emplace_back(a, b);
    if (out.empty() && !one.empty() && !other.empty())
      in.wrong(*node, "a link from a thing to itself", "two different ends");
  }
  const auto among = all.things(in, "among", anywhere);
  if (among.size() * among.size() > limits::pairs) {
    in.wrong(*in.take("among"), "too many pairs", "at most " + std::to_string(limits::pairs));
    return out;
  }
  for (std::size_t a = 0; a < among.size(); ++a)
    for (std::size_t b = a + 1; b < among.size(); ++b)
      out.emplace_back(among[a], among[b]);
  return out;
}

link_change read_link_change(book& all, fields& in) {
  link_change out;
  in.exclude("delay", "trace");
  out.delay = in.time("delay", 0s, limits::delay);
  out.jitter = in.time("jitter", 0s, limits::delay);
  out.loss_ppm = in.parts("loss", 1'000'000);
  out.duplicate_ppm = in.parts("duplicate", 1'000'000);
  if (const auto mtu = in.number("mtu", 68, 65'535)) out.mtu = static_cast<std::uint32_t>(*mtu);
  if (const auto rate = in.text("rate", "a rate such as \"10Mbit/s\"")) {
    out.bits_per_s = parse_rate(*rate);
    if (!out.bits_per_s)
      in.wrong(*in.take("rate"), "a rate such as \"10Mbit/s\" or \"64kbit/s\", at most 1000Gbit/s");
  }
  if (const auto octets = in.number("queue", 0, 1'000'000'000))
    out.queue_octets = static_cast<std::uint32_t>(*octets);
  out.fifo = in.flag("fifo");
  out.scale_ppm = in.parts("scale", 1'000 * unscaled);
  read_trace(all, in, out);
  return out;
}

void read_links(book& all, const toml::node& node) {
  std::size_t pairs = 0;
  for (const auto* table : tables_of(node, "[[link]]", limits::events, all.wrongs)) {
    fields in{*table, "[[link]]", all.wrongs};
    link_entry out{read_between(all, in), read_link_change(all, in)};
    if (!in.has("between") && !in.has("among"))
      all.wrongs.add(in.where(), "[[link]] without between and among", "one of them");
    in.finish();
    pairs += out.between.size();
    if (pairs > limits::pairs)
      return all.wrongs.add(in.where(), "too many links",
                            "at most " + std::to_string(limits::pairs));
    all.into.links.push_back(std::move(out));
  }
}

void read_parties(book& all, const toml::node& node) {
  for (const auto* table : tables_of(node, "[[party]]", limits::parties, all.wrongs))
    read_party(all, *table);
}

} // namespace lanrage::sim::scenario
