#include "sim/report/markup.hpp"
#include "sim/report/parts.hpp"

#include <algorithm>
#include <array>

namespace lanrage::sim::report {
namespace {

// Tenths of a pixel.
constexpr std::int64_t left = 2'050;
constexpr std::int64_t right = page_width - 150;
constexpr std::int64_t width = right - left;
constexpr std::int64_t axis_height = 240;
constexpr std::int64_t fault_height = 200;
constexpr std::int64_t band_height = 200;
constexpr std::int64_t lane_gap = 260;
constexpr std::int64_t letter = 66; ///< of a label, about
constexpr std::size_t fault_rows_max = 6;
constexpr std::size_t fine_letters_max = 26; ///< beside a chart's axis

std::int64_t letters(const std::string& text) {
  return letter * static_cast<std::int64_t>(text.size());
}

class canvas {
 public:
  explicit canvas(const drawing& what)
      : what_(what), faults_(faults_of(what.of, what.record.until)),
        shown_(worst_first(what.numbers)) {
    if (shown_.size() > lanes_max) shown_.resize(lanes_max);
    chart_height_ = shown_.size() <= 2 ? 1'300 : shown_.size() <= 6 ? 800 : 500;
  }

  std::string draw() {
    place_faults();
    const auto lane_height = band_height + chart_height_ + lane_gap;
    const auto top = axis_height + fault_height * static_cast<std::int64_t>(fault_rows_);
    const auto height = top + 80 + lane_height * static_cast<std::int64_t>(shown_.size());
    out_ = "<svg class=\"timeline\" viewBox=\"0 0 " + px(page_width) + ' ' + px(height) +
           "\" role=\"img\" aria-label=\"timeline\">\n"
           "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
           "patternTransform=\"rotate(45)\"><rect width=\"2.5\" height=\"6\" fill=\"#fff\" "
           "fill-opacity=\"0.75\"/></pattern><pattern id=\"dots\" width=\"6\" height=\"6\" "
           "patternUnits=\"userSpaceOnUse\"><circle cx=\"3\" cy=\"3\" r=\"1.6\" fill=\"#fff\" "
           "fill-opacity=\"0.85\"/></pattern></defs>\n";
    axis(height);
    faults(top);
    auto y = top + 80;
    for (const auto pair : shown_) {
      lane(what_.numbers.pairs[pair], y);
      y += lane_height;
    }
    return out_ + "</svg>\n";
  }

 private:
  std::int64_t x(duration at) const {
    return left + scaled(at.count(), std::max<std::int64_t>(1, what_.record.until.count()), width);
  }

  void axis(std::int64_t height) {
    const auto marks = axis_marks(what_.record.until, 10);
    for (const auto at : marks) {
      // The last mark's name would leave the picture.
      const bool ends = x(at) + 300 > page_width;
      out_ += line(x(at), axis_height - 50, x(at), height, "class=\"grid\"");
      out_ += label(x(at), 150, at.count() == 0 ? "0" : time_text(at),
                    std::string{"class=\"mark\" text-anchor=\""} + (ends ? "end" : "middle") + '"');
    }
  }

  /// Where each fault's name has room: rows from above, as few as it takes.
  void place_faults() {
    std::vector<std::int64_t> ends;
    for (const auto& each : faults_) {
      const auto from = x(each.from);
      const auto to = std::max(x(each.to.value_or(each.from)), from + letters(each.text) + 120);
      std::size_t row = 0;
      while (row < ends.size() && ends[row] > from)
        ++row;
      if (row == ends.size() && row < fault_rows_max) ends.push_back(0);
      if (row < ends.size()) ends[row] = to;
      rows_.push_back(row);
    }
    fault_rows_ = ends.size();
  }

