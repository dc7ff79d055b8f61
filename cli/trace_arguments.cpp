#include "cli/trace.hpp"
#include "sim/trace/header_text.hpp"
#include "sim/trace/percent.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace lanrage::cli {
namespace {

namespace trace = sim::trace;
using std::chrono::nanoseconds;

/// What parsing fills in, kept alive by the subcommands' callbacks.
struct trace_arguments {
  std::vector<std::filesystem::path> files;
  trace_output to;
  trace::about_trace about;
  trace::ping_options ping;
  trace::atlas_options atlas;
  trace::matrix_options matrix;
  trace::pairs_options pairs;
  trace::columns_options columns;
  trace::cut_options cut;
  trace::gen_options gen;
  trace::cell_codes codes;
};
using shared_trace = std::shared_ptr<trace_arguments>;

/// An option whose text `parse` turns into a value; what it cannot parse is a usage error.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& to, const std::string& name, T& into, Parse parse,
                        const std::string& expected, const std::string& help) {
  return to
      .add_option_function<std::string>(
          name,
          [&into, parse, name, expected](const std::string& text) {
            const auto value = parse(text);
            if (!value) throw CLI::ValidationError(name, "'" + text + "' is no " + expected);
            into = *value;
          },
          help)
      ->type_name(expected);
}

std::optional<nanoseconds> positive_duration(const std::string& text) {
  const auto value = trace::parse_duration(text);
  if (!value || *value <= nanoseconds{0} || *value > trace::limits::time) return {};
  return value;
}
std::optional<nanoseconds> short_duration(const std::string& text) {
  const auto value = positive_duration(text);
  if (!value || *value > trace::limits::value) return {};
  return value;
}

std::optional<trace::time_unit> parse_time_unit(const std::string& text) {
  if (text == "datetime") return trace::time_unit::datetime;
  const auto unit = trace::parse_unit(text);
  if (!unit) return {};
  return static_cast<trace::time_unit>(*unit);
}

/// ',' ';' 'tab' 'space' and the like: one character, or its name.
std::optional<char> parse_delimiter(const std::string& text) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text == "space" || text == "blank") return ' ';
  if (text == "comma") return ',';
  if (text == "semicolon") return ';';
  if (text.size() != 1 || std::isalnum(static_cast<unsigned char>(text[0])) || text[0] == '"' ||
      text[0] == '.' || text[0] == '-' || text[0] == '\n' || text[0] == '\r')
    return {};
  return text[0];
}

std::optional<trace::quantity> parse_quantity(const std::string& text) {
  if (text == "rtt") return trace::quantity::rtt;
  if (text == "owd") return trace::quantity::owd;
  return {};
}

std::optional<trace::column_name> parse_column(const std::string& text) {
  if (text.empty()) return {};
  return trace::column_name{text};
}

CLI::Option* add_column(CLI::App& to, const std::string& name, trace::column_name& into,
                        const std::string& help) {
  return add_parsed(to, name, into, parse_column, "COL", help);
}
CLI::Option* add_column(CLI::App& to, const std::string& name,
                        std::optional<trace::column_name>& into, const std::string& help) {
  return add_parsed(to, name, into, parse_column, "COL", help);
}

CLI::Option* add_unit(CLI::App& to, trace::unit& into) {
  return add_parsed(to, "--rtt-unit", into, trace::parse_unit, "s|ms|us|ns",
                    "Unit of the latencies");
}

/// The same list by repetition and by commas; "-3" is a value here, no option.
void add_values(CLI::App& to, const std::string& name, std::vector<std::string>& into,
                const std::string& help) {
  to.add_option_function<std::vector<std::string>>(
        name,
        [&into](const std::vector<std::string>& given) {
          for (const auto& text : given) {
            std::size_t at = 0;
            for (auto cut = text.find(','); cut != std::string::npos; cut = text.find(',', at)) {
              into.push_back(text.substr(at, cut - at));
              at = cut + 1;
            }
            into.push_back(text.substr(at));
          }
        },
        help)
      ->type_size(1)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("V,V");
}

