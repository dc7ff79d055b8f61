#include "sim/virtual_scheduler.hpp"

#include <caf/actor_config.hpp>
#include <caf/group.hpp>
#include <caf/make_actor.hpp>
#include <caf/message.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/sec.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace lanrage::sim {

namespace {

/// Whether an actor still waits for the answer to a request. CAF keeps that to itself.
struct open_requests : caf::scheduled_actor {
  static bool any(const caf::scheduled_actor& who) {
    return !(who.*&open_requests::multiplexed_responses_).empty() ||
           !(who.*&open_requests::awaited_responses_).empty();
  }
  static bool waits(const caf::scheduled_actor& who, caf::message_id answer) {
    const auto& open = who.*&open_requests::multiplexed_responses_;
    const auto& next = who.*&open_requests::awaited_responses_;
    return open.find(answer) != open.end() ||
           std::any_of(next.begin(), next.end(),
                       [&](const auto& each) { return each.first == answer; });
  }
  /// What is in the mailbox, in the order in which CAF takes it out.
  template <class F>
  static void each_message(caf::scheduled_actor& who, F see) {
    const auto any = [&](const caf::mailbox_element& what) {
      see(const_cast<caf::mailbox_element&>(what)); // CAF shows its queues as constants only
    };
    (who.*&open_requests::get_urgent_queue)().peek_all(any);
    (who.*&open_requests::get_normal_queue)().peek_all(any);
  }
};

bool is_stale(caf::abstract_actor* who, caf::message_id answer) {
  const auto* scheduled = dynamic_cast<caf::scheduled_actor*>(who);
  return scheduled && !open_requests::waits(*scheduled, answer);
}

/// Takes the place of CAF's printer, which would be a thread.
struct silent_printer final : caf::monitorable_actor {
  explicit silent_printer(caf::actor_config& config) : caf::monitorable_actor(config) {}
  void enqueue(caf::mailbox_element_ptr, caf::execution_unit*) override {}
};

} // namespace

// --- the clock -----------------------------------------------------------------------------------

void virtual_clock::push(time_point at, timer what) {
  std::uint32_t slot;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(timers_.size());
    timers_.push_back(std::move(what));
  } else {
    slot = free_.back();
    free_.pop_back();
    timers_[slot] = std::move(what);
  }
  heap_.push_back({at, ++last_, slot});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool virtual_clock::fire() {
  const auto due = heap_.front();
  std::pop_heap(heap_.begin(), heap_.end(), later);
  heap_.pop_back();
  auto what = std::move(timers_[due.slot]);
  free_.push_back(due.slot);
  current = std::max(current, due.at);
  if (what.message) {
    what.to->enqueue(std::move(what.message), nullptr);
    return true;
  }
  auto* who = what.to->get();
  if (is_stale(who, what.request)) return false;
  who->eq_impl(what.request, what.to, nullptr, caf::sec::request_timeout);
  return true;
}

void virtual_clock::set_request_timeout(time_point at, caf::abstract_actor* self,
                                        caf::message_id id) {
  if (faults_) at = faults_->due(at, *self, true);
  push(at, {caf::strong_actor_ptr{self->ctrl()}, nullptr, id});
}

void virtual_clock::schedule_message(time_point at, caf::strong_actor_ptr to,
                                     caf::mailbox_element_ptr what) {
  if (faults_) at = faults_->due(at, *to->get(), false);
  push(at, {std::move(to), std::move(what), {}});
}

void virtual_clock::cancel_all() {
  heap_.clear();
  free_.clear();
  // Messages that die may end actors that set timers.
  std::exchange(timers_, {});
}

// Receive timeouts (`after`) and groups are used by nobody here; a closed mailbox drops what comes.
void virtual_clock::set_ordinary_timeout(time_point, caf::abstract_actor*, caf::atom_value,
                                         std::uint64_t) {
  throw std::logic_error("virtual_clock: no receive timeouts");
}
void virtual_clock::set_multi_timeout(time_point, caf::abstract_actor*, caf::atom_value,
                                      std::uint64_t) {
  throw std::logic_error("virtual_clock: no receive timeouts");
}
void virtual_clock::schedule_message(time_point, caf::group, caf::strong_actor_ptr, caf::message) {
  throw std::logic_error("virtual_clock: no groups");
}
void virtual_clock::cancel_ordinary_timeout(caf::abstract_actor*, caf::atom_value) {}
void virtual_clock::cancel_request_timeout(caf::abstract_actor*, caf::message_id) {}
void virtual_clock::cancel_timeouts(caf::abstract_actor*) {}

// --- the scheduler -------------------------------------------------------------------------------

virtual_scheduler::virtual_scheduler(caf::actor_system& system)
    : abstract_coordinator(system), unit_(&system, jobs_) {}

caf::actor_system::module* virtual_scheduler::make(caf::actor_system& system,
                                                   caf::detail::type_list<>) {
  return new virtual_scheduler(system);
}

void virtual_scheduler::use(actor_faults* faults) {
  faults_ = faults;
  clock_.use(faults);
  release();
}

void virtual_scheduler::release() {
  jobs_.insert(jobs_.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
}

bool virtual_scheduler::has_turn(caf::resumable* job, caf::scheduled_actor* who) {
  if (!who || faults_->before(*who)) return true;
  waiting_.push_back(job);
  return false;
}

bool virtual_scheduler::run_once() {
  if (jobs_.empty()) return false;
  if (faults_)
    if (const auto which = faults_->pick(jobs_.size()); which > 0)
      std::swap(jobs_.front(), jobs_[which]);
  auto* job = jobs_.front();
  jobs_.pop_front();
  auto* who = faults_ ? dynamic_cast<caf::scheduled_actor*>(job) : nullptr;
  if (faults_ && !has_turn(job, who)) return true;
  if (watcher_) show(job);
  // One at a time, so that urgent mail overtakes what lies in the mailbox.
  const auto then = job->resume(&unit_, 1);
  if (who && then != caf::resumable::done) faults_->after(*who, open_requests::any(*who));
  switch (then) {
  case caf::resumable::resume_later:
    jobs_.push_front(job);
    break;
  case caf::resumable::done:
  case caf::resumable::awaiting_message:
    caf::intrusive_ptr_release(job);
    break;
  case caf::resumable::shutdown_execution_unit:
    throw std::logic_error("virtual_scheduler: nobody ends the only thread");
  }
  return true;
}

void virtual_scheduler::show(caf::resumable* job) {
  if (job->subtype() != caf::resumable::scheduled_actor) return;
  auto* who = static_cast<caf::scheduled_actor*>(job);
  if (!who->peek_at_next_mailbox_element()) return;
  // CAF drops answers that nobody waits for any more, and goes on with the message behind them.
  bool shown = false;
  open_requests::each_message(*who, [&](caf::mailbox_element& next) {
    if (std::exchange(shown, true)) return;
    watcher_->handling(who->id(), next);
    shown = !next.mid.is_response() || !is_stale(who, next.mid);
  });
}

void virtual_scheduler::start() {
  caf::actor_config config{&unit_};
  auto& all = system();
  utility_actors_[printer_id] =
      caf::make_actor<silent_printer, caf::actor>(all.next_actor_id(), all.node(), &all, config);
}

void virtual_scheduler::stop() {
  use(nullptr);
  while (run_once()) {
  }
  clock_.cancel_all(); // else periodic timers would go on without end
  while (run_once()) {
  }
}

} // namespace lanrage::sim
