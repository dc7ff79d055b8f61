#include "actors/directory/directory_core.hpp"
#include "config/recovery_defaults.hpp"
#include "net/control/sealing.hpp"
#include "net/frames.hpp"

#include <algorithm>
#include <set>
#include <type_traits>
#include <utility>

namespace lanrage::actors {

namespace {

namespace control = net::control;
namespace defaults = config::defaults;

/// The driver's own deadline, and room for its news to arrive: only a driver that died is later.
constexpr auto opening_deadline = defaults::control_handshake_deadline + std::chrono::seconds{2};

/// Refusals that a quick retry cannot change.
bool needs_a_human(net::errc code) {
  switch (code) {
  case net::errc::bad_login:
  case net::errc::wrong_pin:
  case net::errc::wrong_secret:
  case net::errc::name_taken:
  case net::errc::party_not_found:
  case net::errc::bad_invite:
  case net::errc::bad_message:
    return true;
  default:
    return false;
  }
}

} // namespace

// --- the connection -----------------------------------------------------------------------------

void directory_core::want_link(time at, effects& out) {
  if (link_ == link::idle || link_ == link::waiting) open(at, out);
}

void directory_core::open(time at, effects& out) {
  msg::control_open wanted{++attempt_, *server_, {}, change_};
  resync_due_.reset();
  // Of a key that is not on the disk the server must not know.
  if (changing() && !change_kept_) wanted.change.reset();
  for (auto& [id, in] : parties_) {
    in.joined = in.present = false;
    in.partial.clear();
    forget_failed(in, net::fail(net::errc::closed, "the connection is made anew"), out);
    wanted.parties.push_back(credential_of(id, in));
  }
  link_ = link::opening;
  link_due_ = at.now + opening_deadline;
  out.link.emplace_back(std::move(wanted));
}

void directory_core::network_changed(const msg::network_changed& news, time at, effects& out) {
  const bool waits = link_ == link::waiting;
  const bool slept = link_ != link::idle && news.slept >= defaults::sleep_noticed;
  if (waits) backoff_.reset();
  if (waits || slept) open(at, out);
}

msg::time_point::duration directory_core::jittered(std::chrono::milliseconds wait) {
  std::array<std::uint8_t, 4> raw{};
  settings_.jitter(raw);
  net::byte_reader in{raw};
  // Half of the wait is fixed, half is drawn: members of one outage do not come back as one.
  const auto half = std::chrono::duration_cast<std::chrono::nanoseconds>(wait) / 2;
  return half + std::chrono::nanoseconds{(half.count() >> 16) * (in.u32() >> 16)};
}

void directory_core::retry(const net::error& why, time at, effects& out) {
  if (parties_.empty()) {
    link_ = link::idle;
    return;
  }
  if (link_ == link::up && at.now - up_since_ >= defaults::control_good_after) backoff_.reset();
  while (needs_a_human(why.code) && backoff_.peek() < defaults::control_retry_max)
    (void)backoff_.next();
  const auto wait = jittered(backoff_.next());
  link_ = link::waiting;
  link_due_ = at.now + wait;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait);
  out.log.push_back("control: " + net::to_string(why) + "; again in " + std::to_string(ms.count()) +
                    " ms");
}

void directory_core::heard(const msg::control_heard& what, time at, effects& out) {
  const bool connected = link_ == link::opening || link_ == link::up;
  if (!connected) return;
  if (what.attempt == 0 && std::holds_alternative<msg::link_closed>(what.what)) {
    closed(std::get<msg::link_closed>(what.what).why, at, out); // the driver is a new one
  } else if (what.attempt == attempt_) {
    std::visit(
        [&](const auto& news) {
          using type = std::decay_t<decltype(news)>;
          if constexpr (std::is_same_v<type, msg::link_opened>)
            opened(news, at, out);
          else if constexpr (std::is_same_v<type, msg::link_closed>)
            closed(news.why, at, out);
          else
            said(news, at, out);
        },
        what.what);
  }
  tick(at, out);
}

void directory_core::opened(const msg::link_opened& up, time at, effects& out) {
  link_ = link::up;
  server_rotates_ = up.welcome.rotates;
  if (changing() && change_kept_) {
    if (server_rotates_) return key_taken(out);
    (void)key_refused(net::fail(net::errc::control_refused, "it knows nothing of it"), at, out);
    return;
  }
  up_since_ = at.now;
  delay_ = up.delay;
  why_down_.reset();
  relays_ = up.welcome.relays;
  use_tokens(up.welcome.tokens, at);
  tell(out, relays_event());
  tell(out, msg::control_state{true, std::nullopt, delay_});
  std::set<net::party_id> answered;
  for (const auto& view : up.welcome.parties) {
    answered.insert(view.party);
    use(view, at, out);
  }
  for (const auto& no : up.welcome.refused) {
    answered.insert(no.party);
    refused(no.party, no.why, at, out);
  }
  // Made or joined while this connection was on its way.
  for (const auto& [id, in] : parties_)
    if (!answered.contains(id)) out.link.emplace_back(msg::control_join{credential_of(id, in)});
  signals_.drop_older(at.now - defaults::signal_patience);
  flush_signals(at, out);
  save_soon(at);
}

