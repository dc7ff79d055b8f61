#include "cli/trace.hpp"

#include "cli/json_text.hpp"
#include "cli/terminal.hpp"
#include "sim/trace/summary.hpp"

#include <boost/json/object.hpp>

#include <array>
#include <charconv>
#include <iostream>

namespace lanrage::cli {
namespace {

namespace trace = sim::trace;

boost::json::object figures(const trace::summary& of) {
  boost::json::object out{{"links", of.head.link_count()},
                          {"samples", of.counted.samples},
                          {"lost", of.counted.lost},
                          {"unknown", of.counted.unknown}};
  const auto add = [&](const char* name, trace::nanoseconds trace::summary::values::*which) {
    if (of.of_samples)
      out[name] = ((*of.of_samples).*which).count();
    else
      out[name] = nullptr;
  };
  add("min_ns", &trace::summary::values::min);
  add("p50_ns", &trace::summary::values::p50);
  add("p99_ns", &trace::summary::values::p99);
  add("max_ns", &trace::summary::values::max);
  out["sum_ns"] = of.counted.sum;
  out["span_ns"] = of.counted.span.count();
  return out;
}

/// "12.345678 ms" without floating point or trailing zeros.
std::string in_unit(std::int64_t value, std::int64_t unit, int digits, const char* name) {
  auto below = std::to_string(value % unit);
  below.insert(0, static_cast<std::size_t>(digits) - below.size(), '0');
  below.erase(below.find_last_not_of('0') + 1);
  return std::to_string(value / unit) + (below.empty() ? "" : '.' + below) + ' ' + name;
}
std::string in_ms(trace::nanoseconds value) {
  return in_unit(value.count(), 1'000'000, 6, "ms");
}
std::string in_s(trace::nanoseconds value) {
  return in_unit(value.count(), 1'000'000'000, 9, "s");
}

std::string counts(const trace::totals& counted, std::size_t links) {
  return std::to_string(links) + (links == 1 ? " link, " : " links, ") +
         std::to_string(counted.samples) + " samples, " + std::to_string(counted.lost) + " lost, " +
         std::to_string(counted.unknown) + " unknown, " + in_s(counted.span);
}

void print(const trace::summary& of, const std::string& name) {
  std::cout << printable(name) << "  " << counts(of.counted, of.head.link_count()) << '\n';
  if (of.of_samples)
    std::cout << "  min " << in_ms(of.of_samples->min) << ", median " << in_ms(of.of_samples->p50)
              << ", 99 % " << in_ms(of.of_samples->p99) << ", max " << in_ms(of.of_samples->max)
              << (of.head.quantity == trace::quantity::rtt ? " (there and back)" : " (one way)")
              << '\n';
  for (const auto& each : of.head.metas)
    std::cout << "  " << each.key << "  " << printable(each.value) << '\n';
}

} // namespace

exit_code report(const trace::problem& trouble, bool json) {
  const bool system = trouble.what == trace::problem::kind::system;
  report(failure{system ? "failed" : "bad_input", trace::to_string(trouble), {}}, json);
  return system ? exit_code::failed : exit_code::usage;
}

exit_code show_trace(const std::filesystem::path& file, bool json) {
  const auto from = trace::file_input(file);
  if (!from) return report(from.error(), json);
  const auto found = trace::summarize(*from);
  if (!found) return report(found.error(), json);
  if (json)
    std::cout << to_line(figures(*found)) << '\n';
  else
    print(*found, file.filename().string());
  return exit_code::done;
}

exit_code check_traces(const std::vector<std::filesystem::path>& files, bool json) {
  auto worst = exit_code::done;
  for (const auto& file : files) {
    const auto from = trace::file_input(file);
    const auto found = from ? trace::check(*from) : from.error();
    if (!found) {
      worst = report(found.error(), json);
      continue;
    }
    if (json)
      std::cout << to_line(boost::json::object{
                       {"file", file.string()}, {"ok", true}, {"records", found->records}})
                << '\n';
    else
      std::cout << printable(file.string()) << ": good, " << found->records << " records\n";
  }
  return worst;
}

exit_code write_trace(const trace_output& to, const trace_writer& write) {
  {
    trace::file_sink sink{to.file};
    if (const auto opened = sink.open(); !opened) return report(opened.error(), to.json);
    const auto written = write(sink);
    if (!written) return report(written.error(), to.json);
    if (const auto done = sink.commit(); !done) return report(done.error(), to.json);
  }
  return show_trace(to.file, to.json);
}

} // namespace lanrage::cli
