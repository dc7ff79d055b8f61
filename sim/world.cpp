#include "sim/world.hpp"

#include "config/defaults.hpp"
#include "messages/error.hpp"
#include "net/random.hpp"
#include "sim/drivers/drivers.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <stdexcept>

/// What there is in the world, and the daemons in it. How it runs is world_run.cpp.
namespace lanrage::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view control_host = "control.sim";

/// Users wait for a party that is made or joined as long as the directory does, and a little.
constexpr duration party_wait = config::defaults::control_confirm_deadline + 1s;
constexpr duration status_wait = 1s;

struct watcher_state {
  static inline const char* name = "watcher";
};
using note_event = std::function<void(const msg::connection_event&)>;

msg::event_sink::behavior_type watcher(msg::event_sink::stateful_pointer<watcher_state>,
                                       const note_event& note) {
  return {[note](const msg::connection_event& event) { note(event); }};
}

} // namespace

world::world(world_settings settings)
    : settings_(settings), fabric_(settings.seed, agenda_.queue()) {
  agenda_.follow(&time_.clock());
  time_.attach(this);
  link_settings outside;
  outside.delay = settings.internet_delay;
  fabric_.set_default(outside);
  link_settings inside;
  inside.delay = settings.lan_delay;
  fabric_.set_inside_default(inside);
  fabric_.observe(this);
  control_node_ = fabric_.add_host("control", internet, new_addresses(internet, {true, true}));
  occupants_.resize(control_node_ + 1);
  control_paths paths;
  paths.reaches = [this](node_id member) {
    const auto face = fabric_.face_of(member);
    return fabric_.reaches(face, control_node_) && fabric_.reaches(control_node_, face);
  };
  paths.delay = [this](node_id member) {
    const auto face = fabric_.face_of(member);
    const auto& last = fabric_.link_between(face, control_node_).settings();
    const auto across = last.source ? settings_.internet_delay : last.delay;
    return across + (face == member ? duration{} : settings_.lan_delay);
  };
  tcp_ = std::make_unique<stream_net>(
      agenda_, stream_paths{[this](node_id member, node_id relay) {
                              return tcp_passes(fabric_.face_of(member), relay);
                            },
                            [this](node_id member, node_id relay) {
                              const auto face = fabric_.face_of(member);
                              const auto& last = fabric_.link_between(face, relay).settings();
                              const auto across =
                                  last.source ? settings_.internet_delay : last.delay;
                              return across + (face == member ? duration{} : settings_.lan_delay);
                            },
                            [this](net::byte_view data, const stream_paths::taker& take) {
                              hand_over(data, take);
                            },
                            [this](net::byte_view data, std::string_view why) {
                              hand_over(data, [why] { return why; });
                            },
                            [this](net::byte_view data, int change) { carried(data, change); }});
  control_ = std::make_unique<control_site>(settings.seed, std::string{control_host},
                                            settings.unix_epoch, agenda_, std::move(paths));
}

world::~world() {
  log_.to({}); // who listened may be gone
  watched_by(nullptr);
  for (std::uint32_t i = 0; i < members_.size(); ++i)
    if (running(member_id{i})) kill(member_id{i});
}

void world::paths_changed() {
  control_->paths_changed();
  tcp_->paths_changed();
}

// --- what there is -------------------------------------------------------------------------------

node_id world::add_nat(const std::string& name, const nat_settings& how,
                       std::optional<node_id> behind) {
  const auto in = behind ? fabric_.inside_of(*behind) : internet;
  return fabric_.add_nat(name, in, new_box_address(in), how);
}

member_id world::add_member(const std::string& name, std::optional<node_id> behind,
                            const member_settings& settings) {
  const member_id id{static_cast<std::uint32_t>(members_.size())};
  const auto in = behind ? fabric_.inside_of(*behind) : internet;
  const auto node = fabric_.add_host(name, in, new_addresses(in, settings.has));
  resident made;
  made.name = name;
  made.settings = settings;
  made.key = net::generate_x25519<net::wg_private_key>(
      net::seeded_random(settings_.seed, "wireguard key/" + name));
  made.own = net::public_key(made.key);
  machine_observer& observer = *this;
  made.host =
      std::make_unique<machine>(static_cast<std::uint32_t>(id), name, node, made.own,
                                settings_.seed, settings_.unix_epoch, fabric_, agenda_, observer);
  by_key_[made.own] = static_cast<std::uint32_t>(id);
  members_.push_back(std::move(made));
  occupants_.resize(std::max<std::size_t>(occupants_.size(), node + 1));
  occupants_[node] = {occupation::member, static_cast<std::uint32_t>(id)};
  return id;
}

