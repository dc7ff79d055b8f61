#include "sim/trace/gen.hpp"

#include "net/random.hpp"
#include "sim/trace/writer.hpp"

#include <algorithm>
#include <array>

namespace lanrage::sim::trace {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 6> names{"steady",   "diurnal", "bursty",
                                                "starlink", "shifts",  "mesh"};
constexpr std::int64_t most_records = 100'000'000;

/// Draws from one named stream. Two draws never stand in one expression: compilers differ in which
/// operand they evaluate first.
class dice {
 public:
  dice(std::uint64_t seed, std::string_view name) : source_(net::seeded_random(seed, name)) {}

  /// 0 to most, both included. The bias of the remainder (below 2^-20) is no matter here.
  std::int64_t upto(std::int64_t most) {
    std::array<std::uint8_t, 8> octets;
    source_(octets);
    net::byte_reader in{octets};
    return static_cast<std::int64_t>(in.u64() % (static_cast<std::uint64_t>(most) + 1));
  }
  nanoseconds upto(nanoseconds most) { return nanoseconds{upto(most.count())}; }
  bool one_in(std::int64_t n) { return upto(n - 1) == 0; }
  /// Around 0: the sum of two draws, so that small is likelier than large.
  nanoseconds around_zero(nanoseconds most) {
    const auto less = upto(most);
    return upto(most) - less;
  }
  /// Mostly small, now and then large: a draw of a draw of a draw.
  nanoseconds long_tailed(nanoseconds most) { return upto(upto(upto(most))); }

 private:
  net::random_source source_;
};

/// One probe of a single link.
struct outcome {
  nanoseconds rtt{};
  bool lost = false;
  const char* mark = nullptr;
};

/// The models of a single link, told the time and advancing their own state.
class link_model {
 public:
  explicit link_model(const gen_options& how)
      : how_(how), dice_(how.seed, "trace/" + std::string{names[std::size_t(how.model)]}),
        level_(how.base) {}