  void faults(std::int64_t lanes_top) {
    if (!faults_.empty()) out_ += label(0, axis_height + 130, "what was done", "class=\"name\"");
    for (std::size_t i = 0; i < faults_.size(); ++i) {
      if (rows_[i] >= fault_rows_max) continue; // its lanes are shaded all the same
      const auto& each = faults_[i];
      const auto y = axis_height + fault_height * static_cast<std::int64_t>(rows_[i]);
      const auto from = x(each.from);
      const auto about = !each.detail.empty() ? each.detail
                                              : each.text + ", " + time_text(each.from) +
                                                    (each.to ? " to " + time_text(*each.to) : "");
      if (each.to) {
        out_ += rectangle(from, y + 10, std::max<std::int64_t>(x(*each.to) - from, 20),
                          fault_height - 40, "class=\"window\"", about);
      } else {
        out_ += element(
            "path", "class=\"moment\" d=\"M" + px(from) + ' ' + px(y + 20) + "l5 7l-5 7l-5 -7z\"",
            about);
      }
      const auto begin = from + 80;
      const bool fits = begin + letters(each.text) < page_width;
      out_ += label(fits ? begin : from - 60, y + 135, each.text,
                    std::string{"class=\"deed\""} + (fits ? "" : " text-anchor=\"end\""));
    }
    out_ += line(0, lanes_top, page_width, lanes_top, "class=\"rule\"");
  }

  void lane(const pair_figures& numbers, std::int64_t top) {
    const auto& pair = what_.record.pairs[numbers.pair];
    out_ += "<g class=\"lane\" data-pair=\"" + escaped(pair_name(what_.of, pair)) + "\">\n";
    shade(pair, top);
    names(numbers, pair, top);
    band(pair, top);
    chart(pair, top + band_height + 80);
    lost_pings(pair, top + band_height + 80 + chart_height_);
    out_ += "</g>\n";
  }

  void shade(const pair_record& pair, std::int64_t top) {
    const auto height = band_height + chart_height_ + 80;
    for (const auto& each : faults_) {
      const auto concerns = [&](std::uint32_t who) {
        return std::find(each.members.begin(), each.members.end(), who) != each.members.end();
      };
      // What one member does is about all of its pairs.
      const bool about = each.between ? concerns(pair.a) && concerns(pair.b)
                                      : concerns(pair.a) || concerns(pair.b);
      if (!each.members.empty() && !about) continue;
      const auto from = x(each.from);
      if (each.to)
        out_ += rectangle(from, top, std::max<std::int64_t>(x(*each.to) - from, 10), height,
                          "class=\"shade\"");
      out_ += line(from, top, from, top + height, "class=\"edge\"");
    }
  }

  void names(const pair_figures& numbers, const pair_record& pair, std::int64_t top) {
    out_ += label(0, top + 140, pair_name(what_.of, pair), "class=\"name\"");
    const auto one = boxes_text(what_.of, pair.a);
    const auto other = boxes_text(what_.of, pair.b);
    std::vector<std::string> more;
    if (one == other)
      more = {"both " + one};
    else if (one.size() + other.size() < fine_letters_max)
      more = {one + " \u2013 " + other};
    else
      more = {one + " \u2013", other};
    if (numbers.first_connect)
      more.push_back("connected in " + time_text(*numbers.first_connect));
    else
      more.push_back("never connected");
    if (numbers.outage.count() > 0) more.push_back("no path for " + time_text(numbers.outage));
    if (!numbers.regret.empty()) more.push_back(time_text(numbers.regret.mean()) + " extra RTT");
    auto y = top + 140;
    for (const auto& each : more)
      if (y += 150; y < top + band_height + chart_height_ + 100)
        out_ += label(0, y, each, "class=\"fine\"");
  }

  /// The first member's view above, the other's below: one band where they agree.
  void band(const pair_record& pair, std::int64_t top) {
    for (const auto& each : pieces(pair)) {
      const auto from = x(each.from);
      const auto to = x(each.to);
      const auto half = band_height / 2;
      if (same(each.views[0], each.views[1])) {
        segment("", each.views[0], {from, to, top, band_height});
        continue;
      }
      segment(what_.of.members[pair.a].name + ": ", each.views[0], {from, to, top, half});
      segment(what_.of.members[pair.b].name + ": ", each.views[1], {from, to, top + half, half});
    }
  }

