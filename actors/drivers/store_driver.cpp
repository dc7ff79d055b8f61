#include "actors/drivers/store_driver.hpp"

#include "actors/shell.hpp"
#include "messages/error.hpp"
#include "net/os/files.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

namespace lanrage::actors {

namespace {

struct store_state {
  static inline const char* name = "store";
  std::filesystem::path folder;
};

msg::store_actor::behavior_type store(msg::store_actor::stateful_pointer<store_state> self,
                                      const std::filesystem::path& folder) {
  install_handlers(self, "store");
  self->state.folder = folder;
  return {[=](const msg::store_put& put) -> caf::result<msg::done> {
    const auto written =
        net::os::replace_file(self->state.folder / put.name, net::as_bytes(put.text));
    if (written) return msg::done{};
    spdlog::error("state: {}", net::to_string(written.error()));
    return msg::to_caf(written.error());
  }};
}

} // namespace

msg::store_actor spawn_store_driver(caf::actor_system& system, std::filesystem::path folder) {
  return system.spawn(store, std::move(folder));
}

} // namespace lanrage::actors
