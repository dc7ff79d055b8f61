#include "net/os/wg_tool.hpp"

#include "net/os/process.hpp"
#include "net/wg/dump.hpp"

#include <atomic>
#include <cstring>

namespace lanrage::net::os {

namespace {

std::atomic<std::uint64_t> calls_made{0};

/// The first line of what a program complained about.
std::string complaint(const process_output& output) {
  const auto line = output.err.substr(0, output.err.find('\n'));
  return line.empty() ? "exit status " + std::to_string(output.status) : line;
}

/// A call with a thousand peers takes its time on a small or busy machine: a peer is some ten
/// arguments and 0.2 ms when nothing else runs. Two full calls stay below the writer's patience.
process_options patience_for(const wg::arguments& argv) {
  constexpr std::chrono::microseconds per_argument{500};
  process_options out;
  out.deadline += std::chrono::duration_cast<std::chrono::milliseconds>(
      per_argument * static_cast<std::int64_t>(argv.size()));
  return out;
}

result<process_output> run(const wg::arguments& argv) {
  if (argv.front() == "wg") ++calls_made;
  auto output = run_process(argv, patience_for(argv));
  if (!output) return output;
  if (output->status == 0) return output;
  const auto said = complaint(*output);
  const bool denied = said.find("not permitted") != std::string::npos ||
                      said.find("Permission denied") != std::string::npos;
  // The arguments may be a thousand peers long: name the program and what it was asked for.
  return fail(denied ? errc::not_permitted : errc::wg_refused,
              argv[0] + " " + argv[1] + " " + argv[2] + ": " + said);
}

result<void> run_quietly(const wg::arguments& argv) {
  const auto output = run(argv);
  if (!output) return output.error();
  return {};
}

} // namespace

result<wg::observation> wg_show(const std::string& interface) {
  auto output = run({"wg", "show", interface, "dump"});
  if (!output) return output.error();
  auto seen = wg::parse_dump(output->out);
  ::explicit_bzero(output->out.data(), output->out.size());
  return seen;
}

result<void> wg_set(const std::vector<wg::arguments>& calls) {
  for (const auto& call : calls)
    if (auto done = run_quietly(call); !done) return done;
  return {};
}

result<void> wg_set_identity(const std::string& interface, const std::filesystem::path& key_file,
                             std::uint16_t listen_port, std::uint32_t fwmark) {
  wg::arguments argv{"wg", "set", interface, "private-key", key_file.string()};
  if (listen_port != 0) argv.insert(argv.end(), {"listen-port", std::to_string(listen_port)});
  if (fwmark != 0) argv.insert(argv.end(), {"fwmark", std::to_string(fwmark)});
  return run_quietly(argv);
}

result<void> wg_set_fwmark(const std::string& interface, std::uint32_t fwmark) {
  return run_quietly({"wg", "set", interface, "fwmark", std::to_string(fwmark)});
}

result<void> ip(const std::vector<std::string>& arguments) {
  wg::arguments argv{"ip"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_quietly(argv);
}

std::uint64_t wg_calls() {
  return calls_made;
}

} // namespace lanrage::net::os
