#include "sim/trace/import.hpp"
#include "sim/trace/reader.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

/// How fast recordings become traces: MB/s of the recording, from file to file, beside plain
/// reading of the same file in the same run (counting its line feeds, as `wc -l` does).
///
///   trace_bench [FOLDER [MEGABYTES]]
namespace {

using namespace lanrage::sim::trace;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median_of_three(const std::function<void()>& work) {
  std::array<double, 3> took{};
  for (auto& each : took)
    each = seconds_of(work);
  std::sort(took.begin(), took.end());
  return took[1];
}

/// Repeats what `line` gives until the file has this size.
void fill(const fs::path& file, std::size_t megabytes,
          const std::function<std::string(std::uint64_t)>& line) {
  std::ofstream out{file, std::ios::binary};
  std::size_t octets = 0;
  for (std::uint64_t i = 0; octets < megabytes * 1'000'000; ++i) {
    const auto text = line(i);
    octets += text.size();
    out << text;
  }
}

std::uint64_t count_lines(const fs::path& file) {
  const auto from = file_input(file).value().open().value();
  std::vector<char> buffer(256 * 1024);
  std::uint64_t lines = 0;
  for (;;) {
    const auto got = from->read(buffer).value();
    if (got == 0) return lines;
    lines += static_cast<std::uint64_t>(
        std::count(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got), '\n'));
  }
}

void measure(const std::string& name, const fs::path& file, const fs::path& to,
             const std::function<result<totals>(const input&, byte_sink&)>& import) {
  const auto size = static_cast<double>(fs::file_size(file)) / 1e6;
  std::uint64_t lines = 0;
  const auto reading = median_of_three([&] { lines = count_lines(file); });
  totals made;
  const auto importing = median_of_three([&] {
    file_sink sink{to};
    sink.open().value();
    made = import(file_input(file).value(), sink).value();
    sink.commit().value();
  });
  const auto trace_size = static_cast<double>(fs::file_size(to)) / 1e6;
  const auto checking = median_of_three([&] { check(file_input(to).value()).value(); });
  std::printf("%-8s %6.1f MB %9llu samples  import %6.1f MB/s  plain reading %7.1f MB/s  "
              "ratio %.3f  check of the trace %6.1f MB/s\n",
              name.c_str(), size, static_cast<unsigned long long>(made.samples), size / importing,
              size / reading, reading / importing, trace_size / checking);
  fs::remove(to);
  fs::remove(file);
}

std::string digits(std::uint64_t value, int width) {
  auto out = std::to_string(value);
  return std::string(static_cast<std::size_t>(std::max<int>(0, width - int(out.size()))), '0') +
         out;
}

std::string ping_line(std::uint64_t i) {
  if (i == 0) return "PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n";
  const auto at = 1'700'000'000'000'000 + i * 10'000 + i * 7919 % 5'000;
  return "[" + std::to_string(at / 1'000'000) + "." + digits(at % 1'000'000, 6) +
         "] 64 bytes from 192.0.2.1: icmp_seq=" + std::to_string(i % 65'536) +
         " ttl=63 time=" + std::to_string(20 + i * 31 % 90) + "." + std::to_string(i % 10) +
         " ms\n";
}

std::string column_line(std::uint64_t i) {
  return "1694477135." + digits(i % 10'000'000, 7) + "\t" + std::to_string(i + 1) + "\t" +
         (i % 97 == 0 ? "-1" : std::to_string(20 + i * 31 % 90) + "." + std::to_string(i % 10)) +
         "\n";
}

std::string atlas_line(std::uint64_t i) {
  return R"({"fw": 5080, "mver": "2.6.2", "lts": 33, "dst_name": "192.0.2.9", "af": 4, )"
         R"("dst_addr": "192.0.2.9", "src_addr": "10.0.0.1", "proto": "ICMP", "ttl": 120, )"
         R"("size": 64, "result": [{"rtt": )" +
         std::to_string(20 + i * 31 % 90) + "." + digits(i * 7919 % 1'000'000, 6) +
         R"(}], "dup": 0, "rcvd": 1, "sent": 1, "min": 49.4, "max": 49.4, "avg": 49.4, )"
         R"("msm_id": 52764390, "prb_id": )" +
         std::to_string(1'000 + i % 50) + R"(, "timestamp": )" + std::to_string(1'682'724'637 + i) +
         R"(, "msm_name": "Ping", "type": "ping", "step": 900})"
         "\n";
}

std::string matrix_row(std::uint64_t row) {
  std::string out;
  for (std::uint64_t i = 0; i < 1'000; ++i)
    out += (i ? "\t0." : "0.") + digits((row * 37 + i * 91) % 100, 2);
  return out + '\n';
}

std::string pair_line(std::uint64_t i) {
  if (i == 0) return "source,destination,min,avg,max\n";
  return std::to_string(i / 1'000) + ',' + std::to_string(2'000 + i % 1'000) + ",10.1," +
         std::to_string(20 + i % 300) + ".684,300.25\n";
}

void run(const fs::path& folder, std::size_t megabytes) {
  const auto in = folder / "trace_bench.in", out = folder / "trace_bench.ltr";
  fill(in, megabytes, ping_line);
  measure("ping", in, out,
          [](const input& from, byte_sink& to) { return import_ping(from, {}, to); });

  columns_options columns;
  columns.text.delimiter = '\t';
  columns.interval = 100ms;
  columns.sequence = column_name{"2"};
  columns.rtt = {"3"};
  columns.rtt_unit = unit::ms;
  columns.codes.lost = {"-1"};
  fill(in, megabytes, column_line);
  measure("columns", in, out,
          [&](const input& from, byte_sink& to) { return import_columns(from, columns, to); });

  fill(in, megabytes, atlas_line);
  measure("atlas", in, out,
          [](const input& from, byte_sink& to) { return import_atlas(from, {}, to); });

  // One slice of 1,000 nodes, as often as it takes.
  std::uint64_t rows = 0;
  fill(in, 0, [](std::uint64_t) { return std::string{}; });
  {
    std::ofstream slice{in, std::ios::binary};
    for (; rows < 1'000; ++rows)
      slice << matrix_row(rows);
  }
  matrix_options matrix;
  matrix.rtt_unit = unit::s;
  matrix.interval = 15'700ms;
  measure("matrix", in, out, [&](const input& from, byte_sink& to) {
    return import_matrix({&from, 1}, matrix, to);
  });

  pairs_options pairs;
  pairs.from = {"source"};
  pairs.to = {"destination"};
  pairs.rtt = {"avg"};
  pairs.rtt_unit = unit::ms;
  fill(in, std::min<std::size_t>(megabytes, 20), pair_line);
  measure("pairs", in, out,
          [&](const input& from, byte_sink& to) { return import_pairs(from, pairs, to); });
}

} // namespace

int main(int argc, char** argv) {
  const fs::path folder = argc > 1 ? fs::path{argv[1]} : fs::temp_directory_path();
  const auto megabytes = argc > 2 ? std::stoul(argv[2]) : 64;
  run(folder, megabytes);
  return 0;
}
