#include "actors/peer/path_book.hpp"

#include "config/path_defaults.hpp"

#include <algorithm>
#include <bit>

namespace lanrage::actors {

namespace {
constexpr std::size_t entries_max = 12; ///< the direct path, some relays, and what was before
} // namespace

std::uint32_t path_book::entry::asked_since(std::uint32_t count) const {
  return std::min<std::uint32_t>(sent - std::min(count, sent), 32);
}

std::uint32_t path_book::entry::lost_since(std::uint32_t count) const {
  const auto asked = asked_since(count);
  if (asked == 0) return 0;
  return asked - static_cast<std::uint32_t>(std::popcount(history << (32 - asked)));
}

int path_book::entry::hiccups_of_late() const {
  const auto one = ~history & (history << 1) & (history >> 1);
  const auto two = ~history & ~(history >> 1) & (history << 1) & (history >> 2);
  return std::popcount(one) + std::popcount(two);
}

path_book::entry& path_book::at(const path& over) {
  const auto known = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const auto& e) { return e.what.where == over.where; });
  entry one;
  if (known != entries_.end()) {
    one = *known;
    entries_.erase(known);
  } else if (entries_.size() >= entries_max) {
    entries_.erase(entries_.begin());
  }
  one.what = over;
  if (one.rtt) one.what.rtt = *one.rtt;
  entries_.push_back(std::move(one));
  return entries_.back();
}

std::uint32_t path_book::ask(const path& over, time_point now) {
  auto& one = at(over);
  // One that may yet be answered is not lost.
  const auto unanswered = one.sent > 0 && (one.history & 1) == 0;
  if (unanswered && now - one.asked >= config::defaults::path_check_lost_after) one.in_a_row = 0;
  one.asked = now;
  ++one.sent;
  one.history <<= 1;
  open_.push_back({++last_, over.where, one.sent});
  if (open_.size() > config::defaults::path_checks_open_max) open_.erase(open_.begin());
  return last_;
}

const path_book::entry* path_book::answer(std::uint32_t number, std::chrono::nanoseconds rtt,
                                          time_point now) {
  const auto open = std::find_if(open_.begin(), open_.end(),
                                 [&](const auto& each) { return each.number == number; });
  if (open == open_.end()) return nullptr;
  const auto one = std::find_if(entries_.begin(), entries_.end(),
                                [&](const auto& e) { return e.what.where == open->where; });
  const auto back = one == entries_.end() ? 0 : one->sent - open->count;
  open_.erase(open);
  if (one == entries_.end()) return nullptr;
  if (back < 32) one->history |= std::uint32_t{1} << back;
  ++one->in_a_row;
  one->answered = now;
  one->last = rtt;
  one->rtt = one->rtt ? (7 * *one->rtt + rtt) / 8 : rtt;
  one->what.rtt = *one->rtt;
  return &*one;
}

std::optional<path> path_book::alive_since(time_point since, const std::optional<path>& but) const {
  const entry* best = nullptr;
  for (const auto& one : entries_) {
    if (!one.answered || *one.answered < since) continue;
    if (but && but->where == one.what.where) continue;
    if (!best || *one.rtt < *best->rtt) best = &one;
  }
  return best ? std::optional{best->what} : std::nullopt;
}

void path_book::forget(const net::endpoint& where) {
  std::erase_if(entries_, [&](const entry& each) { return each.what.where == where; });
  std::erase_if(open_, [&](const open_check& each) { return each.where == where; });
}

const path_book::entry* path_book::find(const net::endpoint& where) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const auto& e) { return e.what.where == where; });
  return found == entries_.end() ? nullptr : &*found;
}

} // namespace lanrage::actors