relay_number world::add_relay(const std::string& name, families has) {
  const auto number = static_cast<std::uint32_t>(relays_.size());
  const auto node = fabric_.add_host(name, internet, new_addresses(internet, has));
  relays_.push_back(std::make_unique<relay_site>(settings_.seed, name, node,
                                                 config::defaults::relay_port, settings_.unix_epoch,
                                                 control_->token_key(), fabric_, agenda_));
  auto& made = *relays_.back();
  made.to_stream = [this](std::uint64_t flow, net::byte_view data) { tcp_->answer(flow, data); };
  made.killed = [this, &made] { tcp_->relay_ended(made); };
  occupants_.resize(std::max<std::size_t>(occupants_.size(), node + 1));
  occupants_[node] = {occupation::relay, number};
  control_->set_relays(relay_list());
  return relay_number{number};
}

net::wg_public_key world::key(member_id who) const {
  return of(who).own;
}

std::string world::name_of(const net::wg_public_key& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? net::to_string(key) : members_[found->second].name;
}

net::virtual_ip world::address(member_id who) const {
  const auto* registry = control_->registry();
  return registry ? registry->lease_of(of(who).own).value_or(net::virtual_ip{}) : net::virtual_ip{};
}

// --- links ---------------------------------------------------------------------------------------

void world::set_links(node_id a, node_id b, const link_settings& both_ways) {
  fabric_.set_link(fabric_.face_of(a), fabric_.face_of(b), both_ways);
  fabric_.set_link(fabric_.face_of(b), fabric_.face_of(a), both_ways);
}

void world::partition(const std::vector<std::vector<node_id>>& groups) {
  disturbed();
  fabric_.ungroup();
  std::uint32_t number = 0;
  for (const auto& group : groups) {
    for (const auto node : group)
      fabric_.set_group(fabric_.face_of(node), number);
    ++number;
  }
  note(groups.empty() ? "world healed" : "world partitioned");
  paths_changed();
}

void world::move(member_id who, std::optional<node_id> behind) {
  rewired();
  const auto in = behind ? fabric_.inside_of(*behind) : internet;
  fabric_.move_host(node(who), in, new_addresses(in, of(who).settings.has));
  note(of(who).name + " moved to " + net::to_string(fabric_.addresses(node(who)).front()));
  on(who).addresses_changed();
}

void world::rebind(node_id nat) {
  rewired();
  fabric_.rebind_nat(nat, new_box_address(fabric_.realm_of(nat)));
  note(fabric_.name(nat) + " rebound to " + net::to_string(fabric_.addresses(nat).front()));
}

void world::put_behind(node_id nat, std::optional<node_id> carrier) {
  rewired();
  const auto in = carrier ? fabric_.inside_of(*carrier) : internet;
  const auto address = new_box_address(in);
  fabric_.move_host(nat, in, {address});
  fabric_.nat(nat).rebind(address);
  note(fabric_.name(nat) + " moved to " + net::to_string(address));
}

void world::readdress(relay_number which) {
  rewired();
  const auto at = node(which);
  fabric_.move_host(at, internet, new_addresses(internet, families_of(fabric_.addresses(at))));
  note(relay(which).name() + " moved to " + net::to_string(fabric_.addresses(at).front()));
}

std::vector<net::relay_info> world::relay_list() const {
  std::vector<net::relay_info> out;
  for (const auto& each : relays_)
    out.push_back(each->info());
  return out;
}

// --- daemons -------------------------------------------------------------------------------------

actors::mesh_settings world::settings_of(const resident& who) {
  const auto stream = who.name + '/' + std::to_string(who.incarnation);
  actors::mesh_settings out;
  out.daemon.name = net::peer_id::parse(who.name).value();
  out.daemon.auto_connect = who.settings.auto_connect;
  out.daemon.birthday_probing = who.settings.birthday_probing;
  out.daemon.health = who.settings.health;
  out.key = who.key;
  out.seed = sim::stream{settings_.seed, "daemon/" + stream}.next();
  out.random = net::seeded_random(settings_.seed, "secrets/" + stream);
  out.lan_random = net::seeded_random(settings_.seed, "lan/" + stream);
  out.wall = [this, host = who.host.get()] {
    return std::chrono::duration_cast<msg::unix_ms>(settings_.unix_epoch + host->wall_offset() +
                                                    time_.now().time_since_epoch());
  };
  out.documents = who.host->documents;
  return out;
}

