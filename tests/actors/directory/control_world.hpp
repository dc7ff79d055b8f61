#pragma once

#include "actors/directory/directory_core.hpp"
#include "net/control/registry.hpp"
#include "net/random.hpp"
#include "tests/net/control/support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// Directory cores around the real party registry, without actors, sockets or real time.
namespace lanrage::test {

using namespace std::chrono_literals;
namespace control = net::control;

inline net::random_source stream(std::string_view name) {
  return net::seeded_random(1, name);
}

class control_world;

/// One member's directory and everything it wanted done.
struct directory_node {
  /// `goes_by`: its name in parties, if that is not what it is called here.
  /// `own`: its key, if it is not the one that goes with what it is called.
  directory_node(control_world& in, std::string called, std::string document = {},
                 std::string goes_by = {}, std::optional<net::wg_private_key> own = {});

  void run(const std::function<void(actors::directory_core&, actors::directory_time,
                                    actors::directory_effects&)>& step);
  void start() {
    run([](auto& c, auto at, auto& out) { c.start(at, out); });
  }
  void paths(std::vector<net::candidate> candidates) {
    run([&](auto& c, auto at, auto& out) {
      c.own(msg::own_paths{{}, std::move(candidates)}, at, out);
    });
  }
  void host(const std::string& address) {
    paths({{net::candidate_kind::host, *net::endpoint::parse(address)}});
  }
  actors::directory_request create(const std::string& party);
  actors::directory_request join(const std::string& invite) {
    run([&](auto& c, auto at, auto& out) { c.join(++last, {invite}, at, out); });
    return last;
  }
  actors::directory_request leave(const std::string& party) {
    run([&](auto& c, auto at, auto& out) { c.leave(++last, {party}, at, out); });
    return last;
  }
  actors::directory_request rotate() {
    run([&](auto& c, auto at, auto& out) { c.rotate(++last, {}, at, out); });
    return last;
  }
  void signal(const net::party_id& party, const net::wg_public_key& to, std::uint32_t epoch) {
    msg::send_signal out{party, to, {}};
    out.signal.epoch = epoch;
    run([&](auto& c, auto at, auto& effects) { c.send(out, at, effects); });
  }

  template <class T>
  T answer(actors::directory_request to) {
    const auto found = answers.find(to);
    if (found == answers.end()) FAIL("not answered");
    if (const auto* why = std::get_if<net::error>(&found->second);
        why != nullptr && !std::is_same_v<T, net::error>)
      FAIL(to_string(*why));
    return std::get<T>(found->second);
  }
  net::errc refusal(actors::directory_request to) { return answer<net::error>(to).code; }
  /// The events of one kind since the last call.
  template <class T>
  std::vector<T> told() {
    std::vector<T> out;
    std::erase_if(events, [&](const msg::directory_event& each) {
      const auto* wanted = std::get_if<T>(&each.what);
      if (wanted != nullptr) out.push_back(*wanted);
      return wanted != nullptr;
    });
    return out;
  }
  bool knows(const std::string& who) const {
    return core->find({std::nullopt, *net::peer_id::parse(who)}).has_value();
  }
  msg::known_peer peer(const std::string& who) const {
    auto found = core->find({std::nullopt, *net::peer_id::parse(who)});
    if (!found) FAIL(to_string(found.error()));
    return *found;
  }

  control_world& world;
  std::string name;
  net::wg_private_key key;
  net::wg_public_key pub;
  std::unique_ptr<actors::directory_core> core;
  msg::lan_place place;     ///< on the local network, when it is plugged in
  msg::unix_ms clock_off{}; ///< of its calendar
  std::vector<msg::lan_send> on_lan;
  bool deaf = false;           ///< news of the server is lost on its way here
  std::uint64_t session = 0;   ///< of the link; 0: none
  std::uint64_t attempt = 0;   ///< of that link
  net::wg_public_key link_key; ///< that it logged in with
  std::vector<msg::control_open> opens;
  std::vector<control::client_message> said;
  std::vector<msg::directory_event> events;
  std::map<actors::directory_request,
           std::variant<msg::invitation, msg::party_info, msg::done, msg::key_rotated, net::error>>
      answers;
  std::optional<net::wg_private_key> rotated; ///< it is to begin anew with it
  bool disk_full = false;
  std::string document;
  std::vector<std::string> log;
  actors::directory_request last = 0;
};

class control_world {
 public:
  control_world() { restart_server({}); }

