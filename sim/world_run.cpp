#include "net/frames.hpp"
#include "sim/faults/kinds.hpp"
#include "sim/world.hpp"

#include <algorithm>

/// How the world runs: events, users' echoes, and what the log says of packets.
namespace lanrage::sim {

namespace {

constexpr int stream_shift = 32;

std::size_t stream_of(std::uint64_t token) {
  return static_cast<std::size_t>((token & ~user_echo) >> stream_shift);
}

/// What a datagram is, for people: "wg1" is WireGuard's initiation.
std::string kind_text(net::byte_view data) {
  switch (net::classify(data)) {
  case net::datagram_class::wireguard:
    return "wg" + std::to_string(data[0]);
  case net::datagram_class::stun:
    return "stun";
  case net::datagram_class::probe:
  case net::datagram_class::relay:
    return "frame" + std::to_string(static_cast<int>(data[4]));
  case net::datagram_class::other:
    break;
  }
  return "other";
}

} // namespace

// --- time ----------------------------------------------------------------------------------------

void world::run_next() {
  ++events_;
  if (watcher_) watcher_->before_event(agenda_.next());
  work_off(agenda_.take());
  if (watcher_) watcher_->after_event();
}

void world::work_off(const event& due) {
  switch (due.kind) {
  case event_kind::packet:
    if (const auto there = fabric_.advance(static_cast<packet_slot>(due.token), due.at))
      arrived(*there);
    return;
  case event_kind::wg_wake:
    return members_[due.subject].host->wake(due.token);
  case event_kind::deed:
    return agenda_.perform(due.token);
  }
}

void world::arrived(const fabric::arrival& what) {
  // A copy of its own: answers take slots, and the packets may move meanwhile.
  auto here = std::move(fabric_.at(what.slot));
  const auto whose = occupants_[what.host];
  hand_over(here.data, [&]() -> std::string_view {
    if (whose.what == occupation::member) return members_[whose.number].host->datagram(here);
    if (whose.what == occupation::relay) return relays_[whose.number]->datagram(here);
    return "nobody is there";
  });
  fabric_.at(what.slot) = std::move(here); // its buffer is used again
  fabric_.give_back(what.slot);
}

/// Lets it be taken, and tells why a user's packet in it ended there.
void world::hand_over(net::byte_view data, const std::function<std::string_view()>& take) {
  if (watcher_) arriving_ = fake_wireguard::echo_in(data);
  const auto lost_by = take();
  if (watcher_ && arriving_ && !lost_by.empty()) watcher_->echo_lost(*arriving_, lost_by);
  arriving_.reset();
}

namespace {
constexpr std::uint32_t all_lost = 1'000'000; ///< of a million packets
} // namespace

/// Unlike single packets, TCP gets through whatever is not cut.
bool world::tcp_passes(node_id a, node_id b) {
  const auto open = [&](node_id from, node_id to) {
    return fabric_.reaches(from, to) &&
           fabric_.link_between(from, to).settings().loss_ppm < all_lost;
  };
  return open(a, b) && open(b, a);
}

void world::run_until(time_point end) {
  time_.run_until(end);
}

bool world::run_until(const std::function<bool()>& holds, duration most, duration every) {
  const auto end = now() + most;
  for (;;) {
    time_.settle();
    if (holds()) return true;
    if (now() >= end) return false;
    run_until(std::min(end, now() + every));
  }
}

bool world::all_connected() {
  std::size_t count = 0;
  for (const auto& each : members_)
    if (each.process) ++count;
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    if (!running(member_id{i})) continue;
    std::size_t up = 0;
    for (const auto& view : status(member_id{i}).peers) {
      const auto other = by_key_.find(view.key);
      if (other == by_key_.end() || !members_[other->second].process) continue;
      if (view.at == msg::phase::connected || view.at == msg::phase::degraded) ++up;
    }
    if (up + 1 < count) return false;
  }
  return true;
}

// --- packets of users ----------------------------------------------------------------------------

