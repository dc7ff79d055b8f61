#include "sim/scenario/stage.hpp"

#include "net/errc.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>

/// The scenario's world, its time line, and what is heard of its members. Deeds: deeds.cpp.
namespace lanrage::sim::scenario {
namespace {

using namespace std::chrono_literals;

constexpr int checkpoints = 8; ///< of all states, in a run
constexpr duration address_check_gap = 1s;

world_settings settings_for(const script& what, std::uint64_t seed) {
  world_settings out;
  out.seed = seed;
  out.internet_delay = what.internet_delay;
  out.lan_delay = what.lan_delay;
  out.log_packets = what.log_packets;
  return out;
}

struct listener_state {
  static inline const char* name = "scenario's ear";
};
using hear = std::function<void(const msg::connection_view&)>;

msg::event_sink::behavior_type listener(msg::event_sink::stateful_pointer<listener_state>,
                                        const hear& tell) {
  return {[tell](const msg::connection_event& event) {
    if (event.view) tell(*event.view);
  }};
}

std::string state_line(const msg::connection_view& view) {
  std::string out = view.id.str() + ' ' + net::to_string(view.address) + ' ';
  out += msg::to_string(view.at);
  out += view.how ? ' ' + std::string{msg::to_string(*view.how)} : " -";
  out += view.where ? ' ' + net::to_string(*view.where) : " -";
  out += ' ' + view.relay.value_or("-");
  out += view.latency ? ' ' + std::to_string(view.latency->count()) : " -";
  const auto& c = view.counters;
  for (const auto each :
       {c.checks, c.lost, c.reconnects, c.relay_switches, c.path_changes, c.restarts})
    out += ' ' + std::to_string(each);
  return out;
}

} // namespace

stage::stage(const script& what, recordings traces, std::uint64_t seed, duration until,
             std::function<void(std::string_view)> to_log)
    : script_(what), traces_(std::move(traces)), seed_(seed), until_(until), judge_(what),
      parties_(what.parties.size()), streams_(what.streams.size()),
      world_(settings_for(what, seed)) {
  world_.log().to([this, to_log = std::move(to_log)](std::string_view line) {
    // "SECONDS.NANOSECONDS TEXT\n"
    auto text = line.substr(line.find(' ') + 1);
    text.remove_suffix(1);
    judge_.line(now(), text);
    if (to_log) to_log(line);
  });
  world_.on_rotated = [this](member_id who, const net::wg_private_key& key) { rotated(who, key); };
  build();
  put_on_agenda();
}

void stage::build() {
  for (const auto& relay : script_.relays)
    relays_.push_back(world_.add_relay(relay.name, relay.has));
  for (const auto& nat : script_.nats) {
    const auto behind = nat.behind ? std::optional{nats_[*nat.behind]} : std::nullopt;
    nats_.push_back(world_.add_nat(nat.name, nat.how, behind));
  }
  for (const auto& member : script_.members) {
    const auto behind = member.behind ? std::optional{nats_[*member.behind]} : std::nullopt;
    member_settings how;
    how.has = member.has;
    how.auto_connect = member.auto_connect;
    how.health = member.health;
    const auto id = world_.add_member(member.name, behind, how);
    by_key_[world_.key(id)] = static_cast<std::uint32_t>(members_.size());
    members_.push_back(id);
  }
  for (const auto& link : script_.links)
    change_links(link);
}

void stage::at(duration when, std::function<void()> deed) {
  if (when <= until_) world_.plan().at(time_point{when}, std::move(deed));
}

/// What stands first comes first at equal times: daemons, parties, events, then the looks.
void stage::put_on_agenda() {
  for (std::uint32_t i = 0; i < members_.size(); ++i)
    at(script_.members[i].start, [this, i] { start_member(i); });
  for (std::uint32_t i = 0; i < parties_.size(); ++i) {
    const auto& party = script_.parties[i];
    at(party.at, [this, i] { create_party(i); });
    auto when = party.join_at;
    for (const auto member : party.members) {
      at(when, [this, member, i] { join_party(member, i); });
      when += party.join_gap;
    }
  }
  for (const auto& each : script_.events)
    at(each.at, [this, &each] { perform(each); });
  for (const auto& [when, which] : judge_.moments())
    at(when, [this, which = which] { judge_.look(now(), which); });
  for (int i = 1; i < checkpoints; ++i)
    at(until_ / checkpoints * i, [this] { note("checkpoint " + hash_text(state_hash())); });
  if (judge_.wants_distinct()) at(address_check_gap, [this] { check_addresses(); });
}

void stage::run() {
  if (recorder_)
    for (auto next = recorder_->gap(); next < until_; next += recorder_->gap()) {
      world_.run_until(time_point{next});
      tick();
    }
  world_.run_until(time_point{until_});
  note("checkpoint " + hash_text(state_hash()));
}

// --- what is heard -------------------------------------------------------------------------------

void stage::start_member(std::uint32_t who) {
  if (world_.running(members_[who])) return note(script_.members[who].name + " runs already");
  world_.start(members_[who]);
  observe(who);
}

void stage::observe(std::uint32_t who) {
  const hear tell = [this, who](const msg::connection_view& view) { heard(who, view); };
  const auto ear = world_.actors().own(world_.actors().system().spawn(listener, tell));
  caf::anon_send(world_.roles(members_[who]).supervisor, msg::attach_events{ear});
}

void stage::heard(std::uint32_t who, const msg::connection_view& view) {
  const auto peer = by_key_.find(view.key);
  if (peer == by_key_.end()) return;
  // What a killed daemon's actors still say is nobody's view.
  if (!world_.running(members_[who])) return;
  const pair_view seen{view.at, view.how, view.relay.value_or("")};
  if (recorder_) recorder_->heard(now(), who, peer->second, seen);
  judge_.heard(now(), who, peer->second, seen);
  if (faults_) faults_->seen().heard(who, peer->second, view.at);
  if (watcher_) watcher_(now(), who, peer->second, view);
}

void stage::check_addresses() {
  std::vector<std::uint32_t> in_use;
  for (const auto member : members_) {
    const auto* device = world_.on(member).wireguard();
    in_use.push_back(device ? device->address().host_order() : 0);
  }
  judge_.addresses(now(), in_use);
  if (judge_.wants_distinct()) at(now() + address_check_gap, [this] { check_addresses(); });
}

std::uint64_t stage::state_hash() {
  event_log states; // the same hash as the log's
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    const auto& name = script_.members[i].name;
    if (!world_.running(members_[i])) {
      states.write({}, name + " off");
      continue;
    }
    const auto report = world_.status_if_answered(members_[i]);
    if (!report) {
      states.write({}, name + " silent");
      continue;
    }
    states.write({}, name + ' ' + net::to_string(report->self.address) +
                         (report->self.control.up ? " up" : " down"));
    for (const auto& view : report->peers)
      states.write({}, name + ' ' + state_line(view));
  }
  return states.hash();
}

