#include "sim/scenario/golden.hpp"

#include "sim/event_log.hpp"
#include "sim/trace/numbers.hpp"
#include "sim/trace/problem.hpp"

#include <fstream>
#include <sstream>

namespace lanrage::sim::scenario {
namespace {

constexpr const char* head = "scenario\tseed\tlines\tlog_hash\tstate_hash";

} // namespace

golden golden_of(const outcome& got) {
  return {got.seed, got.lines, hash_text(got.log_hash), hash_text(got.state_hash)};
}

std::string to_text(const golden_table& table) {
  std::string out = std::string{head} + '\n';
  for (const auto& [name, each] : table)
    out += name + '\t' + std::to_string(each.seed) + '\t' + std::to_string(each.lines) + '\t' +
           each.log_hash + '\t' + each.state_hash + '\n';
  return out;
}

result<golden_table> load_golden(const std::filesystem::path& file) {
  golden_table out;
  if (!std::filesystem::exists(file)) return out;
  std::ifstream in{file, std::ios::binary};
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    const auto bad = [&](const std::string& expected) {
      return bad_input{{file.string() + ':' + std::to_string(number) + ": found " +
                        trace::in_quotes(line) + ", expected " + expected}};
    };
    if (++number == 1) {
      if (line != head) return bad("the columns scenario, seed, lines, log_hash, state_hash");
      continue;
    }
    std::istringstream row{line};
    std::string name, seed, lines;
    golden each;
    std::getline(row, name, '\t');
    std::getline(row, seed, '\t');
    std::getline(row, lines, '\t');
    std::getline(row, each.log_hash, '\t');
    std::getline(row, each.state_hash, '\t');
    const auto of_seed = trace::parse_count(seed);
    const auto of_lines = trace::parse_count(lines);
    if (!of_seed || !of_lines || each.log_hash.size() != 16 || each.state_hash.size() != 16)
      return bad("a name, two numbers and two hashes of 16 digits");
    each.seed = static_cast<std::uint64_t>(*of_seed);
    each.lines = static_cast<std::uint64_t>(*of_lines);
    out[name] = each;
  }
  return out;
}

} // namespace lanrage::sim::scenario