void world::start(member_id who) {
  auto& it = of(who);
  disturbed();
  if (watcher_) watcher_->daemon_started(static_cast<std::uint32_t>(who));
  ++it.incarnation;
  it.host->rewrite_ports({}); // as the real daemon does, before its actors
  it.process = std::make_shared<daemon_process>();
  it.process->on = it.host.get();
  it.process->key = it.key;
  it.process->servers[control_->line().host] = control_.get();
  it.process->streams = tcp_.get();
  for (const auto& each : relays_)
    it.process->relays[each->info().id()] = each.get();
  it.actors.clear();
  auto wanted = settings_of(it);
  wanted.on_birth = [this, who](const std::string& name, const caf::actor& born) {
    of(who).actors[name] = born.address();
    if (on_birth) on_birth(who, name, born);
    if (watcher_) watch_life(who, name, born);
  };
  wanted.on_rotated = [this, who](const net::wg_private_key& key) { rotated(who, key); };
  auto& system = time_.system();
  auto started = actors::start_mesh(system, wanted, virtual_drivers(system, it.process), {},
                                    [this, who](const std::string& role, const std::string& cause) {
                                      note(of(who).name + " daemon ended: " + role + ": " + cause);
                                      if (on_ended) on_ended(who);
                                    });
  if (!started) {
    it.process.reset();
    throw std::runtime_error(it.name +
                             " daemon does not start: " + net::to_string(started.error()));
  }
  it.mesh = std::move(*started);
  time_.own(it.mesh.root);
  note(it.name + " daemon started");
  watch(who);
}

void world::watch(member_id who) {
  const note_event note_it = [this, who](const msg::connection_event& event) {
    note(of(who).name + ' ' + event.what + ": " + event.text);
  };
  const auto sink = time_.own(time_.system().spawn(watcher, note_it));
  caf::anon_send(of(who).mesh.roles.supervisor, msg::attach_events{sink});
}

bool world::crash(member_id who, const std::string& actor) {
  if (!let_die(who, actor)) return false;
  time_.settle();
  return true;
}

bool world::let_die(member_id who, const std::string& actor) {
  auto& it = of(who);
  const auto found = it.actors.find(actor);
  if (!it.process || found == it.actors.end()) return false;
  const auto alive = caf::actor_cast<caf::actor>(found->second);
  it.actors.erase(found); // until the next one is born
  if (!alive) return false;
  disturbed();
  if (watcher_) watcher_->death_ordered(static_cast<std::uint32_t>(who), actor);
  note(it.name + ' ' + actor + " crashes");
  caf::anon_send_exit(alive, caf::exit_reason::kill);
  return true;
}

void world::kill(member_id who) {
  auto& it = of(who);
  if (!it.process) return;
  disturbed();
  if (watcher_) watcher_->daemon_killed(static_cast<std::uint32_t>(who));
  note(it.name + " daemon killed");
  control_->close_all(it.host->node());
  tcp_->close_all(it.host->node());
  it.host->remove_streams();
  it.process->alive = false;
  it.host->hooks = {};
  it.process.reset();
  caf::anon_send_exit(it.mesh.root, caf::exit_reason::user_shutdown);
  it.mesh = {};
  time_.settle();
}

bool world::running(member_id who) const {
  return of(who).process != nullptr;
}

const msg::roles& world::roles(member_id who) const {
  return of(who).mesh.roles;
}

template <class Answer, class Handle, class Question>
net::result<Answer> world::ask(const Handle& to, duration wait, const Question& question) {
  auto answer = time_.ask<Answer>(to, wait, question);
  if (!answer) return msg::from_caf(answer.error());
  return std::move(*answer);
}

net::result<msg::invitation> world::create_party(member_id who, const std::string& name) {
  return ask<msg::invitation>(roles(who).directory, party_wait,
                              msg::party_create{name, net::control::to_string(control_->line())});
}

net::result<msg::party_info> world::join_party(member_id who, const std::string& invite) {
  return ask<msg::party_info>(roles(who).directory, party_wait, msg::party_join{invite});
}

net::result<msg::connection_view> world::connect(member_id who, const std::string& peer,
                                                 duration wait) {
  const auto id = net::peer_id::parse(peer).value();
  return ask<msg::connection_view>(roles(who).supervisor, wait,
                                   msg::connect_peer{std::nullopt, id});
}

net::result<msg::done> world::disconnect(member_id who, const std::string& peer) {
  const auto id = net::peer_id::parse(peer).value();
  return ask<msg::done>(roles(who).supervisor, party_wait, msg::disconnect_peer{std::nullopt, id});
}

msg::status_report world::status(member_id who) {
  return ask<msg::status_report>(roles(who).supervisor, status_wait, msg::list_status{}).value();
}

std::optional<msg::status_report> world::status_if_answered(member_id who) {
  auto got = ask<msg::status_report>(roles(who).supervisor, status_wait, msg::list_status{});
  return got ? std::optional{std::move(*got)} : std::nullopt;
}

std::optional<msg::connection_view> world::connection(member_id who, member_id peer) {
  const auto all = status(who).peers;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.key == key(peer); });
  return found == all.end() ? std::nullopt : std::optional{*found};
}

} // namespace lanrage::sim
