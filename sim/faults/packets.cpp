#include "sim/faults/packets.hpp"

#include "net/frames.hpp"
#include "sim/trace/gen.hpp"
#include "sim/trace/writer.hpp"

#include <algorithm>
#include <stdexcept>

/// Which packets a fault is about, and what is done to them on links. At servers and boxes:
/// packets_servers.cpp.
namespace lanrage::sim::faults {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t whole = 1'000'000;

std::size_t ip_octets(const packet& of) {
  return of.data.size() + (of.to.address.is_v4() ? 28 : 48);
}

bool is_link_kind(int id) {
  return (id >= 1 && id <= 12) || id == 66;
}
bool is_relay_kind(int id) {
  return (id >= 21 && id <= 24) || id == 27 || id == 29 || id == 30 || id == 32;
}
bool is_box_kind(int id) {
  return id >= 15 && id <= 19;
}

/// A recording with what recordings have: gaps in it, or an end before the window's.
std::string broken_recording(const active& of) {
  trace::text_sink out;
  trace::writer to{out};
  trace::header head;
  head.nodes = {"a", "b"};
  head.links = {{trace::node_id{0}, trace::node_id{1}, trace::direction::both, {}}};
  head.end = trace::at_end::stop;
  to.begin(head);
  const bool ends = of.argument("how") == 1;
  const auto span = of.what.end - of.what.start;
  const auto step = std::clamp<duration>(span / 8, 1ms, 500ms);
  constexpr int good = 6, missing = 3;             ///< steps, by turns
  const auto last = ends ? span / 2 - step : span; // the last record lasts a step
  int number = 0;
  for (duration time{}; time <= last; time += step, ++number) {
    if (!ends && number % (good + missing) >= good)
      to.unknown(time, trace::link_id{0}, "gap");
    else
      to.sample(time, trace::link_id{0}, 10ms);
  }
  if (!to.finish()) throw std::logic_error("faults: a recording that cannot be written");
  return out.text;
}

std::string generated_recording(const active& of, std::uint64_t seed) {
  static constexpr std::array<trace::model, 5> models{trace::model::bursty, trace::model::starlink,
                                                      trace::model::shifts, trace::model::steady,
                                                      trace::model::diurnal};
  auto how = trace::defaults_of(models.at(static_cast<std::size_t>(of.argument("model"))));
  how.seed = seed;
  how.base = std::max<duration>(of.time("base"), 1us);
  how.interval = std::min<duration>(how.interval, 1s);
  how.duration = std::clamp<duration>(of.what.end - of.what.start, how.interval, 1h);
  how.about.end = trace::at_end::wrap;
  trace::text_sink out;
  if (!trace::generate(how, out)) throw std::logic_error("faults: no recording");
  return out.text;
}

} // namespace

packet_part::packet_part(context& in) : part(in) {
  in_.where().net().use(this);
}

packet_part::~packet_part() {
  in_.where().net().use(nullptr);
}

bool packet_part::does(int id) const {
  return is_link_kind(id) || is_relay_kind(id) || is_box_kind(id) || id == 33 || id == 49;
}

void packet_part::prepare(active& what) {
  auto& made = entries_.emplace_back(std::make_unique<entry>());
  made->of = &what;
  made->to_all = what.what.to.empty();
  if (is_link_kind(what.what.kind)) made->way = static_cast<int>(what.argument("way"));
  if (what.what.kind == 27) drains_.push_back(made.get());
}

void packet_part::resolve(entry& it) {
  const int id = it.of->what.kind;
  const bool faces = is_link_kind(id) || id == 33;
  const auto mark = [&](std::vector<bool>& into, const std::vector<scenario::thing>& things) {
    into.clear();
    for (const auto& each : things) {
      if (id == 33 && each.what != scenario::kind::member) continue; // the server's own part
      auto node = in_.stage().node_at(each);
      if (faces) node = in_.where().net().face_of(node);
      if (into.size() <= node) into.resize(node + 1);
      into[node] = true;
    }
  };
  mark(it.on, it.of->on);
  mark(it.to, it.of->to);
}

void packet_part::begin(active& what) {
  for (const auto& each : entries_)
    if (each->of == &what) {
      resolve(*each);
      if (what.what.kind == 1 || what.what.kind == 66) open_recording(*each);
      now_.push_back(each.get());
    }
  in_.where().paths_changed();
  const bool of_members = std::any_of(what.on.begin(), what.on.end(), [](const auto& each) {
    return each.what == scenario::kind::member;
  });
  if (what.what.kind == 33 && of_members) in_.fired(what);
  if (what.what.kind == 16)
    in_.after((what.what.end - what.what.start) / 2, [this] { in_.where().paths_changed(); });
}

