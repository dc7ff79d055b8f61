#include "config/defaults.hpp"
#include "sim/invariants/checker.hpp"
#include "sim/scenario/judge.hpp"

#include <algorithm>

/// What the checker looks at every second of virtual time.
namespace lanrage::sim::invariants {
namespace {

namespace defaults = config::defaults;
using namespace std::chrono_literals;
using scenario::seconds_text;

/// A devices's unchanged state is looked at this often.
constexpr duration full_look_every = 10s;
/// Pairs are looked at this often: each costs a walk through the network.
constexpr duration liveness_every = 5s;
/// An actor that is told to end handles what is in its mailbox, and no more.
constexpr duration actor_ends_within = 1s;
/// Longer than any deadline of a request (actors/wg/wg_writer.cpp has the longest).
constexpr duration request_ends_within = 60s;
/// What a user waits for at most: the directory's word, three removals, an actor's restart.
constexpr duration disconnect_within =
    duration{defaults::discover_deadline} +
    defaults::wg_retries * duration{defaults::configure_deadline} + defaults::restart_backoff_max +
    1s;
/// A connection and its WireGuard peer are apart while one is made or taken away.
constexpr duration apart_at_most = duration{defaults::discover_deadline} +
                                   defaults::configure_deadline * defaults::wg_retries +
                                   defaults::restart_backoff_max;
/// A device may keep another's address until its daemon hears of the new lease.
constexpr duration doubled_at_most = 60s;

} // namespace

void checker::look() {
  if (world_.is_broken()) disturbed();
  errors();
  look_at_addresses();
  look_at_devices();
  look_at_actors();
  connections_.look(now());
  if (now() % liveness_every < 1s) look_at_pairs();
  waiting is;
  is.timers = world_.actors().pending_timers();
  is.events = world_.plan().queue().size();
  is.packets = world_.net().under_way();
  is.requests = open_.size();
  is.members = world_.member_count();
  is.connections = connections_.all().size();
  is.streams = world_.stream_count();
  check_waiting(is, now(), found_);
}

void checker::errors() {
  for (const auto& line : ear_.take()) {
    if (line.find(": giving up") != std::string::npos) seen_.saw(sometimes::exhausted);
    check_error(line, deaths_, now(), found_);
  }
}

// --- addresses -----------------------------------------------------------------------------------

void checker::look_at_addresses() {
  const auto* registry = world_.control().registry();
  std::vector<holder> leased;
  std::vector<holder> in_use;
  for (std::uint32_t i = 0; i < world_.member_count(); ++i) {
    const auto lease = registry ? registry->lease_of(world_.key(member_id{i})) : std::nullopt;
    if (lease) leased.push_back({name(i), *lease});
    const auto* there = world_.on(member_id{i}).wireguard();
    if (there) held_.emplace(i, there->address());
    if (there && world_.running(member_id{i})) in_use.push_back({name(i), there->address()});
    if (!registry) continue;
    // S16: a lease is kept until the member has left all its parties, or the server forgot them.
    const auto before = leases_.find(i);
    if (before != leases_.end() && lease != before->second &&
        world_.control().knows(world_.key(member_id{i})))
      found_.add("S16", now(), name(i),
                 "had " + net::to_string(before->second) + " and now has " +
                     (lease ? net::to_string(*lease) : std::string{"no address"}));
    if (!lease) {
      leases_.erase(i);
      continue;
    }
    if (before == leases_.end()) {
      const auto wish = net::virtual_ip::derive(net::peer_id::parse(name(i)).value(), 0);
      if (wish != *lease && !wish.reserved()) seen_.saw(sometimes::collision);
    }
    leases_[i] = *lease;
  }
  if (const auto wrong = clash_among(leased); !wrong.empty())
    found_.add("S2", now(), "leases", wrong);
  const auto doubled = clash_among(in_use);
  if (doubled.empty())
    doubled_since_.reset();
  else if (!doubled_since_)
    doubled_since_ = now();
  else if (now() - *doubled_since_ > doubled_at_most)
    found_.add("S2", now(), "machines", doubled);
}

// --- WireGuard -----------------------------------------------------------------------------------

void checker::look_at_devices() {
  const bool all = now() % full_look_every < 1s;
  for (std::uint32_t i = 0; i < world_.member_count(); ++i) {
    if (!connections_.in_time(i, now())) writes_.device_touched(i, now());
    if (!world_.running(member_id{i}) || (!all && !writes_.dirty(i))) continue;
    const auto there = device(i);
    writes_.look(i, there, now());
    look_at_peers(i, there);
  }
}

/// S1, both ways.
void checker::look_at_peers(std::uint32_t member, const write_rules::shown& there) {
  const auto check = [&](const net::wg_public_key& key, bool wrong, const char* text) {
    const std::pair at{member, key};
    if (!wrong) {
      apart_.erase(at);
      return;
    }
    const auto since = apart_.try_emplace(at, now()).first->second;
    if (now() - std::max(since, liveness_.disturbed_at()) > apart_at_most)
      found_.add("S1", now(), pair_name(member, key), text + seconds_text(since));
  };
  std::set<net::wg_public_key> has;
  if (there)
    for (const auto& peer : there->peers) {
      has.insert(peer.key);
      const auto other = member_of(peer.key);
      // An actor is called by the name that its file has, which may be damaged.
      const auto said = connections_.all().find({member, peer.key});
      const bool speaks = said != connections_.all().end() && !said->second.stale &&
                          actors_.contains(said->second.by.actor);
      const bool rests = said != connections_.all().end() && said->second.rests;
      const bool alive =
          other && (rests || speaks || living_.contains({member, "peer " + name(*other)}));
      check(peer.key, !alive, "WireGuard has a peer without a connection since ");
    }
  for (const auto& [key, s] : connections_.all()) {
    if (key.first != member || has.contains(key.second)) continue;
    check(key.second, is_up(s.view.at), "is connected without a WireGuard peer since ");
  }
}

// --- actors --------------------------------------------------------------------------------------

void checker::look_at_actors() {
  const auto in_time = [&](std::uint32_t member) { return connections_.in_time(member, now()); };
  for (const auto& [actor, since] : closing_)
    if (now() - since > actor_ends_within)
      if (const auto found = actors_.find(actor);
          found != actors_.end() && in_time(found->second.member))
        found_.add("S15", now(), name(found->second.member),
                   found->second.name + " is closed since " + seconds_text(since) + " and lives");
  for (const auto& [what, request] : open_)
    if (now() - request.since > request_ends_within)
      if (const auto found = actors_.find(what.by);
          found != actors_.end() && in_time(found->second.member))
        found_.add("S15", now(), name(found->second.member),
                   found->second.name + " waits for an answer of the " + request.of + " since " +
                       seconds_text(request.since));
  for (const auto& [member, left] : leaving_)
    if (!left.second.empty() && now() - left.first > actor_ends_within && in_time(member))
      found_.add("L6", now(), name(member),
                 std::to_string(left.second.size()) + " actors of the daemon that ended at " +
                     seconds_text(left.first) + " live");
  for (const auto& [what, each] : disconnecting_)
    if (now() - std::max(each.since, liveness_.disturbed_at()) > disconnect_within)
      found_.add("L5", now(), pair_name(each.member, each.peer),
                 "a disconnect of " + seconds_text(each.since) + " is not answered");
}

// --- pairs ---------------------------------------------------------------------------------------

void checker::look_at_pairs() {
  const auto parties = world_.control().memberships();
  std::map<net::party_id, std::vector<std::uint32_t>> together;
  for (const auto& [party, key] : parties)
    if (const auto member = member_of(key); member && world_.running(member_id{*member}))
      together[party].push_back(*member);
  std::set<std::pair<std::uint32_t, std::uint32_t>> pairs;
  for (auto& [party, members] : together) {
    std::sort(members.begin(), members.end());
    for (std::size_t i = 0; i < members.size(); ++i)
      for (std::size_t j = i + 1; j < members.size(); ++j)
        pairs.emplace(members[i], members[j]);
  }
  for (const auto& [a, b] : pairs)
    liveness_.look(a, b, name(a) + '-' + name(b), pair_now(a, b), now());
}

liveness_rules::pair_now checker::pair_now(std::uint32_t a, std::uint32_t b) {
  liveness_rules::pair_now out;
  const member_id one{a};
  const member_id other{b};
  out.wanted = world_.settings(one).auto_connect && world_.settings(other).auto_connect &&
               !writes_.is_disconnected(a, world_.key(other)) &&
               !writes_.is_disconnected(b, world_.key(one));
  out.controlled = reach_.controlled(one) && reach_.controlled(other);
  const auto view = [&](member_id who, member_id peer) -> const msg::connection_view* {
    const auto found = connections_.all().find({static_cast<std::uint32_t>(who), world_.key(peer)});
    return found == connections_.all().end() || found->second.unheard ? nullptr
                                                                      : &found->second.view;
  };
  const auto* x = view(one, other);
  const auto* y = view(other, one);
  const auto text = [&](member_id who, const msg::connection_view* of) {
    auto line = name(static_cast<std::uint32_t>(who)) + " says ";
    if (!of) return line + "nothing";
    return line + std::string{msg::to_string(of->at)} + " (" + of->reason + ")";
  };
  out.views = text(one, x) + ", " + text(other, y);
  out.up = x && y && is_up(x->at) && is_up(y->at);
  out.failed = (x && x->at == msg::phase::failed) || (y && y->at == msg::phase::failed);
  out.is_direct = out.up && x->how == msg::strategy::direct && y->how == msg::strategy::direct;
  if (!out.wanted) return out;
  out.direct = reach_.directness(one, other);
  out.direct_sound = reach_.round_trip(world_.node(one), world_.node(other)).has_value();
  // Pairs that are as good as can be need no more looking.
  if (out.is_direct) return out;
  out.best_relay = reach_.best_relay(one, other);
  if (out.up && x->relay && y->relay && x->relay == y->relay)
    out.used_relay = reach_.over_relay(one, other, *x->relay);
  return out;
}

} // namespace lanrage::sim::invariants
