#include "actors/drivers/relay_streams_driver.hpp"

#include "actors/shell.hpp"
#include "config/stream_defaults.hpp"
#include "net/os/relay_stream.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <map>
#include <memory>

namespace lanrage::actors {

namespace {

namespace defaults = config::defaults;

struct streams_state {
  static inline const char* name = "relay_streams";
  std::map<net::relay_id, std::unique_ptr<net::os::relay_stream>> streams;
};
using streams_pointer = msg::relay_streams_actor::stateful_pointer<streams_state>;

net::os::relay_stream_options options_for(const net::relay_info& relay, std::uint16_t wg_port,
                                          std::uint32_t mark) {
  net::os::relay_stream_options out;
  out.server = {relay.address.address, relay.tls->port};
  out.pin = relay.tls->pin;
  out.name = relay.tls->name;
  out.wg_port = wg_port;
  out.mark = mark;
  out.handshake = defaults::stream_handshake_deadline;
  out.dead_after = defaults::stream_dead_after;
  out.message_octets = defaults::stream_message_max;
  out.queue_octets = defaults::stream_queue_octets;
  out.queue_datagrams = defaults::stream_queue_datagrams;
  out.queue_age = defaults::stream_queue_age;
  return out;
}

void open(streams_pointer self, boost::asio::io_context& io, const msg::open_stream& wanted,
          const msg::relay_selector_actor& tell, std::uint16_t wg_port, std::uint32_t mark) {
  auto& streams = self->state.streams;
  const auto id = wanted.relay.id();
  streams.erase(id);
  if (!wanted.relay.tls) return; // never asked for
  net::os::relay_stream_events events;
  events.opened = [=, attempt = wanted.attempt, name = wanted.relay.name](net::endpoint at) {
    spdlog::debug("stream to {}: open at {}", name, net::to_string(at));
    caf::anon_send(tell, msg::stream_opened{id, attempt, at});
  };
  events.closed = [=, attempt = wanted.attempt, name = wanted.relay.name](net::error why) {
    spdlog::debug("stream to {}: {}", name, net::to_string(why));
    caf::anon_send(tell, msg::stream_closed{id, attempt, std::move(why)});
  };
  streams.emplace(id, net::os::relay_stream::open(io, options_for(wanted.relay, wg_port, mark),
                                                  std::move(events)));
}

msg::relay_streams_actor::behavior_type relay_streams(streams_pointer self,
                                                      const msg::relay_selector_actor& tell,
                                                      boost::asio::io_context* io,
                                                      std::uint16_t wg_port, std::uint32_t mark,
                                                      bool restarted) {
  install_handlers(self, streams_state::name);
  if (restarted)
    self->send(tell, msg::stream_closed{{}, 0, net::fail(net::errc::closed, "a new driver")});
  return {
      [=](const msg::open_stream& wanted) { open(self, *io, wanted, tell, wg_port, mark); },
      [=](const msg::close_stream& which) { self->state.streams.erase(which.relay); },
      [=](const msg::close_streams&) { self->state.streams.clear(); },
  };
}

} // namespace

msg::relay_streams_actor spawn_relay_streams_driver(caf::actor_system& system,
                                                    const msg::roles& roles,
                                                    boost::asio::io_context& io,
                                                    std::uint16_t wg_port, std::uint32_t mark,
                                                    bool restarted) {
  return system.spawn(relay_streams, roles.relays, &io, wg_port, mark, restarted);
}

} // namespace lanrage::actors
