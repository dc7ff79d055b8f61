#include "sim/invariants/echoes.hpp"

#include "sim/scenario/judge.hpp"
#include "sim/world/machine.hpp"

#include <string>

namespace lanrage::sim::invariants {
namespace {

constexpr std::uint64_t number_mask = 0xffff'ffff;
constexpr std::uint64_t numbers_max = 10'000'000; ///< of a stream (scenario::limits)

std::string name_of(const echo_key& echo) {
  if (echo.token & user_echo)
    return "echo " + std::to_string(echo.token & number_mask) + " of stream " +
           std::to_string((echo.token & ~user_echo) >> 32);
  return "tunnel probe " + std::to_string(echo.token);
}

} // namespace

void echo_ledger::doubt(const echo_key& echo, entry& it) {
  if (it.copies > 0 || it.listed) return;
  it.listed = true;
  doubtful_.push_back(echo);
}

void echo_ledger::asked(const echo_key& echo, duration now, std::string_view asker) {
  ++count_.asked;
  auto [at, fresh] = open_.try_emplace(echo);
  auto& it = at->second;
  if (!fresh) ++count_.replaced;
  const bool listed = it.listed;
  it = {now, asker, fresh ? 0 : it.copies, {}, listed, !fresh};
  doubt(echo, it); // until it is carried
}

void echo_ledger::carried(const echo_key& echo, int change) {
  const auto at = open_.find(echo);
  if (at == open_.end()) return; // answered already: a copy
  at->second.copies += change;
  if (change > 0) at->second.cause = {};
  doubt(echo, at->second);
}

void echo_ledger::lost(const echo_key& echo, std::string_view cause) {
  const auto at = open_.find(echo);
  if (at == open_.end() || at->second.copies > 0) return; // another copy goes on
  at->second.cause = cause;
  doubt(echo, at->second);
}

std::optional<duration> echo_ledger::answered(const echo_key& echo, duration now,
                                              std::string_view asker) {
  if (echo.token & user_echo) {
    auto& done = done_[echo.token & ~number_mask];
    const auto number = echo.token & number_mask;
    if (number < numbers_max) {
      if (done.size() <= number) done.resize(number + 1);
      if (done[number])
        found_.add("S13", now, std::string{asker}, name_of(echo) + " was answered twice");
      else if (!open_.contains(echo))
        found_.add("S13", now, std::string{asker},
                   name_of(echo) + " was answered and not asked, or lost before");
      done[number] = true;
    }
  }
  const auto at = open_.find(echo);
  if (at == open_.end()) return std::nullopt;
  const auto took = now - at->second.since;
  open_.erase(at);
  ++count_.answered;
  return took;
}

void echo_ledger::settled(duration now) {
  for (const auto& echo : doubtful_) {
    const auto at = open_.find(echo);
    if (at == open_.end()) continue;
    auto& it = at->second;
    it.listed = false;
    if (it.copies > 0) continue;
    if (it.cause.empty() && !it.unclear)
      found_.add("S14", now, std::string{it.asker},
                 name_of(echo) + ", asked at " + scenario::seconds_text(it.since) +
                     ", is nowhere, and nothing says why");
    if (it.copies < 0 && !it.unclear)
      found_.add("S13", now, std::string{it.asker},
                 name_of(echo) + " ended more often than it was sent");
    ++count_.lost;
    open_.erase(at);
  }
  doubtful_.clear();
}

} // namespace lanrage::sim::invariants