  outcome at(nanoseconds time) {
    switch (how_.model) {
    case model::diurnal:
      return diurnal(time);
    case model::bursty:
      return bursty();
    case model::starlink:
      return starlink(time);
    case model::shifts:
      return shifts(time);
    case model::steady:
    case model::mesh:
      break;
    }
    return {jittered(20), dice_.one_in(1'000)};
  }

 private:
  nanoseconds jittered(int part) {
    const auto tail = dice_.long_tailed(level_ / 4);
    return level_ + dice_.around_zero(level_ / part) + tail;
  }

  /// A parabola over the 16 waking hours that is 1,000 at its middle (16 o'clock of the trace).
  static std::int64_t busy(nanoseconds time) {
    constexpr std::int64_t hours_16 = 16 * 3'600;
    const auto second = time / 1s % (24 * 3'600) - 8 * 3'600;
    if (second < 0) return 0;
    return 4'000 * second / hours_16 * (hours_16 - second) / hours_16;
  }
  outcome diurnal(nanoseconds time) {
    const auto load = busy(time);
    const auto queue = dice_.upto(how_.base / 1'000 * load);
    return {jittered(20) + queue / 2, dice_.one_in(2'000 - load * 19 / 10)};
  }

  outcome bursty() {
    bad_ = bad_ ? !dice_.one_in(8) : dice_.one_in(200);
    const auto queue = bad_ ? dice_.upto(how_.base) : 0ns;
    return {jittered(20) + queue, bad_ ? dice_.one_in(2) : dice_.one_in(1'000)};
  }

  outcome starlink(nanoseconds time) {
    outcome out;
    const auto slot = (time + 3s) / 15s; // the steps are at 12, 27, 42 and 57 s of a minute
    if (slot != slot_) {
      if (slot_ >= 0) {
        out.mark = "handover";
        to_lose_ = dice_.one_in(3) ? dice_.upto(2) : 0;
      }
      slot_ = slot;
      level_ = how_.base + dice_.upto(how_.base / 2);
    }
    out.rtt = jittered(6);
    out.lost = to_lose_ > 0 || dice_.one_in(400);
    to_lose_ = std::max<std::int64_t>(0, to_lose_ - 1);
    return out;
  }

  outcome shifts(nanoseconds time) {
    outcome out;
    if (time >= next_shift_) {
      if (next_shift_ > 0ns) {
        level_ = how_.base * (60 + dice_.upto(std::int64_t{160})) / 100;
        out.mark = "shift";
      }
      next_shift_ = time + how_.duration / 40 + dice_.upto(how_.duration / 8);
    }
    out.rtt = jittered(50);
    out.lost = dice_.one_in(300);
    return out;
  }

  const gen_options& how_;
  dice dice_;
  nanoseconds level_;
  bool bad_ = false;
  std::int64_t slot_ = -1;
  std::int64_t to_lose_ = 0;
  nanoseconds next_shift_{};
};

/// Nodes on a plane. A way costs distance, both access links, and often a detour of its route;
/// nodes are congested for a while, and some ways for good.
class mesh_model {
 public:
  explicit mesh_model(const gen_options& how) : dice_(how.seed, "trace/mesh"), nodes_(how.nodes) {
    for (auto& each : nodes_)
      each = {dice_.upto(std::int64_t{1'000}), dice_.upto(std::int64_t{1'000}),
              1ms + dice_.long_tailed(80ms), false};
    for (std::size_t a = 0; a < nodes_.size(); ++a)
      for (std::size_t b = 0; b < nodes_.size(); ++b)
        if (a != b) ways_.push_back(way(nodes_[a], nodes_[b]));
  }

  void next_slice() {
    for (auto& each : nodes_)
      each.congested = each.congested ? !dice_.one_in(6) : dice_.one_in(30);
  }

  /// Of the ordered pairs, row by row.
  outcome of(std::size_t link) {
    const auto a = link / (nodes_.size() - 1), place = link % (nodes_.size() - 1);
    const auto b = place < a ? place : place + 1;
    const bool slow = nodes_[a].congested || nodes_[b].congested;
    const auto& base = ways_[link];
    const auto queue = slow ? dice_.long_tailed(4s) : dice_.long_tailed(base);
    return {base + dice_.around_zero(base / 20) + queue, slow && dice_.one_in(30)};
  }

 private:
  struct node {
    std::int64_t x = 0, y = 0;
    nanoseconds access{};
    bool congested = false;
  };
  nanoseconds way(const node& a, const node& b) {
    const auto dx = std::abs(a.x - b.x), dy = std::abs(a.y - b.y);
    const auto far = std::max(dx, dy) + std::min(dx, dy) / 2; // without a square root, near enough
    const auto straight = std::chrono::microseconds{far * 200};
    const auto route = dice_.one_in(5) ? straight * (2 + dice_.upto(std::int64_t{4}))
                                       : straight + dice_.upto(nanoseconds{straight} / 2);
    return route + a.access + b.access;
  }

  dice dice_;
  std::vector<node> nodes_;
  std::vector<nanoseconds> ways_;
};

header head_of(const gen_options& how) {
  header out;
  out.metas = how.about.metas;
  out.clock = clock_kind::nominal;
  out.end = how.about.end;
  out.split = how.about.split;
  if (how.model == model::mesh) {
    for (std::size_t i = 0; i < how.nodes; ++i)
      out.nodes.push_back("n" + std::to_string(i));
    out.mesh = how.about.rules;
  } else {
    out.nodes = {"a", "b"};
    out.links = {{node_id{0}, node_id{1}, direction::both, how.about.rules}};
  }
  return out;
}

void write_mesh(const gen_options& how, std::int64_t slices, writer& out) {
  mesh_model nodes{how};
  const auto links = how.nodes * (how.nodes - 1);
  for (std::int64_t slice = 0; slice < slices; ++slice) {
    const auto now = how.interval * slice;
    nodes.next_slice();
    out.write({record_kind::block, false, now, {}, {}, {}});
    for (std::size_t i = 0; i < links; ++i) {
      const auto got = nodes.of(i);
      out.write({got.lost ? record_kind::lost : record_kind::sample,
                 true,
                 now,
                 link_id(i),
                 got.lost ? 0ns : got.rtt,
                 {}});
    }
  }
}

void write_link(const gen_options& how, std::int64_t probes, writer& out) {
  link_model link{how};
  for (std::int64_t i = 0; i < probes; ++i) {
    const auto now = how.interval * i;
    const auto got = link.at(now);
    if (got.mark) out.write({record_kind::marker, false, now, {}, {}, got.mark});
    if (got.lost)
      out.lost(now, link_id{0});
    else
      out.sample(now, link_id{0}, got.rtt);
  }
}

} // namespace

std::optional<model> parse_model(std::string_view name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) return {};
  return static_cast<model>(at - names.begin());
}

gen_options defaults_of(model which) {
  gen_options out;
  out.model = which;
  out.duration = 1h;
  out.interval = 1s;
  out.base = 40ms;
  switch (which) {
  case model::steady:
  case model::bursty:
    break;
  case model::diurnal:
    out.duration = 24h;
    out.interval = 10s;
    break;
  case model::starlink:
    out.interval = 200ms;
    out.base = 30ms;
    break;
  case model::shifts:
    out.duration = 24h;
    out.interval = 60s;
    break;
  case model::mesh:
    out.duration = 30min;
    out.interval = 15'700ms;
    out.nodes = 30;
    break;
  }
  return out;
}

result<totals> generate(const gen_options& how, byte_sink& to) {
  const auto bad = [](std::string found, std::string expected) {
    return problem{"gen", 0, std::move(found), std::move(expected), {}};
  };
  const bool is_mesh = how.model == model::mesh;
  if (how.interval <= 0ns || how.duration < how.interval || how.duration > limits::time)
    return bad("a duration of " + std::to_string(how.duration.count()) + " ns in steps of " +
                   std::to_string(how.interval.count()),
               "one step at least and ten years at most");
  if (!is_mesh && (how.base <= 0ns || how.base > 10s)) return bad("that base", "up to 10 s");
  if (is_mesh && (how.nodes < 2 || how.nodes > limits::mesh_nodes))
    return bad(std::to_string(how.nodes) + " nodes", "2 to " + std::to_string(limits::mesh_nodes));
  const auto steps = how.duration / how.interval;
  const auto links = is_mesh ? static_cast<std::int64_t>(how.nodes * (how.nodes - 1)) : 1;
  if (steps > most_records / links)
    return bad("more than " + std::to_string(most_records) + " records", "fewer");
  writer out{to};
  out.begin(head_of(how));
  if (is_mesh)
    write_mesh(how, steps, out);
  else
    write_link(how, steps, out);
  return out.finish();
}

} // namespace lanrage::sim::trace
