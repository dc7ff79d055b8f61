#pragma once

#include "sim/world/moment.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Text of pages. Numbers are made from integers, so that the same run gives the same bytes
/// whatever the compiler.
namespace lanrage::sim::report {

/// Harmless in HTML's text and attributes: <>&"' as entities, control characters and what is no
/// UTF-8 as U+FFFD.
std::string escaped(std::string_view text);

/// "850 us", "12.3 ms", "1.25 s", "4 min 05 s", "23 h 10 min": three digits or so.
std::string time_text(duration time);
/// "100 %", "0.25 %".
std::string percent_text(std::int64_t ppm);
/// "1,234,567".
std::string count_text(std::uint64_t count);
/// Part of a whole as parts per million; 0 of 0 is 0.
std::int64_t ppm_of(std::int64_t part, std::int64_t whole);

/// A coordinate in tenths of a pixel as SVG takes it: 123 -> "12.3".
std::string px(std::int64_t tenths);
/// Linear, in tenths of a pixel; `whole` > 0.
std::int64_t scaled(std::int64_t value, std::int64_t whole, std::int64_t tenths);

/// Round numbers of time from 0 to at most `most`, about `wanted` of them.
std::vector<duration> axis_marks(duration most, int wanted);

/// One SVG element; `attributes` as they stand in the tag. With a title it has a tooltip.
std::string element(std::string_view name, const std::string& attributes,
                    const std::string& title = {});
/// Text at a place, in tenths of a pixel.
std::string label(std::int64_t x, std::int64_t y, const std::string& text,
                  const std::string& attributes = {});
std::string rectangle(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height,
                      const std::string& attributes, const std::string& title = {});
std::string line(std::int64_t x1, std::int64_t y1, std::int64_t x2, std::int64_t y2,
                 const std::string& attributes);

} // namespace lanrage::sim::report
