#include "actors/drivers/route_watch_driver.hpp"

#include "actors/shell.hpp"
#include "config/defaults.hpp"
#include "net/os/route_watch.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <ctime>

namespace lanrage::actors {

/// From the io thread: something moved.
struct network_moved {
  net::os::network_event event{};
  std::string interface;
};
/// From the io thread: the kernel's socket is gone.
struct watch_lost {
  net::error why;
};
/// The burst is over.
struct network_settled {};
/// Time to look whether the machine slept.
struct clock_look {};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::network_moved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::watch_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::network_settled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::clock_look)

namespace lanrage::actors {

std::chrono::nanoseconds time_asleep() {
  const auto read = [](clockid_t clock) {
    timespec at{};
    ::clock_gettime(clock, &at);
    return std::chrono::seconds{at.tv_sec} + std::chrono::nanoseconds{at.tv_nsec};
  };
  return read(CLOCK_BOOTTIME) - read(CLOCK_MONOTONIC);
}

namespace {

using watch_shell =
    msg::route_watch_actor::extend<caf::reacts_to<network_moved>, caf::reacts_to<watch_lost>,
                                   caf::reacts_to<network_settled>, caf::reacts_to<clock_look>>;

struct watch_state {
  static inline const char* name = "route watch";
  std::unique_ptr<net::os::route_watch> watch;
  std::shared_ptr<route_watch_memory> memory;
  std::string tunnel;
  std::vector<net::ip_address> told; ///< the addresses of the last news
  bool settling = false;             ///< a burst is under way, its end is armed
  bool routes_moved = false;         ///< worth telling even with the same addresses
  sleep_clock time_asleep;
  std::chrono::nanoseconds asleep{}; ///< as last looked at
  std::chrono::nanoseconds slept{};  ///< worth telling
};
using watch_pointer = watch_shell::stateful_pointer<watch_state>;

net::os::route_watch::handlers handlers_of(watch_pointer self) {
  const caf::weak_actor_ptr weak{self->ctrl()};
  const auto tell = [weak](auto message) {
    if (const auto alive = caf::actor_cast<caf::strong_actor_ptr>(weak))
      caf::anon_send(caf::actor_cast<watch_shell>(alive), std::move(message));
  };
  net::os::route_watch::handlers out;
  out.changed = [tell](net::os::network_event event, const std::string& interface) {
    tell(network_moved{event, interface});
  };
  out.failed = [tell](const net::error& why) { tell(watch_lost{why}); };
  return out;
}

void on_moved(watch_pointer self, const network_moved& news) {
  auto& state = self->state;
  if (news.event == net::os::network_event::link_gone && news.interface == state.tunnel)
    spdlog::warn("route watch: interface {} was deleted", state.tunnel);
  // Our own tunnel's addresses are our own doing.
  if (!news.interface.empty() && news.interface == state.tunnel) return;
  if (news.event != net::os::network_event::address) state.routes_moved = true;
  if (std::exchange(state.settling, true)) return;
  self->delayed_send(self, config::defaults::network_settle, network_settled{});
}

void on_settled(watch_pointer self) {
  auto& state = self->state;
  state.settling = false;
  const bool routes_moved = std::exchange(state.routes_moved, false);
  const auto slept = std::exchange(state.slept, std::chrono::nanoseconds{});
  auto now = net::os::local_addresses(state.tunnel);
  if (!now) {
    spdlog::warn("route watch: {}", net::to_string(now.error()));
    return;
  }
  if (!routes_moved && slept == slept.zero() && *now == state.told) return;
  state.told = *now;
  spdlog::info("network changed: {} addresses", now->size());
  for (const auto& listener : state.memory->listeners)
    self->send(listener, msg::network_changed{{state.told}, slept});
}

/// A suspended machine's peers gave it up, and its own timers did not run.
void on_clock_look(watch_pointer self) {
  auto& state = self->state;
  self->delayed_send(self, config::defaults::sleep_look, clock_look{});
  const auto asleep = state.time_asleep();
  const auto more = asleep - std::exchange(state.asleep, asleep);
  if (more < config::defaults::sleep_noticed) return;
  spdlog::info("the machine was suspended for {} s",
               std::chrono::duration_cast<std::chrono::seconds>(more).count());
  state.slept += more;
  if (!std::exchange(state.settling, true)) self->send(self, network_settled{});
}

void on_attach(watch_pointer self, const msg::network_sink& sink) {
  auto& listeners = self->state.memory->listeners;
  if (std::find(listeners.begin(), listeners.end(), sink) != listeners.end()) return;
  listeners.push_back(sink);
  self->monitor(sink);
}

watch_shell::behavior_type route_watch_behavior(watch_pointer self, boost::asio::io_context* io,
                                                const std::string& tunnel,
                                                std::shared_ptr<route_watch_memory> memory,
                                                const sleep_clock& asleep) {
  install_handlers(self, watch_state::name);
  self->set_down_handler([self](caf::down_msg& down) {
    std::erase_if(self->state.memory->listeners,
                  [&](const auto& listener) { return listener.address() == down.source; });
  });
  auto& state = self->state;
  state.memory = std::move(memory);
  state.tunnel = tunnel;
  for (const auto& listener : state.memory->listeners)
    self->monitor(listener);
  state.time_asleep = asleep;
  state.asleep = asleep();
  self->delayed_send(self, config::defaults::sleep_look, clock_look{});
  auto opened = net::os::route_watch::open(*io, handlers_of(self));
  if (opened) {
    state.watch = std::move(*opened);
    // What changed while no incarnation watched is news, too.
    if (!state.memory->listeners.empty()) on_moved(self, {net::os::network_event::overrun, {}});
    if (auto now = net::os::local_addresses(tunnel)) state.told = std::move(*now);
  } else {
    self->quit(msg::to_caf(opened.error()));
  }
  return {
      [self](const msg::get_host_addresses&) -> caf::result<msg::host_addresses> {
        auto now = net::os::local_addresses(self->state.tunnel);
        if (!now) return msg::to_caf(now.error());
        return msg::host_addresses{std::move(*now)};
      },
      [self](const msg::attach_network& wish) { on_attach(self, wish.sink); },
      [self](const network_moved& news) { on_moved(self, news); },
      [self](const watch_lost& lost) { self->quit(msg::to_caf(lost.why)); },
      [self](const network_settled&) { on_settled(self); },
      [self](const clock_look&) { on_clock_look(self); },
  };
}

} // namespace

msg::route_watch_actor spawn_route_watch_driver(caf::actor_system& system,
                                                boost::asio::io_context& io,
                                                const std::string& tunnel,
                                                std::shared_ptr<route_watch_memory> memory,
                                                sleep_clock asleep) {
  return system.spawn(route_watch_behavior, &io, tunnel, std::move(memory), std::move(asleep));
}

} // namespace lanrage::actors
