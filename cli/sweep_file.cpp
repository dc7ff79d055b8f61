#include "cli/sweep_file.hpp"

#include "cli/json_text.hpp"
#include "cli/sim_faults_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

namespace lanrage::cli {
namespace {

namespace json = boost::json;
using sim::duration;
using sim::scenario::missed;
using sim::sweep::row;

constexpr std::uintmax_t file_octets_max = 1'000'000'000;
constexpr double ns_per_ms = 1'000'000;
constexpr double ns_per_s = 1'000'000'000;
constexpr double time_most = 9e18; ///< in ns: what 63 bits hold

json::value times(const std::optional<duration>& time, double unit) {
  return time ? json::value(static_cast<double>(time->count()) / unit) : nullptr;
}

json::object to_json(const row& of) {
  json::object out{{"seed", of.seed}};
  if (of.crash) {
    out["crash"] = *of.crash;
    return out;
  }
  json::array missed_all;
  for (const auto& each : of.missed)
    missed_all.push_back(
        json::object{{"kind", each.what == missed::kind::safety ? "safety" : "liveness"},
                     {"line", each.line},
                     {"text", each.text},
                     {"id", each.id}});
  out["virtual_s"] = times(of.ran, ns_per_s);
  out["events"] = of.events;
  out["log_hash"] = of.log_hash;
  out["state_hash"] = of.state_hash;
  out["missed"] = missed_all;
  out["connect_p50_ms"] = times(of.connect_median, ns_per_ms);
  out["connect_max_ms"] = times(of.connect_most, ns_per_ms);
  out["longest_outage_s"] = times(of.longest_outage, ns_per_s);
  out["regret_mean_ms"] = times(of.regret_mean, ns_per_ms);
  out["regret_p99_ms"] = times(of.regret_p99, ns_per_ms);
  out["switches"] = of.switches;
  json::object seen;
  for (const auto& [name, times] : of.seen)
    seen[name] = times;
  out["seen"] = seen;
  if (!of.faults.empty()) out["faults"] = faults_json(of.faults);
  return out;
}

/// Reads members of one object; the first thing that is not as expected is kept.
class taker {
 public:
  explicit taker(const json::object& from) : from_(from) {}

  std::uint64_t count(const char* name) {
    const auto* value = find(name);
    if (value && value->is_uint64()) return value->get_uint64();
    if (value && value->is_int64() && value->get_int64() >= 0)
      return static_cast<std::uint64_t>(value->get_int64());
    return wrong<std::uint64_t>(name, "a count");
  }
  std::string text(const char* name) {
    const auto* value = find(name);
    return value && value->is_string() ? std::string{value->get_string()}
                                       : wrong<std::string>(name, "a text");
  }
  bool has(const char* name) const { return find(name) != nullptr; }
  bool flag(const char* name) {
    const auto* value = find(name);
    return value && value->is_bool() ? value->get_bool() : wrong<bool>(name, "true or false");
  }
  std::optional<std::string> maybe_text(const char* name) {
    const auto* value = find(name);
    return value && value->is_null() ? std::nullopt : std::optional{text(name)};
  }
  std::optional<duration> maybe_time(const char* name, double unit) {
    const auto* value = find(name);
    if (value && value->is_null()) return std::nullopt;
    const bool number = value && value->is_number();
    const auto ns = number ? value->to_number<double>() * unit : -1;
    if (!number || !(ns >= 0) || ns > time_most) return wrong<duration>(name, "a time");
    return duration{std::llround(ns)};
  }
  duration time(const char* name, double unit) {
    const auto got = maybe_time(name, unit);
    return got ? *got : wrong<duration>(name, "a time");
  }
  const json::array& list(const char* name) {
    static const json::array nothing;
    const auto* value = find(name);
    if (value && value->is_array()) return value->get_array();
    (void)wrong<int>(name, "a list");
    return nothing;
  }
  std::map<std::string, std::uint64_t> counts(const char* name) {
    const auto* value = find(name);
    if (!value || !value->is_object())
      return wrong<std::map<std::string, std::uint64_t>>(name, "an object of counts");
    std::map<std::string, std::uint64_t> out;
    taker each{value->get_object()};
    for (const auto& member : value->get_object()) {
      const std::string key{member.key()};
      out[key] = each.count(key.c_str());
    }
    expect(each.good(), name, "an object of counts");
    return out;
  }
  void expect(bool holds, const char* name, const char* what) {
    if (!holds) (void)wrong<int>(name, what);
  }
  bool good() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }

