#include "actors/shell.hpp"
#include "sim/drivers/drivers.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace lanrage::sim {

namespace {

/// A stream as its callbacks know it, too; they may come when nobody wants it any more.
struct virtual_stream {
  std::uint64_t number = 0;
  std::optional<net::endpoint> at; ///< while it is open
  bool wanted = true;
};

struct streams_state {
  static inline const char* name = "relay_streams";
  shared_process process;
  std::map<net::relay_id, std::shared_ptr<virtual_stream>> streams;

  void close(virtual_stream& one) const {
    one.wanted = false;
    if (!process->alive) return;
    if (one.at) process->on->remove_stream(*one.at);
    process->streams->close(one.number);
  }
  void close(const net::relay_id& relay) {
    const auto node = streams.extract(relay);
    if (!node.empty()) close(*node.mapped());
  }
  void close_all() {
    for (const auto& [relay, one] : std::exchange(streams, {}))
      close(*one);
  }
  ~streams_state() {
    if (process) close_all();
  }
};
using streams_pointer = msg::relay_streams_actor::stateful_pointer<streams_state>;

void open(streams_pointer self, const msg::relay_selector_actor& tell,
          const msg::open_stream& wanted) {
  auto& state = self->state;
  const auto process = state.process;
  const auto id = wanted.relay.id();
  state.close(id);
  const auto site = process->relays.find(id);
  if (!process->alive || site == process->relays.end()) {
    caf::anon_send(tell, msg::stream_closed{id, wanted.attempt,
                                            net::fail(net::errc::unreachable, "no such relay")});
    return;
  }
  const auto one = std::make_shared<virtual_stream>();
  state.streams[id] = one;
  stream_net::listener hears;
  hears.opened = [=, attempt = wanted.attempt] {
    if (!one->wanted || !process->alive) return;
    one->at = process->on->add_stream(
        [=](net::byte_view data) { process->streams->send(one->number, data); });
    caf::anon_send(tell, msg::stream_opened{id, attempt, *one->at});
  };
  hears.datagram = [=](net::byte_view data) -> std::string_view {
    if (!one->at || !one->wanted || !process->alive) return "the stream is closed";
    return process->on->streamed(*one->at, data);
  };
  hears.closed = [=, attempt = wanted.attempt](const net::error& why) {
    if (!one->wanted || !process->alive) return;
    if (one->at) process->on->remove_stream(*one->at);
    one->wanted = false;
    caf::anon_send(tell, msg::stream_closed{id, attempt, why});
  };
  one->number = process->streams->open(process->on->node(), *site->second, std::move(hears));
}

msg::relay_streams_actor::behavior_type streams(streams_pointer self,
                                                const msg::relay_selector_actor& tell,
                                                const shared_process& process, bool restarted) {
  actors::install_handlers(self, streams_state::name);
  self->state.process = process;
  if (restarted)
    self->send(tell, msg::stream_closed{{}, 0, net::fail(net::errc::closed, "a new driver")});
  return {
      [self, tell](const msg::open_stream& wanted) { open(self, tell, wanted); },
      [self](const msg::close_stream& which) { self->state.close(which.relay); },
      [self](const msg::close_streams&) { self->state.close_all(); },
  };
}

} // namespace

msg::relay_streams_actor spawn_relay_streams(caf::actor_system& system, const msg::roles& roles,
                                             shared_process process, bool restarted) {
  return system.spawn(streams, roles.relays, std::move(process), restarted);
}

} // namespace lanrage::sim
