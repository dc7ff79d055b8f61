#include "sim/scenario/trace_source.hpp"

#include "sim/trace/reader.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanrage::sim::scenario {
namespace {

/// value * ppm / 10^6, exact: a delay of an hour has 42 bits, a scale 30.
duration scaled(duration value, std::uint32_t ppm) {
  constexpr std::int64_t whole = 1'000'000;
  const auto count = value.count();
  return duration{count / whole * ppm + count % whole * ppm / whole};
}

/// A reading as a packet's fate. The file was read to its end before the run, so a problem now is
/// somebody changing it meanwhile, and no result of such a run means anything.
template <class T>
const T& sound(const trace::result<T>& got) {
  if (!got) throw std::runtime_error("the trace changed: " + trace::to_string(got.error()));
  return *got;
}

class recorded_delay final : public visible_source {
 public:
  struct settings {
    trace::link_id link{};
    trace::toward to{};
    std::uint32_t scale_ppm = unscaled;
    duration offset{};
    std::uint64_t seed = 0;
  };
  recorded_delay(std::shared_ptr<trace::replay> along, const settings& how)
      : along_(std::move(along)), how_(how) {}
  recorded_delay(trace::probe_replay probes, const settings& how)
      : probes_(std::make_unique<trace::probe_replay>(std::move(probes))), how_(how) {}

  passage next(time_point now, std::uint64_t) override {
    if (!along_) last_ = sound(probes_->next());
    return look(now);
  }

  passage look(time_point now) override {
    const auto reading = along_ ? sound(along_->at(how_.link, now.time_since_epoch())) : last_;
    const auto& head = along_ ? along_->head() : probes_->head();
    const auto fate = trace::one_way(reading, head, how_.link, how_.to, how_.seed);
    switch (fate.is) {
    case trace::fate::outcome::arrives:
      return {passage::fate::delivered, scaled(fate.delay, how_.scale_ppm) + how_.offset};
    case trace::fate::outcome::lost:
      return {passage::fate::lost, {}};
    case trace::fate::outcome::unreachable:
    case trace::fate::outcome::ended:
      break;
    }
    return {passage::fate::unreachable, {}};
  }

 private:
  std::shared_ptr<trace::replay> along_;        ///< by the clock
  std::unique_ptr<trace::probe_replay> probes_; ///< or packet by packet, where there is none
  trace::reading last_;                         ///< then: what the last packet met
  settings how_;
};

std::vector<const trace_use*> uses_of(const script& of) {
  std::vector<const trace_use*> out;
  for (const auto& link : of.links)
    if (link.how.trace) out.push_back(&*link.how.trace);
  for (const auto& event : of.events)
    if (const auto* change = std::get_if<deed::change_link>(&event.what))
      if (change->link.how.trace) out.push_back(&*change->link.how.trace);
  return out;
}

std::optional<trace::node_id> node_of(const trace::header& head, const std::string& label) {
  const auto found = std::find(head.nodes.begin(), head.nodes.end(), label);
  if (found == head.nodes.end()) return std::nullopt;
  return trace::node_id(found - head.nodes.begin());
}

std::string labels_text(const trace::header& head) {
  std::string out;
  for (std::size_t i = 0; i < head.nodes.size() && i < 20; ++i)
    out += (out.empty() ? "" : ", ") + trace::in_quotes(head.nodes[i]);
  return out + (head.nodes.size() > 20 ? ", ..." : "");
}

std::string described_use(const trace_use& use) {
  if (const auto* number = std::get_if<std::uint32_t>(&use.link))
    return "link " + std::to_string(*number);
  const auto& labels = std::get<1>(use.link);
  return "a link of " + trace::in_quotes(labels[0]) + " and " + trace::in_quotes(labels[1]);
}

} // namespace