  /// A time in which neither side changes its view.
  struct piece {
    duration from, to;
    std::array<side_change, 2> views;
  };
  static bool same(const side_change& one, const side_change& other) {
    return one.is == other.is && one.over == other.over;
  }
  std::vector<piece> pieces(const pair_record& pair) const {
    std::vector<piece> out;
    std::array<std::size_t, 2> at{};
    for (duration now{}; now < what_.record.until;) {
      auto next = what_.record.until;
      std::array<side_change, 2> views;
      for (std::size_t side = 0; side < 2; ++side) {
        const auto& all = pair.sides[side];
        while (at[side] + 1 < all.size() && all[at[side] + 1].at <= now)
          ++at[side];
        views[side] = all[at[side]];
        if (at[side] + 1 < all.size()) next = std::min(next, all[at[side] + 1].at);
      }
      const bool goes_on = !out.empty() && same(out.back().views[0], views[0]) &&
                           same(out.back().views[1], views[1]);
      if (goes_on)
        out.back().to = next;
      else
        out.push_back({now, next, views});
      now = next;
    }
    return out;
  }

  struct box {
    std::int64_t from, to, y, height;
  };
  void segment(const std::string& who, const side_change& view, const box& at) {
    if (view.is == condition::apart || at.to <= at.from) return;
    const bool up = is_up(view.is);
    const auto word = up ? path_name(what_.of, view.over) : to_string(view.is);
    const auto title = who + to_string(view.is) +
                       (up ? " (" + path_name(what_.of, view.over) + ')' : "") + " from " +
                       time_text(view.at);
    const auto fill = up ? path_color(view.over) : condition_color(view.is);
    const auto kind = std::string{"class=\"s-"} + to_string(view.is) + '"';
    out_ +=
        rectangle(at.from, at.y, at.to - at.from, at.height, kind + " fill=\"" + fill + '"', title);
    const bool hatched = view.is == condition::degraded || view.is == condition::trialling;
    if (hatched)
      out_ += rectangle(at.from, at.y, at.to - at.from, at.height,
                        view.is == condition::degraded ? "fill=\"url(#hatch)\""
                                                       : "fill=\"url(#dots)\"");
    if (!hatched && at.to - at.from > letters(word) + 100 && at.height == band_height)
      out_ += label(at.from + 50, at.y + 142, word,
                    std::string{"class=\"in\" fill=\""} + text_color(view, up) + '"');
  }

  static const char* condition_color(condition is) {
    switch (is) {
    case condition::connecting:
      return "#b8bec6";
    case condition::reconnecting:
      return "#cc79a7";
    case condition::failed:
      return "#d55e00";
    default:
      return "#ffffff";
    }
  }
  static const char* text_color(const side_change& view, bool up) {
    const bool dark = up ? view.over == path::direct : view.is == condition::failed;
    return dark ? "#ffffff" : "#1b1f24";
  }

  void chart(const pair_record& pair, std::int64_t top);
  void lost_pings(const pair_record& pair, std::int64_t bottom);

  const drawing& what_;
  std::vector<fault> faults_;
  std::vector<std::size_t> rows_; ///< of faults_
  std::size_t fault_rows_ = 0;
  std::vector<std::size_t> shown_; ///< numbers in numbers.pairs
  std::int64_t chart_height_ = 0;
  std::string out_;
};

/// A line of steps that breaks where there is no value, and the area under it.
class steps {
 public:
  void to(std::int64_t x, std::optional<std::int64_t> y) {
    if (y_ && x > x_) d_ += 'H' + px(x);
    if (y && !y_) d_ += 'M' + px(x) + ' ' + px(*y);
    if (y && y_ && *y != *y_) d_ += 'V' + px(*y);
    y_ = y;
    x_ = x;
  }
  const std::string& d() const { return d_; }