void directory_core::closed(const net::error& why, time at, effects& out) {
  const bool was_opening = link_ == link::opening;
  if (was_opening && key_refused(why, at, out)) return;
  for (auto each = parties_.begin(); each != parties_.end();) {
    const auto in = each++;
    in->second.joined = in->second.present = false;
    in->second.partial.clear();
    forget_failed(in->second, why, out);
    if (was_opening && in->second.user) refuse_user(in, why, at, out);
  }
  const bool news = !why_down_ || why_down_->code != why.code;
  why_down_ = why;
  resync_due_.reset();
  if (news) tell(out, msg::control_state{false, why, delay_});
  retry(why, at, out);
}

// --- what the server says -----------------------------------------------------------------------

void directory_core::said(const control::server_message& message, time at, effects& out) {
  std::visit(
      [&](const auto& news) {
        using type = std::decay_t<decltype(news)>;
        if constexpr (std::is_same_v<type, control::party_joined>) {
          use_tokens(news.tokens, at);
          tell(out, relays_event());
          use(news.view, at, out);
          signals_.drop_older(at.now - defaults::signal_patience, news.view.party);
          flush_signals(at, out);
        } else if constexpr (std::is_same_v<type, control::party_left>) {
          left(news.party, at, out);
        } else if constexpr (std::is_same_v<type, control::tokens_renewed>) {
          use_tokens(news.tokens, at);
          tell(out, relays_event());
          save_soon(at);
        } else if constexpr (std::is_same_v<type, control::relays_changed>) {
          relays_ = news.relays;
          use_tokens(news.tokens, at);
          tell(out, relays_event());
          save_soon(at);
        } else if constexpr (!std::is_same_v<type, control::welcome>) {
          use(news, at, out);
        }
      },
      message);
}

void directory_core::use(const control::party_view& view, time at, effects& out) {
  const auto found = parties_.find(view.party);
  if (found == parties_.end()) return;
  auto& in = found->second;
  in.joined = true;
  if (in.leaving) {
    out.link.emplace_back(msg::control_say{control::leave_request{view.party}});
    return;
  }
  in.may_create = true;
  use_address(view.address, at, out);
  in.partial = view.records;
  if (view.complete) whole(in, at, out);
  if (in.user) lan_.announce_soon(at.now);
  confirm_user(found, out);
  publish_soon(at);
}

void directory_core::use(const control::party_records& more, time at, effects& out) {
  const auto found = parties_.find(more.party);
  if (found == parties_.end() || found->second.leaving) return;
  auto& in = found->second;
  if (in.partial.size() + more.records.size() > defaults::control_members_per_party_max) return;
  in.partial.insert(in.partial.end(), more.records.begin(), more.records.end());
  if (!more.complete) return;
  whole(in, at, out);
  flush_signals(at, out);
}

void directory_core::whole(party& in, time at, effects& out) {
  const auto id = net::id_of(in.secret);
  const auto before = in.book.entries();
  // Who was offline and is offline still was not known to be: now it is.
  const bool first = !std::exchange(in.present, true);
  const auto all = std::exchange(in.partial, {});
  std::set<net::wg_public_key> refused_keys;
  for (const auto& no : in.book.replace(all)) {
    // Its record we have in a newer version; whether it is there only the server says.
    if (no.why.code == net::errc::stale_version && in.book.find(no.envelope.key) != nullptr) {
      in.book.set_online(no.envelope.key, no.envelope.online);
      continue;
    }
    refused_keys.insert(no.envelope.key);
    out.log.push_back("record of " + no.envelope.id.str() + ": " + net::to_string(no.why));
  }
  // First, as one that comes may have the address of one that went.
  for (const auto& [key, entry] : before)
    if (key != own_ && in.book.find(key) == nullptr) tell(out, msg::peer_gone{id, key});
  std::erase_if(in.extras, [&](const auto& each) { return in.book.find(each.first) == nullptr; });
  for (const auto& envelope : all) {
    const auto* entry = in.book.find(envelope.key);
    if (entry == nullptr || refused_keys.contains(envelope.key)) continue;
    note_key(in, entry->record, out);
    auto& more = in.extras[envelope.key];
    if (!more.envelope || envelope.version >= entry->record.version) more.envelope = envelope;
    more.heard = at.wall;
    if (envelope.key == own_) continue;
    const auto old = before.find(envelope.key);
    if (first || old == before.end() || old->second.record != entry->record ||
        old->second.online != entry->online)
      tell(out, msg::peer_known{known(in, envelope.key)});
  }

  const auto* mine = in.book.find(own_);
  in.published = mine != nullptr ? std::optional{mine->record} : std::nullopt;
  if (mine != nullptr) last_version_ = std::max(last_version_, mine->record.version);
  // What we published last did not arrive.
  const auto same = [&](const auto& each) {
    return each.key == own_ && mine != nullptr && each.version == mine->record.version;
  };
  if (std::none_of(all.begin(), all.end(), same)) in.published.reset();
  save_soon(at);
}