void add_codes(CLI::App& to, trace_arguments& a) {
  add_values(to, "--lost-value", a.codes.lost, "Cells that mean a lost probe");
  add_values(to, "--unknown-value", a.codes.unknown, "Cells that mean: not measured");
}

void add_output(CLI::App& to, trace_arguments& a) {
  to.add_option("-o,--output", a.to.file, "The trace to write")->required();
  to.add_flag("--json", a.to.json, "Print the trace's figures as JSON");
}

/// What every trace says of itself.
void add_about(CLI::App& to, trace_arguments& a) {
  to.add_option_function<std::vector<std::string>>(
        "--meta",
        [&a](const std::vector<std::string>& given) {
          for (const auto& text : given) {
            const auto cut = text.find('=');
            const auto key = text.substr(0, cut);
            const bool good =
                cut != std::string::npos && !key.empty() && key.size() <= 32 &&
                key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-.") ==
                    std::string::npos &&
                trace::is_printable(text) &&
                trace::percent_encoded(text.substr(cut + 1)).size() <= trace::limits::text_octets;
            if (!good || a.about.metas.size() >= trace::limits::meta_lines - 8)
              throw CLI::ValidationError("--meta", "'" + text + "' is no key=value");
            a.about.metas.push_back({key, text.substr(cut + 1)});
          }
        },
        "A remark in the trace, key=value: source, licence")
      ->type_size(1)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_parsed(to, "--split", a.about.split, trace::parse_split, "half|ratio:P/Q|seeded",
             "How a round trip becomes two one-way delays");
  add_parsed(to, "--end", a.about.end, trace::parse_end, "stop|hold|wrap",
             "What a replay does behind the end");
  add_parsed(to, "--max-age", a.about.rules.max_age, positive_duration, "DURATION",
             "Older records count as not measured");
  add_parsed(to, "--default", a.about.rules.fallback, short_duration, "DURATION",
             "One-way delay while not measured; without it the link is unreachable then");
  to.add_flag("--fifo", a.about.rules.fifo, "Packets do not overtake each other");
}

/// Provenance that is always there: what the file was called and how it was read. What the user
/// says of the same goes before.
void describe(trace_arguments& a, const std::string& format) {
  const auto name = a.files.front().filename().string();
  std::vector<trace::meta> own{{"format", format}};
  if (trace::is_printable(name) && name.size() <= trace::limits::text_octets / 3)
    own.insert(own.begin(), {"name", name});
  auto& metas = a.about.metas;
  for (const auto& each : metas)
    own.erase(std::remove_if(own.begin(), own.end(),
                             [&](const trace::meta& one) { return one.key == each.key; }),
              own.end());
  metas.insert(metas.begin(), own.begin(), own.end());
}

using run_import = trace::result<trace::totals> (*)(const std::vector<trace::input>&,
                                                    trace_arguments&, trace::byte_sink&);

/// One subcommand per format, so that each takes its own options and no others.
CLI::App& add_format(CLI::App& parent, std::function<int()>& command, const shared_trace& a,
                     const std::string& name, const std::string& help, run_import run) {
  auto& sub = *parent.add_subcommand(name, help);
  auto* const in = sub.add_option("IN", a->files, "The recording");
  in->required();
  if (name != "matrix") in->expected(1);
  add_output(sub, *a);
  add_about(sub, *a);
  sub.callback([&command, a, name, run] {
    command = [a, name, run] {
      describe(*a, name);
      std::vector<trace::input> inputs;
      for (const auto& file : a->files) {
        auto opened = trace::file_input(file);
        if (!opened) return to_int(report(opened.error(), a->to.json));
        inputs.push_back(std::move(*opened));
      }
      return to_int(write_trace(a->to, [&](trace::byte_sink& to) { return run(inputs, *a, to); }));
    };
  });
  return sub;
}

