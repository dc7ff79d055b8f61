#include "actors/directory/directory_actor.hpp"

#include "actors/directory/directory_core.hpp"
#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <type_traits>
#include <utility>

namespace lanrage::actors {

/// The armed deadline has come, unless another was armed since.
struct directory_due {
  std::uint64_t token = 0;
};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::directory_due)

namespace lanrage::actors {

namespace {

constexpr std::chrono::seconds store_deadline{10};

using directory_shell = msg::directory_actor::extend<caf::reacts_to<directory_due>>;
using open_promise = std::variant<promise_guard<msg::invitation>, promise_guard<msg::party_info>,
                                  promise_guard<msg::done>, promise_guard<msg::key_rotated>>;

struct directory_state {
  static inline const char* name = "directory";
  std::unique_ptr<directory_core> core;
  std::shared_ptr<directory_memory> memory;
  msg::roles roles;
  msg::wall_clock wall;
  std::function<void(const net::wg_private_key&)> rotated;
  std::map<directory_request, open_promise> open;
  directory_request last_request = 0;
  std::optional<msg::time_point> armed;
  std::uint64_t token = 0; ///< of the armed deadline
};
using directory_pointer = directory_shell::stateful_pointer<directory_state>;

void arm(directory_pointer self) {
  auto& state = self->state;
  const auto due = state.core->deadline();
  if (!due || (state.armed && *state.armed <= *due)) return;
  state.armed = due;
  const auto wait = std::max(*due - self->clock().now(), msg::time_point::duration::zero());
  self->delayed_send(self, wait, directory_due{++state.token});
}

void answer(directory_state& state, directory_answer& with) {
  const auto found = state.open.find(with.to);
  if (found == state.open.end()) return;
  auto promise = std::move(found->second);
  state.open.erase(found);
  std::visit(
      [&](auto& value) {
        using type = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<type, net::error>)
          std::visit([&](auto& open) { open.fail(value); }, promise);
        else
          std::get<promise_guard<type>>(promise).deliver(std::move(value));
      },
      with.what);
}

directory_time at_now(directory_pointer self) {
  return {self->clock().now(), self->state.wall()};
}

template <class Step>
void step(directory_pointer self, Step what);

/// What a user is told to be done is on the disk.
void put_on_disk(directory_pointer self, directory_effects& effects) {
  auto& state = self->state;
  auto text = to_text(*effects.save);
  state.memory->saved = std::move(*effects.save);
  std::vector<directory_answer> done;
  for (auto& each : std::exchange(effects.answers, {}))
    (std::holds_alternative<net::error>(each.what) ? effects.answers : done)
        .push_back(std::move(each));
  self->request(state.roles.store, store_deadline,
                msg::store_put{std::string{directory_document_name}, std::move(text)})
      .then(
          [self, tell = effects.tell_saved, done](const msg::done&) {
            for (auto each : done)
              answer(self->state, each);
            if (tell) step(self, [](auto& core, auto at, auto& out) { core.saved(at, out); });
          },
          [self, done](const caf::error& failed) {
            spdlog::warn("directory: not saved, trying again: {}", text_of(failed));
            for (auto each : done) {
              auto why = msg::from_caf(failed).detail; // its remedy is for reading
              if (std::holds_alternative<msg::invitation>(each.what))
                why += "; 'lanrage party invite' prints its invite";
              each.what = net::fail(net::errc::not_stored, std::move(why));
              answer(self->state, each);
            }
            self->state.core->not_saved(at_now(self));
            arm(self);
          });
}

void execute(directory_pointer self, directory_effects& effects) {
  auto& state = self->state;
  state.memory->attempt = state.core->attempt();
  for (const auto& line : effects.log)
    spdlog::info("directory: {}", line);
  if (effects.save) put_on_disk(self, effects);
  for (auto& order : effects.link)
    std::visit([&](auto& what) { self->send(state.roles.control_link, std::move(what)); }, order);
  for (auto& frame : effects.lan)
    self->send(state.roles.lan, std::move(frame));
  for (const auto& event : effects.events)
    for (const auto& sink : state.memory->subscribers)
      self->send(sink, event);
  for (auto& each : effects.answers)
    answer(state, each);
  if (effects.rotated && state.rotated) state.rotated(*effects.rotated);
  arm(self);
}

/// Runs one step of the core and does what it wants done.
template <class Step>
void step(directory_pointer self, Step what) {
  directory_effects effects;
  what(*self->state.core, at_now(self), effects);
  execute(self, effects);
}

/// Opens a promise that the core's answer of this number keeps.
template <class Result, class Step>
caf::typed_response_promise<Result> ask(directory_pointer self, Step what) {
  auto& state = self->state;
  promise_guard<Result> guard{self->template make_response_promise<Result>()};
  const auto id = ++state.last_request;
  state.open.emplace(id, guard);
  step(self, [&](auto& core, auto at, auto& out) { what(core, id, at, out); });
  return guard.promise();
}

/// What a user asks for, which the core answers later.
template <class Result, class Wanted>
auto asked(directory_pointer self,
           void (directory_core::*what)(directory_request, const Wanted&, directory_time,
                                        directory_effects&)) {
  return [self, what](const Wanted& wanted) {
    return ask<Result>(
        self, [&](auto& core, auto id, auto at, auto& out) { (core.*what)(id, wanted, at, out); });
  };
}

void attach(directory_pointer self, const msg::directory_sink& sink) {
  auto& all = self->state.memory->subscribers;
  if (std::find(all.begin(), all.end(), sink) == all.end()) all.push_back(sink);
  for (auto& event : self->state.core->snapshot(at_now(self)))
    self->send(sink, std::move(event));
}

void resume(directory_pointer self) {
  step(self, [&](auto& core, auto at, auto& out) {
    core.start(at, out);
    const auto& memory = *self->state.memory;
    if (memory.paths) core.own(*memory.paths, at, out);
    if (memory.legs) core.own(*memory.legs, at, out);
  });
}

directory_shell::behavior_type directory(directory_pointer self, const msg::roles& roles,
                                         const directory_actor_settings& settings,
                                         const std::shared_ptr<directory_memory>& memory) {
  install_handlers(self, directory_state::name);
  auto& state = self->state;
  state.roles = roles;
  state.memory = memory;
  state.wall = settings.wall;
  state.rotated = settings.rotated;
  state.core = std::make_unique<directory_core>(
      directory_settings{settings.name, settings.key, settings.secrets, settings.jitter,
                         settings.lan_secrets, settings.lan_jitter},
      memory->saved, memory->attempt);
  self->send(roles.control_link, msg::attach_control{roles.directory});
  self->send(roles.route_watch, msg::attach_network{roles.directory});
  if (roles.lan) self->send(roles.lan, msg::attach_lan{roles.directory});
  resume(self);
  return {
      [=](const msg::control_heard& heard) {
        step(self, [&](auto& core, auto at, auto& out) { core.heard(heard, at, out); });
      },
      [=](const msg::find_peer& wanted) -> caf::result<msg::known_peer> {
        auto found = self->state.core->find(wanted);
        if (!found) return msg::to_caf(found.error());
        return std::move(*found);
      },
      [=](const msg::list_peers&) { return self->state.core->peers(); },
      [=](const msg::list_parties&) { return self->state.core->parties(); },
      asked<msg::invitation>(self, &directory_core::create),
      asked<msg::party_info>(self, &directory_core::join),
      [=](const msg::party_invite& wanted) -> caf::result<msg::invitation> {
        auto line = self->state.core->invite(wanted);
        if (!line) return msg::to_caf(line.error());
        return std::move(*line);
      },
      asked<msg::done>(self, &directory_core::leave),
      asked<msg::done>(self, &directory_core::forget),
      asked<msg::key_rotated>(self, &directory_core::rotate),
      [=](const msg::send_signal& signal) {
        step(self, [&](auto& core, auto at, auto& out) { core.send(signal, at, out); });
      },
      [=](const msg::own_paths& paths) {
        self->state.memory->paths = paths;
        step(self, [&](auto& core, auto at, auto& out) { core.own(paths, at, out); });
      },
      [=](const msg::own_legs& legs) {
        self->state.memory->legs = legs;
        step(self, [&](auto& core, auto at, auto& out) { core.own(legs, at, out); });
      },
      [=](const msg::network_changed& news) {
        step(self, [&](auto& core, auto at, auto& out) { core.network_changed(news, at, out); });
      },
      [=](const msg::lan_heard& heard) {
        step(self, [&](auto& core, auto at, auto& out) { core.lan(heard, at, out); });
      },
      [=](const msg::lan_ready& ready) {
        step(self, [&](auto& core, auto at, auto& out) { core.lan(ready, at, out); });
      },
      [=](const msg::attach_directory& wanted) { attach(self, wanted.sink); },
      [=](const directory_due& due) {
        if (due.token != self->state.token) return;
        self->state.armed.reset();
        step(self, [&](auto& core, auto at, auto& out) { core.tick(at, out); });
      },
  };
}

} // namespace

net::result<std::shared_ptr<directory_memory>> load_directory(std::string_view document) {
  auto saved = parse_directory(document);
  if (!saved) return saved.error();
  auto out = std::make_shared<directory_memory>();
  out->saved = std::move(*saved);
  return out;
}

msg::directory_actor spawn_directory(caf::actor_system& system, const msg::roles& roles,
                                     directory_actor_settings settings,
                                     std::shared_ptr<directory_memory> memory) {
  return system.spawn(directory, roles, std::move(settings), std::move(memory));
}

} // namespace lanrage::actors
