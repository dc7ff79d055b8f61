#include "sim/virtual_time.hpp"

#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <stdexcept>

namespace lanrage::sim {

virtual_time::config::config() {
  load<virtual_scheduler>();
  set("logger.verbosity", caf::atom("quiet"));
}

virtual_time::virtual_time() : scheduler_(dynamic_cast<virtual_scheduler&>(system_.scheduler())) {
  system_.await_actors_before_shutdown(false); // a live actor must not block the destructor
}

virtual_time::~virtual_time() {
  use(nullptr);
  // First the polite way, on which a guardian takes its child along.
  for (const auto reason : {caf::exit_reason::user_shutdown, caf::exit_reason::kill}) {
    for (auto& actor : owned_)
      caf::anon_send_exit(actor, reason);
    while (scheduler_.run_once()) {
    }
  }
  owned_.clear();
  scheduler_.clock().cancel_all(); // else stopping re-fires periodic timers without end
  while (scheduler_.run_once()) {
  }
}

std::size_t virtual_time::settle() {
  std::size_t jobs = 0;
  while (scheduler_.run_once())
    if (++jobs > livelock_after) throw std::runtime_error("virtual_time: actors never settle");
  return jobs;
}

bool virtual_time::step(time_point end) {
  auto& clock = scheduler_.clock();
  const auto timer = clock.next();
  const auto other = more_ ? more_->next() : time_point::max();
  const auto due = std::min(timer, other);
  if (due > end || due == time_point::max()) return false;
  if (other > timer) {
    if (clock.fire()) ++timers_;
    return true;
  }
  if (clock.current < other) clock.current = other;
  more_->run_next();
  return true;
}

void virtual_time::run_until(time_point end) {
  auto& clock = scheduler_.clock();
  for (settle(); step(end); settle()) {
  }
  if (clock.current < end) clock.current = end;
}

bool virtual_time::run_until_mail(caf::scoped_actor& self, time_point end) {
  auto& clock = scheduler_.clock();
  for (settle(); !self->has_next_message() && step(end); settle()) {
  }
  if (self->has_next_message()) return true;
  if (clock.current < end) clock.current = end;
  return false;
}

} // namespace lanrage::sim