void add_ping(CLI::App& import, std::function<int()>& command, const shared_trace& a) {
  auto& ping = add_format(import, command, a, "ping", "iputils ping, also -D and -O",
                          [](const auto& in, trace_arguments& given, auto& to) {
                            given.ping.about = given.about;
                            return import_ping(in[0], given.ping, to);
                          });
  add_parsed(ping, "--interval", a->ping.interval, short_duration, "DURATION",
             "Between probes, where there are no time stamps (1s)");
  auto& atlas = add_format(import, command, a, "atlas", "RIPE Atlas ping results (JSON)",
                           [](const auto& in, trace_arguments& given, auto& to) {
                             given.atlas.about = given.about;
                             return import_atlas(in[0], given.atlas, to);
                           });
  add_parsed(atlas, "--packet-interval", a->atlas.packet_interval, short_duration, "DURATION",
             "Between the packets of one result (1s)");
}

void add_matrix(CLI::App& import, std::function<int()>& command, const shared_trace& a) {
  auto& matrix = add_format(import, command, a, "matrix", "Square matrices, a file per time slice",
                            [](const auto& in, trace_arguments& given, auto& to) {
                              given.matrix.about = given.about;
                              given.matrix.codes = given.codes;
                              return import_matrix(in, given.matrix, to);
                            });
  add_unit(matrix, a->matrix.rtt_unit)->required();
  add_parsed(matrix, "--interval", a->matrix.interval, positive_duration, "DURATION",
             "Between slices")
      ->required();
  add_parsed(matrix, "--quantity", a->matrix.quantity, parse_quantity, "rtt|owd",
             "Round trips or one way (rtt)");
  add_codes(matrix, *a);
}

void add_text(CLI::App& to, trace::delimited_options& into) {
  add_parsed(to, "--delimiter", into.delimiter, parse_delimiter, "C",
             "Between columns: one character, or tab, space (any run of blanks) (,)");
  to.add_flag("--header", into.header, "The first line has names");
}

void add_pairs(CLI::App& import, std::function<int()>& command, const shared_trace& a) {
  auto& pairs = add_format(import, command, a, "pairs", "A line per ordered pair of nodes",
                           [](const auto& in, trace_arguments& given, auto& to) {
                             given.pairs.about = given.about;
                             given.pairs.codes = given.codes;
                             return import_pairs(in[0], given.pairs, to);
                           });
  auto& how = a->pairs;
  add_text(pairs, how.text);
  add_column(pairs, "--from", how.from, "Column of the first node")->required();
  add_column(pairs, "--to", how.to, "Column of the second node")->required();
  add_column(pairs, "--rtt", how.rtt, "Column of the latency")->required();
  add_unit(pairs, how.rtt_unit)->required();
  add_parsed(pairs, "--quantity", how.quantity, parse_quantity, "rtt|owd",
             "Round trips or one way (rtt)");
  add_codes(pairs, *a);
}

void add_columns(CLI::App& import, std::function<int()>& command, const shared_trace& a) {
  auto& columns = add_format(import, command, a, "columns", "A line per probe of one link",
                             [](const auto& in, trace_arguments& given, auto& to) {
                               given.columns.about = given.about;
                               given.columns.codes = given.codes;
                               return import_columns(in[0], given.columns, to);
                             });
  auto& how = a->columns;
  add_text(columns, how.text);
  add_column(columns, "--rtt", how.rtt, "Column of the latency")->required();
  add_unit(columns, how.rtt_unit)->required();
  auto* const time = add_column(columns, "--time", how.time, "Column of the time stamps");
  auto* const unit = add_parsed(columns, "--time-unit", how.time_in, parse_time_unit,
                                "s|ms|us|ns|datetime", "Unit of the time stamps");
  time->needs(unit);
  unit->needs(time);
  add_parsed(columns, "--interval", how.interval, positive_duration, "DURATION",
             "Between lines without a time column; without both it is a closed loop")
      ->excludes(time);
  add_column(columns, "--seq", how.sequence, "Column of numbers whose gaps are losses");
  auto* const percent = add_column(columns, "--loss-percent", how.loss_percent,
                                   "Column of the per cent lost, where a line sums up probes");
  auto* const sent = add_column(columns, "--sent", how.sent, "Column of how many they were");
  percent->needs(sent);
  sent->needs(percent);
  add_column(columns, "--mark", how.mark, "Column whose cells other than 0 become markers");
  add_parsed(columns, "--quantity", how.quantity, parse_quantity, "rtt|owd",
             "Round trips or one way (rtt)");
  add_codes(columns, *a);
}

