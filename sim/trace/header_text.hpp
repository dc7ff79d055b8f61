#pragma once

#include "sim/trace/lines.hpp"
#include "sim/trace/values.hpp"

#include <string>

/// The lines from "ltr 1" to "body". There is one way to write a header, so that reading and
/// writing it again gives the same octets.
namespace lanrage::sim::trace {

std::string write_header(const header& head);

/// Reads up to and with "body". `hash` is carried over every octet.
result<header> read_header(line_reader& lines, std::uint64_t& hash);

/// "half", "ratio:2/5" or "seeded".
std::optional<split_rule> parse_split(std::string_view text);
std::optional<at_end> parse_end(std::string_view text);

} // namespace lanrage::sim::trace
