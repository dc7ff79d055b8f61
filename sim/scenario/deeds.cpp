#include "messages/error.hpp"
#include "net/errc.hpp"
#include "sim/scenario/stage.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>

/// What the scenario's events do to the world.
namespace lanrage::sim::scenario {
namespace {

/// A user's patience with a command.
constexpr duration command_wait = std::chrono::minutes{2};
/// Before the user whose machine was broken tries to join again.
constexpr duration patience = std::chrono::seconds{10};

} // namespace

void stage::perform(const event& what) {
  if (!std::holds_alternative<deed::pings>(what.what)) world_.disturbed();
  std::visit([&](const auto& deed) { act(deed, what.where); }, what.what);
  if (faults_) faults_->places_changed();
  if (recorder_) recorder_->links_changed(now());
}

// --- life ----------------------------------------------------------------------------------------

void stage::act(const deed::start& what, place) {
  for (const auto& each : what.who) {
    if (each.what == kind::member) {
      start_member(each.number);
    } else if (each.what == kind::relay) {
      auto& relay = world_.relay(relays_[each.number]);
      if (!relay.running()) relay.start(what.with_memory);
      note(name_of(each) + " started");
    } else {
      if (!world_.control().running()) world_.control().start(what.with_memory);
      note("control started");
    }
  }
}

void stage::act(const deed::kill& what, place) {
  for (const auto& each : what.who) {
    if (each.what == kind::member) {
      kill(each.number);
    } else if (each.what == kind::relay) {
      world_.relay(relays_[each.number]).kill();
      note(name_of(each) + " killed");
    } else {
      world_.control().stop();
      note("control killed");
    }
  }
}

/// A machine that sleeps: nothing reaches it and nothing leaves it. Its daemon's timers go on, as
/// the world has one clock; what they send is lost.
void stage::suspend(std::uint32_t who, bool off) {
  if (const auto found = asleep_.find(who); found != asleep_.end()) {
    found->second.times += off ? 1 : -1;
    if (found->second.times > 0) return;
  }
  const auto node = world_.node(members_[who]);
  world_.net().set_up(node, !off);
  duration slept{};
  if (off) {
    sleep asleep{now(), {}, 1};
    // The control connection knows only the box in front: it goes to sleep, too, if it is theirs.
    const auto face = world_.net().face_of(node);
    const auto shared = std::count_if(members_.begin(), members_.end(), [&](member_id other) {
      return world_.net().face_of(world_.node(other)) == face;
    });
    if (shared == 1) asleep.box = face;
    if (asleep.box) world_.net().set_up(*asleep.box, false);
    asleep_.emplace(who, asleep);
  } else if (const auto woken = asleep_.extract(who)) {
    slept = now() - woken.mapped().since;
    // That box, though another may stand before it by now.
    if (woken.mapped().box) world_.net().set_up(*woken.mapped().box, true);
  }
  note(script_.members[who].name + (off ? " suspended" : " resumed"));
  world_.paths_changed();
  if (!off) world_.on(members_[who]).addresses_changed(slept);
}
void stage::act(const deed::suspend& what, place) {
  for (const auto who : what.who)
    suspend(who, true);
}
void stage::act(const deed::resume& what, place) {
  for (const auto who : what.who)
    suspend(who, false);
}

void stage::act(const deed::delete_interface& what, place) {
  world_.on(members_[what.who]).delete_device();
  note(script_.members[what.who].name + " interface deleted");
}

void stage::act(const deed::disk& what, place) {
  auto& machine = world_.on(members_[what.who]);
  machine.disk_error.reset();
  if (what.full) machine.disk_error = net::fail(net::errc::bad_state, "no space left on device");
  note(script_.members[what.who].name + (what.full ? " disk full" : " disk has space"));
}

// --- network -------------------------------------------------------------------------------------

void stage::act(const deed::partition& what, place) {
  std::vector<std::vector<node_id>> groups;
  for (const auto& group : what.groups) {
    auto& nodes = groups.emplace_back();
    for (const auto& each : group)
      nodes.push_back(node_of(each));
  }
  world_.partition(groups);
}
void stage::act(const deed::heal&, place) {
  world_.heal();
}
void stage::act(const deed::move& what, place) {
  world_.move(members_[what.who], what.behind ? std::optional{nats_[*what.behind]} : std::nullopt);
  world_.paths_changed();
}
void stage::act(const deed::rebind& what, place) {
  world_.rebind(nats_[what.nat]);
}

void stage::act(const deed::block_udp& what, place) {
  auto& box = world_.net().nat(nats_[what.nat]);
  auto how = box.settings();
  how.blocks_udp = what.blocked;
  box.use(how);
  note(world_.net().name(nats_[what.nat]) + (what.blocked ? " blocks UDP" : " lets UDP out"));
  world_.rewired();
}

void stage::act(const deed::change_link& what, place) {
  change_links(what.link);
  const auto& between = what.link.between;
  note("link " + name_of(between.front().first) + ' ' + name_of(between.front().second) +
       (between.size() > 1 ? " and " + std::to_string(between.size() - 1) + " more" : "") +
       " changed");
}
void stage::act(const deed::scale_all& what, place) {
  for (auto& [between, state] : links_) {
    state.how.scale_ppm = what.by_ppm;
    apply(between);
  }
  note("delays scaled by " + std::to_string(what.by_ppm) + " ppm");
  world_.paths_changed();
}

// --- users ---------------------------------------------------------------------------------------

/// In the background, as virtual time belongs to the world and not to whoever waits.
template <class Answer, class Handle, class Question>
void stage::ask(const std::string& what, const Handle& to, const Question& question,
                std::function<void(const Answer&)> done,
                std::function<void(const net::error&)> failed) {
  auto& system = world_.actors().system();
  const auto asking = [this, what, to, question, done, failed](caf::event_based_actor* self) {
    self->request(to, command_wait, question)
        .then(
            [this, what, done](const Answer& answer) {
              note(what + ": done");
              if (done) done(answer);
            },
            [this, what, failed](caf::error& why) {
              const auto error = msg::from_caf(why);
              note(what + ": " + net::to_string(error));
              if (failed) failed(error);
            });
  };
  world_.actors().own(system.spawn(asking));
}

/// Whether a user can command this daemon now. One that is off is the scenario's mistake, unless
/// faults may have taken it.
bool stage::answers(std::uint32_t who, place where, const std::string& command) {
  const bool runs = world_.running(members_[who]);
  if (runs && !(faults_ && asleep_.contains(who))) return true;
  if (faults_)
    note(command + ": its daemon is off");
  else
    judge_.trouble(missed::kind::liveness, where, command + " while its daemon is off");
  return false;
}

void stage::create_party(std::uint32_t party) {
  const auto& entry = script_.parties[party];
  const auto& creator = script_.members[entry.creator].name;
  if (!world_.running(members_[entry.creator]))
    return judge_.trouble(missed::kind::liveness, {},
                          creator + " cannot create " + entry.name + ": its daemon is off");
  ask<msg::invitation>(
      creator + " creates " + entry.name, world_.roles(members_[entry.creator]).directory,
      msg::party_create{entry.name, net::control::to_string(world_.control().line())},
      [this, party](const msg::invitation& made) {
        parties_[party].invite = made.invite;
        for (const auto who : std::exchange(parties_[party].waiting, {}))
          join_party(who, party);
      });
}

void stage::join_party(std::uint32_t who, std::uint32_t party) {
  const auto text = script_.members[who].name + " joins " + script_.parties[party].name;
  if (parties_[party].invite.empty()) return parties_[party].waiting.push_back(who);
  if (!answers(who, {}, text)) return;
  ask<msg::party_info>(text, world_.roles(members_[who]).directory,
                       msg::party_join{parties_[party].invite}, {});
}

/// As a user who wants to be in again, whatever is broken.
void stage::join_again(std::uint32_t who, std::uint32_t party) {
  const auto later = [this, who, party] {
    at(now() + patience, [this, who, party] { join_again(who, party); });
  };
  if (!world_.running(members_[who])) return later();
  ask<msg::party_info>(script_.members[who].name + " joins " + script_.parties[party].name,
                       world_.roles(members_[who]).directory,
                       msg::party_join{parties_[party].invite}, {}, [later](const net::error& why) {
                         if (why.code != net::errc::already_exists) later();
                       });
}

void stage::act(const deed::join& what, place) {
  for (const auto who : what.who)
    join_party(who, what.party);
}

void stage::act(const deed::leave& what, place where) {
  const auto& party = script_.parties[what.party].name;
  for (const auto who : what.who) {
    const auto text = script_.members[who].name + " leaves " + party;
    if (!answers(who, where, text)) continue;
    ask<msg::done>(text, world_.roles(members_[who]).directory, msg::party_leave{party},
                   [this, who](const msg::done&) { world_.parted(members_[who]); });
  }
}

void stage::leave(std::uint32_t who) {
  if (!world_.running(members_[who])) return;
  for (const auto& party : script_.parties) {
    const bool in = party.creator == who || std::find(party.members.begin(), party.members.end(),
                                                      who) != party.members.end();
    if (!in) continue;
    ask<msg::done>(script_.members[who].name + " leaves " + party.name,
                   world_.roles(members_[who]).directory, msg::party_leave{party.name},
                   [this, who](const msg::done&) { world_.parted(members_[who]); });
  }
}

void stage::rotate(std::uint32_t who, std::function<void()> done) {
  if (!world_.running(members_[who])) return;
  ask<msg::key_rotated>(script_.members[who].name + " replaces its key",
                        world_.roles(members_[who]).directory, msg::rotate_key{},
                        [done](const msg::key_rotated&) { done(); });
}

void stage::act(const deed::connect& what, place where) {
  const auto text = script_.members[what.from].name + " connects " + script_.members[what.to].name;
  if (!answers(what.from, where, text)) return;
  const auto peer = net::peer_id::parse(script_.members[what.to].name).value();
  ask<msg::connection_view>(text, world_.roles(members_[what.from]).supervisor,
                            msg::connect_peer{std::nullopt, peer}, {});
}

void stage::act(const deed::disconnect& what, place where) {
  const auto text =
      script_.members[what.from].name + " disconnects " + script_.members[what.to].name;
  if (!answers(what.from, where, text)) return;
  const auto peer = net::peer_id::parse(script_.members[what.to].name).value();
  ask<msg::done>(text, world_.roles(members_[what.from]).supervisor,
                 msg::disconnect_peer{std::nullopt, peer}, {});
}

void stage::act(const deed::pings& what, place where) {
  const auto& entry = script_.streams[what.stream];
  const auto to = members_[entry.to];
  if (!world_.address(to).leased())
    return judge_.trouble(missed::kind::liveness, where,
                          "pings " + entry.name + ": " + script_.members[entry.to].name +
                              " has no address yet");
  note("pings " + entry.name + " begin");
  streams_[what.stream] = world_.start_pings(members_[entry.from], to, entry.gap, entry.count);
}

} // namespace lanrage::sim::scenario
