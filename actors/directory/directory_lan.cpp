#include "actors/directory/directory_core.hpp"
#include "net/control/sealing.hpp"

#include <algorithm>
#include <utility>

/// The local network: a second source of records and signals, checked as those of the control
/// server are, and trusted no more.
namespace lanrage::actors {

namespace {

namespace control = net::control;
namespace defaults = config::defaults;

std::uint64_t version_in(const control::record_book& book, const net::wg_public_key& key) {
  const auto* entry = book.find(key);
  return entry == nullptr ? 0 : entry->record.version;
}

} // namespace

// --- saying that we are here --------------------------------------------------------------------

void directory_core::lan_tick(time at, effects& out) {
  if (lan_.announce_at() && at.now >= *lan_.announce_at()) announce(at, out);
  nearness_moved(lan_.expire(at.now), out);
}

void directory_core::announce(time at, effects& out) {
  lan_.announced(at.now);
  for (auto& [id, in] : parties_) {
    if (!in.speaks_on_lan()) continue;
    std::vector<net::lan_echo> echoes;
    for (auto* who : lan_.take_owed(id))
      echoes.push_back(echo_of(in, *who, false, at));
    say_here(in, std::move(echoes), std::nullopt, at, out);
  }
}

/// An echo with an older version than its member offers asks for the record.
net::lan_echo directory_core::echo_of(const party& in, neighbour& who, bool near, time at) const {
  const auto have = version_in(in.book, who.key);
  // Who is in the party is the server's to say, while it does.
  const bool may_ask = have != 0 || !in.present;
  if (who.record > have && may_ask) who.asked_at = at.now;
  return {net::hash_of(who.key), who.nonce, may_ask ? have : who.record, near};
}

void directory_core::say_here(const party& in, std::vector<net::lan_echo> echoes,
                              const std::optional<msg::lan_place>& to, time at, effects& out) {
  net::lan_announcement frame;
  frame.from = own_;
  frame.sign_key = net::public_key(sign_key_);
  frame.counter = next_lan_counter(at);
  frame.time_unix_ms = static_cast<std::uint64_t>(at.wall.count());
  frame.nonce = lan_.nonce();
  const auto mine = in.extras.find(own_);
  frame.version = mine == in.extras.end() ? 0 : mine->second.envelope->version;
  frame.echoes = std::move(echoes);
  auto sealed = net::encode(frame, in.lan, sign_key_, settings_.lan_secrets);
  out.lan.push_back({to, std::make_shared<const net::bytes>(std::move(sealed))});
}

/// Counts by one, from where no earlier daemon of ours came; of a first start, from the calendar,
/// in case that an earlier state was lost.
std::uint64_t directory_core::next_lan_counter(time at) {
  if (lan_counter_ == 0) lan_counter_ = static_cast<std::uint64_t>(at.wall.count());
  if (++lan_counter_ > lan_reserved_) {
    lan_reserved_ = lan_counter_ + defaults::lan_counters_reserved;
    save_due_ = at.now; // before the next one
  }
  return lan_counter_;
}

// --- who is here --------------------------------------------------------------------------------

void directory_core::lan(const msg::lan_ready& ready, time at, effects& out) {
  if (!lan_told_) lan_told_ = msg::lan_state{};
  nearness_moved(lan_.network(ready.interfaces, at.now, at.wall), out);
  tell_lan(out);
  tick(at, out);
}

void directory_core::lan(const msg::lan_heard& heard, time at, effects& out) {
  if (!lan_.active() || !heard.data) return;
  for (auto& [id, in] : parties_) {
    if (!in.speaks_on_lan() || !net::is_of_party(*heard.data, in.lan)) continue;
    const auto frame = net::decode_lan(*heard.data, in.lan);
    if (!frame) return;
    if (const auto* part = std::get_if<net::lan_letter>(&*frame))
      hear(id, in, *part, at, out);
    else
      hear(id, in, std::get<net::lan_announcement>(*frame), heard.from, at, out);
    break;
  }
  tick(at, out);
}

void directory_core::hear(const net::party_id& id, party& in, const net::lan_announcement& said,
                          const msg::lan_place& from, time at, effects& out) {
  if (said.from == own_) return; // our own voice, from another interface
  const auto* known_as = in.book.find(said.from);
  if (known_as != nullptr && known_as->record.sign_key != said.sign_key) return;
  if (!lan_.worth_checking(id, said, at.now) || !net::is_signed(said, in.lan)) return;
  const auto heard = lan_.hear(id, said, own_hash_, from, at.now, at.wall);
  if (!heard.fresh) return;
  auto& who = *heard.of;
  if (heard.came) {
    save_soon(at);
    signals_.drop_older(at.now - defaults::signal_patience, id);
    nearness_moved({{id, net::hash_of(said.from)}}, out);
    flush_signals(at, out);
  }
  const auto have = version_in(in.book, said.from);
  const bool asks = said.version > have && (have != 0 || !in.present) &&
                    lan_neighbours::again(who.asked_at, at.now, defaults::lan_record_gap);
  if ((heard.answer || asks) &&
      lan_neighbours::again(who.answered_at, at.now, defaults::lan_answer_gap))
    say_here(in, {echo_of(in, who, true, at)}, who.place, at, out);
  if (heard.has_ours) {
    const auto mine = in.extras.find(own_);
    if (mine != in.extras.end() && mine->second.envelope->version > *heard.has_ours)
      send_record(in, who, at, out);
  }
}

/// Its presence changed, and nothing else.
void directory_core::nearness_moved(const std::vector<lan_neighbours::neighbour_key>& of,
                                    effects& out) {
  for (const auto& [id, hash] : of) {
    const auto found = parties_.find(id);
    const auto* who = lan_.find(id, hash);
    if (found == parties_.end() || who == nullptr || found->second.leaving) continue;
    if (found->second.book.find(who->key) == nullptr) continue;
    tell(out, msg::peer_known{known(found->second, who->key)});
  }
  if (!of.empty()) tell_lan(out);
}

void directory_core::tell_lan(effects& out) {
  if (!lan_told_) return;
  msg::lan_state now{true, lan_.interfaces(), {}};
  for (const auto& [of, who] : lan_.all()) {
    const auto found = parties_.find(of.first);
    const auto* entry =
        found != parties_.end() && who.near ? found->second.book.find(who.key) : nullptr;
    if (entry != nullptr) now.near.push_back(entry->record.id);
  }
  std::sort(now.near.begin(), now.near.end());
  now.near.erase(std::unique(now.near.begin(), now.near.end()), now.near.end());
  if (*lan_told_ == now) return;
  lan_told_ = now;
  tell(out, std::move(now));
}

// --- letters ------------------------------------------------------------------------------------

void directory_core::send_letter(const party& in, net::lan_letter_kind kind, net::byte_view octets,
                                 const neighbour& to, time at, effects& out) {
  net::lan_letter head;
  head.from = own_hash_;
  head.to = net::hash_of(to.key);
  head.id = next_lan_counter(at);
  head.kind = kind;
  for (auto& part : net::encode_letter(head, octets, in.lan, settings_.lan_secrets))
    out.lan.push_back({to.place, std::make_shared<const net::bytes>(std::move(part))});
}

void directory_core::send_record(const party& in, neighbour& to, time at, effects& out) {
  if (!lan_neighbours::again(to.sent_at, at.now, defaults::lan_record_gap)) return;
  const auto& mine = *in.extras.at(own_).envelope;
  net::byte_writer letter;
  letter.u64(mine.version).u8(static_cast<std::uint8_t>(mine.id.str().size()));
  letter.raw(net::as_bytes(mine.id.str())).raw(mine.sealed);
  send_letter(in, net::lan_letter_kind::record, letter.view(), to, at, out);
}

void directory_core::hear(const net::party_id& id, party& in, const net::lan_letter& part, time at,
                          effects& out) {
  auto* from = lan_.find(id, part.from);
  if (part.to != own_hash_ || from == nullptr || !from->near) return;
  const auto whole = letters_.add(id, part, at.now);
  if (!whole) return;
  if (part.kind == net::lan_letter_kind::signal)
    take_signal(id, in, from->key, *whole, at, out);
  else
    take_record(in, *from, *whole, at, out);
}

/// Only one that was asked for: an old one, said again by a stranger, brings nobody back.
void directory_core::take_record(party& in, neighbour& from, net::byte_view letter, time at,
                                 effects& out) {
  if (!from.asked_at || at.now - *from.asked_at > defaults::lan_letter_deadline) return;
  net::byte_reader read{letter};
  control::sealed_record envelope;
  envelope.key = from.key;
  envelope.version = read.u64();
  const auto name = read.take(read.u8());
  const auto as = net::peer_id::parse({reinterpret_cast<const char*>(name.data()), name.size()});
  const auto sealed = read.take(read.left());
  if (!read.ok() || !as || sealed.size() > control::sealed_max) return;
  envelope.id = *as;
  envelope.sealed.assign(sealed.begin(), sealed.end());
  const auto* before = in.book.find(from.key);
  envelope.online = before != nullptr && before->online; // the server's to say
  const auto taken = in.book.accept(envelope);
  if (!taken) {
    out.log.push_back("record of " + envelope.id.str() +
                      " on the local network: " + net::to_string(taken.error()));
    return;
  }
  from.asked_at.reset();
  note_key(in, in.book.find(from.key)->record, out);
  auto& more = in.extras[from.key];
  more.envelope = std::move(envelope);
  more.heard = at.wall;
  save_soon(at);
  if (*taken != control::record_book::novelty::changed) return;
  tell(out, msg::peer_known{known(in, from.key)});
  tell_lan(out);
}

} // namespace lanrage::actors
