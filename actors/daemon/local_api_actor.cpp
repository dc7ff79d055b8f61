#include "actors/daemon/local_api_actor.hpp"

#include "actors/daemon/local_request.hpp"
#include "actors/shell.hpp"
#include "messages/error.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <unistd.h>

#include <map>
#include <set>
#include <type_traits>

namespace lanrage::actors {

namespace json = boost::json;
using session = local_server::session;
using local_api_pointer = local_api_actor::stateful_pointer<struct local_api_state>;

namespace {

using std::chrono::seconds;

/// Answers from memory; a second is the sign that something is wrong.
constexpr seconds memory_deadline{2};
/// Answers that need the control server or WireGuard.
constexpr seconds server_deadline{15};
/// No client has this number: an error reply to it goes nowhere.
constexpr session nobody = 0;

} // namespace

struct local_api_state {
  static inline const char* name = "local_api";
  msg::roles roles;
  local_api_settings settings;
  std::shared_ptr<local_server> server;
  std::set<session> watching;
  std::map<net::wg_public_key, msg::phase> phases; ///< for `from` in peer events
};

namespace {

void reply(local_api_pointer self, session to, json::object body);

void refuse(local_api_pointer self, session to, const net::error& why) {
  reply(self, to, {{"ok", false}, {"error", to_json(why)}});
}

void reply(local_api_pointer self, session to, json::object body) {
  if (!body.contains("ok")) body["ok"] = true;
  self->state.server->reply(to, json::serialize(body));
}

/// Asks one actor and answers the client with what `shape` makes of it.
template <class Result, class Handle, class Message, class Shape>
void ask(local_api_pointer self, session from, const Handle& whom,
         std::chrono::milliseconds deadline, Message what, Shape shape) {
  self->request(whom, deadline, std::move(what))
      .then([=](const Result& answer) { reply(self, from, shape(answer)); },
            [=](caf::error& failed) { refuse(self, from, msg::from_caf(failed)); });
}

json::array to_array(const std::vector<msg::connection_view>& views) {
  json::array out;
  for (const auto& view : views)
    out.push_back(to_json(view));
  return out;
}

/// `self` and `peers`, which need two actors.
template <class Then>
void snapshot(local_api_pointer self, session from, Then then) {
  self->request(self->state.roles.supervisor, memory_deadline, msg::list_status{})
      .then(
          [=](const msg::status_report& report) {
            self->request(self->state.roles.directory, memory_deadline, msg::list_parties{})
                .then(
                    [=](const std::vector<msg::party_info>& parties) {
                      then(json::object{
                          {"self", to_json(report.self, parties, self->state.settings.facts)},
                          {"peers", to_array(report.peers)}});
                    },
                    [=](caf::error& failed) { refuse(self, from, msg::from_caf(failed)); });
          },
          [=](caf::error& failed) { refuse(self, from, msg::from_caf(failed)); });
}

json::object peer_shape(const msg::connection_view& view) {
  return {{"peer", to_json(view)}};
}
json::object done_shape(const msg::done&) {
  return {};
}
json::object invite_shape(const msg::invitation& to) {
  return {{"invite", to.invite}, {"party", to_json(to.party)}};
}
json::object party_shape(const msg::party_info& party) {
  return {{"party", to_json(party)}};
}

struct answer_request {
  local_api_pointer self;
  session from;

  const msg::roles& roles() const { return self->state.roles; }

