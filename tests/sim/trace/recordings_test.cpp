#include "sim/trace/import.hpp"
#include "sim/trace/summary.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace lanrage::sim::trace;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using importer = result<totals> (*)(const input&, byte_sink&);

result<totals> atlas_labelled(const input& from, byte_sink& to) {
  columns_options how;
  how.text.delimiter = ';';
  how.text.header = true;
  how.time = column_name{"epoch"};
  how.time_in = time_unit::datetime;
  how.rtt = {"rtt"};
  how.rtt_unit = unit::ms;
  how.mark = column_name{"cp"};
  how.codes = {{"-3", "-7"}, {"-1", "-2", "-4", "-5", "-6"}};
  return import_columns(from, how, to);
}

result<totals> cicv5g(const input& from, byte_sink& to) {
  columns_options how;
  how.text.delimiter = ' ';
  how.text.header = true;
  how.time = column_name{"pub_time(ms)"};
  how.time_in = time_unit::ms;
  how.rtt = {"delay(ms)"};
  how.rtt_unit = unit::ms;
  return import_columns(from, how, to);
}

result<totals> starlink_mmsys24(const input& from, byte_sink& to) {
  columns_options how;
  how.text.delimiter = '\t';
  how.time = column_name{"1"};
  how.time_in = time_unit::s;
  how.sequence = column_name{"2"};
  how.rtt = {"3"};
  how.rtt_unit = unit::ms;
  how.codes.lost = {"-1"};
  return import_columns(from, how, to);
}

result<totals> starlink_on_the_road(const input& from, byte_sink& to) {
  columns_options how;
  how.text.header = true;
  how.time = column_name{"timestamp_start"};
  how.time_in = time_unit::datetime;
  how.rtt = {"ping_avg"};
  how.rtt_unit = unit::ms;
  how.loss_percent = column_name{"packet_loss"};
  how.sent = column_name{"packets_send"};
  return import_columns(from, how, to);
}

result<totals> robot_rtt(const input& from, byte_sink& to) {
  columns_options how;
  how.rtt = {"1"};
  how.rtt_unit = unit::ms;
  return import_columns(from, how, to);
}

result<totals> wonderproxy(const input& from, byte_sink& to) {
  pairs_options how;
  how.from = {"source"};
  how.to = {"destination"};
  how.rtt = {"avg"};
  how.rtt_unit = unit::ms;
  return import_pairs(from, how, to);
}

template <unit Unit, quantity Quantity>
result<totals> matrix(const input& from, byte_sink& to) {
  matrix_options how;
  how.rtt_unit = Unit;
  how.interval = 15'700ms;
  how.quantity = Quantity;
  return import_matrix({&from, 1}, how, to);
}

struct row_of_table {
  std::string_view folder;
  importer import; ///< with the options that the folder's files need
};
const row_of_table table[] = {
    {"atlas-labelled", atlas_labelled},
    {"atlas-starlink-json",
     [](const input& from, byte_sink& to) { return import_atlas(from, {}, to); }},
    {"aws-oneway", matrix<unit::ms, quantity::owd>},
    {"cicv5g", cicv5g},
    {"netlatency-planetlab", matrix<unit::ms, quantity::rtt>},
    {"netlatency-seattle", matrix<unit::s, quantity::rtt>},
    {"robot-rtt", robot_rtt},
    {"starlink-lens-pingD",
     [](const input& from, byte_sink& to) { return import_ping(from, {}, to); }},
    {"starlink-mmsys24", starlink_mmsys24},
    {"starlink-on-the-road", starlink_on_the_road},
    {"wonderproxy-static", wonderproxy},
};

fs::path folder() {
  if (const auto* const given = std::getenv("LANRAGE_TRACES")) return given;
  return lanrage::places::traces;
}

std::vector<std::string> split(const std::string& line, char at) {
  std::vector<std::string> out;
  std::istringstream in{line};
  for (std::string field; std::getline(in, field, at);)
    out.push_back(field);
  return out;
}

/// "links samples lost min p50 p99 max sum" as the summary has them.
std::string figures(const summary& of) {
  const auto values = of.of_samples.value();
  std::ostringstream out;
  out << of.head.link_count() << ' ' << of.counted.samples << ' ' << of.counted.lost << ' '
      << values.min.count() << ' ' << values.p50.count() << ' ' << values.p99.count() << ' '
      << values.max.count() << ' ' << of.counted.sum;
  return out.str();
}

void check_row(const std::vector<std::string>& row) {
  INFO(row[0]);
  const auto* const how =
      std::find_if(std::begin(table), std::end(table), [&](const row_of_table& each) {
        return each.folder == row[0].substr(0, row[0].find('/'));
      });
  REQUIRE(how != std::end(table));
  const auto from = file_input(folder() / row[0]);
  REQUIRE(from.has_value());
  text_sink to;
  const auto imported = how->import(*from, to);
  if (!imported) FAIL(to_string(imported.error()));
  const auto found = summarize(text_input("imported", to.text));
  if (!found) FAIL(to_string(found.error()));
  std::string expected;
  for (std::size_t i = 3; i < 11; ++i)
    expected += (i == 3 ? "" : " ") + row[i];
  CHECK(figures(*found) == expected);

  const auto notes = row.size() > 11 ? split(row[11], ';') : std::vector<std::string>{};
  for (const auto& note : notes) {
    if (note.starts_with("unknown="))
      CHECK(std::to_string(found->counted.unknown) == note.substr(8));
    if (note.starts_with("change_points=")) {
      const auto& counted = found->counted;
      CHECK(std::to_string(counted.records - counted.samples - counted.lost - counted.unknown) ==
            note.substr(14));
    }
    if (note.starts_with("span_s="))
      CHECK(found->counted.span.count() == parse_decimal(note.substr(7), 9));
  }
}

} // namespace

TEST_CASE("every recording is imported to the figures of its summary") {
  std::ifstream in{folder() / "SUMMARY.tsv"};
  if (folder().empty() || !in) {
    std::cout << "\nSKIPPED: no recorded traces here; set LANRAGE_TRACES to their folder\n";
    return;
  }
  std::string line;
  std::getline(in, line); // names
  std::size_t rows = 0;
  for (; std::getline(in, line);) {
    const auto row = split(line, '\t');
    if (row.size() < 11 || row[4].empty()) continue; // metadata, not a recording
    check_row(row);
    ++rows;
  }
  CHECK(rows >= 100);
  INFO(rows << " recordings");
}

TEST_CASE("slices of one recording in one trace have the sum of their figures") {
  if (!fs::exists(folder() / "netlatency-seattle" / "SeattleData_2")) {
    std::cout << "\nSKIPPED: no recorded traces here; set LANRAGE_TRACES to their folder\n";
    return;
  }
  std::vector<input> slices;
  for (const auto* name : {"SeattleData_1", "SeattleData_2"})
    slices.push_back(*file_input(folder() / "netlatency-seattle" / name));
  matrix_options how;
  how.rtt_unit = unit::s;
  how.interval = 15'700ms;
  text_sink to;
  const auto counted = import_matrix(slices, how, to);
  REQUIRE(counted.has_value());
  CHECK(counted->samples == 2 * 9'702);
  CHECK(counted->sum == 2'727'080'000'000 + 2'726'280'000'000);
  CHECK(counted->span == 15'700ms);
  CHECK(counted->records == 2);
}
