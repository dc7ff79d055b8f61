#include "actors/directory/directory_core.hpp"
#include "net/control/sealing.hpp"

#include <algorithm>
#include <utility>

namespace lanrage::actors {

namespace {

namespace control = net::control;
namespace defaults = config::defaults;

template <class T>
std::vector<T> first_of(const std::vector<T>& all, std::size_t most) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), most))};
}

} // namespace

// --- our own record -----------------------------------------------------------------------------

void directory_core::publish_soon(time at) {
  if (publish_due_) return;
  publish_due_ = published_at_ ? std::max(at.now, *published_at_ + defaults::publish_gap) : at.now;
  // Without any address of ours the record helps nobody: nat knows the first within moments.
  if (!paths_) publish_due_ = std::max(*publish_due_, at.now + defaults::publish_gap);
}

void directory_core::publish(time at, effects& out) {
  publish_due_.reset();
  if (link_ != link::up || !address_.leased()) return; // the welcome calls for it again
  for (auto& [id, in] : parties_)
    if (in.joined && !in.leaving) publish_to(id, in, at, out);
}

void directory_core::publish_to(const net::party_id& id, party& in, time at, effects& out) {
  net::peer_record record;
  record.party = id;
  record.id = in.as;
  record.key = own_;
  record.sign_key = net::public_key(sign_key_);
  record.address = address_;
  if (paths_) {
    record.nat = paths_->nat;
    record.candidates = first_of(paths_->candidates, net::candidates_max);
  }
  record.relays = first_of(legs_, net::relays_max);
  if (change_ && !changing()) record.replaces = control::succeed(change_->from, change_->to);
  if (in.published) {
    record.version = in.published->version;
    if (record == *in.published) return;
  }
  record.version = next_version(at);
  in.published = record;
  published_at_ = at.now;

  control::sealed_record envelope{
      own_, in.as, record.version, true,
      control::seal_record(record, sign_key_, in.secret, settings_.secrets)};
  // Ours is in the book like anybody's: a member that claims our address clashes with it.
  in.book.restore(record);
  in.extras[own_] = {envelope, at.wall, 0};
  out.link.emplace_back(msg::control_say{
      control::publish_request{id, in.as, record.version, std::move(envelope.sealed)}});
  save_soon(at);
}

std::uint64_t directory_core::next_version(time at) {
  last_version_ = std::max(last_version_ + 1, static_cast<std::uint64_t>(at.wall.count()));
  return last_version_;
}

// --- signals ------------------------------------------------------------------------------------

std::uint64_t directory_core::next_sequence(time at) {
  last_sequence_ = std::max(last_sequence_ + 1, static_cast<std::uint64_t>(at.wall.count()));
  return last_sequence_;
}

signal_queue::fate directory_core::fate_of(const msg::send_signal& signal) const {
  const auto found = parties_.find(signal.party);
  if (found == parties_.end() || found->second.leaving) return signal_queue::fate::drop;
  const auto& in = found->second;
  if (lan_.near(signal.party, signal.to) != nullptr) return signal_queue::fate::send;
  if (!in.joined || !in.present) return signal_queue::fate::keep;
  // The server would refuse it. Its presence is the reason to say it again.
  const auto* to = in.book.find(signal.to);
  const bool offline = to != nullptr && !to->online;
  return offline ? signal_queue::fate::drop : signal_queue::fate::send;
}

void directory_core::transmit(const msg::send_signal& wanted, time at, effects& out) {
  auto signal = wanted.signal;
  signal.sequence = next_sequence(at);
  if (signal.control_delay.count() == 0) signal.control_delay = delay_;
  auto sealed = box_.seal(signal, wanted.party, wanted.to, settings_.secrets);
  if (!sealed) {
    out.log.push_back("signal: " + net::to_string(sealed.error()));
    return;
  }
  save_soon(at);
  const auto& in = parties_.at(wanted.party);
  const auto* near = lan_.near(wanted.party, wanted.to);
  if (near != nullptr) send_letter(in, net::lan_letter_kind::signal, *sealed, *near, at, out);
  // Both ways where there are two: either may be dead without anybody knowing yet.
  const auto* to = in.book.find(wanted.to);
  const bool offline = to != nullptr && !to->online;
  if (link_ != link::up || !in.joined || !in.present || (near != nullptr && offline)) return;
  out.link.emplace_back(
      msg::control_say{control::signal_request{wanted.party, wanted.to, std::move(*sealed)}});
}

void directory_core::flush_signals(time at, effects& out) {
  signals_due_.reset();
  // The next connection, and whoever comes near, calls for them.
  if (link_ != link::up && !lan_.anybody_near()) return;
  const bool more = signals_.flush(
      at.now, [this](const msg::send_signal& signal) { return fate_of(signal); },
      [&](const msg::send_signal& signal) { transmit(signal, at, out); });
  if (more) signals_due_ = at.now + defaults::control_signals_turn;
}

} // namespace lanrage::actors
