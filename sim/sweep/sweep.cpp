#include "sim/sweep/sweep.hpp"

#include "sim/invariants/sometimes.hpp"
#include "sim/trace/numbers.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace lanrage::sim::sweep {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  const auto got = trace::parse_count(text);
  return got ? std::optional{static_cast<std::uint64_t>(*got)} : std::nullopt;
}

/// What must be the same for the shards of one sweep.
std::string difference(const heading& a, const heading& b) {
  const auto differ = [](const std::string& what, const std::string& x, const std::string& y) {
    return x == y ? std::string{} : "another " + what + ": " + x + " and " + y;
  };
  for (const auto& each :
       {differ("version of lanrage", a.version, b.version),
        differ("scenario", a.scenario_hash, b.scenario_hash),
        differ("range of seeds", to_string(a.seeds), to_string(b.seeds)),
        differ("number of shards", std::to_string(a.part.of), std::to_string(b.part.of)),
        differ("--until", a.until.value_or("none"), b.until.value_or("none")),
        differ("--trace", a.trace.value_or("none"), b.trace.value_or("none")),
        differ("--faults", a.faults ? "given" : "none", b.faults ? "given" : "none"),
        differ("plan", a.plan_hash.value_or("none"), b.plan_hash.value_or("none")),
        differ("--count", a.count ? std::to_string(*a.count) : "none",
               b.count ? std::to_string(*b.count) : "none")})
    if (!each.empty()) return each;
  return {};
}

} // namespace

std::optional<seed_range> parse_seeds(std::string_view text) {
  const auto dots = text.find("..");
  const auto first = number(text.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : number(text.substr(dots + 2));
  if (!first || !last || *first > *last) return std::nullopt;
  const seed_range out{*first, *last};
  return out.size() > seed_range::most ? std::nullopt : std::optional{out};
}

std::string to_string(const seed_range& seeds) {
  return std::to_string(seeds.first) + ".." + std::to_string(seeds.last);
}

std::optional<shard> parse_shard(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto which = number(text.substr(0, slash));
  const auto of = number(text.substr(slash + 1));
  if (!which || !of || *which == 0 || *which > *of || *of > shard::most) return std::nullopt;
  return shard{*which, *of};
}

std::string to_string(const shard& part) {
  return std::to_string(part.number) + '/' + std::to_string(part.of);
}

std::vector<std::uint64_t> seeds_of(const seed_range& seeds, const shard& part) {
  std::vector<std::uint64_t> out;
  for (auto i = part.number - 1; i < seeds.size(); i += part.of)
    out.push_back(seeds.first + i);
  return out;
}

int exit_of(const row& of) {
  constexpr int safety = 10, liveness = 11, crashed = 13;
  if (of.crash) return crashed;
  const bool unsafe = std::any_of(of.missed.begin(), of.missed.end(), [](const miss& each) {
    return each.what == scenario::missed::kind::safety;
  });
  return unsafe ? safety : of.missed.empty() ? 0 : liveness;
}

int exit_of(const std::vector<row>& all) {
  int worst = 0;
  for (const auto& each : all)
    worst = std::max(worst, exit_of(each));
  return worst;
}

std::vector<faults::seen_kind> seen_faults(const std::vector<row>& all) {
  std::vector<faults::seen_kind> out;
  for (const auto& each : all)
    faults::add_to(out, each.faults);
  return out;
}

std::vector<std::string> never_seen(const results& of) {
  std::vector<std::string> out;
  for (const auto& name : invariants::sometimes_all())
    if (std::none_of(of.rows.begin(), of.rows.end(),
                     [&](const row& each) { return each.seen.contains(name); }))
      out.push_back(name);
  return out;
}

void throw_exception_from_error(const mismatch& what, const boost::source_location&) {
  throw std::runtime_error(what.lines.front());
}

boost::system::result<results, mismatch> merge(std::vector<named_results> shards) {
  if (shards.empty()) return mismatch{{"there is nothing to merge"}};
  std::stable_sort(shards.begin(), shards.end(), [](const auto& a, const auto& b) {
    return a.got.about.part.number < b.got.about.part.number;
  });
  mismatch bad;
  const auto& first = shards.front();
  std::map<std::uint64_t, std::string> have; ///< shard, its file
  for (const auto& each : shards) {
    if (const auto why = difference(first.got.about, each.got.about); !why.empty()) {
      bad.lines.push_back(first.file + " and " + each.file + " are of different sweeps: " + why);
      continue;
    }
    const auto [before, fresh] = have.emplace(each.got.about.part.number, each.file);
    if (!fresh)
      bad.lines.push_back(before->second + " and " + each.file + " are both shard " +
                          to_string(each.got.about.part));
  }
  const auto of = first.got.about.part.of;
  if (bad.lines.empty() && have.size() < of) {
    std::string missing;
    std::size_t named = 0;
    for (std::uint64_t i = 1; i <= of && named < 10; ++i)
      if (!have.contains(i)) missing += (named++ == 0 ? "" : ", ") + std::to_string(i);
    const auto more = of - have.size() - named;
    bad.lines.push_back("of " + std::to_string(of) + " shards these are missing: " + missing +
                        (more > 0 ? " and " + std::to_string(more) + " more" : ""));
  }
  if (!bad.lines.empty()) return bad;
  results out;
  out.about = first.got.about;
  out.about.part = {};
  for (auto& each : shards)
    std::move(each.got.rows.begin(), each.got.rows.end(), std::back_inserter(out.rows));
  std::sort(out.rows.begin(), out.rows.end(),
            [](const row& a, const row& b) { return a.seed < b.seed; });
  return out;
}

} // namespace lanrage::sim::sweep
