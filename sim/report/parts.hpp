#pragma once

#include "sim/report/faults.hpp"
#include "sim/report/figures.hpp"
#include "sim/scenario/script.hpp"

#include <string>
#include <vector>

/// The page's drawings. Only for page.cpp.
namespace lanrage::sim::report {

/// All that drawings are made from.
struct drawing {
  const scenario::script& of;
  const run_record& record;
  const figures& numbers;
};

/// Widths in tenths of a pixel.
inline constexpr std::int64_t page_width = 11'800;

/// What 99 of 100 do not exceed, as a quantile.
inline constexpr std::int64_t p99_ppm = 990'000;

/// How many pairs have a lane; the worst ones do.
inline constexpr std::size_t lanes_max = 30;

/// A colour of its own for everything that is told apart; safe for colour-blind people (Okabe and
/// Ito, "Color Universal Design", 2008).
const char* path_color(path over);
const char* series_color(std::size_t number);
std::string path_name(const scenario::script& of, path over);
std::string pair_name(const scenario::script& of, const pair_record& pair);
/// What a member is behind: "symmetric", "port-restricted behind full-cone", "no box".
std::string boxes_text(const scenario::script& of, std::uint32_t member);

/// Faults above, then a lane per pair: what both sides say of it, and round trips.
std::string timeline(const drawing& what);
std::string timeline_legend(const drawing& what);
/// What share of connects took at most so long.
std::string connect_chart(const drawing& what);
/// For what share of the time the extra round trip was at most so much.
std::string regret_chart(const drawing& what);
/// Packets that did not arrive, by cause, over the run.
std::string drop_chart(const drawing& what);

} // namespace lanrage::sim::report
