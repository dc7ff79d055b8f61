#include "actors/peer/peer_actor.hpp"

#include "actors/peer/peer_connection.hpp"
#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"
#include "config/canary.hpp"

#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace lanrage::actors {

/// What was waited for from then on is due now.
struct peer_alarm {
  deadline armed;
};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::peer_alarm)

/// The shell around peer_connection: message to event, effect to message, one timer. Decides
/// nothing.
namespace lanrage::actors {

namespace {

namespace defaults = config::defaults;
using peer_interface = msg::peer_actor::extend<caf::reacts_to<peer_alarm>>;

struct peer_state {
  static inline const char* name = "peer";
  std::unique_ptr<peer_connection> core;
  std::shared_ptr<const msg::roles> roles;
  std::shared_ptr<const peer_settings> settings;
  std::shared_ptr<msg::peer_memory> memory;
  msg::peer_actor address;
  std::optional<deadline> armed;
};
using peer_pointer = peer_interface::stateful_pointer<peer_state>;

void feed(peer_pointer self, const event& what);

net::errc code_of(const caf::error& failure) {
  return msg::from_caf(failure).code;
}

/// Executes effects; one overload per kind.
struct executor {
  peer_pointer self;
  ticket asked;

  const msg::roles& roles() const { return *self->state.roles; }

