#include "sim/scenario/runner.hpp"

#include "sim/scenario/stage.hpp"

#include <algorithm>

namespace lanrage::sim::scenario {
namespace {

/// Also the silence before the first answer and behind the last one counts.
ping_result result_of(const stream_entry& entry, const ping_stream& stream, duration end) {
  ping_result out{stream.sent, stream.answered, stream.longest_silence};
  const auto planned = entry.at + entry.gap * static_cast<std::int64_t>(entry.count);
  const auto over = std::min(planned, end);
  const auto first = stream.first_answer ? stream.first_answer->time_since_epoch() : over;
  const auto last = stream.last_answer ? stream.last_answer->time_since_epoch() : entry.at;
  out.silence = std::max({out.silence, first - entry.at, over - last});
  return out;
}

std::optional<duration> median(std::vector<duration> of) {
  if (of.empty()) return std::nullopt;
  const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
  std::nth_element(of.begin(), middle, of.end());
  return *middle;
}

/// What they found stands behind what the scenario's expectations did.
void add_findings(const invariants::checker& checker, outcome& to) {
  for (const auto& each : checker.found().all()) {
    const bool safety = invariants::find(each.id).what == invariants::sort::safety;
    to.violations.push_back({safety ? missed::kind::safety : missed::kind::liveness,
                             {},
                             invariants::checker::text_of(each),
                             std::string{each.id}});
  }
  to.seen = checker.seen().all();
}

/// As a shell takes it.
std::string quoted(const std::string& text) {
  const bool plain =
      !text.empty() &&
      text.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+") ==
          std::string::npos;
  if (plain) return text;
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

} // namespace

std::string rerun_command(const std::filesystem::path& file, const script& what,
                          const run_options& how) {
  std::string out = "lanrage sim run " + quoted(file.string()) + " --seed " +
                    std::to_string(how.seed.value_or(what.seed));
  for (const auto& each : arguments_of(how))
    out += ' ' + quoted(each);
  return out;
}

std::vector<std::string> arguments_of(const run_options& how) {
  std::vector<std::string> out;
  const auto add = [&](const char* name, const std::string& value) {
    out.emplace_back(name);
    out.push_back(value);
  };
  if (how.until) add("--until", seconds_text(*how.until));
  if (how.trace) add("--trace", how.trace->string());
  if (!how.invariants) out.emplace_back("--no-invariants");
  if (how.count) add("--count", std::to_string(*how.count));
  if (how.draw_faults) out.emplace_back("--faults");
  if (how.plan_file && !how.draw_faults) add("--plan", how.plan_file->string());
  return out;
}

faults::drawn_plan plan_of(const script& what, const run_options& how) {
  const auto until = how.until.value_or(what.until);
  if (how.draw_faults) return faults::draw_plan(how.seed.value_or(what.seed), what, until);
  faults::drawn_plan out{how.plan.value_or(what.faults), {}};
  for (const auto& each : out.what.faults)
    out.knobs.push_back("fault " + faults::describe(each));
  return out;
}

std::string first_violation(const outcome& of) {
  if (of.violations.empty()) return {};
  // What a rule says is told by its id; expectations stand before, and say less.
  const auto rule = std::find_if(of.violations.begin(), of.violations.end(),
                                 [](const missed& each) { return !each.id.empty(); });
  if (rule != of.violations.end()) return rule->id;
  const auto& first = of.violations.front();
  const std::string kind = first.what == missed::kind::safety ? "safety " : "liveness ";
  if (first.where.line > 0) return kind + "line " + std::to_string(first.where.line);
  // Without a place there is only the text to tell it by; its numbers are the run's.
  auto text = first.text;
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return kind + text;
}

std::vector<std::string> preamble(const script& what, const std::filesystem::path& file,
                                  const run_options& how) {
  std::vector<std::string> out{
      "# seed " + std::to_string(how.seed.value_or(what.seed)), "# lanrage " LANRAGE_VERSION,
      "# scenario " + file.string() + ": " + what.description,
      "# until " + seconds_text(how.until.value_or(what.until)) + ", " +
          std::to_string(what.members.size()) + " members, " + std::to_string(what.nats.size()) +
          " NAT boxes, " + std::to_string(what.relays.size()) + " relays, " +
          std::to_string(what.events.size()) + " events, " +
          std::to_string(what.expectations.size()) + " expectations",
      "# delay between hosts " + seconds_text(what.internet_delay) + ", inside networks " +
          seconds_text(what.lan_delay)};
  for (const auto& each : what.traces)
    out.push_back("# trace " + each.name + " from " +
                  (how.trace ? how.trace->string() : each.path));
  for (const auto& each : plan_of(what, how).knobs)
    out.push_back("# " + each);
  return out;
}

result<outcome> run(const script& what, const std::filesystem::path& file, const run_options& how) {
  auto traces = recordings::open(what, file, how.trace);
  if (!traces) return traces.error();
  const auto seed = how.seed.value_or(what.seed);
  const auto until = how.until.value_or(what.until);
  stage on{what, std::move(*traces), seed, until, how.to_log};
  if (how.record) on.keep_record();
  if (how.invariants) on.check_invariants();
  on.watched_by(how.to_watch);
  on.broken_by(plan_of(what, how).what);
  on.run();

  outcome out;
  auto& world = on.where();
  out.seed = seed;
  out.ran = until;
  out.events = world.events();
  out.lines = world.log().lines();
  out.log_hash = world.log().hash();
  out.state_hash = on.state_hash();
  out.packets_sent = world.net().count().sent;
  out.packets_dropped = world.net().count().all_dropped();
  const auto numbers = on.streams();
  std::vector<std::optional<ping_result>> results(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!numbers[i]) continue;
    const auto& stream = world.pings(*numbers[i]);
    results[i] = result_of(what.streams[i], stream, until);
    out.streams.push_back({what.streams[i].name, *results[i], median(stream.rtts)});
  }
  out.faults = on.seen_faults();
  out.record = on.take_record();
  out.violations = on.held_against().finish(until, results);
  if (auto* checker = on.checker()) {
    checker->finish();
    add_findings(*checker, out);
  }
  world.log().to({}); // the end of the actors is no event of the run
  return out;
}

} // namespace lanrage::sim::scenario