std::optional<recordings::direction> recordings::find(const trace::header& head,
                                                      const trace_use& use, way to) {
  using trace::toward;
  if (const auto* number = std::get_if<std::uint32_t>(&use.link)) {
    if (*number >= head.link_count()) return std::nullopt;
    const trace::link_id link{*number};
    if (to == way::forward) return direction{link, toward::b};
    if (head.at(link).dir == trace::direction::forward) return std::nullopt;
    return direction{link, toward::a};
  }
  const auto& labels = std::get<1>(use.link);
  auto from = node_of(head, labels[0]);
  auto there = node_of(head, labels[1]);
  if (!from || !there || *from == *there) return std::nullopt;
  if (to == way::backward) std::swap(from, there);
  if (head.mesh) return direction{head.between(*from, *there), toward::b};
  for (std::size_t i = 0; i < head.links.size(); ++i) {
    const auto& each = head.links[i];
    if (each.a == *from && each.b == *there) return direction{trace::link_id(i), toward::b};
    if (each.a == *there && each.b == *from && each.dir == trace::direction::both)
      return direction{trace::link_id(i), toward::a};
  }
  return std::nullopt;
}

result<recordings> recordings::open(const script& of, const std::filesystem::path& scenario,
                                    const std::optional<std::filesystem::path>& replaced) {
  recordings out;
  bad_input bad;
  if (replaced && of.traces.empty())
    return bad_input{{scenario.string() + ": found no trace that " + replaced->string() +
                      " could take the place of, expected [traces]"}};
  for (const auto& each : of.traces) {
    const auto path = replaced ? *replaced : scenario.parent_path() / each.path;
    const auto from = trace::file_input(path);
    const auto totals = from ? trace::check(*from) : trace::result<trace::totals>{from.error()};
    if (!totals) {
      bad.lines.push_back(trace::to_string(totals.error()));
      continue;
    }
    auto opened = trace::reader::open(*from);
    if (!opened) {
      bad.lines.push_back(trace::to_string(opened.error()));
      continue;
    }
    out.files_.push_back({*from, opened->head()});
    out.described_.push_back(
        "trace " + each.name + ": " + std::to_string(opened->head().link_count()) + " links, " +
        std::to_string(totals->records) + " records, sum " + std::to_string(totals->sum) + " ns");
  }
  if (!bad.lines.empty()) return bad;
  for (const auto* use : uses_of(of)) {
    const auto& head = out.files_[use->trace].head;
    if (find(head, *use, way::forward) && find(head, *use, way::backward)) continue;
    bad.lines.push_back(scenario.string() + ':' + std::to_string(use->where.line) + ':' +
                        std::to_string(use->where.column) + ": found " + described_use(*use) +
                        ", expected one that the trace has in both directions: it has " +
                        std::to_string(head.link_count()) + " links of " + labels_text(head));
  }
  if (!bad.lines.empty()) return bad;
  return out;
}

bool recordings::fifo(const trace_use& use) const {
  const auto& head = files_[use.trace].head;
  return head.at(find(head, use, way::forward)->link).rules.fifo;
}

std::shared_ptr<delay_source> recordings::source(const trace_use& use, way to,
                                                 std::uint32_t scale_ppm, std::uint64_t seed) {
  const auto& of = files_[use.trace];
  const auto where = find(of.head, use, to).value();
  const recorded_delay::settings how{where.link, where.to, scale_ppm, use.offset, seed};
  if (of.head.clock == trace::clock_kind::none) {
    auto probes = trace::probe_replay::open(of.from, where.link, use.end);
    if (!probes) throw std::runtime_error(trace::to_string(probes.error()));
    return std::make_shared<recorded_delay>(std::move(*probes), how);
  }
  const auto end = use.end ? static_cast<int>(*use.end) : -1;
  auto& along = replays_[{use.trace, use.start, end}];
  if (!along) {
    auto opened = trace::replay::open(of.from, {use.end, use.start});
    if (!opened) throw std::runtime_error(trace::to_string(opened.error()));
    along = std::make_shared<trace::replay>(std::move(*opened));
  }
  return std::make_shared<recorded_delay>(along, how);
}

} // namespace lanrage::sim::scenario
