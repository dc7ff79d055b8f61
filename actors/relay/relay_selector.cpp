#include "actors/relay/relay_selector.hpp"

#include "actors/promise_guard.hpp"
#include "actors/relay/relay_document.hpp"
#include "actors/shell.hpp"

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <type_traits>
#include <utility>

namespace lanrage::actors {

/// The armed deadline has come, unless another was armed since.
struct relay_due {
  std::uint64_t token = 0;
};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::relay_due)

namespace lanrage::actors {

namespace {

using save_relays_atom = caf::atom_constant<caf::atom("saverelays")>;
using shell =
    msg::relay_selector_actor::extend<caf::reacts_to<relay_due>, caf::reacts_to<save_relays_atom>>;

struct selector_state {
  static inline const char* name = "relay selector";
  std::unique_ptr<relay_table> table;
  std::shared_ptr<relay_selector_memory> memory;
  msg::roles roles;
  msg::wall_clock wall;
  std::optional<msg::time_point> armed;
  std::uint64_t token = 0; ///< of the armed deadline
  bool save_pending = false;
  std::map<std::pair<net::relay_id, net::wg_public_key>, promise_guard<msg::done>> preparing;
};
using selector_pointer = shell::stateful_pointer<selector_state>;

/// One timer over everything; an earlier deadline outdates the armed one by its token.
void arm(selector_pointer self) {
  auto& state = self->state;
  const auto due = state.table->deadline();
  if (!due || (state.armed && *state.armed <= *due)) return;
  state.armed = due;
  const auto wait = std::max(*due - self->clock().now(), msg::time_point::duration::zero());
  self->delayed_send(self, wait, relay_due{++state.token});
}

/// A registration's timestamp moves all the time; it is the cookie that makes a resumption.
std::map<net::relay_id, net::cookie> cookies_of(const remembered_relays& relays) {
  std::map<net::relay_id, net::cookie> out;
  for (const auto& [id, relay] : relays.relays)
    out.emplace(id, *relay.cookie);
  return out;
}

void save_soon(selector_pointer self) {
  auto& state = self->state;
  const auto& memory = *state.memory;
  if (state.save_pending || !memory.table.listed) return;
  if (cookies_of(worth_saving(memory.table)) == memory.saved &&
      memory.table.udp_blocked == memory.saved_udp_blocked)
    return;
  state.save_pending = true;
  self->delayed_send(self, config::defaults::save_after, save_relays_atom::value);
}

void save(selector_pointer self) {
  auto& state = self->state;
  const auto relays = worth_saving(state.memory->table);
  state.save_pending = false;
  state.memory->saved = cookies_of(relays);
  state.memory->saved_udp_blocked = relays.udp_blocked;
  self->request(state.roles.store, config::defaults::configure_deadline,
                msg::store_put{std::string{relays_document_name}, to_text(relays)})
      .then(
          [](const msg::done&) {},
          [](const caf::error& failed) { spdlog::warn("relays: not saved: {}", text_of(failed)); });
}

void execute(selector_pointer self, relay_effects& effects) {
  auto& state = self->state;
  for (auto& frame : effects.frames)
    self->send(state.roles.port, std::move(frame));
  for (auto& text : effects.news) {
    spdlog::info("relays: {}", text);
    self->send(state.roles.supervisor,
               msg::connection_event{state.wall(), "relay", std::move(text), std::nullopt});
  }
  if (effects.publish) {
    self->send(state.roles.directory, *effects.publish);
    self->send(state.roles.supervisor, *effects.publish);
  }
  for (const auto& relay : effects.close)
    self->send(state.roles.streams, msg::close_stream{relay});
  for (auto& wanted : effects.open)
    self->send(state.roles.streams, std::move(wanted));
  for (const auto& ready : effects.prepared) {
    auto node = state.preparing.extract({ready.relay, ready.peer});
    if (!node.empty()) node.mapped().deliver(msg::done{});
  }
  state.memory->table = state.table->memory();
  save_soon(self);
  arm(self);
}

/// Runs one step of the core and does what it wants done.
template <class Step>
auto step(selector_pointer self, Step what) {
  relay_effects effects;
  if constexpr (std::is_void_v<decltype(what(*self->state.table, msg::time_point{}, effects))>) {
    what(*self->state.table, self->clock().now(), effects);
    execute(self, effects);
  } else {
    auto answer = what(*self->state.table, self->clock().now(), effects);
    execute(self, effects);
    return answer;
  }
}

void use_relays(selector_pointer self, const msg::relays_listed& list) {
  step(self, [&](auto& table, auto now, auto& out) { table.listed(list, now, out); });
}

caf::typed_response_promise<msg::done> prepare(selector_pointer self,
                                               const msg::prepare_relay& order) {
  promise_guard open{self->make_response_promise<msg::done>()};
  self->state.preparing.insert_or_assign({order.relay, order.peer}, open);
  const auto begun =
      step(self, [&](auto& table, auto now, auto& out) { return table.prepare(order, now, out); });
  if (!begun) {
    self->state.preparing.erase({order.relay, order.peer});
    open.fail(net::fail(net::errc::relay_unavailable, "not registered there"));
  }
  return open.promise();
}

void use_hosts(selector_pointer self, const msg::host_addresses& own) {
  step(self, [&](auto& table, auto now, auto& out) { table.hosts(own.addresses, now, out); });
}

void ask_hosts(selector_pointer self) {
  self->request(self->state.roles.route_watch, config::defaults::route_watch_timeout,
                msg::get_host_addresses{})
      .then([=](const msg::host_addresses& own) { use_hosts(self, own); },
            [](const caf::error&) {}); // the next change of the network tells
}

void attach(selector_pointer self) {
  const auto& roles = self->state.roles;
  self->send(roles.port, msg::attach_frames{msg::frame_interest::relays, roles.relays});
  self->send(roles.directory, msg::attach_directory{roles.relays});
  self->send(roles.route_watch, msg::attach_network{roles.relays});
  // Whatever an earlier incarnation opened is unknown to this one.
  if (roles.streams) self->send(roles.streams, msg::close_streams{});
}

shell::behavior_type selector(selector_pointer self, const msg::roles& roles,
                              const relay_selector_settings& settings,
                              const std::shared_ptr<relay_selector_memory>& memory) {
  install_handlers(self, selector_state::name);
  auto& state = self->state;
  state.roles = roles;
  state.memory = memory;
  state.wall = settings.wall;
  state.table = std::make_unique<relay_table>(settings.key, settings.wall(), self->clock().now(),
                                              memory->table, settings.wishes);
  attach(self);
  ask_hosts(self);
  if (const auto before = memory->table.listed) use_relays(self, *before);
  return {
      [=](const msg::frame_received& frame) {
        step(self, [&](auto& table, auto now, auto& out) { table.receive(frame, now, out); });
      },
      [=](const msg::network_changed& news) {
        use_hosts(self, news.now);
        step(self, [](auto& table, auto now, auto& out) { table.network_changed(now, out); });
      },
      [=](const msg::directory_event& event) {
        if (const auto* list = std::get_if<msg::relays_listed>(&event.what))
          use_relays(self, *list);
      },
      [=](const msg::rank_relays& asked) {
        return step(self, [&](auto& table, auto now, auto& out) {
          return table.rank(asked.peer_legs, now, out);
        });
      },
      [=](const msg::prepare_relay& order) { return prepare(self, order); },
      [=](const msg::relay_trouble& report) {
        step(self,
             [&](auto& table, auto now, auto& out) { table.trouble(report.relay, now, out); });
      },
      [=](const msg::stream_opened& news) {
        step(self, [&](auto& table, auto now, auto& out) { table.stream_opened(news, now, out); });
      },
      [=](const msg::stream_closed& news) {
        step(self, [&](auto& table, auto now, auto& out) { table.stream_closed(news, now, out); });
      },
      [=](const relay_due& due) {
        if (due.token != self->state.token) return;
        self->state.armed.reset();
        step(self, [](auto& table, auto now, auto& out) { table.tick(now, out); });
      },
      [=](save_relays_atom) { save(self); },
  };
}

} // namespace

std::shared_ptr<relay_selector_memory> load_relays(std::string_view document) {
  auto out = std::make_shared<relay_selector_memory>();
  const auto relays = parse_relays(document);
  if (relays) {
    out->table.relays = relays->relays;
    out->table.udp_blocked = out->saved_udp_blocked = relays->udp_blocked;
    out->saved = cookies_of(*relays);
  } else {
    spdlog::warn("relays: starting without what was remembered: {}", relays.error().detail);
  }
  return out;
}

msg::relay_selector_actor spawn_relay_selector(caf::actor_system& system, const msg::roles& roles,
                                               relay_selector_settings settings,
                                               std::shared_ptr<relay_selector_memory> memory) {
  return system.spawn(selector, roles, std::move(settings), std::move(memory));
}

} // namespace lanrage::actors
