#include "sim/trace/delimited.hpp"
#include "sim/trace/percent.hpp"
#include "sim/trace/writer.hpp"

#include <map>
#include <set>

namespace lanrage::sim::trace {
namespace {

/// All pairs are kept until the end: a trace names its nodes and links first.
class pairs_import {
 public:
  pairs_import(const pairs_options& how, table_reader& table)
      : how_(how), table_(table), cells_(how.rtt_unit, how.codes) {
    head_.metas = how.about.metas;
    head_.clock = clock_kind::none;
    head_.end = how.about.end;
    head_.quantity = how.quantity;
    head_.split = how.about.split;
  }

  result<void> take_line() {
    const auto value = cells_.read(table_.cell(2));
    if (!value) return table_.bad(table_.described(2), cells_.expected());
    if (table_.cell(0) == table_.cell(1)) return {}; // a node and itself
    const auto a = node(0);
    if (!a) return a.error();
    const auto b = node(1);
    if (!b) return b.error();
    const auto [known, fresh] = lines_.try_emplace({*a, *b}, table_.line());
    if (!fresh)
      return table_.bad("the pair " + in_quotes(table_.cell(0)) + ", " + in_quotes(table_.cell(1)) +
                            " again",
                        "each pair once; it stands in line " + std::to_string(known->second));
    if (head_.links.size() == limits::links)
      return table_.bad("one more pair", "at most " + std::to_string(limits::links));
    head_.links.push_back({*a, *b, direction::forward, how_.about.rules});
    values_.push_back(*value);
    whys_.emplace_back(value->kind == record_kind::unknown ? why_unknown(table_.cell(2)) : "");
    return {};
  }

  result<totals> write(byte_sink& to) {
    if (values_.empty()) return table_.bad("no pairs", "at least one of two nodes");
    writer out{to};
    out.begin(head_);
    for (std::size_t i = 0; i < values_.size(); ++i)
      out.write({values_[i].kind, false, {}, link_id(i), values_[i].value, whys_[i]});
    return out.finish();
  }

 private:
  result<node_id> node(std::size_t column) {
    const auto label = table_.cell(column);
    if (label.empty() || label.size() > limits::text_octets / 3 || !is_printable(label))
      return table_.bad(table_.described(column), "a node's name");
    const auto [found, fresh] = nodes_.try_emplace(std::string{label}, node_id(head_.nodes.size()));
    if (fresh) {
      if (head_.nodes.size() == limits::nodes)
        return table_.bad("one more node", "at most " + std::to_string(limits::nodes));
      head_.nodes.emplace_back(label);
    }
    return found->second;
  }

  const pairs_options& how_;
  table_reader& table_;
  cell_reader cells_;
  header head_;
  std::map<std::string, node_id, std::less<>> nodes_;
  std::map<std::pair<node_id, node_id>, std::uint64_t> lines_;
  std::vector<cell_value> values_;
  std::vector<std::string> whys_;
};

} // namespace

result<totals> import_pairs(const input& from, const pairs_options& how, byte_sink& to) {
  auto table = table_reader::open(from, how.text, {&how.from, &how.to, &how.rtt});
  if (!table) return table.error();
  pairs_import pairs{how, *table};
  for (;;) {
    const auto line = table->next();
    if (!line) return line.error();
    if (!*line) return pairs.write(to);
    if (const auto taken = pairs.take_line(); !taken) return taken.error();
  }
}

} // namespace lanrage::sim::trace
