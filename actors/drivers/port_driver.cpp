#include "actors/drivers/port_driver.hpp"

#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"
#include "config/defaults.hpp"
#include "messages/error.hpp"
#include "net/frames.hpp"
#include "net/os/index_watch.hpp"
#include "net/os/port_rewrites.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <atomic>
#include <map>

namespace lanrage::actors {

/// From the io thread: the sockets are gone.
struct port_lost {
  net::error why;
};
/// From the io thread: an index was seen, or not.
struct index_seen {
  std::uint64_t number = 0;
  net::result<net::session_index> what;
};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::port_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::index_seen)

namespace lanrage::actors {

namespace {

using port_shell =
    msg::port_actor::extend<caf::reacts_to<msg::frame_received>, caf::reacts_to<port_lost>,
                            caf::reacts_to<index_seen>, caf::reacts_to<msg::network_changed>>;

/// Datagrams between the io thread and the actor: a flood must not fill the memory.
struct backlog {
  std::atomic<std::size_t> waiting{0};
  std::atomic<std::uint64_t> dropped{0};
};

/// Runs `nft`, which would keep datagrams waiting.
using rewriter_actor = caf::typed_actor<caf::replies_to<msg::rewrite_ports>::with<msg::done>>;

rewriter_actor::behavior_type rewriter(rewriter_actor::pointer self, std::uint16_t wg_port) {
  install_handlers(self, "port rewriter");
  return {
      [wg_port](const msg::rewrite_ports& order) -> caf::result<msg::done> {
        const auto done = net::os::set_port_rewrites(wg_port, order.all);
        if (!done) return msg::to_caf(done.error());
        return msg::done{};
      },
  };
}

struct port_state {
  static inline const char* name = "port";
  std::unique_ptr<net::os::raw_port> port;
  std::shared_ptr<port_memory> memory;
  std::shared_ptr<backlog> queue = std::make_shared<backlog>();
  std::uint64_t dropped_logged = 0;
  boost::asio::io_context* io = nullptr;
  std::uint16_t own_port = 0;
  std::map<std::uint64_t, promise_guard<msg::learned_index>> learning;
  std::uint64_t last_learning = 0;
  rewriter_actor rewriter; ///< once there was something to rewrite
};
using port_pointer = port_shell::stateful_pointer<port_state>;

/// Speaks to the actor from the io thread, as long as it lives; never keeps it alive.
class mailbox {
 public:
  explicit mailbox(port_pointer self) : weak_(self->ctrl()) {}

  template <class Message>
  bool tell(Message message) const {
    const auto alive = caf::actor_cast<caf::strong_actor_ptr>(weak_);
    if (!alive) return false;
    caf::anon_send(caf::actor_cast<port_shell>(alive), std::move(message));
    return true;
  }

 private:
  caf::weak_actor_ptr weak_;
};

net::os::raw_port::handlers handlers_of(port_pointer self) {
  const mailbox box{self};
  net::os::raw_port::handlers out;
  out.received = [box, queue = self->state.queue](net::os::raw_datagram datagram) {
    if (queue->waiting.fetch_add(1) >= config::defaults::port_queue_max) {
      --queue->waiting;
      ++queue->dropped;
      return;
    }
    auto data = std::make_shared<const net::bytes>(std::move(datagram.payload));
    box.tell(msg::frame_received{datagram.from, datagram.local, std::move(data), datagram.at_port});
  };
  out.undelivered = [](const net::endpoint&, const net::error& why) {
    spdlog::debug("port: {}", net::to_string(why));
  };
  out.failed = [box](const net::error& why) { box.tell(port_lost{why}); };
  return out;
}

/// STUN belongs to whoever asks about paths; relays answer registrations.
const std::optional<msg::frame_sink>& sink_of(const port_memory& memory, net::byte_view data) {
  static const std::optional<msg::frame_sink> nobody;
  switch (net::classify(data)) {
  case net::datagram_class::stun:
  case net::datagram_class::probe:
    return memory.paths;
  case net::datagram_class::relay:
    return memory.relays;
  default:
    return nobody;
  }
}

void log_drops(port_state& state) {
  const auto dropped = state.queue->dropped.load();
  if (dropped == state.dropped_logged) return;
  spdlog::warn("port: {} datagrams dropped, more than {} were waiting",
               dropped - state.dropped_logged, config::defaults::port_queue_max);
  state.dropped_logged = dropped;
}

caf::typed_response_promise<msg::learned_index> learn(port_pointer self,
                                                      const msg::learn_index& wish) {
  auto& state = self->state;
  const promise_guard open{self->make_response_promise<msg::learned_index>()};
  const auto number = ++state.last_learning;
  state.learning.emplace(number, open);
  const auto done = [box = mailbox{self}, number](net::result<net::session_index> what) {
    box.tell(index_seen{number, std::move(what)});
  };
  net::os::watch_index(*state.io, state.own_port, wish.to, wish.timeout, done);
  return open.promise();
}

void learned(port_state& state, const index_seen& seen) {
  auto node = state.learning.extract(seen.number);
  if (node.empty()) return;
  if (!seen.what) spdlog::debug("port: session index: {}", net::to_string(seen.what.error()));
  node.mapped().deliver(
      {seen.what ? std::optional{*seen.what} : std::optional<net::session_index>{}});
}

port_shell::behavior_type port_behavior(port_pointer self, const msg::roles& roles,
                                        boost::asio::io_context* io,
                                        const net::os::raw_port_options& options,
                                        std::shared_ptr<port_memory> memory) {
  install_handlers(self, port_state::name);
  auto& state = self->state;
  state.memory = std::move(memory);
  state.io = io;
  state.own_port = options.port;
  auto opened = net::os::raw_port::open(*io, options, handlers_of(self));
  if (opened) {
    state.port = std::move(*opened);
    if (roles.route_watch)
      self->send(roles.route_watch, msg::attach_network{caf::actor_cast<msg::network_sink>(self)});
  } else {
    self->quit(msg::to_caf(opened.error()));
  }
  return {
      [self](const msg::send_frame& frame) {
        if (frame.data) self->state.port->send(frame.to, frame.data, frame.from_port);
      },
      [self](const msg::learn_index& wish) { return learn(self, wish); },
      [self](const msg::rewrite_ports& order) {
        if (!self->state.rewriter)
          self->state.rewriter =
              self->spawn<caf::linked + caf::detached>(rewriter, self->state.own_port);
        return self->delegate(self->state.rewriter, order);
      },
      [self](const msg::attach_frames& wish) {
        auto& known = *self->state.memory;
        (wish.interest == msg::frame_interest::paths ? known.paths : known.relays) = wish.sink;
      },
      [self](const msg::frame_received& frame) {
        --self->state.queue->waiting;
        if (const auto& sink = sink_of(*self->state.memory, *frame.data)) self->send(*sink, frame);
        if (self->state.queue->waiting == 0) log_drops(self->state);
      },
      [self](const index_seen& seen) { learned(self->state, seen); },
      [self](const port_lost& lost) { self->quit(msg::to_caf(lost.why)); },
      [self](const msg::network_changed&) { self->state.port->routes_changed(); },
  };
}

} // namespace

msg::port_actor spawn_port_driver(caf::actor_system& system, const msg::roles& roles,
                                  boost::asio::io_context& io,
                                  const net::os::raw_port_options& options,
                                  std::shared_ptr<port_memory> memory) {
  return system.spawn(port_behavior, roles, &io, options, std::move(memory));
}

} // namespace lanrage::actors