// --- the report ----------------------------------------------------------------------------------

void stage::keep_record() {
  meter_.emplace(world_, members_, relays_);
  recorder_.emplace(script_, until_, *meter_);
  wg_dropped_.assign(members_.size() * wg_drops, 0);
  dropped_.assign(report::drop_kinds(), 0);
}

void stage::tick() {
  const auto& lost = world_.net().count().dropped;
  std::copy(lost.begin(), lost.end(), dropped_.begin());
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const auto* device = world_.on(members_[i]).wireguard();
    if (!device) continue;
    const auto drops = device->drops();
    for (std::size_t cause = 0; cause < drops.size(); ++cause) {
      auto& before = wg_dropped_[i * wg_drops + cause];
      // A new interface counts from zero.
      dropped_[drop_causes + cause] += drops[cause] - (drops[cause] < before ? 0 : before);
      before = drops[cause];
    }
  }
  recorder_->tick(now(), dropped_);
}

std::optional<report::run_record> stage::take_record() {
  if (!recorder_) return std::nullopt;
  tick();
  for (std::uint32_t i = 0; i < streams_.size(); ++i)
    if (streams_[i])
      for (const auto sent : world_.unanswered(*streams_[i]))
        recorder_->unanswered(i, sent.time_since_epoch());
  auto out = std::move(*recorder_).finish();
  recorder_.reset();
  return out;
}

