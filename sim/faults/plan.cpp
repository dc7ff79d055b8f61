#include "sim/faults/plan.hpp"

#include "sim/scenario/judge.hpp"

#include <stdexcept>

namespace lanrage::sim::faults {
namespace {

using scenario::seconds_text;

std::size_t place_of(const fault& of, std::string_view name) {
  const auto* what = find_kind(of.kind);
  for (std::size_t i = 0; what && i < what->arguments.size(); ++i)
    if (what->arguments[i].name == name) return i;
  throw std::logic_error("faults: " + label(of.kind) + " has no " + std::string{name});
}

/// "20%", "0.25%", "0.0001%": exact.
std::string share_text(std::int64_t ppm) {
  constexpr std::int64_t in_percent = 10'000;
  auto below = std::to_string(ppm % in_percent);
  below.insert(0, 4 - below.size(), '0');
  below.erase(below.find_last_not_of('0') + 1);
  return std::to_string(ppm / in_percent) + (below.empty() ? "" : "." + below) + '%';
}

std::string names_text(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& each : names)
    out += (out.empty() ? "" : " ") + each;
  return out;
}

std::string names_toml(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const auto& each : names)
    out += (out.size() > 1 ? ", \"" : "\"") + each + '"';
  return out + ']';
}

std::string value_toml(const argument& of, std::int64_t value) {
  const auto text = value_text(of, value);
  const bool bare = of.is == measure::count || of.is == measure::flag;
  return bare ? text : '"' + text + '"';
}

} // namespace

fault make_fault(const kind& of, std::vector<std::string> on, duration start, duration end) {
  fault out;
  out.kind = of.id;
  out.on = std::move(on);
  out.start = start;
  out.end = of.instant ? start : end;
  for (const auto& each : of.arguments)
    out.arguments.push_back(each.usual);
  return out;
}

std::int64_t argument_of(const fault& of, std::string_view name) {
  return of.arguments.at(place_of(of, name));
}

void set_argument(fault& of, std::string_view name, std::int64_t value) {
  of.arguments.at(place_of(of, name)) = value;
}

std::string value_text(const argument& of, std::int64_t value) {
  switch (of.is) {
  case measure::time:
    return seconds_text(duration{value});
  case measure::share:
    return share_text(value);
  case measure::count:
    return std::to_string(value);
  case measure::flag:
    return value != 0 ? "true" : "false";
  case measure::word:
    return std::string{words_of(of).at(static_cast<std::size_t>(value))};
  }
  return {};
}

std::string describe(const fault& of) {
  std::string out = label(of.kind) + " on " + names_text(of.on);
  if (!of.to.empty()) out += " to " + names_text(of.to);
  out += ", " + seconds_text(of.start);
  const auto* what = find_kind(of.kind);
  if (!what) return out;
  if (!what->instant) out += " to " + seconds_text(of.end);
  for (std::size_t i = 0; i < what->arguments.size(); ++i)
    out += std::string{", "} + what->arguments[i].name + ' ' +
           value_text(what->arguments[i], of.arguments[i]);
  return out;
}

std::string to_toml(const plan& of, const std::vector<std::string>& heading) {
  std::string out;
  for (const auto& line : heading)
    out += "# " + line + '\n';
  out += "seed = " + std::to_string(of.seed) + '\n';
  for (const auto& each : of.faults) {
    const auto* what = find_kind(each.kind);
    if (!what) throw std::logic_error("faults: no kind " + std::to_string(each.kind));
    out += "\n[[fault]] # F" + std::to_string(each.kind) + ": " + what->about + "\nkind = \"" +
           what->name + "\"\non = " + names_toml(each.on) + '\n';
    if (!each.to.empty()) out += "to = " + names_toml(each.to) + '\n';
    out += "start = \"" + seconds_text(each.start) + "\"\n";
    if (!what->instant) out += "end = \"" + seconds_text(each.end) + "\"\n";
    for (std::size_t i = 0; i < what->arguments.size(); ++i)
      out += std::string{what->arguments[i].name} + " = " +
             value_toml(what->arguments[i], each.arguments[i]) + '\n';
  }
  return out;
}

} // namespace lanrage::sim::faults
