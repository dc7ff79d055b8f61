#include "sim/trace/problem.hpp"

#include <system_error>

namespace lanrage::sim::trace {

std::string to_string(const problem& trouble) {
  std::string out = trouble.file;
  if (trouble.line > 0) out += ':' + std::to_string(trouble.line);
  if (trouble.what == problem::kind::system) return out + ": " + trouble.found;
  return out + ": found " + trouble.found + ", expected " + trouble.expected;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string out = "'";
  for (const char c : text.substr(0, longest))
    out += c >= ' ' && c <= '~' ? c : '?';
  out += text.size() > longest ? "...'" : "'";
  return out;
}

problem system_problem(std::string file, std::string_view doing, int error_number) {
  problem out;
  out.file = std::move(file);
  out.found = std::string{"cannot "} + std::string{doing} + ": " +
              std::generic_category().message(error_number);
  out.what = problem::kind::system;
  return out;
}

void throw_exception_from_error(const problem& trouble, const boost::source_location&) {
  throw std::logic_error(to_string(trouble));
}

} // namespace lanrage::sim::trace
