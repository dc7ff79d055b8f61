#pragma once

#include <caf/actor_clock.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/message_id.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

/// CAF's seams for a clock and a scheduler, made for millions of timers on one thread. They keep
/// the order of CAF's own scheduler for tests (caf/scheduler/test_coordinator.hpp): timers by time
/// and then by insertion, ready actors first come first served, each until its mailbox is empty.
namespace lanrage::sim {

/// What faults do to actors and their timers (sim/faults/). Nobody is asked where none are planned.
class actor_faults {
 public:
  virtual ~actor_faults() = default;
  /// It is this actor's turn to handle a message; false: it waits until `release`.
  virtual bool before(caf::scheduled_actor& who) = 0;
  /// It has handled one; `asking`: it waits for answers to questions of its own.
  virtual void after(caf::scheduled_actor& who, bool asking) = 0;
  /// Which of so many ready actors comes first.
  virtual std::size_t pick(std::size_t ready) = 0;
  /// When a timer that is set now shall fire instead; `request`: the deadline of a question.
  virtual caf::actor_clock::time_point due(caf::actor_clock::time_point at,
                                           const caf::abstract_actor& whose, bool request) = 0;
};

/// Time that passes when it is told to.
class virtual_clock final : public caf::actor_clock {
 public:
  time_point now() const noexcept override { return current; }
  time_point current{duration_type{1}}; ///< where CAF's clock for tests begins

  /// When the next timer is due; the far future when there is none.
  time_point next() const { return heap_.empty() ? time_point::max() : heap_.front().at; }
  /// Lets time pass to the next timer and fires that one. False when it had nothing to tell: a
  /// request's deadline whose answer has come. CAF never cancels those, and most are.
  bool fire();
  std::size_t pending() const { return heap_.size(); }
  void use(actor_faults* faults) { faults_ = faults; }

  // --- what CAF asks for ---
  void set_ordinary_timeout(time_point at, caf::abstract_actor* self, caf::atom_value type,
                            std::uint64_t id) override;
  void set_multi_timeout(time_point at, caf::abstract_actor* self, caf::atom_value type,
                         std::uint64_t id) override;
  void set_request_timeout(time_point at, caf::abstract_actor* self, caf::message_id id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(time_point at, caf::strong_actor_ptr to,
                        caf::mailbox_element_ptr what) override;
  void schedule_message(time_point at, caf::group to, caf::strong_actor_ptr from,
                        caf::message what) override;
  void cancel_all() override;

 private:
  /// What a timer does; a slot is used again.
  struct timer {
    caf::strong_actor_ptr to;
    caf::mailbox_element_ptr message; ///< null: the deadline of `request`
    caf::message_id request;
  };
  struct entry {
    time_point at;
    std::uint64_t sequence;
    std::uint32_t slot;
  };
  static bool later(const entry& a, const entry& b) {
    return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
  }
  void push(time_point at, timer what);

  std::vector<entry> heap_;
  std::vector<timer> timers_;
  std::vector<std::uint32_t> free_;
  std::uint64_t last_ = 0;
  actor_faults* faults_ = nullptr;
};

/// Sees every message before its actor does.
class message_watcher {
 public:
  virtual ~message_watcher() = default;
  /// Not const, as CAF lets nobody read a message through a const reference.
  virtual void handling(std::uint64_t actor, caf::mailbox_element& what) = 0;
};

/// Runs actors one message at a time on the thread that calls.
class virtual_scheduler final : public caf::scheduler::abstract_coordinator {
 public:
  explicit virtual_scheduler(caf::actor_system& system);
  /// For actor_system_config::load.
  static caf::actor_system::module* make(caf::actor_system& system, caf::detail::type_list<>);

  /// One message of one ready actor; false when nobody is ready.
  bool run_once();
  virtual_clock& clock() noexcept override { return clock_; }
  bool detaches_utility_actors() const override { return false; }
  void watched_by(message_watcher* watcher) { watcher_ = watcher; }

  /// Null: nobody from now on, and who was made to wait goes on.
  void use(actor_faults* faults);
  /// Who was made to wait is asked about again.
  void release();

 protected:
  void start() override;
  void stop() override;
  void enqueue(caf::resumable* job) override { jobs_.push_back(job); }

 private:
  struct unit final : caf::execution_unit {
    unit(caf::actor_system* system, std::deque<caf::resumable*>& jobs)
        : caf::execution_unit(system), queue(jobs) {}
    void exec_later(caf::resumable* job) override { queue.push_back(job); }
    std::deque<caf::resumable*>& queue;
  };

  /// Whether it has its turn; else it is kept.
  bool has_turn(caf::resumable* job, caf::scheduled_actor* who);
  void show(caf::resumable* job);

  std::deque<caf::resumable*> jobs_;
  std::vector<caf::resumable*> waiting_;
  actor_faults* faults_ = nullptr;
  virtual_clock clock_;
  unit unit_;
  message_watcher* watcher_ = nullptr;
};

} // namespace lanrage::sim
