#include "actors/wiring.hpp"

#include "actors/directory/directory_actor.hpp"
#include "actors/nat/nat_actor.hpp"
#include "actors/relay/relay_selector.hpp"
#include "actors/supervisor/connection_supervisor.hpp"
#include "actors/supervisor/guardian.hpp"
#include "actors/wg/wg_writer.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>

#include <memory>
#include <utility>

namespace lanrage::actors {

namespace {

/// Collects the guardians: first all addresses, then all starts.
class composition {
 public:
  explicit composition(caf::actor_system& system)
      : system_(system), roles_(std::make_shared<msg::roles>()) {}

  /// Adds a guarded role; `make` runs for every incarnation, with all addresses known.
  template <class Handle, class Make>
  void add(Handle msg::roles::*slot, std::string name, Make make) {
    (*roles_).*slot = caf::actor_cast<Handle>(guard(std::move(name), std::move(make)));
  }
  template <class Make>
  caf::actor guard(std::string name, Make make) {
    guardian_settings settings;
    settings.name = name;
    settings.make = [make = std::move(make), roles = roles_](caf::actor_system&,
                                                             const caf::actor&) {
      return caf::actor_cast<caf::actor>(make(*roles));
    };
    auto guardian = spawn_guardian(system_, std::move(settings));
    guarded_.push_back({std::move(name), guardian});
    return guardian;
  }
  mesh start(fatal_handler fatal) {
    return {*roles_, spawn_root(system_, std::move(guarded_), std::move(fatal))};
  }

 private:
  caf::actor_system& system_;
  std::shared_ptr<msg::roles> roles_;
  std::vector<guarded_role> guarded_;
};

/// A named stream of randomness that need not be secret, from the one seed.
net::random_source stream_of(std::uint64_t seed, std::string_view name) {
  net::byte_writer key;
  key.u64(seed).raw(net::as_bytes(name));
  return net::seeded_random(key.take());
}

} // namespace

net::result<mesh> start_mesh(caf::actor_system& system, const mesh_settings& settings,
                             const driver_factories& drivers, std::vector<extra_role> extras,
                             fatal_handler fatal) {
  return net::fail(net::errc::internal, "not composed yet");
}

} // namespace lanrage::actors
