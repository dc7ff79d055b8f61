#include "actors/wiring.hpp"

#include "actors/directory/directory_actor.hpp"
#include "actors/nat/nat_actor.hpp"
#include "actors/peer/peer_actor.hpp"
#include "actors/relay/relay_document.hpp"
#include "actors/relay/relay_selector.hpp"
#include "actors/supervisor/connection_supervisor.hpp"
#include "actors/supervisor/guardian.hpp"
#include "actors/supervisor/saved_peers.hpp"
#include "actors/wg/wg_writer.hpp"
#include "net/random.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>

#include <memory>
#include <utility>

namespace lanrage::actors {

namespace {

/// Collects the guardians: first all addresses, then all starts.
class composition {
 public:
  using birth_handler = std::function<void(const std::string& name, const caf::actor&)>;
  composition(caf::actor_system& system, birth_handler on_birth)
      : system_(system), on_birth_(std::move(on_birth)), roles_(std::make_shared<msg::roles>()) {}

  /// Adds a guarded role; `make` runs for every incarnation, with all addresses known.
  template <class Handle, class Make>
  void add(Handle msg::roles::*slot, std::string name, Make make) {
    (*roles_).*slot = caf::actor_cast<Handle>(guard(std::move(name), std::move(make)));
  }
  template <class Make>
  caf::actor guard(std::string name, Make make) {
    guardian_settings settings;
    settings.name = name;
    settings.make = [name, make = std::move(make), roles = roles_,
                     on_birth = on_birth_](caf::actor_system&, const caf::actor&) {
      auto born = caf::actor_cast<caf::actor>(make(*roles));
      if (on_birth) on_birth(name, born);
      return born;
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
  birth_handler on_birth_;
  std::shared_ptr<msg::roles> roles_;
  std::vector<guarded_role> guarded_;
};

void add_drivers(composition& all, const driver_factories& drivers) {
  all.add(&msg::roles::store, "store", drivers.store);
  all.add(&msg::roles::route_watch, "route watch", drivers.route_watch);
  all.add(&msg::roles::wg_device, "wireguard device", drivers.wg_device);
  all.add(&msg::roles::port, "port", drivers.port);
  all.add(&msg::roles::prober, "prober", drivers.prober);
  all.add(&msg::roles::control_link, "control link", drivers.control_link);
  if (drivers.lan) all.add(&msg::roles::lan, "lan", drivers.lan);
  all.add(&msg::roles::streams, "relay streams", drivers.streams);
}

void add_writer(composition& all, caf::actor_system& system) {
  all.add(&msg::roles::writer, "wireguard writer",
          [&system, memory = std::make_shared<writer_memory>()](const msg::roles& roles) {
            return spawn_wireguard_writer(system, roles, {}, memory);
          });
}

void add_nat(composition& all, caf::actor_system& system, const mesh_settings& settings) {
  const nat_settings wanted{settings.key, settings.daemon.listen_port, settings.random,
                            settings.daemon.birthday_probing};
  all.add(&msg::roles::nat, "nat",
          [&system, wanted, memory = std::make_shared<nat_memory>()](const msg::roles& roles) {
            return spawn_nat(system, roles, wanted, memory);
          });
}

/// What the documents of an earlier start say.
struct remembered {
  std::vector<msg::saved_peer> peers;
  std::shared_ptr<directory_memory> directory;
  std::shared_ptr<relay_selector_memory> relays;
};

net::result<remembered> remember(const std::map<std::string, std::string>& documents) {
  const auto text = [&](std::string_view name) {
    const auto found = documents.find(std::string{name});
    return found == documents.end() ? std::string{} : found->second;
  };
  remembered out;
  if (documents.contains(std::string{saved_peers_document})) {
    auto peers = decode_saved_peers(text(saved_peers_document));
    if (!peers) return peers.error();
    out.peers = std::move(*peers);
  }
  auto directory = load_directory(text(directory_document_name));
  if (!directory) return directory.error();
  out.directory = std::move(*directory);
  out.relays = load_relays(text(relays_document_name));
  return out;
}

void add_relays(composition& all, caf::actor_system& system, const mesh_settings& settings,
                const std::shared_ptr<relay_selector_memory>& memory) {
  const relay_selector_settings wanted{
      settings.key,
      settings.wall,
      {{settings.daemon.relay_pin.begin(), settings.daemon.relay_pin.end()},
       {settings.daemon.relay_avoid.begin(), settings.daemon.relay_avoid.end()}}};
  all.add(&msg::roles::relays, "relay selector",
          [&system, wanted, memory](const msg::roles& roles) {
            return spawn_relay_selector(system, roles, wanted, memory);
          });
}

void add_directory(composition& all, caf::actor_system& system, const mesh_settings& settings,
                   const std::shared_ptr<directory_memory>& memory) {
  directory_actor_settings wanted;
  wanted.key = settings.key;
  wanted.name = settings.daemon.name;
  wanted.secrets = settings.random;
  wanted.jitter = net::seeded_random(settings.seed, "directory");
  wanted.lan_secrets = settings.lan_random ? settings.lan_random : settings.random;
  wanted.lan_jitter = net::seeded_random(settings.seed, "lan");
  wanted.wall = settings.wall;
  wanted.rotated = settings.on_rotated;
  all.add(&msg::roles::directory, "directory", [&system, wanted, memory](const msg::roles& roles) {
    return spawn_directory(system, roles, wanted, memory);
  });
}

void add_supervisor(composition& all, caf::actor_system& system, const mesh_settings& settings,
                    std::vector<msg::saved_peer> saved) {
  const auto own = net::public_key(settings.key);
  connection_settings wanted;
  wanted.own = own;
  wanted.id = settings.daemon.name;
  wanted.auto_connect = settings.daemon.auto_connect;
  wanted.wall = settings.wall;
  wanted.make_peer = [peer = std::make_shared<const peer_settings>(
                          peer_settings{own, settings.daemon.health, settings.wall}),
                      on_birth = settings.on_birth](
                         caf::actor_system& peers, const std::shared_ptr<const msg::roles>& roles,
                         std::shared_ptr<msg::peer_memory> memory, const msg::peer_actor& address) {
    const auto name = "peer " + (*memory)->record.id.str();
    const auto born = spawn_peer(peers, roles, peer, std::move(memory), address);
    if (on_birth) on_birth(name, caf::actor_cast<caf::actor>(born));
    return born;
  };
  all.add(
      &msg::roles::supervisor, "connection supervisor",
      [&system, wanted, memory = restore_connections(std::move(saved))](const msg::roles& roles) {
        return spawn_connection_supervisor(system, roles, wanted, memory);
      });
}

} // namespace

net::result<mesh> start_mesh(caf::actor_system& system, const mesh_settings& settings,
                             const driver_factories& drivers, std::vector<extra_role> extras,
                             fatal_handler fatal) {
  // Before anything is started: what cannot be read leaves nothing half-started.
  auto memory = remember(settings.documents);
  if (!memory) return memory.error();
  composition all{system, settings.on_birth};
  // In the order of their start: whoever listens comes before whoever speaks first.
  add_drivers(all, drivers);
  add_writer(all, system);
  add_nat(all, system, settings);
  add_relays(all, system, settings, memory->relays);
  add_supervisor(all, system, settings, std::move(memory->peers));
  add_directory(all, system, settings, memory->directory);
  for (auto& extra : extras)
    all.guard(std::move(extra.name), std::move(extra.make));
  return all.start(std::move(fatal));
}

} // namespace lanrage::actors
