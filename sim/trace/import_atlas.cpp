#include "sim/trace/atlas_json.hpp"
#include "sim/trace/import.hpp"
#include "sim/trace/percent.hpp"
#include "sim/trace/writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

namespace lanrage::sim::trace {
namespace {

/// Results come in the order in which they were stored, which is not that of time: all of them are
/// sorted, so there is an end to how many there may be (24 octets each).
constexpr std::size_t most_packets = 32'000'000;

class atlas_import {
 public:
  atlas_import(const input& from, const atlas_options& how) : name_(from.name), how_(how) {
    auto& handler = parser_.handler();
    handler.take = [this](const atlas_entry& entry) { return take(entry); };
  }

  /// Reads the whole text in pieces that end with their line, so that a problem has a line.
  result<void> read(byte_source& from) {
    std::vector<char> buffer(64 * 1024);
    for (;;) {
      const auto got = from.read(buffer);
      if (!got) return got.error();
      if (*got == 0) break;
      std::string_view rest{buffer.data(), *got};
      while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto piece = rest.substr(0, end == std::string_view::npos ? end : end + 1);
        if (const auto fed = feed(piece); !fed) return fed.error();
        if (end != std::string_view::npos) ++line_;
        rest.remove_prefix(piece.size());
      }
    }
    if (open_)
      return bad("the end of the file within the JSON", "the rest of it: the text is truncated");
    if (packets_.empty()) return bad("no results", "RIPE Atlas ping results");
    return {};
  }

  result<totals> write(byte_sink& to) {
    std::stable_sort(packets_.begin(), packets_.end(), [](const packet& left, const packet& right) {
      return left.time < right.time;
    });
    writer out{to};
    out.begin(head());
    for (const auto& each : packets_) {
      const auto now = nanoseconds{each.time - packets_.front().time};
      if (now > limits::time) return bad("results ten years apart", "less");
      if (each.value >= 0)
        out.sample(now, link_id{each.link}, nanoseconds{each.value});
      else if (each.value == lost)
        out.lost(now, link_id{each.link});
      else
        out.unknown(now, link_id{each.link}, "error");
    }
    return out.finish();
  }

 private:
  static constexpr std::int64_t lost = -1, unknown = -2;
  struct packet {
    std::int64_t time;
    std::int64_t value; ///< nanoseconds, lost or unknown
    std::uint32_t link;
  };

  problem bad(std::string found, std::string expected) const {
    const auto place = results_ > 0 ? " behind result " + std::to_string(results_) : "";
    return {name_, line_, std::move(found) + place, std::move(expected), {}};
  }

  result<void> feed(std::string_view piece) {
    while (!piece.empty()) {
      if (!open_) {
        const auto start = piece.find_first_not_of(" \t\r\n");
        if (start == std::string_view::npos) return {};
        piece.remove_prefix(start);
        if (piece[0] != '[' && piece[0] != '{')
          return bad(in_quotes(piece), "a JSON array of results, or one result per line");
        parser_.reset();
        open_ = true;
      }
      boost::json::error_code ec;
      const auto used = parser_.write_some(true, piece.data(), piece.size(), ec);
      if (ec) {
        if (const auto& why = parser_.handler().trouble) return bad(why->found, why->expected);
        return bad("no JSON (" + ec.message() + ") in " + in_quotes(piece), "JSON in UTF-8");
      }
      piece.remove_prefix(std::min(used, piece.size()));
      if (parser_.done()) open_ = false;
    }
    return {};
  }

  std::optional<problem> take(const atlas_entry& entry) {
    ++results_;
    const auto [found, fresh] =
        links_.try_emplace({entry.measurement_id.value_or(0), *entry.probe_id}, names_.size());
    if (fresh) {
      const bool good =
          !entry.target.empty() && entry.target.size() <= 255 && is_printable(entry.target);
      names_.push_back(good ? entry.target : "target");
      if (names_.size() > limits::nodes / 2)
        return problem{{}, 0, "one more probe", "at most 32,768", {}};
    }
    constexpr std::int64_t latest = 9'000'000'000; // the year 2255
    if (*entry.timestamp > latest)
      return problem{{}, 0, "a timestamp of " + std::to_string(*entry.timestamp), "seconds", {}};
    auto time = *entry.timestamp * 1'000'000'000;
    if (packets_.size() + entry.packets.size() > most_packets)
      return problem{{}, 0, "one more packet", "at most " + std::to_string(most_packets), {}};
    for (const auto& each : entry.packets) {
      const auto value = each.kind == record_kind::sample ? each.rtt.count()
                         : each.kind == record_kind::lost ? lost
                                                          : unknown;
      packets_.push_back({time, value, static_cast<std::uint32_t>(found->second)});
      time += how_.packet_interval.count();
    }
    return {};
  }

  /// Nodes 2k and 2k+1 are probe and target of link k.
  header head() const {
    header out;
    out.metas = how_.about.metas;
    out.origin_unix_ns = packets_.front().time;
    out.end = how_.about.end;
    out.split = how_.about.split;
    std::vector<std::string> probes(names_.size());
    for (const auto& [id, link] : links_)
      probes[link] = "probe-" + std::to_string(id.second);
    for (std::size_t i = 0; i < names_.size(); ++i) {
      out.nodes.push_back(probes[i]);
      out.nodes.push_back(names_[i]);
      out.links.push_back({node_id(2 * i), node_id(2 * i + 1), direction::both, how_.about.rules});
    }
    return out;
  }

  std::string name_;
  const atlas_options& how_;
  boost::json::basic_parser<atlas_handler> parser_{boost::json::parse_options{}};
  bool open_ = false; ///< in the middle of a JSON text
  std::uint64_t line_ = 1;
  std::uint64_t results_ = 0;
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> links_; ///< measurement, probe
  std::vector<std::string> names_;                                     ///< targets, per link
  std::vector<packet> packets_;
};

} // namespace

result<totals> import_atlas(const input& from, const atlas_options& how, byte_sink& to) {
  auto source = from.open();
  if (!source) return source.error();
  atlas_import import{from, how};
  if (const auto read = import.read(**source); !read) return read.error();
  return import.write(to);
}

} // namespace lanrage::sim::trace