 private:
  std::string d_;
  std::optional<std::int64_t> y_;
  std::int64_t x_ = 0;
};

void canvas::chart(const pair_record& pair, std::int64_t top) {
  duration most{};
  for (const auto& step : pair.rtts)
    for (const auto& each : {step.used, step.best})
      if (each) most = std::max(most, *each);
  const auto base = top + chart_height_;
  out_ += line(left, base, right, base, "class=\"axis\"");
  if (most.count() == 0) return;
  // A little air above, so that the highest line is seen.
  const auto whole = most.count() + most.count() / 8;
  const auto y = [&](duration value) { return base - scaled(value.count(), whole, chart_height_); };
  for (const auto mark : axis_marks(duration{whole}, 3)) {
    if (mark.count() > 0) out_ += line(left, y(mark), right, y(mark), "class=\"grid\"");
    out_ += label(left - 50, y(mark) + 30, mark.count() == 0 ? "0" : time_text(mark),
                  "class=\"mark\" text-anchor=\"end\"");
  }
  std::string silent, extra, moves;
  steps best;
  std::vector<std::pair<path, steps>> used;
  auto before = path::none;
  for (std::size_t i = 0; i < pair.rtts.size(); ++i) {
    const auto& step = pair.rtts[i];
    const auto from = x(step.at);
    const auto to = x(i + 1 < pair.rtts.size() ? pair.rtts[i + 1].at : what_.record.until);
    const auto level = step.best ? std::optional{y(*step.best)} : std::nullopt;
    best.to(from, level);
    best.to(to, level);
    if (step.joined && !step.used && to > from)
      silent += rectangle(from, top, to - from, chart_height_, "class=\"silent\"",
                          "no packet gets through from " + time_text(step.at));
    if (step.used) {
      if (used.empty() || used.back().first != step.over) used.emplace_back(step.over, steps{});
      const auto high = y(*step.used);
      used.back().second.to(from, high);
      used.back().second.to(to, high);
      if (level && *level > high && to > from)
        extra += rectangle(from, high, to - from, *level - high, "class=\"extra\"",
                           time_text(*step.used - *step.best) + " more than the best path");
    } else if (!used.empty()) {
      used.back().second.to(from, std::nullopt);
    }
    if (step.over == path::none) continue;
    if (before != path::none && before != step.over)
      moves +=
          element("path", "class=\"switch\" d=\"M" + px(from - 45) + ' ' + px(top) + "h9l-4.5 8z\"",
                  "moved from " + path_name(what_.of, before) + " to " +
                      path_name(what_.of, step.over) + " at " + time_text(step.at)) +
          line(from, top + 80, from, base, "class=\"moved\"");
    before = step.over;
  }
  out_ += silent + extra;
  for (const auto& [over, drawn] : used)
    out_ += element("path",
                    std::string{"class=\"used\" stroke=\""} + path_color(over) + "\" d=\"" +
                        drawn.d() + '"',
                    "used: " + path_name(what_.of, over));
  out_ += element("path", "class=\"best\" d=\"" + best.d() + '"', "best possible");
  out_ += moves;
}

void canvas::lost_pings(const pair_record& pair, std::int64_t bottom) {
  for (const auto& each : what_.record.streams) {
    const auto& stream = what_.of.streams[each.stream];
    if (std::minmax(stream.from, stream.to) != std::minmax(pair.a, pair.b)) continue;
    const auto slices = static_cast<std::int64_t>(each.lost.size());
    const auto sent = std::max<std::int64_t>(1, what_.record.until / slices / stream.gap);
    for (std::int64_t i = 0; i < slices; ++i) {
      const auto lost = each.lost[static_cast<std::size_t>(i)];
      if (lost == 0) continue;
      const auto share = std::min<std::int64_t>(static_cast<std::int64_t>(lost), sent);
      const auto height = 30 + scaled(share, sent, 90);
      out_ += rectangle(left + width * i / slices, bottom - height,
                        std::max<std::int64_t>(width / slices, 20), height, "class=\"lost\"",
                        count_text(lost) + (lost == 1 ? " ping lost (" : " pings lost (") +
                            stream.name + ')');
    }
  }
}

} // namespace

std::string timeline(const drawing& what) {
  return canvas{what}.draw();
}

} // namespace lanrage::sim::report
