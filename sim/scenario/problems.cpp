#include "sim/scenario/problems.hpp"

#include <algorithm>

namespace lanrage::sim::scenario {

void problems::add(place where, const std::string& found, const std::string& expected) {
  if (all_.size() >= limits::problems) {
    ++left_out_;
    return;
  }
  all_.push_back({where, "found " + found + ", expected " + expected});
}

std::vector<std::string> problems::lines(const std::string& file) const {
  auto sorted = all_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.where < b.where; });
  std::vector<std::string> out;
  for (const auto& each : sorted)
    out.push_back(file + ':' + std::to_string(each.where.line) + ':' +
                  std::to_string(each.where.column) + ": " + each.text);
  if (left_out_ > 0)
    out.push_back(file + ": " + std::to_string(left_out_) + " more problems are not listed");
  return out;
}

} // namespace lanrage::sim::scenario
