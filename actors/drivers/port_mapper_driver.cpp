#include "actors/drivers/port_mapper_driver.hpp"

#include "actors/shell.hpp"
#include "config/defaults.hpp"
#include "net/crypto.hpp"
#include "net/os/router_ports.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>

namespace lanrage::actors {

/// Time to ask the router (again), unless something asked meanwhile.
struct map_ports {
  std::uint64_t turn = 0;
};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::map_ports)

namespace lanrage::actors {

namespace {

namespace defaults = config::defaults;
using mapper_shell = msg::network_sink::extend<caf::reacts_to<map_ports>>;

struct mapper_state {
  static inline const char* name = "port mapper";
  std::unique_ptr<net::os::router_ports> router;
  msg::roles roles;
  std::uint64_t turn = 0;
  std::vector<msg::mapped_port> told;
  /// Also after a crash: nobody else knows what was granted.
  ~mapper_state() {
    if (router) router->unmap(defaults::port_mapping_timeout);
  }
};
using mapper_pointer = mapper_shell::stateful_pointer<mapper_state>;

net::pcp::nonce nonce_of(const net::wg_private_key& key) {
  const auto mac = net::blake2s_mac(key.reveal(), {net::as_bytes("lanrage port mapping nonce")});
  net::pcp::nonce out{};
  std::copy_n(mac.octets.begin(), out.size(), out.begin());
  return out;
}

void ask(mapper_pointer self) {
  auto& state = self->state;
  const auto granted =
      state.router->map(defaults::port_mapping_lifetime, defaults::port_mapping_timeout);
  msg::ports_mapped news;
  auto again = granted.empty() ? defaults::port_mapping_retry : defaults::port_mapping_lifetime / 2;
  for (const auto& each : granted) {
    news.ports.push_back({each.protocol, each.outside});
    if (each.lifetime.count() > 0) again = std::min(again, each.lifetime / 2);
  }
  if (news.ports != state.told)
    for (const auto& each : news.ports)
      spdlog::info("port mapper: {} grants {}", each.protocol, net::to_string(each.outside));
  state.told = news.ports;
  self->send(state.roles.nat, std::move(news));
  const auto soonest =
      std::chrono::duration_cast<std::chrono::seconds>(defaults::route_watch_timeout);
  self->delayed_send(self, std::max(again, soonest), map_ports{++state.turn});
}

mapper_shell::behavior_type port_mapper_behavior(mapper_pointer self, const msg::roles& roles,
                                                 std::uint16_t port,
                                                 const net::wg_private_key& key) {
  install_handlers(self, mapper_state::name);
  auto& state = self->state;
  state.roles = roles;
  state.router = std::make_unique<net::os::router_ports>(port, nonce_of(key));
  if (roles.route_watch)
    self->send(roles.route_watch, msg::attach_network{caf::actor_cast<msg::network_sink>(self)});
  self->send(self, map_ports{state.turn});
  return {
      [self](const msg::network_changed&) { self->send(self, map_ports{++self->state.turn}); },
      [self](const map_ports& order) {
        if (order.turn == self->state.turn) ask(self);
      },
  };
}

} // namespace

msg::network_sink spawn_port_mapper_driver(caf::actor_system& system, const msg::roles& roles,
                                           std::uint16_t port, const net::wg_private_key& key) {
  return system.spawn<caf::detached>(port_mapper_behavior, roles, port, key);
}

} // namespace lanrage::actors
