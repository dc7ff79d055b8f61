#include "sim/faults/draw.hpp"

#include "sim/faults/targets.hpp"
#include "sim/scenario/judge.hpp"
#include "sim/world/stream.hpp"

#include <algorithm>
#include <array>

namespace lanrage::sim::faults {
namespace {

/// Shares of the kinds that are in, per mille: from almost none to most.
constexpr std::array<std::uint64_t, 4> densities{60, 150, 300, 600};
constexpr std::uint64_t of_a_kind_most = 3;
/// An argument is zero (or its least) that often: one in eight.
constexpr std::uint64_t zero_in = 8;
constexpr std::size_t targets_most = 3;

/// Small values as likely as large ones: uniform in the number of bits, then below that.
std::int64_t spread(stream& from, std::int64_t least, std::int64_t most) {
  const auto range = static_cast<std::uint64_t>(most - least);
  int bits = 0;
  while (range >> bits != 0)
    ++bits;
  if (bits == 0) return least;
  const auto some = from.below(static_cast<std::uint64_t>(bits)) + 1;
  const auto top = some >= 64 ? UINT64_MAX : (std::uint64_t{1} << some) - 1;
  return least + static_cast<std::int64_t>(from.below(std::min(range, top) + 1));
}

std::int64_t draw_argument(stream& from, const argument& of) {
  if (of.is == measure::word || of.is == measure::flag)
    return of.draw_least + static_cast<std::int64_t>(from.below(
                               static_cast<std::uint64_t>(of.draw_most - of.draw_least) + 1));
  if (from.below(zero_in) == 0) return of.draw_least;
  // Of shares all are alike: most of the small ones would do nothing.
  auto value =
      of.is == measure::share
          ? of.draw_least + static_cast<std::int64_t>(from.below(
                                static_cast<std::uint64_t>(of.draw_most - of.draw_least) + 1))
          : spread(from, of.draw_least, of.draw_most);
  // Whole units, so that people can read them: no decision hangs on the last digits.
  constexpr std::int64_t ns_per_ms = 1'000'000, ns_per_s = 1'000'000'000, ppm_step = 100;
  const auto unit = of.is == measure::share  ? ppm_step
                    : of.is != measure::time ? 1
                    : of.least >= ns_per_s   ? ns_per_s
                                             : ns_per_ms;
  value -= value % unit;
  return std::max(value, of.least);
}

class drawer {
 public:
  drawer(std::uint64_t seed, const scenario::script& of, duration until)
      : seed_(seed), cast_(of), from_(until / 10), to_(until / 4 * 3) {}

  drawn_plan draw() {
    stream swarm{seed_, "faults/swarm"};
    const auto density = densities[swarm.below(densities.size())];
    drawn_plan out;
    out.what.seed = seed_;
    out.knobs.push_back("swarm: seed " + std::to_string(seed_) + ", " + std::to_string(density) +
                        " of 1000 kinds, up to " + std::to_string(of_a_kind_most) +
                        " of each, from " + scenario::seconds_text(from_) + " to " +
                        scenario::seconds_text(to_));
    for (const auto& each : kinds())
      draw_kind(each, density, out.what);
    std::stable_sort(out.what.faults.begin(), out.what.faults.end(),
                     [](const fault& a, const fault& b) { return a.start < b.start; });
    for (const auto& each : out.what.faults)
      out.knobs.push_back("fault " + describe(each));
    return out;
  }

 private:
  void draw_kind(const kind& of, std::uint64_t density, plan& into) {
    stream from{seed_, "faults/" + std::string{of.name}};
    if (from.below(1'000) >= density) return;
    const auto names = cast_.all_for(of);
    if (names.empty()) return;
    const auto count = from.below(of_a_kind_most) + 1;
    for (std::uint64_t i = 0; i < count; ++i) {
      auto made = make_fault(of, pick(from, names), {}, {});
      // Half of the faults of links are of some links only.
      if (of.links && from.below(2) == 0) made.to = pick(from, names);
      if (made.to == made.on) made.to.clear();
      draw_window(from, of, made);
      for (std::size_t a = 0; a < of.arguments.size(); ++a)
        made.arguments[a] = draw_argument(from, of.arguments[a]);
      into.faults.push_back(std::move(made));
    }
  }

  static std::vector<std::string> pick(stream& from, const std::vector<std::string>& names) {
    auto left = names;
    const auto count = std::min<std::size_t>(from.below(targets_most) + 1, left.size());
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) {
      const auto which = static_cast<std::ptrdiff_t>(from.below(left.size()));
      out.push_back(left[static_cast<std::size_t>(which)]);
      left.erase(left.begin() + which);
    }
    return out;
  }

  void draw_window(stream& from, const kind& of, fault& into) {
    const auto whole = [](duration time) { return time - time % std::chrono::milliseconds{1}; };
    into.start = whole(from_ + from.up_to(to_ - from_));
    into.end = into.start;
    if (of.instant) return;
    const auto length = spread(from, of.shortest.count(), of.longest.count());
    into.end = std::min(whole(into.start + duration{length}), whole(to_));
  }

  std::uint64_t seed_;
  cast cast_;
  duration from_;
  duration to_;
};

} // namespace

drawn_plan draw_plan(std::uint64_t seed, const scenario::script& of, duration until) {
  return drawer{seed, of, until}.draw();
}

} // namespace lanrage::sim::faults