void add_cut(CLI::App& parent, std::function<int()>& command, const shared_trace& a) {
  auto& cut = *parent.add_subcommand("cut", "A part of a trace as a trace");
  cut.add_option("IN", a->files, "The trace")->required()->expected(1);
  add_output(cut, *a);
  add_parsed(cut, "--from", a->cut.from, trace::parse_duration, "DURATION",
             "The first moment that stays (0s)");
  add_parsed(cut, "--to", a->cut.until, positive_duration, "DURATION",
             "The first moment that does not");
  cut.add_option_function<std::vector<std::uint32_t>>(
         "--link",
         [a](const std::vector<std::uint32_t>& given) {
           for (const auto id : given)
             a->cut.links.push_back(trace::link_id{id});
         },
         "Only this link; may be repeated")
      ->type_size(1)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  cut.callback([&command, a] {
    command = [a] {
      const auto from = trace::file_input(a->files.front());
      if (!from) return to_int(report(from.error(), a->to.json));
      return to_int(
          write_trace(a->to, [&](trace::byte_sink& to) { return trace::cut(*from, a->cut, to); }));
    };
  });
}

void add_gen(CLI::App& parent, std::function<int()>& command) {
  auto& gen = *parent.add_subcommand("gen", "An invented trace, the same for the same options");
  gen.require_subcommand(1);
  for (const std::string name : {"steady", "diurnal", "bursty", "starlink", "shifts", "mesh"}) {
    const auto a = std::make_shared<trace_arguments>();
    a->gen = trace::defaults_of(*trace::parse_model(name));
    auto& sub = *gen.add_subcommand(name, "See docs/traces.md");
    add_output(sub, *a);
    add_about(sub, *a);
    sub.add_option("--seed", a->gen.seed, "Where chance begins")->capture_default_str();
    add_parsed(sub, "--duration", a->gen.duration, positive_duration, "DURATION", "How long");
    add_parsed(sub, "--interval", a->gen.interval, positive_duration, "DURATION",
               "Between probes or slices");
    if (name == "mesh")
      sub.add_option("--nodes", a->gen.nodes, "How many")->capture_default_str();
    else
      add_parsed(sub, "--base", a->gen.base, short_duration, "DURATION",
                 "The undisturbed round trip");
    sub.callback([&command, a, name] {
      command = [a, name] {
        a->gen.about = a->about;
        auto& metas = a->gen.about.metas;
        metas.insert(metas.begin(), {{"model", name}, {"seed", std::to_string(a->gen.seed)}});
        return to_int(
            write_trace(a->to, [&](trace::byte_sink& to) { return trace::generate(a->gen, to); }));
      };
    });
  }
}

} // namespace

void add_trace(CLI::App& app, std::function<int()>& command) {
  auto& parent = *app.add_subcommand("trace", "Recorded latency: import, look at, cut, invent");
  parent.require_subcommand(1);
  auto& import = *parent.add_subcommand("import", "A recording of another kind as a trace");
  import.require_subcommand(1);
  const auto fresh = [] { return std::make_shared<trace_arguments>(); };
  add_ping(import, command, fresh());
  add_matrix(import, command, fresh());
  add_pairs(import, command, fresh());
  add_columns(import, command, fresh());
  add_cut(parent, command, fresh());
  add_gen(parent, command);

  const auto looked_at = fresh();
  auto& info = *parent.add_subcommand("info", "What a trace holds: counts, median, extremes");
  info.add_option("FILE", looked_at->files, "The trace")->required()->expected(1);
  info.add_flag("--json", looked_at->to.json, "Print JSON");
  info.callback([&command, looked_at] {
    command = [looked_at] {
      return to_int(show_trace(looked_at->files.front(), looked_at->to.json));
    };
  });
  auto& check = *parent.add_subcommand("check", "Whether traces are whole and right");
  check.add_option("FILE", looked_at->files, "The traces")->required();
  check.add_flag("--json", looked_at->to.json, "Print JSON");
  check.callback([&command, looked_at] {
    command = [looked_at] { return to_int(check_traces(looked_at->files, looked_at->to.json)); };
  });
}

} // namespace lanrage::cli
