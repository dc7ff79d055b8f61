#pragma once

#include "actors/backoff.hpp"
#include "actors/delay_history.hpp"
#include "actors/path_choice.hpp"
#include "actors/peer/birthday_talk.hpp"
#include "actors/peer/liveness.hpp"
#include "actors/peer/negotiation.hpp"
#include "actors/peer/path_book.hpp"
#include "actors/peer/path_move.hpp"
#include "actors/peer/peer_events.hpp"
#include "actors/peer/peer_states.hpp"
#include "actors/peer/relay_trial.hpp"
#include "config/defaults.hpp"
#include "config/settings.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace lanrage::actors {

/// One connection to one peer, as a pure machine: `(event, now) -> effects`. No clock, no CAF, no
/// randomness, no log. The states and the protocol between the two ends: docs/connection.md.
///
/// Throws std::logic_error when a transition is not legal, which is a defect: its actor dies and is
/// restarted from `saved()`.
class peer_connection {
 public:
  peer_connection(const net::wg_public_key& own, msg::saved_peer saved,
                  config::health_settings health);

  effects handle(const event& what, moment now);

  /// The earliest of all that waits; none: only an event from outside can change anything.
  std::optional<deadline> wake_at() const;
  msg::connection_view view() const;
  /// The evidence for the path in use; `tried`: what nat says of the peer's addresses.
  msg::explanation explain(msg::time_point now,
                           const std::optional<msg::tried_addresses>& tried = std::nullopt) const;
  /// Enough to continue after a crash.
  msg::saved_peer saved() const;
  msg::phase phase() const { return phase_of(state_); }
  bool initiator() const { return initiator_; }
  bool gone() const; ///< removed from WireGuard; the actor may end
  /// Away, known to WireGuard and silent: nothing is under way, and what comes next comes from
  /// outside. A machine made from `saved()` would do the same.
  bool rests() const;

 private:
  // One per event (peer_connection.cpp, peer_paths.cpp, peer_health.cpp).
  void on(const started&);
  void on(const record_found&);
  void on(const msg::peer_known&);
  void on(const record_gone&);
  void on(const net::peer_signal&);
  void on(const msg::own_paths&);
  void on(const msg::own_legs&);
  void on(const msg::control_state&);
  void on(const msg::network_changed&);
  void on(const msg::path_event&);
  void on(const relays_ranked&);
  void on(const relay_prepared&);
  void on(const index_learned&);
  void on(const write_done&);
  void on(const move_done&);
  void on(const msg::wg_signal&);
  void on(const tunnel_report&);
  void on(const wake&);
  void on(const user_connect&);
  void on(const msg::close_peer&);

  // --- presence (peer_presence.cpp) --------------------------------------------------------------
  /// What the control server says of the peer.
  enum class presence : std::uint8_t { unknown, offline, online };
  bool offline() const { return presence_ == presence::offline; }
  void learn(const msg::known_peer& known);
  void went_offline();
  void wait_for_presence();

  // --- life (peer_connection.cpp) ----------------------------------------------------------------
  void enter(state next, std::string why); ///< the one door
  void discover(std::string why);
  void negotiate(std::string why);
  void fail(net::errc why, std::string text);
  void closed_by_peer();
  void close(bool tell);
  void hope(std::string why); ///< leave `failed` before its retry is due
  void find_record();
  ticket issue(decltype(effect::what) what); ///< an effect that is answered
  void say(decltype(effect::what) what);     ///< one that is not
  void announce_changes();
  void due(discovering&);
  void due(negotiating&);
  void due(configuring&);
  void due(verifying&);
  void due(connected& s) { due_monitored(s); }
  void due(degraded& s) { due_monitored(s); }
  void due_monitored(monitored&);
  void report(verifying&, const tunnel_report&);
  void report(monitored&, const tunnel_report&);
  void report(trialling&, const tunnel_report&);
  void report(reconnecting&, const tunnel_report&);
  void due(trialling&);
  void due(reconnecting&);
  void due(failed&);
  void due(closing&);

