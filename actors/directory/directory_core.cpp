#include "actors/directory/directory_core.hpp"

#include "net/control/sealing.hpp"
#include "net/frames.hpp"

#include <algorithm>
#include <utility>

namespace lanrage::actors {

namespace {

namespace control = net::control;
namespace defaults = config::defaults;

/// The same server, perhaps at another address: its keys are what it is known by.
bool same_server(const control::server_line& a, const control::server_line& b) {
  return a.pin == b.pin && a.key == b.key;
}

} // namespace

directory_core::directory_core(directory_settings settings, saved_directory saved,
                               std::uint64_t attempt)
    : settings_(std::move(settings)), own_(net::public_key(settings_.key)),
      sign_key_(net::sign_key_of(settings_.key)), box_(settings_.key), change_(saved.change),
      server_(saved.server), address_(saved.address), relays_(std::move(saved.relays)),
      last_version_(saved.last_version), last_sequence_(saved.last_sequence), attempt_(attempt),
      own_hash_(net::hash_of(own_)), lan_(settings_.lan_secrets, settings_.lan_jitter),
      lan_counter_(saved.lan_counter), lan_reserved_(saved.lan_counter) {
  // Another key was put here by hand: what is known of a change is of no use.
  if (change_ && !changing() && net::public_key(change_->to) != own_) change_.reset();
  for (const auto& token : saved.tokens)
    if (const auto read = net::read_token(token); read && read->member == own_)
      tokens_[{read->party, read->relay}] = token;
  for (auto& each : saved.parties) {
    const auto id = net::id_of(each.secret);
    party in{each.name, each.as, each.secret, {id, each.secret}, {}, {}, {}, {}, each.leaving};
    in.lan = net::lan_keys_of(each.secret);
    for (auto& member : each.members) {
      // From our own disk, but as signed as on arrival: damage shows.
      const auto record = control::open_record(*member.envelope, id, each.secret);
      if (!record) continue;
      // Ours, of the key before: nobody to connect to.
      if (record->id == each.as && record->key != own_) continue;
      in.book.restore(*record);
      in.last_keys[record->id] = record->key;
      if (record->key == own_)
        in.published = *record;
      else if (member.lan_counter != 0)
        lan_.remember(id, record->key, member.lan_counter);
      in.extras[record->key] = {std::move(member.envelope), member.heard, member.sequence};
    }
    parties_.emplace(id, std::move(in));
  }
  interface_told_ = interface();
}

void directory_core::start(time at, effects& out) {
  drop_old_tokens(at);
  // Our last incarnation may have ended before it was on the disk. Until it is there we are who we
  // were; if the server knows better, it refuses that and nothing changes.
  if (changing()) save_now(out);
  if (!parties_.empty()) open(at, out);
}

void directory_core::own(const msg::own_paths& paths, time at, effects& out) {
  const auto hosts = [](const msg::own_paths& of) {
    std::vector<net::candidate> all;
    for (const auto& each : of.candidates)
      if (each.kind == net::candidate_kind::host) all.push_back(each);
    std::sort(all.begin(), all.end());
    return all;
  };
  // From none to some is only nat's start.
  const bool moved = paths_ && !hosts(*paths_).empty() && hosts(*paths_) != hosts(paths);
  paths_ = paths;
  publish_soon(at);
  if (moved && link_ == link::up) {
    // Other addresses: the connection is probably dead, and would take long to tell. The server
    // replaces the old session by the new one without the others noticing.
    open(at, out);
  } else if (moved && link_ == link::waiting) {
    backoff_.reset();
    link_due_ = std::min(link_due_, at.now + jittered(backoff_.peek()));
  }
  tick(at, out);
}

void directory_core::own(const msg::own_legs& legs, time at, effects& out) {
  legs_ = legs.legs;
  publish_soon(at);
  tick(at, out);
}

void directory_core::send(const msg::send_signal& signal, time at, effects& out) {
  signals_.put(signal, at.now);
  flush_signals(at, out);
}

// --- what users ask for -------------------------------------------------------------------------

void directory_core::create(directory_request id, const msg::party_create& wanted, time at,
                            effects& out) {
  const auto server = control::parse_server_line(wanted.server_line);
  if (!server) return out.answers.push_back({id, server.error()});
  if (!control::valid_party_name(wanted.name))
    return out.answers.push_back(
        {id, net::fail(net::errc::bad_invite, "a party name is 1 to 32 letters, digits, spaces, "
                                              "'-', '_' or '.'")});
  const auto secret = net::generate_secret<net::party_secret>(settings_.secrets);
  add_party(id, wanted.name, secret, *server, true, at, out);
}

void directory_core::join(directory_request id, const msg::party_join& wanted, time at,
                          effects& out) {
  const auto invite = control::parse_invite(wanted.invite);
  if (!invite) return out.answers.push_back({id, invite.error()});
  const auto party_id = net::id_of(invite->secret);
  const auto known = parties_.find(party_id);
  const bool in_it = known != parties_.end() && !known->second.leaving && !known->second.user;
  if (!in_it || *server_ == invite->server)
    return add_party(id, invite->party, invite->secret, invite->server, false, at, out);
  if (const auto allowed = may_use(invite->server, party_id); !allowed)
    return out.answers.push_back({id, allowed.error()});
  go_to(invite->server, at, out);
  save_now(out);
  out.answers.push_back({id, info_of(party_id, known->second)});
}

net::result<void> directory_core::may_use(const control::server_line& server,
                                          const net::party_id& of) const {
  const auto stays = [&](const auto& each) { return each.first != of && !each.second.leaving; };
  if (!server_ || same_server(*server_, server) ||
      std::none_of(parties_.begin(), parties_.end(), stays))
    return {};
  return net::fail(net::errc::bad_invite, "this machine is in parties of " +
                                              control::host_and_port(*server_) +
                                              "; leave them first");
}

/// The newest line knows best where the server is. One that was left for another is not told what
/// it has not heard: it may be gone for good, which is why it was left.
void directory_core::go_to(const control::server_line& server, time at, effects& out) {
  const bool another = server_ && !same_server(*server_, server);
  server_ = server;
  if (!another) return want_link(at, out);
  for (auto each = parties_.begin(); each != parties_.end();) {
    const auto in = each++;
    in->second.published.reset();
    if (in->second.leaving) drop(in);
  }
  backoff_.reset();
  open(at, out);
}

net::result<void> directory_core::may_add(const net::party_id& id, const std::string& name,
                                          const control::server_line& server) const {
  if (const auto allowed = may_use(server, id); !allowed) return allowed.error();
  const auto known = parties_.find(id);
  if (known != parties_.end() && !known->second.leaving)
    return net::fail(net::errc::already_exists, "this machine is in '" + name + "' already");
  if (find_party(name) != nullptr)
    return net::fail(net::errc::already_exists, "a party named '" + name + "'");
  if (known == parties_.end() && parties_.size() >= defaults::control_parties_per_member_max)
    return net::fail(net::errc::limit_reached, "parties of one machine");
  return {};
}

void directory_core::add_party(directory_request id, std::string name,
                               const net::party_secret& secret, const control::server_line& server,
                               bool created, time at, effects& out) {
  const auto party_id = net::id_of(secret);
  if (const auto allowed = may_add(party_id, name, server); !allowed)
    return out.answers.push_back({id, allowed.error()});
  party in{std::move(name), settings_.name, secret, {party_id, secret}, {}, {}, {}, {}, false};
  in.lan = net::lan_keys_of(secret);
  in.may_create = created;
  in.user = waiting_user{id, created, at.now + defaults::control_confirm_deadline};
  const auto added = parties_.insert_or_assign(party_id, std::move(in)).first;
  const bool connected = link_ == link::up && server_ && same_server(*server_, server);
  go_to(server, at, out);
  tell_interface(out);
  if (connected) out.link.emplace_back(msg::control_join{credential_of(party_id, added->second)});
}

void directory_core::leave(directory_request id, const msg::party_leave& wanted, time at,
                           effects& out) {
  auto* found = find_party(wanted.party);
  if (found == nullptr)
    return out.answers.push_back({id, net::fail(net::errc::party_not_found, wanted.party)});
  const auto party_id = net::id_of(found->secret);
  for (const auto& [key, entry] : found->book.entries())
    if (key != own_) tell(out, msg::peer_gone{party_id, key});
  if (found->user)
    out.answers.push_back({found->user->id, net::fail(net::errc::closed, "left again")});
  found->user.reset();
  forget_failed(*found, net::fail(net::errc::closed, "left the party"), out);
  found->leaving = true;
  lan_.forget(party_id);
  letters_.forget(party_id);
  tell_lan(out);
  tell_interface(out);
  if (found->joined)
    out.link.emplace_back(msg::control_say{control::leave_request{party_id}});
  else
    want_link(at, out);
  save_now(out);
  out.answers.push_back({id, msg::done{}});
}

void directory_core::confirm_user(party_map::iterator in, effects& out) {
  auto& [id, made] = *in;
  if (!made.user) return;
  const auto user = *std::exchange(made.user, std::nullopt);
  save_now(out);
  if (!user.created) return out.answers.push_back({user.id, info_of(id, made)});
  out.answers.push_back({user.id, invitation_to(id, made)});
}

void directory_core::refuse_user(party_map::iterator in, const net::error& why, time,
                                 effects& out) {
  out.answers.push_back({in->second.user->id, why});
  forget(in, out);
}

void directory_core::drop(party_map::iterator in) {
  const auto id = in->first;
  parties_.erase(in);
  std::erase_if(tokens_, [&](const auto& each) { return each.first.first == id; });
  signals_.forget(id);
  lan_.forget(id);
  letters_.forget(id);
}

void directory_core::forget(party_map::iterator in, effects& out) {
  drop(in);
  if (parties_.empty()) {
    server_.reset();
    address_ = {};
    link_ = link::idle;
    out.link.emplace_back(msg::control_close{});
  }
  save_now(out);
  tell_interface(out);
}

msg::interface_wanted directory_core::interface() const {
  const bool there = std::any_of(parties_.begin(), parties_.end(),
                                 [](const auto& each) { return !each.second.leaving; });
  return {there, there ? address_ : net::virtual_ip{}};
}

void directory_core::tell_interface(effects& out) {
  const auto wanted = interface();
  if (std::exchange(interface_told_, wanted) != wanted) tell(out, wanted);
}

// --- time and memory ----------------------------------------------------------------------------

void directory_core::tick(time at, effects& out) {
  const bool timed = link_ == link::waiting || link_ == link::opening;
  if (timed && at.now >= link_due_) {
    if (link_ == link::waiting) {
      open(at, out);
    } else {
      out.link.emplace_back(msg::control_close{});
      closed(net::fail(net::errc::timed_out, "the control server did not answer"), at, out);
    }
  }
  if (resync_due_ && at.now >= *resync_due_) open(at, out);
  for (auto each = parties_.begin(); each != parties_.end();) {
    const auto in = each++;
    const auto& user = in->second.user;
    if (!user || at.now < user->until) continue;
    const auto why = why_down_.value_or(net::fail(net::errc::timed_out, "the control server"));
    refuse_user(in, why, at, out);
  }
  expire_forgetting(at, out);
  expire_rotating(at, out);
  if (publish_due_ && at.now >= *publish_due_) publish(at, out);
  lan_tick(at, out);
  if (signals_due_ && at.now >= *signals_due_) flush_signals(at, out);
  if (save_due_ && at.now >= *save_due_) save_now(out);
}

std::optional<msg::time_point> directory_core::deadline() const {
  std::optional<msg::time_point> first;
  const auto consider = [&](msg::time_point due) {
    if (!first || due < *first) first = due;
  };
  if (link_ == link::waiting || link_ == link::opening) consider(link_due_);
  if (resync_due_) consider(*resync_due_);
  if (publish_due_) consider(*publish_due_);
  if (rotating_) consider(rotating_->until);
  if (save_due_) consider(*save_due_);
  if (signals_due_) consider(*signals_due_);
  if (const auto due = lan_.deadline()) consider(*due);
  for (const auto& [id, in] : parties_) {
    if (in.user) consider(in.user->until);
    if (in.forget && in.forget->user) consider(in.forget->until);
  }
  return first;
}

void directory_core::save_soon(time at) {
  if (!save_due_) save_due_ = at.now + defaults::directory_save_after;
}

void directory_core::save_now(effects& out) {
  save_due_.reset();
  out.save = all_saved();
  out.tell_saved = changing() && !change_kept_;
}

saved_directory directory_core::all_saved() const {
  saved_directory out;
  out.server = server_;
  out.change = change_;
  out.address = address_;
  out.last_version = last_version_;
  out.last_sequence = last_sequence_;
  out.lan_counter = lan_reserved_;
  out.relays = relays_;
  out.tokens = token_list();
  for (const auto& [id, in] : parties_) {
    if (in.user) continue; // not ours before the server said so
    saved_party kept{in.name, in.as, in.secret, in.leaving, {}};
    for (const auto& [key, entry] : in.book.entries()) {
      const auto& more = in.extras.at(key);
      kept.members.push_back({more.envelope, more.heard, more.sequence, lan_.counter_of(id, key)});
    }
    out.parties.push_back(std::move(kept));
  }
  return out;
}

} // namespace lanrage::actors
