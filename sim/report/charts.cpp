#include "sim/report/markup.hpp"
#include "sim/report/parts.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace lanrage::sim::report {
namespace {

// Tenths of a pixel.
constexpr std::int64_t chart_width = 3'800;
constexpr std::int64_t chart_height = 2'200;
constexpr std::int64_t plot_left = 420;
constexpr std::int64_t plot_right = chart_width - 120;
constexpr std::int64_t top = 120;
constexpr std::int64_t bottom = chart_height - 320;
constexpr std::int64_t whole_ppm = 1'000'000;
constexpr std::size_t causes_shown = 6;

std::string begin(const std::string& kind) {
  return "<svg class=\"" + kind + "\" viewBox=\"0 0 " + px(chart_width) + ' ' + px(chart_height) +
         "\" role=\"img\" aria-label=\"" + kind + "\">\n";
}

std::string nothing(const std::string& kind, const std::string& why) {
  return begin(kind) +
         label(chart_width / 2, chart_height / 2, why, "class=\"fine\" text-anchor=\"middle\"") +
         "</svg>\n";
}

std::int64_t place(duration value, duration most) {
  return plot_left +
         scaled(value.count(), std::max<std::int64_t>(1, most.count()), plot_right - plot_left);
}

std::string time_axis(duration most) {
  std::string out = line(plot_left, bottom, plot_right, bottom, "class=\"axis\"");
  for (const auto mark : axis_marks(most, 4)) {
    const auto x = place(mark, most);
    out += line(x, bottom, x, bottom + 40, "class=\"axis\"");
    const bool ends = x + 250 > chart_width; // the name would leave the picture
    out += label(x, bottom + 170, mark.count() == 0 ? "0" : time_text(mark),
                 std::string{"class=\"mark\" text-anchor=\""} + (ends ? "end" : "middle") + '"');
  }
  return out;
}

struct curve {
  const distribution& of;
  const char* color;
  std::string name;
};

/// Shares of the weight that values do not exceed.
std::string shares(const std::string& kind, const std::vector<curve>& curves) {
  duration most{1};
  for (const auto& each : curves)
    most = std::max(most, each.of.most());
  const auto limit = most + most / 20;
  auto out = begin(kind);
  for (const std::int64_t percent : {0, 50, 90, 100}) {
    const auto y = bottom - (bottom - top) * percent / 100;
    out += line(plot_left, y, plot_right, y, "class=\"grid\"");
    out += label(plot_left - 60, y + 30, std::to_string(percent) + " %",
                 "class=\"mark\" text-anchor=\"end\"");
  }
  out += time_axis(limit);
  std::int64_t note = bottom - 100 - 150 * static_cast<std::int64_t>(curves.size() - 1);
  for (const auto& each : curves) {
    std::string d = "M" + px(place(each.of.values().begin()->first, limit)) + ' ' + px(bottom);
    std::int64_t below = 0;
    for (const auto& [value, weight] : each.of.values()) {
      below += weight;
      d += 'H' + px(place(value, limit)) + 'V' +
           px(bottom - scaled(below, each.of.weight(), bottom - top));
    }
    d += 'H' + px(plot_right);
    out += element("path",
                   std::string{"class=\"curve\" stroke=\""} + each.color + "\" d=\"" + d + '"');
    out += label(plot_right - 60, note,
                 each.name + ": half \u2264 " + time_text(each.of.quantile(whole_ppm / 2)) +
                     ", 99 % \u2264 " + time_text(each.of.quantile(p99_ppm)),
                 std::string{"class=\"note\" text-anchor=\"end\" fill=\""} + each.color + '"');
    note += 150;
  }
  return out + "</svg>\n";
}

} // namespace

std::string connect_chart(const drawing& what) {
  if (what.numbers.connects.empty()) return nothing("connect-times", "nobody connected");
  return shares("connect-times",
                {{what.numbers.connects, "#0072b2",
                  count_text(static_cast<std::uint64_t>(what.numbers.connects.weight())) +
                      (what.numbers.connects.weight() == 1 ? " connect" : " connects")}});
}

std::string regret_chart(const drawing& what) {
  std::vector<curve> curves;
  if (!what.numbers.over_relay.empty())
    curves.push_back({what.numbers.over_relay, "#a65e00", "relayed, over the best relay"});
  if (!what.numbers.regret.empty())
    curves.push_back({what.numbers.regret, "#0072b2", "over the best path"});
  if (curves.empty()) return nothing("extra-rtt", "nobody connected");
  return shares("extra-rtt", curves);
}