  // --- paths (peer_paths.cpp) --------------------------------------------------------------------
  void heard(const negotiation::news& news);
  void signal(net::signal_kind kind, bool ready);
  void offer_if_due();
  bool may_offer() const;
  void progress(); ///< what the initiator can do with what is known now
  void configure(const path& target);
  void configure_base();     ///< known to WireGuard, but silent
  void fall_silent();        ///< back to that, the session thrown away
  msg::wg_peer base() const; ///< the silent responder's configuration
  msg::wg_peer used(const path& target) const;
  ticket write(const msg::wg_peer& peer, bool anew);
  void rank();
  bool ipv6_may_come() const;
  void punch();
  void punch_soon(); ///< something changed: at once instead of at the next turn
  void punch_ended();
  void session_seen(const msg::wg_signal& signal);
  void session_lost();
  void ask_for_session(std::string why);
  void renew_late_session();
  void follow_relay();
  path attributed(const net::endpoint& where) const;
  bool is_doubtful(const path& found) const; ///< whether it is direct
  bool alive() const;                        ///< connected or degraded
  monitored* up();
  const monitored* up() const;
  template <class S>
  S* in() {
    return std::get_if<S>(&state_);
  }
  template <class S>
  const S* in() const {
    return std::get_if<S>(&state_);
  }

  // --- birthday probing (peer_birthday.cpp) ------------------------------------------------------
  void birthday_news(bool changed);
  void birthday_ended(const msg::path_event& news);
  void release_left();

  // --- living paths (peer_moves.cpp) -------------------------------------------------------------
  std::vector<path> alternatives() const; ///< to the path in use
  void check(const path& over, bool doubt, std::uint32_t move = 0);
  void check_alternatives();
  void path_checked(const msg::path_event& news);
  void path_asked(const msg::path_event& news);
  void follow_move();
  void direct_asked(const path& over);
  void learn_index();
  void prepare();
  void warm_up();
  void start_move(const path& target, move_kind kind, std::optional<std::uint32_t> number = {});
  void advance_move();
  void end_move(bool landed);
  void show_opening();
  void use(const path& now_on); ///< WireGuard's packets go there now
  bool came_from(const net::endpoint& where) const;
  void upkeep();
  void lost_direct();

  // --- which path to be on (peer_choice.cpp) -----------------------------------------------------
  std::vector<path_candidate> candidates() const;
  void measured(std::chrono::nanoseconds rtt);
  void recheck_lost();
  void watch_traffic();
  /// What speaks against going (back) to a direct path that answers; empty: nothing.
  std::string_view against(const net::endpoint& where) const;
  bool clearly_slower(std::chrono::nanoseconds rtt, std::chrono::nanoseconds than) const;
  bool relay_looks_shorter(std::chrono::nanoseconds rtt) const;
  void weigh_detour(std::chrono::nanoseconds rtt);
  void checked_beside(const path_book::entry& known);
  void judge_leaving(const net::endpoint& answering);
  std::optional<std::uint16_t> lost_share_permille() const;
  void reconsider();

  // --- why it is that path (peer_explain.cpp) ----------------------------------------------------
  std::vector<msg::candidate_evidence> weigh(const msg::tried_addresses& tried) const;
  void judge_address(msg::candidate_evidence& one,
                     std::optional<std::chrono::nanoseconds> in_use) const;
  std::string why_untried(const net::candidate& what, bool none_yet) const;

  // --- what the last daemon knew (peer_remembered.cpp) -------------------------------------------
  void adopt(const msg::wg_signal& signal);
  void session_was_lost(std::string why);
  void tell_lost();
  void try_remembered();
  void verify_remembered();
  void verify_again();
  void hurry_remembered();

  // --- health (peer_health.cpp) ------------------------------------------------------------------
  void probe(probe_series& series, std::chrono::milliseconds timeout,
             std::chrono::milliseconds next_after = config::defaults::verify_probe_interval);
  void probe_next(probe_series& series) { probe(series, health_.check_timeout); }
  void verify(std::string why, bool adopting = false);
  void come_up(std::chrono::nanoseconds rtt, std::string why);
  void first_answer();
  void check_now();
  msg::time_point check_due(const monitored& m) const;
  void begin_check(monitored& m);
  void start_check(monitored& m);
  void doubt();
  void doubt_told();
  void burst(health_check& check);
  void ask_for_relay();
  bool leave_dead_path(monitored& m);
  void check_over(monitored& m); ///< without an answer
  void check_answered(monitored& m, std::chrono::nanoseconds rtt);
  void maybe_trial(std::chrono::nanoseconds measured);
  void trial_moved(trialling& t, bool landed);
  void restore_relay(trialling& t, std::string why);
  /// What the first repair does: keep the session on another path, or make it anew.
  enum class first_repair : std::uint8_t { keep, renew };
  void reconnect(int attempt, std::string why, first_repair how,
                 std::optional<path> target = std::nullopt);
  void keep_session(reconnecting& r);
  void try_unproven(reconnecting& r);
  void repair(std::optional<path> target);
  void ask_for_repair(int attempt);

  const net::wg_public_key own_;
  const bool initiator_;
  const config::health_settings health_;