void packet_part::end(active& what) {
  std::erase_if(now_, [&](const entry* each) { return each->of == &what; });
  in_.where().paths_changed();
}

void packet_part::places_changed() {
  for (auto* it : now_)
    resolve(*it);
}

bool packet_part::on_link(const entry& it, node_id from, node_id to) const {
  const auto has = [](const std::vector<bool>& set, node_id node) {
    return node < set.size() && set[node];
  };
  const bool out = has(it.on, from) && (it.to_all || has(it.to, to));
  const bool in = has(it.on, to) && (it.to_all || has(it.to, from));
  return (out && it.way != 2) || (in && it.way != 1);
}

packet_part::direction& packet_part::at(entry& it, node_id from, node_id to) {
  const auto found = it.directions.find({from, to});
  if (found != it.directions.end()) return found->second;
  const auto& net = in_.where().net();
  direction made{in_.random(*it.of, net.name(from) + '/' + net.name(to))};
  return it.directions.emplace(std::pair{from, to}, std::move(made)).first->second;
}

packet_part::verdict packet_part::on_hop(node_id from, node_id to, packet& what, time_point now) {
  verdict out;
  const hop here{from, to, what, now, out};
  if (in_.tap) in_.tap(from, to, what);
  for (auto* it : drains_)
    drain(*it, here);
  const auto& net = in_.where().net();
  const bool outside = net.realm_of(from) == internet && net.realm_of(to) == internet;
  for (auto* it : now_) {
    if (out.dropped_by != 0) break;
    const int id = it->of->what.kind;
    if (is_link_kind(id)) {
      if (outside && on_link(*it, from, to)) link_fault(*it, here);
    } else if (is_relay_kind(id)) {
      relay_fault(*it, here);
    } else if (id == 49) {
      const bool ours = on_link(*it, from, to);
      const bool shakes = what.data.size() > 4 && (what.data[0] == 1 || what.data[0] == 2) &&
                          what.data[1] == 0 && what.data[2] == 0 && what.data[3] == 0;
      if (ours && shakes) drop(*it, here);
    }
  }
  return out;
}

void packet_part::drop(entry& it, const hop& at) {
  at.out.dropped_by = static_cast<std::uint8_t>(it.of->what.kind);
  in_.fired(*it.of);
}

void packet_part::late(entry& it, const hop& at, duration by) {
  if (by <= duration{}) return;
  at.out.later += by;
  in_.fired(*it.of);
}

// --- links ---------------------------------------------------------------------------------------

void packet_part::link_fault(entry& it, const hop& at) {
  const auto& fault = *it.of;
  const auto random = [&]() -> stream& { return this->at(it, at.from, at.to).random; };
  switch (fault.what.kind) {
  case 1:
  case 66:
    return recorded(it, at);
  case 2:
    return loss(it, at);
  case 3:
    return late(it, at, fault.time("by") + random().up_to(fault.time("jitter")));
  case 4:
    at.out.not_before = std::max(at.out.not_before, fault.end());
    return in_.fired(fault);
  case 5:
    if (random().chance_ppm(fault.share("share"))) late(it, at, random().up_to(fault.time("by")));
    return;
  case 6:
    if (!random().chance_ppm(fault.share("share"))) return;
    at.out.copy_after = random().up_to(fault.time("by"));
    return in_.fired(fault);
  case 7:
    if (random().chance_ppm(fault.share("share"))) damage(it, at);
    return;
  case 8:
    if (ip_octets(at.what) > static_cast<std::size_t>(fault.argument("octets"))) drop(it, at);
    return;
  case 9:
    return rate(it, at);
  case 10:
    return drop(it, at);
  case 11:
    return swizzle(it, at);
  case 12:
    return path_change(it, at);
  default:
    return;
  }
}

void packet_part::open_recording(entry& it) {
  it.trace = std::make_unique<recording>();
  it.trace->text = it.of->what.kind == 66
                       ? broken_recording(*it.of)
                       : generated_recording(*it.of, in_.random(*it.of, "recording").next());
  auto opened = trace::replay::open(trace::text_input("a fault's recording", it.trace->text), {});
  if (!opened) throw std::logic_error("faults: " + trace::to_string(opened.error()));
  it.trace->along = std::move(*opened);
}