  void operator()(const local::ping&) const {
    reply(self, from, {{"version", LANRAGE_VERSION}, {"pid", ::getpid()}});
  }
  void operator()(const local::status& wanted) const {
    const auto me = self;
    const auto to = from;
    if (!wanted.peer)
      return snapshot(self, from, [=](json::object shape) { reply(me, to, std::move(shape)); });
    ask<msg::connection_view>(self, from, roles().supervisor, memory_deadline,
                              msg::get_status{wanted.party, *wanted.peer}, peer_shape);
  }
  void operator()(const local::connect& wanted) const {
    if (wanted.wait > std::chrono::milliseconds::zero())
      return ask<msg::connection_view>(self, from, roles().supervisor, wanted.wait, wanted.what,
                                       peer_shape);
    caf::anon_send(roles().supervisor, wanted.what);
    ask<msg::connection_view>(self, from, roles().supervisor, memory_deadline,
                              msg::get_status{wanted.what.party, wanted.what.id}, peer_shape);
  }
  void operator()(const local::disconnect& wanted) const {
    ask<msg::done>(self, from, roles().supervisor, server_deadline, wanted.what, done_shape);
  }
  void operator()(const local::explain& wanted) const {
    ask<msg::explanation>(self, from, roles().supervisor, memory_deadline, wanted.what,
                          [](const msg::explanation& all) { return to_json(all); });
  }
  void operator()(const local::party_create& wanted) const {
    ask<msg::invitation>(self, from, roles().directory, server_deadline, wanted.what, invite_shape);
  }
  void operator()(const local::party_join& wanted) const {
    ask<msg::party_info>(self, from, roles().directory, server_deadline, wanted.what, party_shape);
  }
  void operator()(const local::party_invite& wanted) const {
    ask<msg::invitation>(self, from, roles().directory, memory_deadline, wanted.what, invite_shape);
  }
  void operator()(const local::party_leave& wanted) const {
    ask<msg::done>(self, from, roles().directory, server_deadline, wanted.what, done_shape);
  }
  void operator()(const local::party_forget& wanted) const {
    ask<msg::done>(self, from, roles().directory, server_deadline, wanted.what, done_shape);
  }
  void operator()(const local::key_rotate&) const {
    ask<msg::key_rotated>(self, from, roles().directory, server_deadline, msg::rotate_key{},
                          [](const msg::key_rotated& done) {
                            return json::object{{"public_key", net::to_string(done.key)}};
                          });
  }
  void operator()(const local::party_list&) const {
    ask<std::vector<msg::party_info>>(self, from, roles().directory, memory_deadline,
                                      msg::list_parties{},
                                      [](const std::vector<msg::party_info>& parties) {
                                        json::array out;
                                        for (const auto& party : parties)
                                          out.push_back(to_json(party));
                                        return json::object{{"parties", std::move(out)}};
                                      });
  }
  void operator()(const local::watch&) const {
    const auto me = self;
    const auto to = from;
    snapshot(self, from, [=](json::object shape) {
      shape["event"] = "snapshot";
      shape["at"] = iso8601(me->state.settings.wall(), true);
      me->state.server->stream(to, json::serialize(shape));
      me->state.watching.insert(to);
    });
  }
};

void tell(local_api_pointer self, const json::object& event) {
  const auto line = json::serialize(event);
  for (const auto watcher : self->state.watching)
    self->state.server->stream(watcher, line);
}

void happened(local_api_pointer self, const msg::connection_event& event) {
  auto& phases = self->state.phases;
  const auto at = iso8601(event.at, true);
  if (!event.view)
    return snapshot(self, nobody, [=](json::object shape) {
      tell(self, {{"event", "self"}, {"at", at}, {"why", event.text}, {"self", shape["self"]}});
    });
  const auto& view = *event.view;
  const auto before = phases.find(view.key);
  json::value from = nullptr;
  if (before != phases.end()) from = msg::to_string(before->second);
  if (view.at == msg::phase::closing) {
    phases.erase(view.key);
    return tell(self,
                {{"event", "gone"}, {"at", at}, {"peer_id", view.id.str()}, {"why", event.text}});
  }
  phases[view.key] = view.at;
  tell(self, {{"event", "peer"},
              {"at", at},
              {"from", from},
              {"to", msg::to_string(view.at)},
              {"why", event.text},
              {"peer", to_json(view)}});
}

local_api_actor::behavior_type local_api(local_api_pointer self, const msg::roles& roles,
                                         const local_api_settings& settings,
                                         const std::shared_ptr<local_server>& server) {
  install_handlers(self, "local api");
  self->state.roles = roles;
  self->state.settings = settings;
  self->state.server = server;
  local_api_actor me{self};
  self->send(roles.supervisor, msg::attach_events{me});
  server->attach({[me](session from, std::string line) {
                    caf::anon_send(me, api_asked{from, std::move(line)});
                  },
                  [me](session from) { caf::anon_send(me, api_left{from}); }});
  return {[=](const msg::connection_event& event) { happened(self, event); },
          [=](const api_asked& asked) {
            const auto request = local::parse(asked.line);
            if (!request) return refuse(self, asked.from, request.error());
            std::visit(answer_request{self, asked.from}, *request);
          },
          [=](const api_left& left) { self->state.watching.erase(left.from); }};
}

} // namespace

local_api_actor spawn_local_api(caf::actor_system& system, const msg::roles& roles,
                                local_api_settings settings, std::shared_ptr<local_server> server) {
  return system.spawn(local_api, roles, std::move(settings), std::move(server));
}

} // namespace lanrage::actors
