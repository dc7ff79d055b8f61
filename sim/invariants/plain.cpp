#include "sim/invariants/plain.hpp"

#include "config/defaults.hpp"
#include "sim/scenario/judge.hpp"

#include <algorithm>
#include <map>

namespace lanrage::sim::invariants {
namespace {

using scenario::seconds_text;

/// Timers of one daemon with nobody to talk to, and of one connection: the deadlines of answered
/// requests count, which CAF keeps until they are due. Most has whose WireGuard is shown with peers
/// missing (F44): each of them is written, read back and repaired all the time.
constexpr std::size_t timers_per_member = 450;
constexpr std::size_t timers_per_connection = 125;
/// Control connections, WireGuard's timers, packets under way.
constexpr std::size_t events_per_member = 1'000;
constexpr std::size_t events_per_connection = 500;
constexpr std::size_t requests_per_member = 50;
constexpr std::size_t requests_per_connection = 50;
/// Of the world itself: what a scenario has planned.
constexpr std::size_t planned = 20'000;

bool is_secret_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/' || c == '=' || c == '-' || c == '_';
}

} // namespace

void clock_rules::event(duration due, duration now) {
  if (due < last_ || now < last_)
    found_.add("S17", now, "world",
               "an event of " + seconds_text(due) + " comes after " + seconds_text(last_));
  if (due > now)
    found_.add("S17", now, "world", "an event of " + seconds_text(due) + " comes before its time");
  last_ = std::max(last_, due);
}

void check_fabric(const fabric_counters& count, std::size_t under_way, duration now,
                  findings& found) {
  const auto in = count.sent + count.duplicated;
  const auto out = count.delivered + count.all_dropped() + under_way;
  if (in == out) return;
  found.add("S18", now, "fabric",
            std::to_string(count.sent) + " sent, " + std::to_string(count.duplicated) +
                " duplicated, " + std::to_string(count.delivered) + " delivered, " +
                std::to_string(count.all_dropped()) + " dropped, " + std::to_string(under_way) +
                " under way");
}

void check_waiting(const waiting& is, duration now, findings& found) {
  const auto check = [&](const char* what, std::size_t have, std::size_t per_member,
                         std::size_t per_connection, std::size_t more) {
    const auto most = more + is.members * per_member + is.connections * per_connection;
    if (have > most)
      found.add("S15", now, what,
                std::to_string(have) + ' ' + what + ", at most " + std::to_string(most) + " for " +
                    std::to_string(is.members) + " members with " + std::to_string(is.connections) +
                    " connections");
  };
  check("timers", is.timers, timers_per_member, timers_per_connection, 100);
  check("requests", is.requests, requests_per_member, requests_per_connection, 100);
  check("events", is.events, events_per_member, events_per_connection,
        planned + 1'000 * is.streams);
}

std::string clash_among(const std::vector<holder>& all) {
  std::map<net::virtual_ip, std::string> by_address;
  for (const auto& each : all) {
    if (!each.address.leased()) continue;
    if (each.address.reserved())
      return each.name + " has " + net::to_string(each.address) + ", which is nobody's";
    const auto [first, fresh] = by_address.emplace(each.address, each.name);
    if (!fresh)
      return first->second + " and " + each.name + " both have " + net::to_string(each.address);
  }
  return {};
}

void check_error(std::string_view line, std::uint64_t ordered_deaths, duration now,
                 findings& found) {
  // Who is killed more often than a budget allows may say so.
  const bool given_up = line.find(": giving up") != std::string_view::npos ||
                        line.find(" keeps dying: kill") != std::string_view::npos;
  if (given_up &&
      ordered_deaths > static_cast<std::uint64_t>(config::defaults::restarts_per_window))
    return;
  found.add("S19", now, "log", "error: " + std::string{line});
}

void secret_rules::keep(std::string secret) {
  if (secret.size() >= shortest) secrets_.insert(std::move(secret));
}

void secret_rules::line(std::string_view text, duration now) {
  for (std::size_t i = 0; i < text.size();) {
    if (!is_secret_letter(text[i])) {
      ++i;
      continue;
    }
    auto end = i;
    while (end < text.size() && is_secret_letter(text[end]))
      ++end;
    const auto word = text.substr(i, end - i);
    // A secret may stand inside of a longer word.
    if (word.size() >= shortest)
      for (const auto& each : secrets_)
        if (word.find(each) != std::string_view::npos)
          found_.add("S20", now, "log", "a secret is in the log"); // and not in this message
    i = end;
  }
}

} // namespace lanrage::sim::invariants