// --- links ---------------------------------------------------------------------------------------

node_id stage::node_of(const thing& what) {
  switch (what.what) {
  case kind::control:
    return world_.control_node();
  case kind::member:
    return world_.node(members_[what.number]);
  case kind::nat:
    return nats_[what.number];
  case kind::relay:
    return world_.node(relays_[what.number]);
  }
  return no_node;
}

const std::string& stage::name_of(const thing& what) const {
  static const std::string control = "control";
  switch (what.what) {
  case kind::control:
    break;
  case kind::member:
    return script_.members[what.number].name;
  case kind::nat:
    return script_.nats[what.number].name;
  case kind::relay:
    return script_.relays[what.number].name;
  }
  return control;
}

void stage::change_links(const link_entry& what) {
  for (const auto& [first, second] : what.between) {
    const auto a = world_.net().face_of(node_of(first));
    const auto b = world_.net().face_of(node_of(second));
    if (a == b) continue; // behind the same box: no link of theirs is out there
    const link_key key{std::min(a, b), std::max(a, b)};
    auto& state = links_[key];
    const auto take = [](auto& into, const auto& from) {
      if (from) into = from;
    };
    take(state.how.jitter, what.how.jitter);
    take(state.how.loss_ppm, what.how.loss_ppm);
    take(state.how.duplicate_ppm, what.how.duplicate_ppm);
    take(state.how.mtu, what.how.mtu);
    take(state.how.bits_per_s, what.how.bits_per_s);
    take(state.how.queue_octets, what.how.queue_octets);
    take(state.how.fifo, what.how.fifo);
    take(state.how.scale_ppm, what.how.scale_ppm);
    if (what.how.delay) {
      state.how.delay = what.how.delay;
      state.how.trace.reset();
    }
    if (what.how.trace) {
      state.how.trace = what.how.trace;
      state.how.delay.reset();
      state.trace_from_first = a == key.first;
    }
    apply(key);
  }
  world_.paths_changed();
}

void stage::apply(const link_key& between) {
  const auto& state = links_.at(between);
  world_.net().set_link(between.first, between.second, settings_of(state, true));
  world_.net().set_link(between.second, between.first, settings_of(state, false));
}

link_settings stage::settings_of(const link_state& state, bool from_first) {
  const auto& how = state.how;
  constexpr std::int64_t whole = unscaled;
  link_settings out;
  const auto scale = how.scale_ppm.value_or(unscaled);
  const auto delay = how.delay.value_or(script_.internet_delay).count();
  out.delay = duration{delay / whole * scale + delay % whole * scale / whole};
  if (how.trace) {
    const auto way =
        from_first == state.trace_from_first ? recordings::way::forward : recordings::way::backward;
    out.source = traces_.source(*how.trace, way, scale, seed_);
    out.fifo = traces_.fifo(*how.trace);
  }
  out.jitter = how.jitter.value_or(out.jitter);
  out.loss_ppm = how.loss_ppm.value_or(out.loss_ppm);
  out.duplicate_ppm = how.duplicate_ppm.value_or(out.duplicate_ppm);
  out.mtu = how.mtu.value_or(out.mtu);
  out.bits_per_s = how.bits_per_s.value_or(out.bits_per_s);
  out.queue_octets = how.queue_octets.value_or(out.queue_octets);
  out.fifo = how.fifo.value_or(out.fifo);
  return out;
}

} // namespace lanrage::sim::scenario
