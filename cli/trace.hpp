#pragma once

#include "cli/failure.hpp"
#include "sim/trace/cut.hpp"
#include "sim/trace/gen.hpp"
#include "sim/trace/import.hpp"

#include <filesystem>
#include <functional>

namespace CLI {
class App;
}

/// `lanrage trace ...`: recorded latency in, traces out. Formats and options: docs/traces.md.
namespace lanrage::cli {

/// Adds the subcommand `trace`. Parsing it sets `command`.
void add_trace(CLI::App& app, std::function<int()>& command);

/// Bad input is exit code 2 with file and line, a failing system 1. With `json` the problem is
/// also an object on standard output.
exit_code report(const sim::trace::problem& trouble, bool json);

/// Where a trace goes, and whether its figures are printed as JSON.
struct trace_output {
  std::filesystem::path file;
  bool json = false;
};

using trace_writer = std::function<sim::trace::result<sim::trace::totals>(sim::trace::byte_sink&)>;
/// Runs `write` into the file, which appears whole or not at all, and prints what it holds.
exit_code write_trace(const trace_output& to, const trace_writer& write);

exit_code show_trace(const std::filesystem::path& file, bool json);
exit_code check_traces(const std::vector<std::filesystem::path>& files, bool json);

} // namespace lanrage::cli
