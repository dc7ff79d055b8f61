#include "net/control/server_journal.hpp"

#include "config/defaults.hpp"
#include "net/os/counters_file.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>

namespace lanrage::net::control {
namespace {

namespace defaults = config::defaults;

std::size_t place_of(server_journal::counter what) {
  const auto found = std::find_if(server_counter_fields.begin(), server_counter_fields.end(),
                                  [&](const server_counter& each) { return each.second == what; });
  return static_cast<std::size_t>(found - server_counter_fields.begin());
}

std::uint64_t refusals(const server_counters& c) {
  return c.refused_source + c.refused_handshake + c.refused_request + c.refused_login +
         c.refused_parties + c.refused_full + c.messages_bad + c.messages_too_large +
         c.messages_refused + c.messages_over_rate + c.slow_members;
}

} // namespace

void server_journal::count(counter what, std::int64_t by) {
  const std::lock_guard lock{mutex_};
  counters_.*what += static_cast<std::uint64_t>(by);
}

void server_journal::refuse(counter as, const ip_address& source, const error& why,
                            time_point now) {
  constexpr auto every = defaults::control_refusals_logged_every;
  auto& mine = budgets_[place_of(as)];
  if (mine.lines.admit(now, every, every * (defaults::control_refusals_logged_burst - 1))) {
    const auto more = std::exchange(mine.left_out, 0);
    spdlog::info("control: refused {}: {}{}", to_string(source), to_string(why),
                 more == 0 ? "" : " (and " + std::to_string(more) + " more since the last line)");
  } else {
    ++mine.left_out;
  }
  count(as);
}

server_counters server_journal::counters() const {
  const std::lock_guard lock{mutex_};
  return counters_;
}

void server_journal::write() {
  os::write_counters(disk_, folder_,
                     R"({"counters":)" + counters_json(counters(), server_counter_fields) + "}\n",
                     "control");
}

void server_journal::log() {
  const auto c = counters();
  const auto before = std::exchange(logged_, c);
  if (c.connections == before.connections && c.messages == before.messages) return;
  spdlog::info("control: {} sessions; since the last line {} connections, {} logins, {} messages, "
               "{} refused",
               c.sessions, c.connections - before.connections, c.logins - before.logins,
               c.messages - before.messages, refusals(c) - refusals(before));
}

void server_journal::tick(time_point now) {
  write();
  if (now < next_log_) return;
  if (next_log_ != time_point{}) log();
  next_log_ = now + defaults::counters_logged_every;
}

} // namespace lanrage::net::control