std::string drop_chart(const drawing& what) {
  const auto& slices = what.record.drops;
  std::vector<std::uint64_t> totals(drop_kinds());
  for (const auto& slice : slices)
    for (std::size_t i = 0; i < slice.size(); ++i)
      totals[i] += slice[i];
  std::vector<std::size_t> order(totals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return totals[a] > totals[b]; });
  while (!order.empty() && totals[order.back()] == 0)
    order.pop_back();
  if (order.empty()) return nothing("drops", "no packet was dropped");
  std::uint64_t most = 1;
  for (const auto& slice : slices)
    most = std::max(most, std::accumulate(slice.begin(), slice.end(), std::uint64_t{0}));

  const auto notes = 140 * static_cast<std::int64_t>(std::min(order.size(), causes_shown + 1));
  const auto ceiling = top + notes + 60;
  auto out = begin("drops") + time_axis(what.record.until);
  out +=
      label(plot_left - 60, ceiling + 30, count_text(most), "class=\"mark\" text-anchor=\"end\"");
  out += line(plot_left, ceiling, plot_right, ceiling, "class=\"grid\"");
  const auto count = static_cast<std::int64_t>(slices.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& slice = slices[static_cast<std::size_t>(i)];
    std::uint64_t so_far = 0;
    for (std::size_t k = 0; k < order.size(); ++k) {
      const auto here = slice[order[k]];
      if (here == 0) continue;
      const auto high = [&](std::uint64_t value) {
        return scaled(static_cast<std::int64_t>(value), static_cast<std::int64_t>(most),
                      bottom - ceiling);
      };
      const auto from = high(so_far);
      so_far += here;
      out += rectangle(plot_left + (plot_right - plot_left) * i / count, bottom - high(so_far),
                       (plot_right - plot_left) / count,
                       std::max<std::int64_t>(high(so_far) - from, 5),
                       std::string{"fill=\""} + series_color(std::min(k, causes_shown)) + '"',
                       std::string{drop_name(order[k])} + ": " + count_text(here));
    }
  }
  std::uint64_t others = 0;
  std::int64_t y = top;
  const auto note = [&](std::size_t k, const std::string& text) {
    out += rectangle(plot_left, y - 80, 90, 90, std::string{"fill=\""} + series_color(k) + '"');
    out += label(plot_left + 140, y, text, "class=\"note\"");
    y += 140;
  };
  for (std::size_t k = 0; k < order.size(); ++k)
    if (k < causes_shown)
      note(k, std::string{drop_name(order[k])} + ": " + count_text(totals[order[k]]));
    else
      others += totals[order[k]];
  if (others > 0) note(causes_shown, "others: " + count_text(others));
  return out + "</svg>\n";
}

// --- shared by the drawings ----------------------------------------------------------------------

const char* path_color(path over) {
  static constexpr std::array<const char*, 4> relays{"#e69f00", "#009e73", "#56b4e9", "#f0e442"};
  if (over == path::direct) return "#0072b2";
  if (!is_relay(over)) return "#b8bec6";
  return relays[static_cast<std::size_t>(over) % relays.size()];
}

const char* series_color(std::size_t number) {
  static constexpr std::array<const char*, causes_shown + 1> colors{
      "#d55e00", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8a929a"};
  return colors[std::min(number, colors.size() - 1)];
}

std::string path_name(const scenario::script& of, path over) {
  if (is_relay(over)) return of.relays[static_cast<std::size_t>(over)].name;
  return over == path::direct ? "direct" : "none";
}

std::string pair_name(const scenario::script& of, const pair_record& pair) {
  return of.members[pair.a].name + " \u2013 " + of.members[pair.b].name;
}

std::string boxes_text(const scenario::script& of, std::uint32_t member) {
  struct known {
    const char* name;
    nat_settings how;
  };
  static const std::array<known, 6> classes{{{"full-cone", full_cone()},
                                             {"address-restricted", address_restricted()},
                                             {"port-restricted", port_restricted()},
                                             {"symmetric", symmetric()},
                                             {"symmetric-sequential", symmetric_sequential()},
                                             {"udp-blocked", udp_blocked()}}};
  std::string out;
  for (auto box = of.members[member].behind; box; box = of.nats[*box].behind) {
    const auto& how = of.nats[*box].how;
    const auto same = std::find_if(classes.begin(), classes.end(), [&](const known& each) {
      return each.how.mapping == how.mapping && each.how.filtering == how.filtering &&
             each.how.sequential == how.sequential && each.how.blocks_udp == how.blocks_udp;
    });
    out += (out.empty() ? "" : " behind ") +
           (same == classes.end() ? std::string{"a box of its own kind"} : same->name);
  }
  return out.empty() ? "open" : out;
}

} // namespace lanrage::sim::report