void directory_core::use(const control::record_changed& news, time at, effects& out) {
  const auto found = parties_.find(news.party);
  if (found == parties_.end() || found->second.leaving || news.record.key == own_) return;
  auto& in = found->second;
  const auto taken = in.book.accept(news.record);
  if (!taken) {
    out.log.push_back("record of " + news.record.id.str() + ": " + net::to_string(taken.error()));
    // The server lets nobody have the name or the address of another member.
    const auto code = taken.error().code;
    if (code == net::errc::name_taken || code == net::errc::address_clash) news_was_lost(at);
    return;
  }
  note_key(in, in.book.find(news.record.key)->record, out);
  auto& more = in.extras[news.record.key];
  more.envelope = news.record;
  more.heard = at.wall;
  save_soon(at);
  if (*taken == control::record_book::novelty::changed)
    tell(out, msg::peer_known{known(in, news.record.key)});
}

void directory_core::use(const control::presence_changed& news, time at, effects& out) {
  const auto found = parties_.find(news.party);
  if (found == parties_.end() || found->second.leaving || news.key == own_) return;
  auto& in = found->second;
  if (!in.book.set_online(news.key, news.online)) return;
  in.extras.at(news.key).heard = at.wall;
  tell(out, msg::peer_known{known(in, news.key)});
}

void directory_core::use(const control::member_gone& news, time at, effects& out) {
  const auto found = parties_.find(news.party);
  if (found == parties_.end() || news.key == own_) return;
  if (!found->second.book.forget(news.key)) return;
  found->second.extras.erase(news.key);
  save_soon(at);
  if (!found->second.leaving) tell(out, msg::peer_gone{news.party, news.key});
}

void directory_core::use(const control::signal_arrived& news, time at, effects& out) {
  const auto found = parties_.find(news.party);
  if (found == parties_.end() || found->second.leaving) return;
  if (found->second.present && found->second.book.find(news.from) == nullptr) news_was_lost(at);
  take_signal(news.party, found->second, news.from, news.sealed, at, out);
}

/// The server speaks of somebody whom we do not know, or know as somebody else. Everything is told
/// anew to who logs in anew, and nobody else notices.
void directory_core::news_was_lost(time at) {
  if (link_ != link::up || resync_due_) return;
  resync_due_ = std::max(at.now, up_since_ + defaults::control_resync_gap);
}

/// The same signal may come over the local network, too: its sequence counts once.
void directory_core::take_signal(const net::party_id& id, party& in, const net::wg_public_key& from,
                                 net::byte_view sealed, time at, effects& out) {
  // Only members: anybody else could seal for us, too, with a key of his own.
  const auto* entry = in.book.find(from);
  if (entry == nullptr || from == own_) return;
  const auto signal = box_.open(sealed, id, from);
  if (!signal) {
    out.log.push_back("signal of " + entry->record.id.str() + ": " +
                      net::to_string(signal.error()));
    return;
  }
  auto& more = in.extras.at(from);
  if (signal->sequence <= more.sequence) return;
  more.sequence = signal->sequence;
  save_soon(at);
  tell(out, msg::signal_received{id, from, *signal});
}

void directory_core::use(const control::request_refused& no, time at, effects& out) {
  using control::request_kind;
  if (!no.party) {
    out.log.push_back("control: " + net::to_string(no.why));
    return;
  }
  if (no.about == request_kind::join || no.about == request_kind::create)
    return refused(*no.party, no.why, at, out);
  if (no.about == request_kind::leave) return left(*no.party, at, out);
  if (no.about == request_kind::forget) {
    if (const auto in = parties_.find(*no.party); in != parties_.end())
      forget_failed(in->second, no.why, out);
    return;
  }
  // The peer of a signal went away a moment ago: its presence says so.
  if (no.about == request_kind::signal) return;
  out.log.push_back("own record: " + net::to_string(no.why));
  const auto found = parties_.find(*no.party);
  if (found == parties_.end()) return;
  if (no.why.code == net::errc::stale_version) {
    found->second.published.reset();
    publish_soon(at);
  }
}

void directory_core::refused(const net::party_id& id, const net::error& why, time at,
                             effects& out) {
  const auto found = parties_.find(id);
  if (found == parties_.end()) return;
  found->second.joined = false;
  if (found->second.user) return refuse_user(found, why, at, out);
  if (found->second.leaving) return forget(found, out);
  out.log.push_back("party '" + found->second.name + "': " + net::to_string(why));
}

void directory_core::left(const net::party_id& id, time, effects& out) {
  const auto found = parties_.find(id);
  if (found != parties_.end() && found->second.leaving) forget(found, out);
}

void directory_core::use_address(const net::virtual_ip& address, time at, effects& out) {
  if (address == address_ || address.reserved()) return;
  address_ = address;
  tell_interface(out);
  publish_soon(at);
  save_soon(at);
}

} // namespace lanrage::actors
