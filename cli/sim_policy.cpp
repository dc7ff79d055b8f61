#include "cli/sim_policy.hpp"

#include "cli/json_text.hpp"
#include "cli/terminal.hpp"
#include "cli/trace.hpp"
#include "sim/policy/load.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <iostream>
#include <memory>

namespace lanrage::cli {
namespace {

namespace policy = sim::policy;
namespace trace = sim::trace;

/// "12.3" of 12,345 with three digits.
std::string tenths(std::int64_t thousandths) {
  const auto rounded = (std::abs(thousandths) + 50) / 100;
  return (thousandths < 0 ? "-" : "") + std::to_string(rounded / 10) + '.' +
         std::to_string(rounded % 10);
}

void print(const policy::table& of) {
  std::cout << '\n'
            << (of.name == "all" ? "" : of.name + ": ") << of.slices << " slices from number "
            << of.first_slice + 1 << '\n';
  using align = table::align;
  table out{{{"rule", align::left},
             {"mean regret ms", align::right},
             {"p99 ms", align::right},
             {"switches per pair", align::right}}};
  for (const auto& row : of.rows)
    out.add({{row.name, &row == &of.ours() ? style::strong : style::plain},
             {tenths(row.mean.count()), style::plain},
             {tenths(row.p99.count()), style::plain},
             {tenths(static_cast<std::int64_t>(row.switches_milli)), style::plain}});
  const auto at = tenths(static_cast<std::int64_t>(of.ours().switches_milli));
  out.add({{"reference curve at " + at, style::faint},
           {of.curve ? tenths(of.curve->count()) : "-", style::faint},
           {"", style::plain},
           {at, style::faint}});
  out.add({{"hindsight at " + at, style::faint},
           {tenths(of.limit.count()), style::faint},
           {"", style::plain},
           {at, style::faint}});
  out.print(std::cout, wants_colors());
  const auto below = of.below_permille();
  if (below && *below > 0)
    std::cout << "ours is " << tenths(*below * 100) << " % below the reference curve\n";
  else
    std::cout << "note: ours is not below the reference curve at " << at << " switches\n";
}

boost::json::object to_json(const policy::table& of) {
  boost::json::array rows;
  for (const auto& row : of.rows)
    rows.push_back(boost::json::object{{"rule", row.name},
                                       {"reference", row.reference},
                                       {"mean_us", row.mean.count()},
                                       {"p99_us", row.p99.count()},
                                       {"switches_milli", row.switches_milli}});
  boost::json::object out{{"part", of.name},
                          {"first_slice", of.first_slice + 1},
                          {"slices", of.slices},
                          {"rules", rows},
                          {"hindsight_us", of.limit.count()}};
  const auto below = of.below_permille();
  out["curve_us"] = of.curve ? boost::json::value(of.curve->count()) : nullptr;
  out["below_curve_permille"] = below ? boost::json::value(*below) : nullptr;
  return out;
}

/// As everywhere in `sim`, a file that cannot be read is bad input too.
exit_code refused(const trace::problem& why, bool json) {
  report(why, json);
  return exit_code::usage;
}

template <class T>
void add_count(CLI::App& to, const std::string& name, T& into, std::int64_t least,
               std::int64_t most, const std::string& help) {
  to.add_option_function<std::string>(
        name,
        [&into, name, least, most](const std::string& text) {
          const auto value = trace::parse_count(text);
          if (!value || *value < least || *value > most)
            throw CLI::ValidationError(name, "'" + text + "' is no number from " +
                                                 std::to_string(least) + " to " +
                                                 std::to_string(most));
          into = static_cast<T>(*value);
        },
        help + " (" + std::to_string(into) + ")")
      ->type_name("N");
}

} // namespace

exit_code sim_policy(const policy_options& what) {
  if (!policy::is_trace(what.files) && (!what.rtt_unit || !what.interval)) {
    report(failure{"bad_usage", "matrices tell neither their unit nor their interval",
                   "give --rtt-unit and --interval"},
           what.json);
    return exit_code::usage;
  }
  trace::matrix_options how;
  how.rtt_unit = what.rtt_unit.value_or(trace::unit::ms);
  how.interval = what.interval.value_or(std::chrono::nanoseconds{});
  how.quantity = what.quantity;
  const auto recording = policy::load(what.files, how);
  if (!recording) return refused(recording.error(), what.json);
  // Each half needs a slice to decide on and one after it.
  if (what.split && recording->slices() < 6)
    return refused({what.files.front().string(),
                    0,
                    std::to_string(recording->slices()) + " slices",
                    "6 or more for --split",
                    {}},
                   what.json);
  const auto tables = policy::experiment(*recording, what.how, what.split);
  if (what.json) {
    boost::json::array all;
    for (const auto& each : tables)
      all.push_back(to_json(each));
    std::cout << to_line(boost::json::object{{"nodes", recording->nodes()},
                                             {"slices", recording->slices()},
                                             {"seed", what.how.seed},
                                             {"draws", what.how.draws},
                                             {"relays", what.how.relays},
                                             {"among", what.how.among},
                                             {"pairs", what.how.pairs},
                                             {"tables", all}})
              << '\n';
    return exit_code::done;
  }
  std::cout << recording->nodes() << " nodes; " << what.how.draws << " draws of " << what.how.relays
            << " relays among the " << what.how.among << " nearest nodes and " << what.how.pairs
            << " pairs, seed " << what.how.seed << '\n';
  for (const auto& each : tables)
    print(each);
  return exit_code::done;
}

void add_sim_policy(CLI::App& sim, std::function<int()>& command) {
  auto a = std::make_shared<policy_options>();
  auto& sub = *sim.add_subcommand(
      "policy", "Regret and switches of rules that choose relays, on a recording of all pairs");
  sub.add_option("FILE", a->files,
                 "Matrices, one per time slice in this order, or one trace (.ltr)")
      ->required();
  sub.add_option_function<std::string>(
         "--rtt-unit",
         [a](const std::string& text) {
           a->rtt_unit = trace::parse_unit(text);
           if (!a->rtt_unit) throw CLI::ValidationError("--rtt-unit", "'" + text + "' is no unit");
         },
         "Unit of the latencies (matrices)")
      ->type_name("s|ms|us|ns");
  sub.add_option_function<std::string>(
         "--interval",
         [a](const std::string& text) {
           a->interval = trace::parse_duration(text);
           if (!a->interval || a->interval->count() == 0 || *a->interval > trace::limits::time)
             throw CLI::ValidationError("--interval", "'" + text + "' is no duration");
         },
         "Between two slices (matrices)")
      ->type_name("DURATION");
  sub.add_option_function<std::string>(
         "--quantity",
         [a](const std::string& text) {
           if (text != "rtt" && text != "owd")
             throw CLI::ValidationError("--quantity", "'" + text + "' is no rtt|owd");
           a->quantity = text == "rtt" ? trace::quantity::rtt : trace::quantity::owd;
         },
         "Round trips (rtt) or one-way delays (matrices)")
      ->type_name("rtt|owd");
  add_count(sub, "--seed", a->how.seed, 0, INT64_MAX, "What the draws follow from");
  add_count(sub, "--draws", a->how.draws, 1, 1'000, "Draws of relays and pairs");
  add_count(sub, "--relays", a->how.relays, 1, 96, "Relays per draw");
  add_count(sub, "--among", a->how.among, 1, 1'024, "Nodes that relays are drawn from");
  add_count(sub, "--pairs", a->how.pairs, 1, 100'000, "Pairs per draw");
  sub.add_flag("--split", a->split, "Also each half of the slices, the second with other draws");
  sub.add_flag("--json", a->json, "One line of JSON");
  sub.callback([a, &command] { command = [a] { return to_int(sim_policy(*a)); }; });
}

} // namespace lanrage::cli
