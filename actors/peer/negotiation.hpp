#pragma once

#include "actors/backoff.hpp"
#include "actors/peer/peer_events.hpp"
#include "config/defaults.hpp"
#include "net/record.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace lanrage::actors {

/// What the two ends of one connection have told each other, and what we still owe the other.
///
/// The initiator counts the attempts (`epoch`); the responder adopts its count. Every offer carries
/// it: a responder answers each offer of the initiator, the initiator answers only offers of
/// another epoch than its own. So two ends always come to agree, and then fall silent.
class negotiation {
 public:
  negotiation(bool initiator, std::uint32_t epoch) : initiator_(initiator), epoch_(epoch) {}

  // --- our side; true: it changed, so the other must hear of it ----------------------------------
  bool own_candidates(const std::vector<net::candidate>& now);
  bool own_legs(const std::vector<net::relay_leg>& now);
  bool own_birthday(const std::optional<net::birthday_offer>& now);
  void own_delay(std::chrono::microseconds now) { own_delay_ = now; }
  const std::vector<net::relay_leg>& own_legs() const { return own_legs_; }
  const std::vector<net::candidate>& own_candidates() const { return own_candidates_; }
  bool on_relay(const net::relay_id& relay) const; ///< we are registered with it now

  // --- their side --------------------------------------------------------------------------------
  struct news {
    bool candidates = false; ///< theirs changed, or were told again after they had lapsed
    bool legs = false;       ///< theirs changed
    bool attempt = false;    ///< the initiator counts anew (seen by the responder)
    bool ready = false;      ///< they became ready
    bool reply = false;      ///< they must hear from us
    bool any() const { return candidates || legs || attempt || ready; }
  };
  /// `confirmed`: when we last knew it to be theirs; absent: not since this daemon started.
  news record(const net::peer_record& record, std::optional<msg::time_point> confirmed,
              msg::time_point now);
  /// An offer or a punch.
  news hear(const net::peer_signal& signal, msg::time_point now);
  /// A probe's answer said that their WireGuard knows us.
  void heard_ready() { peer_ready_ = true; }
  /// What they were ready for is over.
  void forget_ready() { peer_ready_ = heard_ = false; }
  bool peer_ready() const { return peer_ready_; }
  const std::vector<net::relay_leg>& peer_legs() const { return peer_legs_; }
  const std::vector<net::candidate>& peer_candidates() const { return peer_candidates_; }
  /// Their candidates were told long ago, so that they should be asked for anew.
  bool candidates_aged(msg::time_point now) const;
  /// So long ago that they may be somebody else's addresses: nothing is sent there for their sake.
  bool candidates_lapsed(msg::time_point now) const;

  // --- offers ------------------------------------------------------------------------------------
  /// An offer is due: at once, or offer_gap after the last one.
  void owe(msg::time_point now);
  std::optional<msg::time_point> offer_at() const { return offer_at_; }
  /// Builds the offer and counts it as sent.
  net::peer_signal offer(msg::time_point now, bool ready);
  /// Repeat it, since no answer came; the wait doubles.
  void repeat(msg::time_point now) { again_at_ = now + again_.next(); }
  void stop_repeating() {
    again_at_.reset();
    again_.reset();
  }
  std::optional<msg::time_point> again_at() const { return again_at_; }

  // --- attempts and punches ----------------------------------------------------------------------
  std::uint32_t epoch() const { return epoch_; }
  std::uint32_t next_epoch() { return ++epoch_; }
  /// Both candidate lists and, through an offer, the other's delay are known.
  bool can_punch() const;
  /// Both sides have told an address that is not a private one, so that nothing better is awaited.
  bool seen_from_outside() const;
  /// Both sides have told an IPv6 address that is not a private one.
  bool both_on_ipv6() const;
  /// `birthday`: what it proposes besides.
  net::peer_signal punch(bool ready,
                         const std::optional<net::birthday_offer>& birthday = std::nullopt) const;
  /// How long after sending it the punch signal arrives there: both sides start then.
  std::chrono::microseconds punch_after() const { return own_delay_ + peer_delay_; }

  net::peer_signal signal(net::signal_kind kind, bool ready) const;

 private:
  news take(const std::vector<net::candidate>& candidates, std::optional<msg::time_point> confirmed,
            msg::time_point now);

  bool initiator_;
  std::uint32_t epoch_;
  std::vector<net::candidate> own_candidates_;
  std::vector<net::relay_leg> own_legs_;
  std::optional<net::birthday_offer> own_birthday_;
  std::chrono::microseconds own_delay_{};
  std::vector<net::candidate> peer_candidates_;
  std::optional<msg::time_point> candidates_at_; ///< when they were last told
  std::vector<net::relay_leg> peer_legs_;
  std::chrono::microseconds peer_delay_{};
  bool peer_ready_ = false;
  bool heard_ = false; ///< an offer or punch in this attempt
  std::optional<msg::time_point> last_offer_;
  std::optional<msg::time_point> offer_at_;
  backoff again_{config::defaults::offer_again_first, config::defaults::offer_again_max};
  std::optional<msg::time_point> again_at_;
};

} // namespace lanrage::actors
