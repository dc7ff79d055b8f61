#include "sim/world/control_site.hpp"

#include "config/defaults.hpp"
#include "net/control/login.hpp"
#include "net/control/overloaded.hpp"
#include "net/control/server.hpp"
#include "net/random.hpp"

#include <algorithm>

namespace lanrage::sim {

namespace {

namespace control = net::control;
namespace defaults = config::defaults;
using namespace std::chrono_literals;

/// TCP's handshake, TLS 1.3's, and the upgrade request: it arrives after this many one-way delays.
constexpr int login_arrives_after = 5;
/// What TCP needs to notice that a cut path works again.
constexpr duration retransmission = 1s;
constexpr duration control_tick_every = 60s;

control::membership membership_of(const msg::party_credential& party) {
  return {party.party, party.name, party.verifier, party.create};
}

} // namespace

control_site::control_site(std::uint64_t seed, std::string host, duration unix_epoch, agenda& time,
                           control_paths paths)
    : seed_(seed), unix_epoch_(unix_epoch), time_(time), paths_(std::move(paths)),
      login_key_(net::generate_x25519<net::login_private_key>(
          net::seeded_random(seed, "control login/" + host))),
      token_key_(net::generate_secret<net::token_private_key>(
          net::seeded_random(seed, "control token/" + host))) {
  line_.host = std::move(host);
  line_.port = defaults::control_port;
  line_.key = net::public_key(login_key_);
  start(false);
}

control::moment control_site::moment() const {
  const auto unix_now = unix_epoch_ + time_.now().time_since_epoch();
  return {time_.now(),
          static_cast<std::uint64_t>(
              std::chrono::duration_cast<std::chrono::milliseconds>(unix_now).count())};
}

void control_site::set_relays(std::vector<net::relay_info> relays) {
  relays_ = std::move(relays);
  if (registry_) perform(registry_->set_relays(relays_, moment()));
}

// --- the server's life ---------------------------------------------------------------------------

void control_site::start(bool with_memory) {
  control::stored_state stored;
  if (!with_memory) {
    parties_.clear();
    members_.clear();
    memberships_.clear();
  }
  for (const auto& [id, each] : parties_)
    stored.parties.push_back(each);
  for (const auto& [key, each] : members_)
    stored.members.push_back(each);
  for (const auto& [key, each] : memberships_)
    stored.memberships.push_back(each);
  registry_ = std::make_unique<control::registry>(control::default_limits().registry, login_key_,
                                                  token_key_, relays_, stored);
  tick(++incarnation_);
}

void control_site::stop() {
  registry_.reset();
  ++incarnation_;
  for (auto& [id, each] : connections_) {
    each.at_server = false;
    carry(id, direction::down,
          [this, id = id] { finish(id, net::fail(net::errc::closed, "by the control server")); });
  }
}

void control_site::tick(std::uint64_t incarnation) {
  if (incarnation != incarnation_) return;
  perform(registry_->tick(moment()));
  time_.after(control_tick_every, [this, incarnation] { tick(incarnation); });
}

void control_site::paths_changed() {
  for (auto& [id, each] : connections_) {
    const bool cut = !paths_.reaches(each.member);
    if (cut == each.cut) continue;
    each.cut = cut;
    const auto cuts = ++each.cuts;
    if (!cut) {
      for (auto& deed : std::exchange(each.held, {}))
        time_.after(retransmission + paths_.delay(each.member), std::move(deed));
      continue;
    }
    // The pings that got through until now were heard, too.
    const auto pings = (time_.now() - each.opened) / duration{defaults::control_ping};
    const auto heard = std::max(each.heard, each.opened + pings * defaults::control_ping);
    time_.at(heard + defaults::control_dead_after, [this, id = id, cuts] {
      const auto* it = find(id);
      if (!it || !it->cut || it->cuts != cuts) return;
      server_forgets(id);
      finish(id, net::fail(net::errc::timed_out, line_.host + ": nothing heard"));
    });
  }
}

std::set<std::pair<net::party_id, net::wg_public_key>> control_site::memberships() const {
  std::set<std::pair<net::party_id, net::wg_public_key>> out;
  for (const auto& [who, each] : memberships_)
    out.insert(who);
  return out;
}

// --- a member's side -----------------------------------------------------------------------------

control_site::conversation* control_site::find(number id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

std::uint64_t control_site::open(node_id member, const net::wg_private_key& key,
                                 const msg::control_open& wanted, listener hears) {
  const auto id = ++last_;
  auto& it = connections_[id];
  it.member = member;
  it.key = wanted.change ? wanted.change->to : key;
  it.own = net::public_key(it.key);
  net::seeded_random(seed_, "tls exporter/" + std::to_string(id))(it.binding);
  it.hears = std::move(hears);
  it.opened = it.heard = time_.now();
  it.cut = !paths_.reaches(member);
  const auto delay = paths_.delay(member);
  time_.after(defaults::control_handshake_deadline, [this, id] {
    const auto* late = find(id);
    if (!late || late->welcomed) return;
    server_forgets(id);
    finish(id, net::fail(net::errc::timed_out, "the control server did not answer in time"));
  });
  if (it.cut) return id;
  if (!registry_)
    time_.after(2 * delay, [this, id] {
      finish(id, net::fail(net::errc::control_unreachable, line_.host + ": connection refused"));
    });
  else
    time_.after(login_arrives_after * delay, [this, id, wanted] { login(id, wanted); });
  return id;
}

void control_site::login(number id, const msg::control_open& wanted) {
  auto* it = find(id);
  if (!it || !it->hears || !registry_ || it->cut) return; // the deadline ends it
  std::vector<control::membership> parties;
  for (const auto& party : wanted.parties)
    parties.push_back(membership_of(party));
  const auto request =
      wanted.change ? control::make_login(*wanted.change, wanted.server.key, it->binding, parties)
                    : control::make_login(it->key, wanted.server.key, it->binding, parties);
  if (!request)
    return finish(id, net::fail(net::errc::bad_invite, "the server's login key is unusable"));
  it->at_server = true;
  perform(registry_->opened({id}, *request, it->binding, moment()));
}

void control_site::join(number id, const msg::party_credential& party) {
  auto* it = find(id);
  if (!it) return;
  if (!it->welcomed) return it->joins_waiting.push_back(party);
  say(id, control::client_message{control::make_join(membership_of(party), it->binding, it->own)});
}

void control_site::say(number id, control::client_message message) {
  auto* it = find(id);
  if (!it) return;
  if (!it->welcomed) return it->waiting.push_back(std::move(message));
  carry(id, direction::up, [this, id, message = std::move(message)] {
    const auto* arrived = find(id);
    if (registry_ && arrived && arrived->at_server)
      perform(registry_->received({id}, message, moment()));
  });
}

void control_site::close(number id) {
  auto* it = find(id);
  if (!it) return;
  it->hears = {};
  carry(id, direction::up, [this, id] {
    server_forgets(id);
    connections_.erase(id);
  });
}

void control_site::close_all(node_id member) {
  for (const auto& [id, each] : connections_)
    if (each.member == member && each.hears) close(id);
}

// --- in between ----------------------------------------------------------------------------------

void control_site::carry(number id, direction way, std::function<void()> deed, duration later) {
  auto& it = connections_.at(id);
  if (it.cut) return it.held.push_back(std::move(deed));
  if (later > duration{})
    return time_.at(time_.now() + paths_.delay(it.member) + later, std::move(deed));
  auto& last = way == direction::up ? it.last_up : it.last_down;
  last = std::max(last, time_.now() + paths_.delay(it.member));
  time_.at(last, std::move(deed));
}

void control_site::tell(number id, control_news news) {
  const auto* it = find(id);
  if (!it) return;
  if (!faults_) return bring(id, std::move(news), {});
  const auto lies = faults_->behind(it->member, news);
  for (const auto later : faults_->on_news(it->member, news))
    bring(id, news, later);
  for (const auto& lie : lies)
    bring(id, lie, {});
}

void control_site::bring(number id, control_news news, duration later) {
  const auto arrive = [this, id, news = std::move(news)]() mutable {
    auto* it = find(id);
    if (!it || !it->hears) return;
    it->heard = time_.now();
    auto* said = std::get_if<control::server_message>(&news);
    auto* hello = said ? std::get_if<control::welcome>(said) : nullptr;
    if (!hello || std::exchange(it->welcomed, true)) return it->hears(std::move(news));
    const auto delay = paths_.delay(it->member);
    it->hears(msg::link_opened{std::move(*hello),
                               std::chrono::duration_cast<std::chrono::microseconds>(delay)});
    for (const auto& party : std::exchange(it->joins_waiting, {}))
      join(id, party);
    for (auto& message : std::exchange(it->waiting, {}))
      say(id, std::move(message));
  };
  carry(id, direction::down, arrive, later);
}

void control_site::finish(number id, net::error why) {
  auto* it = find(id);
  if (!it) return;
  const auto hears = std::move(it->hears);
  connections_.erase(id);
  if (hears) hears(msg::link_closed{std::move(why)});
}

void control_site::server_forgets(number id) {
  auto* it = find(id);
  if (it && std::exchange(it->at_server, false) && registry_)
    perform(registry_->closed({id}, moment()));
}

void control_site::perform(const control::effects& todo) {
  const auto ended = [this](control::session_id session, const net::error& why) {
    auto* it = find(session.value);
    if (!it) return;
    it->at_server = false; // the registry has forgotten it already
    carry(session.value, direction::down, [this, id = session.value, why] { finish(id, why); });
  };
  for (const auto& each : todo)
    std::visit(control::overloaded{[&](const control::save& e) { remember(e.what); },
                                   [](const control::accept_login&) {}, [](const control::note&) {},
                                   [&](const control::refuse_login& e) { ended(e.session, e.why); },
                                   [&](const control::end_session& e) { ended(e.session, e.why); },
                                   [&](const control::send_message& e) {
                                     for (const auto to : e.to)
                                       tell(to.value, e.message);
                                   }},
               each);
}

void control_site::remember(const control::change& what) {
  std::visit(control::overloaded{[&](const control::stored_party& e) { parties_[e.party] = e; },
                                 [&](const control::stored_member& e) { members_[e.key] = e; },
                                 [&](const control::stored_membership& e) {
                                   memberships_[{e.party, e.key}] = e;
                                 },
                                 [&](const control::drop_party& e) { parties_.erase(e.party); },
                                 [&](const control::drop_member& e) { members_.erase(e.key); },
                                 [&](const control::drop_membership& e) {
                                   memberships_.erase({e.party, e.key});
                                 }},
             what);
}

} // namespace lanrage::sim
