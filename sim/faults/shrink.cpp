#include "sim/faults/shrink.hpp"

#include <algorithm>
#include <vector>

namespace lanrage::sim::faults {
namespace {

using namespace std::chrono_literals;

constexpr duration shortest_until = 1s;

class shrinker {
 public:
  shrinker(const trial& first, const std::function<bool(const trial&)>& fails,
           const shrink_limits& most)
      : fails_(fails), most_(most) {
    out_.best = first;
  }

  shrunk run() {
    // A smaller run may need less again: until nothing changes any more.
    for (trial before; !(before == out_.best) && out_.complete;) {
      before = out_.best;
      fewer_faults();
      fewer_targets();
      shorter_run();
      shorter_windows();
      fewer_members();
    }
    return out_;
  }

 private:
  /// Takes it when it fails, too.
  bool accept(const trial& smaller) {
    if (smaller == out_.best) return false;
    if (out_.runs >= most_.runs_max) {
      out_.complete = false;
      return false;
    }
    ++out_.runs;
    if (!fails_(smaller)) return false;
    out_.best = smaller;
    return true;
  }

  static plan without(const plan& of, std::size_t begin, std::size_t end) {
    plan out = of;
    out.faults.erase(out.faults.begin() + static_cast<std::ptrdiff_t>(begin),
                     out.faults.begin() + static_cast<std::ptrdiff_t>(end));
    return out;
  }

  /// ddmin, complements only: leave a part out; when none can be, halve the parts.
  void fewer_faults() {
    std::size_t parts = 1;
    while (!out_.best.what.faults.empty() && out_.complete) {
      const auto size = out_.best.what.faults.size();
      parts = std::min(parts, size);
      bool less = false;
      for (std::size_t i = 0; i < parts && !less; ++i) {
        auto smaller = out_.best;
        smaller.what = without(smaller.what, size * i / parts, size * (i + 1) / parts);
        less = accept(smaller);
      }
      if (less)
        parts = std::max<std::size_t>(parts - 1, 1);
      else if (parts == size)
        return;
      else
        parts *= 2;
    }
  }

  void fewer_targets() {
    for (std::size_t i = 0; i < out_.best.what.faults.size(); ++i) {
      drop_names(i, &fault::on, 1);
      drop_names(i, &fault::to, 1);
    }
  }

  void drop_names(std::size_t which, std::vector<std::string> fault::*names, std::size_t least) {
    for (std::size_t n = 0; n < (out_.best.what.faults[which].*names).size();) {
      auto smaller = out_.best;
      auto& left = smaller.what.faults[which].*names;
      if (left.size() <= least) return;
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(n));
      if (!accept(smaller)) ++n;
    }
  }

  /// Halving the step: the first one tried is the largest.
  template <class Change>
  void cut(duration from, duration least, Change change) {
    for (auto step = (from - least) / 2; step >= 1s; step /= 2)
      for (auto value = from - step; value >= least; value = from - step) {
        if (!change(value)) break;
        from = value;
      }
  }

  void shorter_run() {
    cut(out_.best.until, shortest_until, [&](duration until) {
      auto smaller = out_.best;
      smaller.until = until;
      // What would begin behind the end is no part of the run.
      std::erase_if(smaller.what.faults, [&](const fault& each) { return each.start > until; });
      return accept(smaller);
    });
  }

  void shorter_windows() {
    for (std::size_t i = 0; i < out_.best.what.faults.size(); ++i) {
      const auto now = out_.best.what.faults[i];
      if (now.end == now.start) continue;
      cut(now.end - now.start, duration{}, [&](duration length) {
        auto smaller = out_.best;
        auto& it = smaller.what.faults[i];
        it.end = it.start + length;
        return accept(smaller);
      });
      const auto end = out_.best.what.faults[i].end;
      cut(end - now.start, duration{}, [&](duration length) {
        auto smaller = out_.best;
        smaller.what.faults[i].start = end - length;
        return accept(smaller);
      });
    }
  }

  void fewer_members() {
    auto now = out_.best.count.value_or(most_.count);
    for (auto step = now / 2; step >= 1; step /= 2)
      while (now > step) {
        auto smaller = out_.best;
        smaller.count = now - step;
        if (!accept(smaller)) break;
        now -= step;
      }
  }

  const std::function<bool(const trial&)>& fails_;
  shrink_limits most_;
  shrunk out_;
};

} // namespace

shrunk shrink(const trial& first, const std::function<bool(const trial&)>& fails,
              const shrink_limits& most) {
  return shrinker{first, fails, most}.run();
}

} // namespace lanrage::sim::faults
