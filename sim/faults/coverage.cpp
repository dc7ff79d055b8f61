#include "sim/faults/coverage.hpp"

#include <algorithm>

namespace lanrage::sim::faults {
namespace {

constexpr std::size_t apart = states - 1;

seen_kind& of_kind(std::vector<seen_kind>& all, int kind) {
  const auto at = std::lower_bound(all.begin(), all.end(), kind,
                                   [](const seen_kind& a, int b) { return a.kind < b; });
  if (at != all.end() && at->kind == kind) return *at;
  seen_kind made;
  made.kind = kind;
  return *all.insert(at, made);
}

/// At most 4 digits: 1234, 12k, 3M.
std::string short_count(std::uint64_t of) {
  if (of < 10'000) return std::to_string(of);
  if (of < 10'000'000) return std::to_string(of / 1'000) + 'k';
  return std::to_string(of / 1'000'000) + 'M';
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string pad(width > text.size() ? width - text.size() : 0, ' ');
  return right ? pad + text : text + pad;
}

} // namespace

const char* state_name(std::size_t state) {
  return state == apart ? "apart" : msg::to_string(static_cast<msg::phase>(state)).data();
}

coverage::coverage(const plan& of, std::size_t members)
    : last_(of.faults.size()), by_member_(members) {
  for (const auto& each : of.faults) {
    kind_of_.push_back(each.kind);
    auto& seen = kinds_[each.kind];
    seen.kind = each.kind;
    ++seen.planned;
  }
  for (std::uint32_t a = 0; a < members; ++a)
    by_member_[a][apart] = static_cast<std::uint32_t>(members - 1);
  all_[apart] = static_cast<std::uint32_t>(members * (members - std::min<std::size_t>(members, 1)));
}

void coverage::move(std::uint32_t member, std::uint32_t peer, std::size_t to) {
  auto& view = views_.try_emplace({member, peer}, apart).first->second;
  --by_member_[member][view];
  --all_[view];
  view = to;
  ++by_member_[member][view];
  ++all_[view];
}

void coverage::heard(std::uint32_t member, std::uint32_t peer, msg::phase at) {
  if (member != peer) move(member, peer, static_cast<std::size_t>(at));
}

void coverage::forget(std::uint32_t member) {
  for (auto at = views_.lower_bound({member, 0}); at != views_.end() && at->first.first == member;
       ++at)
    move(member, at->first.second, apart);
}

void coverage::fired(std::size_t fault, const std::vector<std::uint32_t>& touched, time_point now) {
  auto& seen = kinds_.at(kind_of_.at(fault));
  ++seen.fired;
  // Many packets of one moment are one moment.
  if (last_[fault] == now) return;
  last_[fault] = now;
  for (std::size_t state = 0; state < states; ++state) {
    const auto there = [&](std::uint32_t member) { return by_member_[member][state] > 0; };
    if (touched.empty() ? all_[state] > 0 : std::any_of(touched.begin(), touched.end(), there))
      ++seen.in[state];
  }
}

std::vector<seen_kind> coverage::result() const {
  std::vector<seen_kind> out;
  for (const auto& [id, seen] : kinds_)
    out.push_back(seen);
  return out;
}

void add_to(std::vector<seen_kind>& into, const std::vector<seen_kind>& more) {
  for (const auto& each : more) {
    auto& sum = of_kind(into, each.kind);
    sum.planned += each.planned;
    sum.fired += each.fired;
    for (std::size_t i = 0; i < states; ++i)
      sum.in[i] += each.in[i];
  }
}

std::vector<int> never_fired(const std::vector<seen_kind>& of) {
  std::vector<int> out;
  for (const auto& each : kinds()) {
    const auto found = std::find_if(of.begin(), of.end(),
                                    [&](const seen_kind& seen) { return seen.kind == each.id; });
    if (found == of.end() || found->fired == 0) out.push_back(each.id);
  }
  return out;
}

std::string matrix_text(const std::vector<seen_kind>& of) {
  std::size_t width = 0;
  for (const auto& each : kinds())
    width = std::max(width, label(each.id).size());
  std::string out = padded("fault", width, false) + "  planned  fired";
  std::array<std::size_t, states> widths{};
  for (std::size_t i = 0; i < states; ++i) {
    widths[i] = std::max<std::size_t>(std::string_view{state_name(i)}.size(), 5);
    out += "  " + padded(state_name(i), widths[i], true);
  }
  out += '\n';
  std::size_t empty = 0;
  for (const auto& each : kinds()) {
    const auto found = std::find_if(of.begin(), of.end(),
                                    [&](const seen_kind& seen) { return seen.kind == each.id; });
    const auto seen = found == of.end() ? seen_kind{} : *found;
    out += padded(label(each.id), width, false) + "  " +
           padded(short_count(seen.planned), 7, true) + "  " +
           padded(seen.fired == 0 ? "NEVER" : short_count(seen.fired), 5, true);
    for (std::size_t i = 0; i < states; ++i) {
      empty += seen.in[i] == 0;
      out += "  " + padded(seen.in[i] == 0 ? "." : short_count(seen.in[i]), widths[i], true);
    }
    out += '\n';
  }
  const auto never = never_fired(of);
  out += std::to_string(kinds().size() - never.size()) + " of " + std::to_string(kinds().size()) +
         " kinds of faults fired, " + std::to_string(empty) + " of " +
         std::to_string(kinds().size() * states) + " cells empty\n";
  if (never.empty()) return out;
  out += "never fired:";
  for (const auto id : never)
    out += ' ' + label(id) + (id == never.back() ? "" : ",");
  return out + '\n';
}

} // namespace lanrage::sim::faults
