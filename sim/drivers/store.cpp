#include "actors/shell.hpp"
#include "sim/drivers/drivers.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace lanrage::sim {

namespace {

struct store_state {
  static inline const char* name = "store";
};

msg::store_actor::behavior_type store(msg::store_actor::stateful_pointer<store_state> self,
                                      const shared_process& process) {
  actors::install_handlers(self, store_state::name);
  return {[process](const msg::store_put& put) -> caf::result<msg::done> {
    if (!process->alive) return msg::to_caf(net::fail(net::errc::closed, "killed"));
    if (process->on->disk_error) return msg::to_caf(*process->on->disk_error);
    if (auto* faults = process->on->faults)
      if (const auto why = faults->on_store(*process->on, put.name)) return msg::to_caf(*why);
    process->on->documents[put.name] = std::string{put.text}; // no larger than it is
    return msg::done{};
  }};
}

} // namespace

msg::store_actor spawn_store(caf::actor_system& system, shared_process process) {
  return system.spawn(store, std::move(process));
}

} // namespace lanrage::sim
