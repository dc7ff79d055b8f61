#include "actors/shell.hpp"
#include "sim/drivers/drivers.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <optional>
#include <utility>

namespace lanrage::sim {

/// A connection brought something; passed on when it is of the one we have now.
struct link_brought {
  msg::control_heard heard;
};

} // namespace lanrage::sim

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::sim::link_brought)

namespace lanrage::sim {

namespace {

using link_shell = msg::control_link_actor::extend<caf::reacts_to<link_brought>>;

struct virtual_connection {
  control_site* server = nullptr;
  std::uint64_t number = 0;
};

struct link_state {
  static inline const char* name = "control_link";
  std::uint64_t attempt = 0; // first, see the real driver
  shared_process process;
  msg::control_sink sink;
  std::optional<virtual_connection> now;
  /// The one before: closed when the new one stands or failed.
  std::optional<virtual_connection> retiring;

  void close(std::optional<virtual_connection>& which) const {
    if (which && which->server && process->alive) which->server->close(which->number);
    which.reset();
  }
  ~link_state() {
    if (!process) return;
    close(retiring);
    close(now);
  }
};
using link_pointer = link_shell::stateful_pointer<link_state>;

void open(link_pointer self, const msg::control_open& wanted) {
  auto& state = self->state;
  const auto& process = *state.process;
  state.close(state.retiring);
  state.retiring = std::exchange(state.now, std::nullopt);
  state.attempt = wanted.attempt;
  if (!process.alive) return;
  const auto server = process.servers.find(wanted.server.host);
  const caf::weak_actor_ptr weak{self->ctrl()};
  const auto tell = [weak, attempt = wanted.attempt](control_news news) {
    if (const auto alive = caf::actor_cast<caf::strong_actor_ptr>(weak))
      caf::anon_send(caf::actor_cast<link_shell>(alive), link_brought{{attempt, std::move(news)}});
  };
  if (server == process.servers.end()) {
    state.now = virtual_connection{};
    return tell(msg::link_closed{net::fail(net::errc::control_unreachable, "no such host")});
  }
  auto& site = *server->second;
  state.now = virtual_connection{&site, site.open(process.on->node(), process.key, wanted, tell)};
}

void brought(link_pointer self, const link_brought& news) {
  auto& state = self->state;
  if (news.heard.attempt != state.attempt || !state.now) return;
  state.close(state.retiring);
  if (std::holds_alternative<msg::link_closed>(news.heard.what)) state.now.reset();
  self->send(state.sink, news.heard);
}

/// Whether there is a connection to speak over.
bool connected(const link_state& state) {
  return state.process->alive && state.now && state.now->server;
}

link_shell::behavior_type control_link(link_pointer self, const msg::roles& roles,
                                       const shared_process& process, bool restarted) {
  actors::install_handlers(self, link_state::name);
  self->state.process = process;
  self->state.sink = roles.directory;
  if (restarted)
    self->send(self->state.sink,
               msg::control_heard{0, msg::link_closed{net::fail(net::errc::closed, "a new link")}});
  return {
      [self](const msg::control_open& wanted) { open(self, wanted); },
      [self](const msg::control_join& wanted) {
        const auto& s = self->state;
        if (connected(s)) s.now->server->join(s.now->number, wanted.party);
      },
      [self](const msg::control_say& said) {
        const auto& s = self->state;
        if (connected(s)) s.now->server->say(s.now->number, said.message);
      },
      [self](const msg::control_close&) {
        auto& s = self->state;
        s.close(s.retiring);
        s.close(s.now);
      },
      [self](const msg::attach_control& attached) { self->state.sink = attached.sink; },
      [self](const link_brought& news) { brought(self, news); },
  };
}

} // namespace

msg::control_link_actor spawn_control_link(caf::actor_system& system, const msg::roles& roles,
                                           shared_process process, bool restarted) {
  return system.spawn(control_link, roles, std::move(process), restarted);
}

} // namespace lanrage::sim
