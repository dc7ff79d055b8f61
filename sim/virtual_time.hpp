#pragma once

#include "sim/virtual_scheduler.hpp"

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/expected.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/sec.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace lanrage::sim {

/// Things that happen besides the actors' timers, such as packets that arrive.
class happenings {
 public:
  virtual ~happenings() = default;
  /// When the next one is due; the far future when there is none.
  virtual caf::actor_clock::time_point next() const = 0;
  virtual void run_next() = 0;
};

/// An actor system on virtual time: one thread, nothing waits, every handler sees now() equal to
/// its own deadline, and the same calls give the same run. One per test case; safe to destroy with
/// actors and timers alive.
class virtual_time {
 public:
  using time_point = caf::actor_clock::time_point;
  using duration = caf::actor_clock::duration_type;

  virtual_time();
  ~virtual_time();
  virtual_time(const virtual_time&) = delete;
  virtual_time& operator=(const virtual_time&) = delete;

  caf::actor_system& system() { return system_; }
  time_point now() { return scheduler_.clock().now(); }
  const time_point& clock() const { return scheduler_.clock().current; }

  /// Runs what is ready now, without letting time pass. Returns the number of jobs; throws
  /// std::runtime_error after `livelock_after` of them.
  std::size_t settle();
  /// Lets time pass, firing each timer at its own moment.
  void run_until(time_point end);
  void run_for(duration span) { run_until(now() + span); }

  std::uint64_t timers() const { return timers_; } ///< of actors, that came due so far
  std::size_t pending_timers() { return scheduler_.clock().pending(); }

  /// These share the time line: what is due first comes first, and at the same moment they come
  /// before the actors' timers. They must outlive this.
  void attach(happenings* more) { more_ = more; }
  /// Null: none any more. They must outlive this, or be taken away before.
  void use(actor_faults* faults) { scheduler_.use(faults); }
  void release() { scheduler_.release(); }
  /// Null: nobody. It must outlive this, or take itself away.
  void watched_by(message_watcher* watcher) { scheduler_.watched_by(watcher); }

  /// The destructor kills it.
  template <class Handle>
  Handle own(Handle handle) {
    owned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(handle));
    return handle;
  }

  /// Request and answer from the test's body, letting at most `wait` pass: the answer, the actor's
  /// error, or sec::request_timeout.
  template <class Answer, class Handle, class... Args>
  caf::expected<Answer> ask(const Handle& to, duration wait, Args&&... args) {
    caf::scoped_actor self{system_};
    auto pending = self->request(to, caf::infinite, std::forward<Args>(args)...);
    caf::expected<Answer> out{caf::sec::request_timeout};
    if (!run_until_mail(self, now() + wait)) return out;
    pending.receive([&](Answer& answer) { out = std::move(answer); },
                    [&](caf::error& why) { out = std::move(why); });
    return out;
  }

  static constexpr std::size_t livelock_after = 50'000'000; ///< jobs without time passing

 private:
  struct config : caf::actor_system_config {
    config();
  };
  bool run_until_mail(caf::scoped_actor& self, time_point end);
  /// The next thing that is due by `end`; false when there is none.
  bool step(time_point end);

  config config_;
  caf::actor_system system_{config_};
  virtual_scheduler& scheduler_;
  std::vector<caf::strong_actor_ptr> owned_;
  happenings* more_ = nullptr;
  std::uint64_t timers_ = 0;
};

} // namespace lanrage::sim