  void operator()(const msg::find_peer& what) const {
    self->request(roles().directory, defaults::discover_deadline, what)
        .then(
            [s = self, a = asked](const msg::known_peer& found) {
              feed(s, record_found{a, found});
            },
            [s = self, a = asked](caf::error& e) {
              feed(s, record_found{a, msg::from_caf(e)});
            });
  }
  void operator()(const msg::send_signal& what) const { self->send(roles().directory, what); }
  void operator()(const msg::rank_relays& what) const {
    self->request(roles().relays, defaults::discover_deadline, what)
        .then(
            [s = self, a = asked](const msg::relay_ranking& r) {
              feed(s, relays_ranked{a, r.choices});
            },
            [s = self, a = asked](caf::error&) {
              feed(s, relays_ranked{a, {}});
            });
  }
  void operator()(const msg::prepare_relay& what) const {
    self->request(roles().relays, defaults::prepare_deadline, what)
        .then(
            [s = self, a = asked](const msg::done&) {
              feed(s, relay_prepared{a, true});
            },
            [s = self, a = asked](caf::error&) {
              feed(s, relay_prepared{a, false});
            });
  }
  void operator()(const msg::learn_index& what) const {
    self->request(roles().port, what.timeout + defaults::probe_grace, what)
        .then(
            [s = self, a = asked](const msg::learned_index& learned) {
              feed(s, index_learned{a, learned.index});
            },
            [s = self, a = asked](caf::error&) {
              feed(s, index_learned{a, std::nullopt});
            });
  }
  void operator()(const msg::check_path& what) const { self->send(roles().nat, what); }
  void operator()(const msg::relay_trouble& what) const { self->send(roles().relays, what); }
  void operator()(const msg::expect_peer& what) const {
    self->send(roles().nat, msg::attach_paths{what, self->state.address});
  }
  void operator()(const msg::forget_peer& what) const { self->send(roles().nat, what); }
  void operator()(const msg::start_punch& what) const {
    spdlog::debug("peer {}: punching to {} candidates in {} us",
                  to_string((*self->state.memory)->record.id), what.candidates.size(),
                  what.after.count());
    self->send(roles().nat, what);
  }
  void operator()(const msg::nominate_path& what) const { self->send(roles().nat, what); }
  void operator()(const msg::release_path& what) const { self->send(roles().nat, what); }
  void operator()(const msg::set_peer& what) const { write(what); }
  void operator()(const msg::reset_peer& what) const { write(what); }
  void operator()(const msg::remove_peer& what) const { write(what); }
  template <class Change>
  void write(const Change& what) const {
    self->request(roles().writer, defaults::configure_deadline, what)
        .then(
            [s = self, a = asked](const msg::peer_applied&) {
              feed(s, write_done{a, std::nullopt});
            },
            [s = self, a = asked](caf::error& e) {
              feed(s, write_done{a, code_of(e)});
            });
  }
  void operator()(const msg::assert_endpoint& what) const {
    self->request(roles().writer, defaults::assert_deadline + defaults::configure_deadline, what)
        .then(
            [s = self, a = asked](const msg::assert_report& report) {
              feed(s, move_done{a, report.landed});
            },
            [s = self, a = asked](caf::error&) {
              feed(s, move_done{a, false});
            });
  }
  void operator()(const msg::watch_peer& what) const {
    self->send(roles().writer, msg::attach_wg{what, self->state.address});
  }
  void operator()(const msg::unwatch_peer& what) const { self->send(roles().writer, what); }
  void operator()(const msg::probe_tunnel& what) const {
    // The prober answers within the timeout and a little; no answer at all says nothing of the
    // path.
    self->request(roles().prober, what.timeout + defaults::probe_grace, what)
        .then(
            [s = self, a = asked](const msg::probe_report& r) {
              feed(s, r.rtt ? tunnel_report{a, probe_outcome::answered, *r.rtt}
                            : tunnel_report{a, probe_outcome::lost, {}});
            },
            [s = self, a = asked](caf::error&) {
              feed(s, tunnel_report{a, probe_outcome::unmeasured, {}});
            });
  }
  void operator()(msg::peer_update& what) const {
    *self->state.memory = what.saved;
    spdlog::debug("peer {}: {} ({})", to_string(what.view->id), to_string(what.view->at),
                  what.view->reason);
    const bool gone = what.gone;
    self->send(roles().supervisor, std::move(what));
    if (gone) self->quit();
  }
};

void arm(peer_pointer self) {
  auto& s = self->state;
  const auto due = s.core->wake_at();
  if (!due) return;
  // One that fires earlier for the same state finds nothing due and arms again.
  if (s.armed && s.armed->epoch == due->epoch && s.armed->at <= due->at) return;
  s.armed = due;
  const auto now = self->clock().now();
  self->delayed_send(self, std::max(due->at - now, msg::time_point::duration::zero()),
                     peer_alarm{*due});
}

void feed(peer_pointer self, const event& what) {
  auto& s = self->state;
  const moment now{self->clock().now(), s.settings->wall()};
  auto effects = s.core->handle(what, now);
  for (auto& effect : effects)
    std::visit(executor{self, effect.asked}, effect.what);
  arm(self);
}

/// What it knew is in its last update. Whatever is said to it from now on goes to the supervisor,
/// which makes another.
msg::rest_answer rest(peer_pointer self) {
  const auto& s = self->state;
  if (!s.core->rests()) return {};
  const auto& key = (*s.memory)->record.key;
  self->send(s.roles->nat, msg::forget_peer{key});
  self->send(s.roles->writer, msg::unwatch_peer{key});
  self->quit();
  return {true};
}

/// nat remembers what became of the peer's addresses, so that no peer has to.
caf::typed_response_promise<msg::explanation> explain(peer_pointer self) {
  promise_guard<msg::explanation> promise{self->make_response_promise<msg::explanation>()};
  const auto& s = self->state;
  auto answer = [self, promise](const std::optional<msg::tried_addresses>& tried) mutable {
    promise.deliver(self->state.core->explain(self->clock().now(), tried));
  };
  self->request(s.roles->nat, defaults::explain_patience, msg::get_tried{(*s.memory)->record.key})
      .then([answer](const msg::tried_addresses& all) mutable { answer(all); },
            [answer](caf::error&) mutable { answer(std::nullopt); });
  return promise.promise();
}

peer_interface::behavior_type peer(peer_pointer self,
                                   const std::shared_ptr<const msg::roles>& roles,
                                   const std::shared_ptr<const peer_settings>& settings,
                                   const std::shared_ptr<msg::peer_memory>& memory,
                                   const msg::peer_actor& address) {
  auto& s = self->state;
  s.roles = roles;
  s.settings = settings;
  s.memory = memory;
  s.address = address;
  install_handlers(self, "peer " + to_string((*memory)->record.id));
  s.core = std::make_unique<peer_connection>(settings->own, **memory, settings->health);
  feed(self, started{});
  return {
      [self](const msg::peer_known& m) { feed(self, m); },
      [self](const msg::signal_received& m) { feed(self, m.signal); },
      [self](const msg::path_event& m) { feed(self, m); },
      [self](const msg::wg_signal& m) { feed(self, m); },
      [self](const msg::own_paths& m) { feed(self, m); },
      [self](const msg::own_legs& m) { feed(self, m); },
      [self](const msg::network_changed& m) { feed(self, m); },
      [self](const msg::control_state& m) { feed(self, m); },
      [self](const msg::connect_peer&) { feed(self, user_connect{}); },
      [self](const msg::close_peer& m) { feed(self, m); },
      [self](const msg::rest_peer&) { return rest(self); },
      [self](const msg::get_explanation&) { return explain(self); },
      [self](const peer_alarm& m) {
        // One that was overtaken by an earlier one must not arm another: they would pile up. The
        // armed one itself may come before its time where timers do not run as clocks do.
        auto& armed = self->state.armed;
        const auto now = self->clock().now();
        if (armed && armed->at == m.armed.at && armed->epoch == m.armed.epoch) armed.reset();
        // Armed for something that was answered meanwhile: nothing is due, so nothing can happen.
        const auto due = self->state.core->wake_at();
        const bool stale = due && due->epoch != m.armed.epoch;
        const bool dropped = !stale || !config::planted(config::canary::stale_timer);
        if (due && due->at > now && dropped) return arm(self);
        feed(self, wake{m.armed.epoch});
      },
  };
}

} // namespace

msg::peer_actor spawn_peer(caf::actor_system& system, std::shared_ptr<const msg::roles> roles,
                           std::shared_ptr<const peer_settings> settings,
                           std::shared_ptr<msg::peer_memory> memory,
                           const msg::peer_actor& address) {
  return system.spawn(peer, std::move(roles), std::move(settings), std::move(memory), address);
}

} // namespace lanrage::actors