  control::server_line line() const {
    control::server_line out;
    out.host = host_;
    out.port = 8443;
    out.key = net::public_key(login_key_);
    return out;
  }
  actors::directory_time at() const {
    return {now, 1'769'688'000s + std::chrono::duration_cast<msg::unix_ms>(now - start_)};
  }
  control::moment moment() const { return {now, static_cast<std::uint64_t>(at().wall.count())}; }
  void attach(directory_node& node) { nodes_.push_back(&node); }
  void detach(directory_node& node) { std::erase(nodes_, &node); }

  /// The server goes away: every link closes, every new one is refused.
  void server_down() {
    up_ = false;
    registry_.reset();
    for (auto* node : nodes_)
      drop(*node, net::fail(net::errc::closed, "the server went away"));
    settle();
  }
  /// A server that remembers what the last one stored.
  void server_up(bool with_memory = true) {
    restart_server(with_memory ? stored_ : control::stored_state{});
  }
  /// A switch without anything else on it: a node that is plugged in hears all others.
  void plug(directory_node& node) {
    node.place = {net::ip_address::v4(0x0a000001 + ++last_place_), 1};
    node.run([](auto& c, auto at, auto& out) { c.lan(msg::lan_ready{{"eth0"}}, at, out); });
  }
  void unplug(directory_node& node) {
    node.place = {};
    node.run([](auto& c, auto at, auto& out) { c.lan(msg::lan_ready{}, at, out); });
  }
  void carry(const msg::lan_place& from, const msg::lan_send& frame) {
    for (auto* node : nodes_) {
      const bool plugged = node->place != msg::lan_place{};
      if (!plugged || node->place == from || (frame.to && *frame.to != node->place)) continue;
      queue_.push_back([this, node, from, frame] {
        if (std::count(nodes_.begin(), nodes_.end(), node) == 0) return;
        node->run([&](auto& c, auto at, auto& out) {
          c.lan(msg::lan_heard{from, frame.data}, at, out);
        });
      });
    }
  }
  /// It is at another name from now on, with all that it knows; or another server is there.
  void server_moves(std::string host, bool another = false) {
    server_down();
    host_ = std::move(host);
    if (another)
      login_key_ = net::generate_x25519<net::login_private_key>(stream("login at " + host_));
    server_up(!another);
  }
  /// From now on it knows nothing of replaced keys, and says so or does not.
  void server_is_old(bool says_so) {
    old_server_ = true;
    says_so_ = says_so;
  }
  const control::stored_state& stored() const { return stored_; }
  /// A server that lost what it stored since then.
  void server_back_to(control::stored_state then) {
    stored_ = std::move(then);
    restart_server(stored_);
  }
  void cut(directory_node& node) {
    end_session(node);
    drop(node, net::fail(net::errc::closed, "cut"));
    settle();
  }

  void obey(directory_node& node, actors::directory_effects& effects);
  void settle();
  void advance(std::chrono::nanoseconds span);

  control::registry& registry() { return *registry_; }

  msg::time_point now = msg::time_point{} + 1h;

 private:
  void restart_server(const control::stored_state& stored) {
    control::registry_limits limits{100, 100, 16, 100, 1'000, 2'000, 1'000'000, 1'000'000, 24h};
    net::relay_info relay;
    relay.key.octets[3] = 5;
    relay.name = "relay1";
    relay.address = *net::endpoint::parse("203.0.113.9:51820");
    registry_ = std::make_unique<control::registry>(
        limits, login_key_, net::generate_secret<net::token_private_key>(stream("token")),
        std::vector{relay}, stored);
    up_ = true;
  }
  control::welcome as_server_says(control::welcome hello) const {
    hello.rotates = hello.rotates && !(old_server_ && says_so_);
    return hello;
  }
  void perform(const control::effects& todo);
  void remember(const control::change& what);
  void open(directory_node& node, const msg::control_open& wanted);
  void end_session(directory_node& node) {
    const auto id = std::exchange(node.session, 0);
    if (id != 0 && registry_) perform(registry_->closed({id}, moment()));
  }
  void drop(directory_node& node, net::error why) {
    node.session = 0;
    tell(node, msg::link_closed{std::move(why)});
  }
  void tell(directory_node& node, decltype(msg::control_heard::what) what) {
    queue_.push_back([&node, heard = msg::control_heard{node.attempt, std::move(what)}] {
      node.run([&](auto& c, auto at, auto& out) { c.heard(heard, at, out); });
    });
  }
  directory_node* node_of(control::session_id id) {
    for (auto* node : nodes_)
      if (node->session == id.value) return node;
    return nullptr;
  }

  const msg::time_point start_ = now;
  net::login_private_key login_key_ = net::generate_x25519<net::login_private_key>(stream("login"));
  std::unique_ptr<control::registry> registry_;
  control::stored_state stored_;
  std::string host_ = "control.test";
  bool up_ = true;
  bool old_server_ = false;
  bool says_so_ = true;
  std::uint64_t last_session_ = 0;
  std::uint32_t last_place_ = 0;
  std::vector<directory_node*> nodes_;
  std::deque<std::function<void()>> queue_;
};

// --- definitions --------------------------------------------------------------------------------

inline directory_node::directory_node(control_world& in, std::string called, std::string kept,
                                      std::string goes_by, std::optional<net::wg_private_key> own)
    : world(in), name(std::move(called)),
      key(own ? *own : net::generate_x25519<net::wg_private_key>(stream(name))),
      pub(net::public_key(key)), document(std::move(kept)) {
  actors::directory_settings settings{*net::peer_id::parse(goes_by.empty() ? name : goes_by),
                                      key,
                                      stream(name + "/secrets"),
                                      stream(name + "/jitter"),
                                      stream(name + "/lan"),
                                      stream(name + "/lan jitter")};
  core = std::make_unique<actors::directory_core>(settings,
                                                  actors::parse_directory(document).value(), 0);
  world.attach(*this);
}

inline void
directory_node::run(const std::function<void(actors::directory_core&, actors::directory_time,
                                             actors::directory_effects&)>& step) {
  actors::directory_effects effects;
  auto at = world.at();
  at.wall += clock_off;
  step(*core, at, effects);
  world.obey(*this, effects);
}

inline actors::directory_request directory_node::create(const std::string& party) {
  run([&](auto& c, auto at, auto& out) {
    c.create(++last, {party, control::to_string(world.line())}, at, out);
  });
  return last;
}

inline void control_world::obey(directory_node& node, actors::directory_effects& effects) {
  if (effects.save && !node.disk_full) node.document = to_text(*effects.save);
  if (effects.save && (node.disk_full || effects.tell_saved))
    queue_.push_back([this, &node, full = node.disk_full] {
      if (std::count(nodes_.begin(), nodes_.end(), &node) == 0) return;
      if (full)
        node.core->not_saved(at());
      else
        node.run([](auto& c, auto now, auto& out) { c.saved(now, out); });
    });
  if (effects.rotated) node.rotated = *effects.rotated;
  for (auto& frame : effects.lan) {
    if (node.place != msg::lan_place{}) carry(node.place, frame);
    node.on_lan.push_back(std::move(frame));
  }
  for (auto& event : effects.events)
    node.events.push_back(std::move(event));
  for (auto& each : effects.answers)
    node.answers.emplace(each.to, std::move(each.what));
  for (auto& line : effects.log)
    node.log.push_back(std::move(line));
  for (const auto& order : effects.link) {
    if (const auto* wanted = std::get_if<msg::control_open>(&order)) open(node, *wanted);
    if (std::holds_alternative<msg::control_close>(order)) end_session(node);
    if (node.session == 0) continue;
    if (const auto* wanted = std::get_if<msg::control_join>(&order)) {
      const auto& p = wanted->party;
      control::channel_binding binding{};
      binding[0] = static_cast<std::uint8_t>(node.session);
      const auto join =
          control::make_join({p.party, p.name, p.verifier, p.create}, binding, node.link_key);
      perform(registry_->received({node.session}, control::client_message{join}, moment()));
    }
    if (const auto* said = std::get_if<msg::control_say>(&order)) {
      node.said.push_back(said->message);
      perform(registry_->received({node.session}, said->message, moment()));
    }
  }
}

inline void control_world::open(directory_node& node, const msg::control_open& wanted) {
  // As the driver: the old connection stays until the new one stands or failed.
  const auto before = std::exchange(node.session, 0);
  node.opens.push_back(wanted);
  node.attempt = wanted.attempt;
  if (!up_ || wanted.server.host != host_)
    return drop(node, net::fail(net::errc::control_unreachable, "down"));
  node.session = ++last_session_;
  control::channel_binding binding{};
  binding[0] = static_cast<std::uint8_t>(node.session);
  std::vector<control::membership> parties;
  for (const auto& p : wanted.parties)
    parties.push_back({p.party, p.name, p.verifier, p.create});
  auto login = wanted.change
                   ? control::make_login(*wanted.change, wanted.server.key, binding, parties)
                   : control::make_login(node.key, wanted.server.key, binding, parties);
  if (old_server_) login->replaces.reset();
  node.link_key = login->key;
  perform(registry_->opened({node.session}, *login, binding, moment()));
  if (before != 0) perform(registry_->closed({before}, moment()));
}

inline void control_world::perform(const control::effects& todo) {
  for (const auto& each : todo) {
    if (const auto* e = std::get_if<control::save>(&each)) remember(e->what);
    if (const auto* e = std::get_if<control::refuse_login>(&each))
      if (auto* node = node_of(e->session)) drop(*node, e->why);
    if (const auto* e = std::get_if<control::end_session>(&each))
      if (auto* node = node_of(e->session)) drop(*node, e->why);
    if (const auto* e = std::get_if<control::send_message>(&each))
      for (const auto id : e->to) {
        auto* node = node_of(id);
        if (node == nullptr) continue;
        if (const auto* hello = std::get_if<control::welcome>(&e->message))
          tell(*node, msg::link_opened{as_server_says(*hello), 15ms});
        else if (!node->deaf)
          tell(*node, e->message);
      }
  }
}

inline void control_world::remember(const control::change& what) {
  auto& s = stored_;
  const auto drop_row = [&](const net::party_id& party, const net::wg_public_key& key) {
    std::erase_if(s.memberships, [&](auto& m) { return m.party == party && m.key == key; });
  };
  if (const auto* c = std::get_if<control::stored_party>(&what)) s.parties.push_back(*c);
  if (const auto* c = std::get_if<control::stored_member>(&what)) s.members.push_back(*c);
  if (const auto* c = std::get_if<control::stored_membership>(&what)) {
    drop_row(c->party, c->key);
    s.memberships.push_back(*c);
  }
  if (const auto* c = std::get_if<control::drop_party>(&what))
    std::erase_if(s.parties, [&](auto& p) { return p.party == c->party; });
  if (const auto* c = std::get_if<control::drop_member>(&what))
    std::erase_if(s.members, [&](auto& m) { return m.key == c->key; });
  if (const auto* c = std::get_if<control::drop_membership>(&what)) drop_row(c->party, c->key);
}

inline void control_world::settle() {
  while (!queue_.empty()) {
    const auto next = std::move(queue_.front());
    queue_.pop_front();
    next();
  }
}

inline void control_world::advance(std::chrono::nanoseconds span) {
  const auto end = now + span;
  settle();
  for (;;) {
    std::optional<msg::time_point> due;
    for (const auto* node : nodes_)
      if (const auto next = node->core->deadline(); next && (!due || *next < *due)) due = next;
    if (!due || *due > end) break;
    now = std::max(now, *due);
    for (auto* node : nodes_)
      node->run([](auto& core, auto at, auto& out) { core.tick(at, out); });
    settle();
  }
  now = end;
}

} // namespace lanrage::test
