#include "sim/report/recorder.hpp"

#include "sim/world/fake_wireguard.hpp"

#include <algorithm>

namespace lanrage::sim::report {
namespace {

condition condition_of(msg::phase at) {
  switch (at) {
  case msg::phase::discovering:
  case msg::phase::negotiating:
  case msg::phase::configuring:
  case msg::phase::verifying:
    return condition::connecting;
  case msg::phase::connected:
    return condition::connected;
  case msg::phase::degraded:
    return condition::degraded;
  case msg::phase::trialling:
    return condition::trialling;
  case msg::phase::reconnecting:
    return condition::reconnecting;
  case msg::phase::failed:
    return condition::failed;
  case msg::phase::closing:
    break;
  }
  return condition::apart;
}

bool knows(condition is) {
  return is != condition::apart && is != condition::off;
}

/// The slice of `count` that a moment is in; what happens at a slice's end is its own.
std::size_t slice_of(duration now, duration until, std::size_t count) {
  const auto n = static_cast<std::int64_t>(count);
  const auto width = std::max<std::int64_t>(1, (until.count() + n - 1) / n);
  return static_cast<std::size_t>(std::clamp<std::int64_t>((now.count() - 1) / width, 0, n - 1));
}

duration gap_for(const scenario::script& of, duration until) {
  const auto members = static_cast<std::uint64_t>(of.members.size());
  const auto pairs = std::clamp<std::uint64_t>(members * members / 2, 1, record_limits::pairs);
  const auto per_pair = record_limits::looks / (pairs * (of.relays.size() + 1));
  const auto looks = std::clamp(static_cast<std::int64_t>(per_pair),
                                record_limits::looks_at_pair_min, record_limits::looks_at_pair_max);
  return std::max<duration>(until / looks, std::chrono::milliseconds{1});
}

} // namespace

const char* to_string(condition what) {
  static constexpr std::array<const char*, conditions> names{
      "apart", "off", "connecting", "connected", "degraded", "trialling", "reconnecting", "failed"};
  return names[static_cast<std::size_t>(what)];
}

std::size_t drop_kinds() {
  return drop_causes + wg_drops;
}

const char* drop_name(std::size_t kind) {
  if (kind < drop_causes) return to_string(static_cast<drop_cause>(kind));
  return to_string(static_cast<wg_drop>(kind - drop_causes));
}

recorder::recorder(const scenario::script& of, duration until, meter& links)
    : links_(links), relays_(static_cast<std::uint32_t>(of.relays.size())),
      gap_(gap_for(of, until)), pairs_of_(of.members.size()), dropped_(drop_kinds()) {
  for (std::uint32_t i = 0; i < relays_; ++i)
    relay_numbers_[of.relays[i].name] = i;
  record_.until = until;
  record_.drops.assign(record_limits::drop_slices, drop_counts(drop_kinds()));
  for (std::uint32_t i = 0; i < of.streams.size(); ++i)
    record_.streams.push_back({i, std::vector<std::uint64_t>(record_limits::stream_slices)});
}

path recorder::path_of(const scenario::pair_view& view) const {
  if (!view.how) return path::none;
  if (*view.how == msg::strategy::direct) return path::direct;
  const auto found = relay_numbers_.find(view.relay);
  return found == relay_numbers_.end() ? path::none : through(found->second);
}

std::optional<std::size_t> recorder::pair_of(std::uint32_t member, std::uint32_t peer) {
  const auto key = std::minmax(member, peer);
  const auto [at, made] = index_.try_emplace(key, record_.pairs.size());
  if (!made) return at->second == SIZE_MAX ? std::nullopt : std::optional{at->second};
  if (record_.pairs.size() == record_limits::pairs) {
    at->second = SIZE_MAX;
    ++record_.pairs_left_out;
    return std::nullopt;
  }
  pair_record fresh;
  fresh.a = key.first;
  fresh.b = key.second;
  for (auto& side : fresh.sides)
    side.push_back({});
  record_.pairs.push_back(std::move(fresh));
  states_.emplace_back();
  pairs_of_[member].push_back(at->second);
  pairs_of_[peer].push_back(at->second);
  return at->second;
}

void recorder::heard(duration now, std::uint32_t member, std::uint32_t peer,
                     const scenario::pair_view& view) {
  if (member == peer) return;
  if (const auto pair = pair_of(member, peer))
    change(now, *pair, member < peer ? 0 : 1, condition_of(view.at), path_of(view));
}

void recorder::forget(duration now, std::uint32_t member) {
  for (const auto pair : pairs_of_[member])
    change(now, pair, record_.pairs[pair].a == member ? 0 : 1, condition::off, path::none);
}

void recorder::change(duration now, std::size_t pair, std::size_t side, condition is, path over) {
  auto& p = record_.pairs[pair];
  auto& changes = p.sides[side];
  if (changes.back().is == is && changes.back().over == over) return;
  if (changes.back().at == now)
    changes.back() = {now, is, over}; // what lasted no time was not
  else
    changes.push_back({now, is, over});

  auto& s = states_[pair];
  const auto one = p.sides[0].back().is;
  const auto other = p.sides[1].back().is;
  if (!knows(one) || !knows(other)) {
    s = {};
  } else {
    if (!s.wanted_since) s.wanted_since = now;
    if (is_up(one) && is_up(other) && !s.connected) {
      s.connected = true;
      p.connects.push_back({*s.wanted_since, now});
    }
  }
  look(now, pair);
}

void recorder::look(duration now, std::size_t pair) {
  auto& p = record_.pairs[pair];
  const auto& one = p.sides[0].back();
  const auto& other = p.sides[1].back();
  rtt_step next;
  next.at = now;
  next.joined = states_[pair].connected;
  if (knows(one.is) && knows(other.is)) {
    const auto both = [&](path there, path back) -> std::optional<duration> {
      const auto first = links_.one_way(p.a, p.b, there);
      const auto second = first ? links_.one_way(p.b, p.a, back) : std::nullopt;
      return second ? std::optional{*first + *second} : std::nullopt;
    };
    const auto better = [](std::optional<duration>& best, std::optional<duration> than) {
      if (than && (!best || *than < *best)) best = than;
    };
    if (is_up(one.is) && is_up(other.is)) {
      next.used = both(one.over, other.over);
      next.over = one.over;
    }
    for (std::uint32_t i = 0; i < relays_; ++i)
      better(next.best_relay, both(through(i), through(i)));
    next.best = next.best_relay;
    if (links_.may_be_direct(p.a, p.b)) better(next.best, both(path::direct, path::direct));
    better(next.best, next.used);
  }
  auto& steps = p.rtts;
  if (!steps.empty()) {
    const auto& last = steps.back();
    if (last.joined == next.joined && last.used == next.used && last.best == next.best &&
        last.best_relay == next.best_relay && last.over == next.over)
      return;
    if (last.at == now) steps.pop_back();
  }
  steps.push_back(next);
}

void recorder::links_changed(duration now) {
  for (std::size_t i = 0; i < record_.pairs.size(); ++i)
    look(now, i);
}

void recorder::tick(duration now, const drop_counts& drops) {
  links_changed(now);
  auto& slice = record_.drops[slice_of(now, record_.until, record_.drops.size())];
  for (std::size_t i = 0; i < drops.size(); ++i)
    slice[i] += drops[i] - std::exchange(dropped_[i], drops[i]);
}

void recorder::unanswered(std::uint32_t stream, duration sent) {
  auto& lost = record_.streams[stream].lost;
  ++lost[slice_of(sent, record_.until, lost.size())];
}

run_record recorder::finish() && {
  std::sort(record_.pairs.begin(), record_.pairs.end(), [](const auto& x, const auto& y) {
    return std::pair{x.a, x.b} < std::pair{y.a, y.b};
  });
  return std::move(record_);
}

} // namespace lanrage::sim::report