void packet_part::recorded(entry& it, const hop& at) {
  const auto reading = it.trace->along->at(trace::link_id{0}, at.now - it.of->start());
  if (!reading) throw std::logic_error("faults: " + trace::to_string(reading.error()));
  const auto way = at.from < at.to ? trace::toward::b : trace::toward::a;
  const auto fate =
      trace::one_way(*reading, it.trace->along->head(), trace::link_id{0}, way, in_.seed());
  if (fate.is == trace::fate::outcome::arrives) return late(it, at, fate.delay);
  drop(it, at);
}

/// Two states (Gilbert 1960, Elliott 1963): in the bad one everything is lost. With bursts of one
/// packet every loss is for itself.
void packet_part::loss(entry& it, const hop& at) {
  const auto share = static_cast<std::int64_t>(it.of->share("share"));
  const auto burst = it.of->argument("burst");
  auto& state = this->at(it, at.from, at.to);
  if (share >= whole) return drop(it, at);
  if (burst <= 1) {
    state.losing = state.random.chance_ppm(static_cast<std::uint32_t>(share));
  } else if (state.losing) {
    state.losing = !state.random.chance_ppm(static_cast<std::uint32_t>(whole / burst));
  } else {
    // The stationary share of the bad state is the share of losses.
    const auto enter = std::min(whole, share * whole / (burst * (whole - share)));
    state.losing = state.random.chance_ppm(static_cast<std::uint32_t>(enter));
  }
  if (state.losing) drop(it, at);
}

/// Only where the receiver can see it: real WireGuard authenticates every octet, ours the ones that
/// stand for its tags.
void packet_part::damage(entry& it, const hop& at) {
  auto& random = this->at(it, at.from, at.to).random;
  auto& data = at.what.data;
  if (data.empty()) return;
  if (it.of->argument("how") == 1) {
    data.resize(random.below(data.size()));
    return in_.fired(*it.of);
  }
  std::size_t first = 0;
  std::size_t count = data.size();
  if (net::classify(data) == net::datagram_class::wireguard) {
    constexpr std::size_t tag = 16, mac1_from_end = 32, proof_at = 20, proof_octets = 8;
    if (data[0] == 1) first = data.size() - mac1_from_end;
    if (data[0] == 4) first = data.size() - tag;
    count = data[0] == 2 ? proof_octets : data[0] == 4 ? 8 : tag;
    if (data[0] == 2) first = proof_at;
  }
  data[first + random.below(count)] ^= static_cast<std::uint8_t>(1U << random.below(8));
  in_.fired(*it.of);
}

void packet_part::rate(entry& it, const hop& at) {
  auto& state = this->at(it, at.from, at.to);
  const auto bits_per_ms = it.of->argument("kbit");
  const auto octets = static_cast<std::int64_t>(ip_octets(at.what));
  const auto start = std::max(at.now, state.busy_until);
  constexpr std::int64_t ns_per_ms = 1'000'000;
  const auto waiting = (start - at.now).count() / 8 * bits_per_ms / ns_per_ms;
  if (waiting > it.of->argument("queue")) return drop(it, at);
  state.busy_until = start + duration{octets * 8 * ns_per_ms / bits_per_ms};
  late(it, at, state.busy_until - at.now);
}

void packet_part::swizzle(entry& it, const hop& at) {
  // Both directions of a link are clogged as one.
  auto& state = this->at(it, std::min(at.from, at.to), std::max(at.from, at.to));
  if (state.freed == time_point{}) {
    const auto third = (it.of->what.end - it.of->what.start) / 3;
    state.clogged = it.of->start() + state.random.up_to(third);
    state.freed = it.of->end() - state.random.up_to(third);
  }
  if (at.now < state.clogged || at.now >= state.freed) return;
  at.out.not_before = std::max(at.out.not_before, state.freed);
  in_.fired(*it.of);
}

void packet_part::path_change(entry& it, const hop& at) {
  auto& state = this->at(it, at.from, at.to);
  const auto step = (at.now - it.of->start()) / it.of->time("every");
  if (step != state.step) {
    state.step = step;
    state.step_by = state.random.up_to(it.of->time("by"));
  }
  late(it, at, state.step_by);
}

std::unique_ptr<part> make_packet_part(context& in) {
  return std::make_unique<packet_part>(in);
}

} // namespace lanrage::sim::faults