  // What outlives a state.
  net::peer_record record_;
  presence presence_ = presence::unknown;
  bool near_ = false; ///< it announces itself on our network: signals reach it there
  bool wanted_ = true;
  bool started_ = false;
  std::optional<msg::wg_peer> configured_; ///< what WireGuard was told last
  bool ready_ = false;                     ///< WireGuard confirmed that it knows the peer
  ticket base_asked_ = no_ticket;
  bool adoptable_ = false;         ///< restored: WireGuard may still have the session
  bool tell_lost_ = false;         ///< it has not, and the initiator must hear of it
  bool may_start_unasked_ = false; ///< restored or back from offline: once, through a relay
  std::optional<net::endpoint> was_direct_at_; ///< as far as the last incarnation knew
  bool knows_us_ = false;    ///< we were connected, and it did not end that on purpose
  std::optional<path> path_; ///< where WireGuard's packets go
  std::optional<std::chrono::nanoseconds> latency_;
  std::optional<msg::unix_ms> connected_at_;
  msg::connection_counters counters_;

  negotiation talk_;
  birthday_talk birthday_;
  std::optional<net::endpoint> guessed_;   ///< a path that birthday probing found
  std::optional<net::endpoint> rewritten_; ///< a path that the kernel rewrites ports for
  bool rewritten_used_ = false;            ///< and we are on it, or wait for it
  std::vector<msg::relay_choice> ranking_;
  std::vector<net::relay_id> streams_; ///< relays that a stream reaches
  ticket rank_asked_ = no_ticket;
  net::shared<msg::relay_choice> last_relay_;
  std::optional<path> direct_; ///< proven (initiator) or nominated (responder) in this attempt
  liveness liveness_;
  path_book book_;
  net::boxed<path_move> move_;
  std::uint32_t last_move_ = 0; ///< said, or followed
  struct asked_move {
    path over;
    std::uint32_t number = 0;
    bool urgent = false;
    msg::time_point at;
  };
  net::boxed<asked_move> asked_move_; ///< responder: by the initiator, not followed yet
  std::optional<path> direct_before_; ///< the last direct path that was in use, or is known of
  std::optional<msg::time_point> relayed_since_;
  std::optional<msg::time_point> upkeep_at_;
  std::optional<msg::time_point> upkept_; ///< last checked direct_before_
  bool direct_judged_ = false;            ///< whether it was dead when we left it
  std::optional<msg::time_point> false_death_;
  std::optional<msg::time_point> ours_changed_; ///< our addresses
  std::optional<msg::time_point> direct_not_before_;
  backoff direct_again_{config::defaults::punch_again_first, config::defaults::punch_again_max};
  std::optional<net::session_index> index_; ///< of our packets in this session
  ticket learn_asked_ = no_ticket;
  bool warm_ = false; ///< the next relay knows this session
  path_chooser chooser_;
  delay_persistence persistence_;
  delay_history here_;                       ///< of the path in use, by its tunnel probes
  std::string choice_;                       ///< the last decision, for people
  std::optional<msg::time_point> told_from_; ///< doubts of the peer are counted from then on
  int told_ = 0;
  std::optional<msg::time_point> detour_at_; ///< no probe for a detour's sake before
  std::optional<msg::time_point> watch_at_;  ///< then the path in use is checked, if it is busy
  std::uint32_t watched_from_ = 0;           ///< checks of it before it was in use
  std::optional<msg::time_point> punching_until_;
  std::uint32_t punched_epoch_ = 0;
  bool control_up_ = false;
  std::optional<msg::time_point> punch_at_;
  backoff punch_again_{config::defaults::punch_again_first, config::defaults::punch_again_max};
  backoff slow_retry_{config::defaults::slow_retry_first, config::defaults::slow_retry_max};
  relay_trial_policy trials_;
  ticket find_asked_ = no_ticket;
  std::optional<msg::time_point> asked_until_; ///< a user waits so long for an offline peer

  std::optional<std::chrono::nanoseconds> handshake_; ///< the latest one seen
  std::optional<msg::time_point> rekey_late_at_;      ///< responder: renewed by then, or never
  std::uint64_t rx_ = 0;
  bool watching_eagerly_ = false;

  state state_;
  std::uint64_t epoch_ = 1; ///< of the state; bumped by the one door
  std::string reason_;

  // The event in hand.
  moment now_{};
  effects out_;
  std::uint64_t last_ticket_ = 0;
  net::shared<msg::connection_view> announced_view_;
  net::shared<msg::saved_peer> announced_saved_;
  bool announced_rest_ = false;
};

} // namespace lanrage::actors
