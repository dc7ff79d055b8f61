#include "actors/drivers/prober_driver.hpp"

#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"
#include "net/os/icmp_prober.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <map>
#include <optional>

namespace lanrage::actors {

/// From the io thread: one probe is over.
struct probe_over {
  std::uint64_t number = 0;
  net::result<std::chrono::nanoseconds> how;
};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::probe_over)

namespace lanrage::actors {

namespace {

using prober_shell = msg::prober_actor::extend<caf::reacts_to<probe_over>>;

struct prober_state {
  static inline const char* name = "prober";
  std::optional<net::os::icmp_prober> prober;
  std::map<std::uint64_t, promise_guard<msg::probe_report>> under_way;
  std::uint64_t last = 0;
  std::optional<net::errc> trouble; ///< said once, until a probe works again
};
using prober_pointer = prober_shell::stateful_pointer<prober_state>;

/// A loss is daily business; not being able to ask at all is news.
void note(prober_state& state, const net::result<std::chrono::nanoseconds>& how) {
  const bool asked = how.has_value() || how.error().code == net::errc::timed_out;
  if (asked) {
    state.trouble.reset();
  } else if (state.trouble != how.error().code) {
    state.trouble = how.error().code;
    spdlog::warn("prober: {}", net::to_string(how.error()));
  }
}

prober_shell::behavior_type prober_behavior(prober_pointer self, boost::asio::io_context* io,
                                            const std::string& interface) {
  install_handlers(self, prober_state::name);
  self->state.prober.emplace(*io, interface, net::os_random());
  const caf::weak_actor_ptr weak{self->ctrl()};
  return {
      [self, weak](const msg::probe_tunnel& wish) -> caf::result<msg::probe_report> {
        if (!wish.to.leased()) return msg::probe_report{};
        auto& state = self->state;
        const auto number = ++state.last;
        const promise_guard guard{self->make_response_promise<msg::probe_report>()};
        state.under_way.emplace(number, guard);
        state.prober->probe(wish.to, wish.timeout, [weak, number](auto how) {
          if (const auto alive = caf::actor_cast<caf::strong_actor_ptr>(weak))
            caf::anon_send(caf::actor_cast<prober_shell>(alive),
                           probe_over{number, std::move(how)});
        });
        return guard.promise();
      },
      [self](const probe_over& over) {
        const auto found = self->state.under_way.find(over.number);
        if (found == self->state.under_way.end()) return;
        note(self->state, over.how);
        msg::probe_report report;
        if (over.how) report.rtt = *over.how;
        found->second.deliver(report);
        self->state.under_way.erase(found);
      },
  };
}

} // namespace

msg::prober_actor spawn_prober_driver(caf::actor_system& system, boost::asio::io_context& io,
                                      const std::string& interface) {
  return system.spawn(prober_behavior, &io, interface);
}

} // namespace lanrage::actors