std::optional<duration> world::ping(member_id from, member_id to, duration timeout,
                                    std::uint16_t octets) {
  const auto number = streams_.size();
  streams_.push_back({});
  auto& s = streams_.back();
  s.from = from;
  s.to = address(to);
  s.octets = octets;
  send_ping(number, 0);
  run_until([&] { return streams_[number].answered > 0; }, timeout, std::chrono::milliseconds{1});
  const auto& done = streams_[number];
  return done.rtts.empty() ? std::nullopt : std::optional{done.rtts.front()};
}

std::size_t world::start_pings(member_id from, member_id to, duration gap, std::uint64_t count) {
  const auto number = streams_.size();
  streams_.push_back({});
  streams_.back().from = from;
  streams_.back().to = address(to);
  streams_.back().gap = gap;
  streams_.back().planned = count;
  if (count > 0) send_ping(number, 0);
  return number;
}

void world::send_ping(std::size_t stream, std::uint64_t number) {
  auto& s = streams_[stream];
  const auto token = user_echo | static_cast<std::uint64_t>(stream) << stream_shift | number;
  ++s.sent;
  echoes_[token] = now();
  if (!on(s.from).echo(s.to, token, s.octets)) ++s.refused;
  if (number + 1 < s.planned)
    agenda_.after(s.gap, [this, stream, number] { send_ping(stream, number + 1); });
}

std::vector<time_point> world::unanswered(std::size_t stream) const {
  const auto first = user_echo | static_cast<std::uint64_t>(stream) << stream_shift;
  std::vector<time_point> out;
  for (auto at = echoes_.lower_bound(first); at != echoes_.end() && stream_of(at->first) == stream;
       ++at)
    out.push_back(at->second);
  return out;
}

void world::on_echo(std::uint32_t, std::uint64_t token) {
  const auto sent = echoes_.find(token);
  if (sent == echoes_.end()) return; // a duplicate
  auto& s = streams_[stream_of(token)];
  s.rtts.push_back(now() - sent->second);
  echoes_.erase(sent);
  ++s.answered;
  if (!s.first_answer) s.first_answer = now();
  if (s.last_answer) s.longest_silence = std::max(s.longest_silence, now() - *s.last_answer);
  s.last_answer = now();
}

void world::on_echo_request(std::uint32_t, const inner_packet& inner) {
  if (inner.token & user_echo) ++streams_[stream_of(inner.token)].arrived;
}

// --- the log -------------------------------------------------------------------------------------

void world::note_packet(std::string_view verb, node_id at, const packet& what,
                        std::string_view more) {
  std::string text = fabric_.name(at);
  text += ' ';
  text += verb;
  text += ' ' + net::to_string(what.from) + " > " + net::to_string(what.to) + ' ' +
          std::to_string(what.data.size()) + ' ' + kind_text(what.data);
  text += more;
  note(text);
}

void world::on_sent(node_id at, const packet& what, time_point) {
  if (watcher_) carried(what, +1);
  if (settings_.log_packets) note_packet("sent", at, what, "");
}

void world::on_delivered(node_id at, const packet& what, time_point) {
  if (watcher_) carried(what, -1);
  if (settings_.log_packets) note_packet("got", at, what, "");
}

void world::on_dropped(node_id at, const packet& what, drop_cause why, time_point) {
  if (watcher_) carried(what, -1, to_string(why));
  // What boxes filter is daily business while members punch.
  if (why == drop_cause::nat_filter && !settings_.log_packets) return;
  if (why == drop_cause::fault)
    return note_packet("dropped", at, what, " fault " + faults::label(what.fault));
  note_packet("dropped", at, what, std::string{" "} + to_string(why));
}

void world::on_wg_drop(std::uint32_t machine, wg_drop why, const inner_packet* inner) {
  if (watcher_ && inner)
    watcher_->echo_lost(key_of(*inner), to_string(why));
  else if (watcher_ && arriving_)
    watcher_->echo_lost(*arriving_, to_string(why));
  std::string text = members_[machine].name + " wireguard dropped " + to_string(why);
  if (inner) text += " to " + net::to_string(inner->to);
  note(text);
}

void world::on_handshake(std::uint32_t machine, const net::wg_public_key& peer) {
  note(members_[machine].name + " wireguard session with " + name_of(peer));
}

} // namespace lanrage::sim