 private:
  const json::value* find(const char* name) const { return from_.if_contains(name); }
  template <class T>
  T wrong(const char* name, const char* expected) {
    if (problem_.empty())
      problem_ =
          (find(name) ? "another \"" : "no \"") + std::string{name} + "\", expected " + expected;
    return {};
  }

  const json::object& from_;
  std::string problem_;
};

/// `place` of a miss is "line" in a sweep's file and "where" ("FILE:LINE") in a run's.
std::vector<sim::sweep::miss> take_missed(taker& from, bool of_a_run) {
  std::vector<sim::sweep::miss> out;
  for (const auto& value : from.list("missed")) {
    from.expect(value.is_object(), "missed", "a list of objects");
    if (!value.is_object()) continue;
    taker each{value.get_object()};
    sim::sweep::miss miss;
    const auto kind = each.text("kind");
    miss.what = kind == "safety" ? missed::kind::safety : missed::kind::liveness;
    each.expect(kind == "safety" || kind == "liveness", "kind", "\"safety\" or \"liveness\"");
    miss.text = each.text("text");
    if (of_a_run) {
      const auto where = each.text("where");
      const auto colon = where.rfind(':');
      const auto line = colon == std::string::npos ? std::string{} : where.substr(colon + 1);
      // A file's name may have a colon, too.
      if (!line.empty() && line.size() < 8 &&
          line.find_first_not_of("0123456789") == std::string::npos)
        miss.line = static_cast<std::uint32_t>(std::stoul(line));
    } else {
      miss.line = static_cast<std::uint32_t>(each.count("line"));
    }
    miss.id = each.text("id");
    from.expect(each.good(), "missed", "objects with kind, line, text and id");
    out.push_back(std::move(miss));
  }
  return out;
}

row take_row(taker& from, const json::object& object, bool of_a_run) {
  row out;
  out.seed = from.count("seed");
  if (!of_a_run && object.contains("crash")) {
    out.crash = from.text("crash");
    return out;
  }
  out.ran = from.time("virtual_s", ns_per_s);
  out.events = from.count("events");
  out.log_hash = from.text("log_hash");
  out.state_hash = from.text("state_hash");
  out.missed = take_missed(from, of_a_run);
  out.connect_median = from.maybe_time("connect_p50_ms", ns_per_ms);
  out.connect_most = from.maybe_time("connect_max_ms", ns_per_ms);
  out.longest_outage = from.time("longest_outage_s", ns_per_s);
  out.regret_mean = from.maybe_time("regret_mean_ms", ns_per_ms);
  out.regret_p99 = from.maybe_time("regret_p99_ms", ns_per_ms);
  out.switches = from.count("switches");
  out.seen = from.counts("seen");
  if (const auto* faults = object.if_contains("faults")) {
    auto got = faults_of(*faults);
    from.expect(got.has_value(), "faults", "a list of what faults did");
    if (got) out.faults = std::move(*got);
  }
  return out;
}

sim::sweep::heading take_heading(taker& from) {
  sim::sweep::heading out;
  from.expect(from.count("lanrage_sweep") == 1, "lanrage_sweep", "1, the format's version");
  out.version = from.text("lanrage");
  out.scenario = from.text("scenario");
  out.scenario_hash = from.text("scenario_hash");
  const auto seeds = sim::sweep::parse_seeds(from.text("seeds"));
  from.expect(seeds.has_value(), "seeds", "a range such as \"1..100\"");
  out.seeds = seeds.value_or(sim::sweep::seed_range{});
  const auto part = sim::sweep::parse_shard(from.text("shard"));
  from.expect(part.has_value(), "shard", "a part such as \"3/16\"");
  out.part = part.value_or(sim::sweep::shard{});
  out.until = from.maybe_text("until");
  out.trace = from.maybe_text("trace");
  if (from.has("faults")) out.faults = from.flag("faults");
  if (from.has("plan")) out.plan = from.text("plan");
  if (from.has("plan_hash")) out.plan_hash = from.text("plan_hash");
  if (from.has("count")) out.count = static_cast<std::uint32_t>(from.count("count") & UINT32_MAX);
  return out;
}

std::optional<json::value> parse(std::string_view line) {
  boost::system::error_code failed;
  auto value = json::parse({line.data(), line.size()}, failed);
  if (failed || !value.is_object()) return std::nullopt;
  return value;
}

/// Goes through a file line by line and stops at the first problem.
class file_reader {
 public:
  file_reader(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  sim::scenario::result<sim::sweep::results> read() {
    sim::sweep::results out;
    const auto first = next();
    if (!first) return bad(found_, "a sweep's heading");
    taker heading{first->get_object()};
    out.about = take_heading(heading);
    if (!heading.good()) return bad(heading.problem(), {});
    const auto seeds = sim::sweep::seeds_of(out.about.seeds, out.about.part);
    for (const auto seed : seeds) {
      const auto line = next();
      const auto wanted = "the line of seed " + std::to_string(seed);
      if (!line) return bad(found_, wanted);
      taker from{line->get_object()};
      out.rows.push_back(take_row(from, line->get_object(), false));
      if (line->get_object().contains("rows")) return bad("the file's last line", wanted);
      if (!from.good()) return bad(from.problem(), {});
      if (out.rows.back().seed != seed)
        return bad("seed " + std::to_string(out.rows.back().seed), wanted);
    }
    const auto last = next();
    const auto wanted = "{\"rows\":" + std::to_string(seeds.size()) + "} and the file's end";
    if (!last) return bad(found_, wanted);
    taker trailer{last->get_object()};
    if (trailer.count("rows") != seeds.size() || !trailer.good())
      return bad("another line", wanted);
    if (!rest_.empty()) return ++line_, bad("more", "the file's end");
    return out;
  }

 private:
  /// The next line's object; else found_ says what is there.
  std::optional<json::value> next() {
    ++line_;
    if (rest_.empty()) {
      found_ = "the file's end";
      return std::nullopt;
    }
    const auto end = rest_.find('\n');
    if (end == std::string_view::npos) {
      found_ = "a line that is cut off";
      return std::nullopt;
    }
    auto got = parse(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    found_ = "no JSON object";
    return got;
  }
  sim::scenario::bad_input bad(const std::string& found, const std::string& expected) const {
    return {{name_ + ':' + std::to_string(line_) + ": found " + found +
             (expected.empty() ? "" : ", expected " + expected)}};
  }

  std::string_view rest_;
  const std::string& name_;
  std::size_t line_ = 0;
  std::string found_;
};

} // namespace

std::string to_lines(const sim::sweep::results& of) {
  const auto text = [](const std::optional<std::string>& value) {
    return value ? json::value(*value) : json::value(nullptr);
  };
  const auto& about = of.about;
  json::object heading{{"lanrage_sweep", 1},
                       {"lanrage", about.version},
                       {"scenario", about.scenario},
                       {"scenario_hash", about.scenario_hash},
                       {"seeds", sim::sweep::to_string(about.seeds)},
                       {"shard", sim::sweep::to_string(about.part)},
                       {"until", text(about.until)},
                       {"trace", text(about.trace)}};
  // Only where they were given: sweeps without faults are written as ever.
  if (about.faults) heading["faults"] = true;
  if (about.plan) heading["plan"] = *about.plan;
  if (about.plan_hash) heading["plan_hash"] = *about.plan_hash;
  if (about.count) heading["count"] = *about.count;
  std::string out = to_line(heading) + '\n';
  for (const auto& each : of.rows)
    out += to_line(to_json(each)) + '\n';
  return out + to_line(json::object{{"rows", of.rows.size()}}) + '\n';
}

sim::scenario::result<sim::sweep::results> parse_lines(std::string_view text,
                                                       const std::string& file) {
  return file_reader{text, file}.read();
}

sim::scenario::result<sim::sweep::results> load_lines(const std::filesystem::path& file) {
  const auto name = file.string();
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  if (!failed && size > file_octets_max)
    return sim::scenario::bad_input{
        {name + ": found " + std::to_string(size) + " octets, expected a sweep's results"}};
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  if (in && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (!in.is_open() || in.bad())
    return sim::scenario::bad_input{{name + ": cannot be read, expected a sweep's results"}};
  return parse_lines(std::move(text).str(), name);
}

std::optional<row> row_of_run(std::string_view line) {
  const auto value = parse(line);
  if (!value) return std::nullopt;
  taker from{value->get_object()};
  auto out = take_row(from, value->get_object(), true);
  return from.good() ? std::optional{std::move(out)} : std::nullopt;
}

} // namespace lanrage::cli
