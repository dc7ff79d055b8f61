#include "actors/drivers/lan_driver.hpp"

#include "actors/shell.hpp"
#include "config/lan_defaults.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <atomic>

namespace lanrage::actors {

/// From the io thread: the sockets are gone.
struct lan_lost {
  net::error why;
};
/// Time to try to open them again.
struct lan_open {};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::lan_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::lan_open)

namespace lanrage::actors {

namespace {

namespace defaults = config::defaults;
using lan_shell =
    msg::lan_actor::extend<caf::reacts_to<msg::lan_heard>, caf::reacts_to<msg::lan_ready>,
                           caf::reacts_to<lan_lost>, caf::reacts_to<lan_open>,
                           caf::reacts_to<msg::network_changed>>;

struct lan_state {
  static inline const char* name = "lan";
  std::unique_ptr<net::os::lan_socket> socket;
  std::shared_ptr<lan_memory> memory;
  boost::asio::io_context* io = nullptr;
  net::os::lan_socket_options options;
  msg::lan_ready ready;
  bool complained = false;
  /// Datagrams between the io thread and us: a flood must not fill the memory.
  std::shared_ptr<std::atomic<std::size_t>> waiting =
      std::make_shared<std::atomic<std::size_t>>(std::size_t{0});
};
using lan_pointer = lan_shell::stateful_pointer<lan_state>;

net::os::lan_socket::handlers handlers_of(lan_pointer self) {
  // Speaks to the actor as long as it lives; never keeps it alive.
  const caf::weak_actor_ptr weak{self->ctrl()};
  const auto tell = [weak](auto message) {
    if (const auto alive = caf::actor_cast<caf::strong_actor_ptr>(weak))
      caf::anon_send(caf::actor_cast<lan_shell>(alive), std::move(message));
  };
  net::os::lan_socket::handlers out;
  out.received = [tell, waiting = self->state.waiting](net::os::lan_datagram datagram) {
    if (waiting->load() >= defaults::lan_queue_max) return;
    ++*waiting;
    auto data = std::make_shared<const net::bytes>(std::move(datagram.payload));
    tell(msg::lan_heard{{datagram.from.address, datagram.from.interface}, std::move(data)});
  };
  out.ready = [tell](std::vector<std::string> interfaces) {
    tell(msg::lan_ready{std::move(interfaces)});
  };
  out.failed = [tell](const net::error& why) { tell(lan_lost{why}); };
  return out;
}

void open_socket(lan_pointer self) {
  auto& state = self->state;
  auto opened = net::os::lan_socket::open(*state.io, state.options, handlers_of(self));
  if (opened) {
    state.socket = std::move(*opened);
    state.complained = false;
    return;
  }
  if (!std::exchange(state.complained, true))
    spdlog::warn("lan: {}; members on the local network are not found without a server meanwhile",
                 net::to_string(opened.error()));
  self->delayed_send(self, defaults::lan_open_again, lan_open{});
}

lan_shell::behavior_type lan_behavior(lan_pointer self, const msg::roles& roles,
                                      boost::asio::io_context* io,
                                      const net::os::lan_socket_options& options,
                                      std::shared_ptr<lan_memory> memory) {
  install_handlers(self, lan_state::name);
  auto& state = self->state;
  state.memory = std::move(memory);
  state.io = io;
  state.options = options;
  if (roles.route_watch)
    self->send(roles.route_watch, msg::attach_network{caf::actor_cast<msg::network_sink>(self)});
  open_socket(self);
  return {
      [self](const msg::lan_send& frame) {
        auto& s = self->state;
        if (!s.socket || !frame.data) return;
        std::optional<net::os::lan_end> to;
        if (frame.to) to = net::os::lan_end{frame.to->address, frame.to->interface};
        s.socket->send(to, frame.data);
      },
      [self](const msg::attach_lan& wish) {
        auto& s = self->state;
        s.memory->sink = wish.sink;
        if (s.socket) self->send(wish.sink, s.ready);
      },
      [self](const msg::lan_heard& heard) {
        auto& s = self->state;
        --*s.waiting;
        if (s.memory->sink) self->send(*s.memory->sink, heard);
      },
      [self](const msg::lan_ready& ready) {
        auto& s = self->state;
        s.ready = ready;
        if (s.memory->sink) self->send(*s.memory->sink, ready);
      },
      [self](const lan_lost& lost) { self->quit(msg::to_caf(lost.why)); },
      [self](const lan_open&) {
        if (!self->state.socket) open_socket(self);
      },
      [self](const msg::network_changed&) {
        if (self->state.socket) self->state.socket->refresh();
      },
  };
}

} // namespace

msg::lan_actor spawn_lan_driver(caf::actor_system& system, const msg::roles& roles,
                                boost::asio::io_context& io,
                                const net::os::lan_socket_options& options,
                                std::shared_ptr<lan_memory> memory) {
  return system.spawn(lan_behavior, roles, &io, options, std::move(memory));
}

} // namespace lanrage::actors
