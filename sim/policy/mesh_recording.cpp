#include "sim/policy/mesh_recording.hpp"

#include "config/path_defaults.hpp"

#include <algorithm>
#include <tuple>

namespace lanrage::sim::policy {

namespace {

constexpr std::size_t cells_max = 64 * 1024 * 1024; // 256 MB
constexpr std::size_t nodes_min = 3;                // a relay and a pair
constexpr std::size_t slices_min = 3;

std::uint32_t in_microseconds(std::chrono::nanoseconds value) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<microseconds>(value).count());
}

} // namespace

trace::result<mesh_recording> mesh_recording::read(const trace::input& from) {
  auto opened = trace::reader::open(from);
  if (!opened) return opened.error();
  const auto& head = opened->head();
  if (!head.mesh || head.nodes.size() < nodes_min)
    return trace::problem{from.name,
                          0,
                          "no mesh of relays and pairs",
                          "square matrices of 3 nodes or more, one per time slice",
                          {}};
  mesh_recording out;
  out.nodes_ = head.nodes.size();
  if (const auto taken = out.take(*opened); !taken) return taken.error();
  if (out.slices() < slices_min)
    return trace::problem{from.name,
                          0,
                          std::to_string(out.slices()) + " slices",
                          "3 or more: a decision needs a slice before it and one after",
                          {}};
  out.interval_ = opened->seen().step;
  if (head.quantity == trace::quantity::rtt) return out;
  const auto there = out.cells_;
  for (std::size_t slice = 0; slice < out.slices(); ++slice)
    for (std::size_t a = 0; a < out.nodes_; ++a)
      for (std::size_t b = 0; b < out.nodes_; ++b)
        out.cells_[(slice * out.nodes_ + a) * out.nodes_ + b] +=
            there[(slice * out.nodes_ + b) * out.nodes_ + a];
  return out;
}

trace::result<void> mesh_recording::take(trace::reader& from) {
  const auto size = nodes_ * nodes_;
  std::size_t link = 0;
  while (true) {
    const auto next = from.next();
    if (!next) return next.error();
    if (!*next) return {};
    const auto& what = **next;
    if (what.kind == trace::record_kind::marker) continue;
    if (what.kind == trace::record_kind::block) {
      if (cells_.size() + size > cells_max)
        return trace::problem{from.name(),
                              from.line(),
                              "more than 67,108,864 cells",
                              "a shorter recording: lanrage trace cut",
                              {}};
      cells_.resize(cells_.size() + size);
      link = 0;
      continue;
    }
    if (!what.cell)
      return trace::problem{
          from.name(), from.line(), "a record of one link", "blocks of all links", {}};
    const auto row = link / (nodes_ - 1);
    const auto column = link % (nodes_ - 1);
    ++link;
    const auto place = row * nodes_ + (column < row ? column : column + 1);
    auto& cell = cells_[cells_.size() - size + place];
    if (what.kind == trace::record_kind::sample)
      cell = in_microseconds(what.value);
    else if (what.kind == trace::record_kind::unknown && cells_.size() > size)
      cell = cells_[cells_.size() - 2 * size + place];
    else
      cell = in_microseconds(config::defaults::path_lost_as);
  }
}

mesh_recording mesh_recording::part(std::size_t first, std::size_t last) const {
  mesh_recording out;
  out.nodes_ = nodes_;
  out.interval_ = interval_;
  const auto size = static_cast<std::ptrdiff_t>(nodes_ * nodes_);
  out.cells_.assign(cells_.begin() + static_cast<std::ptrdiff_t>(first) * size,
                    cells_.begin() + static_cast<std::ptrdiff_t>(last) * size);
  return out;
}

std::vector<std::size_t> mesh_recording::by_median() const {
  std::vector<std::tuple<std::uint32_t, std::size_t>> order;
  for (std::size_t a = 0; a < nodes_; ++a) {
    std::vector<std::uint32_t> all;
    for (std::size_t slice = 0; slice < slices(); ++slice)
      for (std::size_t b = 0; b < nodes_; ++b)
        if (a != b) all.push_back(cells_[(slice * nodes_ + a) * nodes_ + b]);
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end());
    order.emplace_back(*middle, a);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::size_t> out;
  for (const auto& each : order)
    out.push_back(std::get<1>(each));
  return out;
}

} // namespace lanrage::sim::policy
