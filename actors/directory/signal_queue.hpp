#pragma once

#include "config/defaults.hpp"
#include "messages/values.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace lanrage::actors {

/// Lets through so many at once and so many per second (the generic cell rate algorithm). Pure.
class pace {
 public:
  pace(int burst, int per_s)
      : every_(std::chrono::nanoseconds{std::chrono::seconds{1}} / per_s),
        ahead_max_((burst - 1) * every_) {}
  /// Counts one, if it may go now.
  bool take(msg::time_point now) {
    const auto due = std::max(due_, now);
    if (due - now > ahead_max_) return false;
    due_ = due + every_;
    return true;
  }

 private:
  std::chrono::nanoseconds every_;
  std::chrono::nanoseconds ahead_max_;
  msg::time_point due_{};
};

/// Signals on their way to the control link. Of each kind the newest to a peer is enough: signals
/// say how things are, not what changed. To one peer they keep their order; peers are served in
/// the order of their first signal, no faster than the link and its server take them. Pure.
class signal_queue {
 public:
  enum class fate : std::uint8_t {
    send,
    keep, ///< there is no way to it yet
    drop,
  };

  void put(const msg::send_signal& signal, msg::time_point now) {
    const key to{signal.party, signal.to};
    if (!waiting_.contains(to)) {
      if (waiting_.size() >= peers_max) return;
      order_.emplace(++last_, to);
    }
    auto& mailbox = waiting_[to];
    std::erase_if(mailbox.signals,
                  [&](const auto& old) { return old.signal.kind == signal.signal.kind; });
    mailbox.signals.push_back(signal);
    mailbox.newest = now;
  }

  /// Hands out what `judge` lets go, as far as the pace allows. True: more could go later.
  template <class Judge, class Send>
  bool flush(msg::time_point now, Judge judge, Send send) {
    for (auto at = order_.begin(); at != order_.end();) {
      const auto turn = at++;
      auto& signals = waiting_.at(turn->second).signals;
      while (!signals.empty()) {
        const auto what = judge(signals.front());
        if (what == fate::keep) break;
        if (what == fate::send && !pace_.take(now)) return true;
        const auto signal = std::move(signals.front());
        signals.erase(signals.begin());
        if (what == fate::send) send(signal);
      }
      if (signals.empty()) erase(turn);
    }
    return false;
  }

  /// To peers of this party, or of any, nothing that is older than this.
  void drop_older(msg::time_point than, const std::optional<net::party_id>& party = std::nullopt) {
    for (auto at = order_.begin(); at != order_.end();) {
      const auto turn = at++;
      if (party && turn->second.first != *party) continue;
      if (waiting_.at(turn->second).newest <= than) erase(turn);
    }
  }
  void forget(const net::party_id& party) { drop_older(msg::time_point::max(), party); }
  std::size_t peers() const { return waiting_.size(); }

 private:
  /// One per peer of a full party.
  static constexpr std::size_t peers_max = config::defaults::control_members_per_party_max;

  using key = std::pair<net::party_id, net::wg_public_key>;
  struct peer_signals {
    std::vector<msg::send_signal> signals; ///< at most one per kind, oldest first
    msg::time_point newest{};
  };

  void erase(std::map<std::uint64_t, key>::iterator turn) {
    waiting_.erase(turn->second);
    order_.erase(turn);
  }

  std::map<key, peer_signals> waiting_;
  std::map<std::uint64_t, key> order_;
  std::uint64_t last_ = 0;
  pace pace_{config::defaults::control_signals_burst, config::defaults::control_signals_per_s};
};

} // namespace lanrage::actors
