#pragma once

#include "actors/nat/answer_book.hpp"
#include "actors/nat/birthday.hpp"
#include "actors/nat/check_list.hpp"
#include "actors/nat/nat_effects.hpp"
#include "messages/tried_address.hpp"
#include "net/boxed.hpp"
#include "net/crypto.hpp"

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace lanrage::actors {

/// Whose probes these are. Keys of both directions are one: `from` and `to` tell them apart, which
/// is why a probe of ours that somebody sends back to us is not taken for the peer's.
struct session_identity {
  net::wg_public_key own;
  net::wg_public_key peer;
  net::shared_key key; ///< net::probe_key of the two
};

/// Own addresses as far as probing needs them.
struct own_network {
  std::vector<net::ip_address> hosts; ///< none: not known yet, both families are tried
  std::uint16_t port = 0;
};

struct session_counters {
  std::uint64_t probes_sent = 0;
  std::uint64_t answers_sent = 0;
  std::uint64_t refused = 0;    ///< not authentic, or not from this peer to us
  std::uint64_t duplicates = 0; ///< probes answered before
  std::uint64_t over_rate = 0;  ///< probes not answered for the rate limit
  std::uint64_t strays = 0;     ///< answers to nothing we wait for, or from elsewhere
  std::uint64_t full = 0;       ///< addresses not taken because the list is full
};

/// All probing between us and one peer: answering always, punching on request. Pure.
///
/// What proves what. A probe that arrives proves one direction, peer to us, on the pair (its
/// source, our port). An answer to a probe of ours proves both: its transaction is random, so the
/// peer had our probe (us to peer), and it came back from the very address the probe went to (peer
/// to us). So a path is proven here exactly when one of our probes was answered from where it was
/// sent; a probe of the peer, however authentic, only makes us probe there at once (RFC 8445
/// 7.3.1.4). Both sides do this, so both know, each from its own round trip.
///
/// Epochs are the initiator's count of attempts (net::is_initiator). Probes of the session's epoch
/// move it; older ones are answered and change nothing; newer ones are answered and remembered,
/// and count when the session of that epoch starts here.
///
/// A run that found nothing may go on with birthday probing (birthday.hpp). A guess that arrives at
/// one of our open ports makes us ask for a rewrite of WireGuard's port to that one; then the path
/// is proven as any other is, from WireGuard's port.
///
/// A nomination is followed by the responder only on a path it has proven itself; the answer's
/// nominate flag says that it was followed. So `nominated` on the initiator implies `nominated` on
/// the responder.
class nat_session {
 public:
  using time_point = msg::time_point;

  nat_session(session_identity who, net::random_source random);

  /// Answer this peer; `ready` goes into all that is sent. When it becomes true after a path was
  /// proven, the peer is told on that path until it answers.
  void expect(bool ready, time_point now, nat_effects& out);
  /// A new run, whatever was before: probe the peer's candidates from `after` on, until the
  /// deadline. Ends in one `proven` (more follow when a clearly better path is proven or the peer
  /// becomes ready) or one `failed`.
  void start(const msg::start_punch& order, const own_network& network, time_point now,
             nat_effects& out);
  /// Initiator: ask the peer to move. Ends in `nominated` or, with `where` set, `failed`.
  void nominate(const msg::nominate_path& order, time_point now, nat_effects& out);
  /// A datagram that claims to be the peer's probe or answer, at a spare port or (0) at
  /// WireGuard's.
  void receive(const net::endpoint& from, net::byte_view datagram, time_point now, nat_effects& out,
               std::uint16_t at_port = 0);
  void tick(time_point now, nat_effects& out);
  std::optional<time_point> deadline() const;

  /// What is known of each address that this run had.
  msg::tried_addresses tried() const;

  // --- the rewrite of a path that birthday probing found ---
  /// As it shall be now.
  const std::optional<net::port_rewrite>& rewrite() const { return rewrite_; }
  /// It is there, or why it cannot be.
  void rewritten(const std::optional<net::error>& why_not, time_point now, nat_effects& out);
  /// One that is there, found by a former incarnation.
  void adopt(const net::port_rewrite& there);
  /// The connection has left this path.
  void release(const net::endpoint& where);
  /// Something authentic came from there.
  void heard_from(const net::endpoint& where);

  const session_counters& counters() const { return counters_; }
  const net::wg_public_key& peer() const { return who_.peer; }

 private:
  struct idle {}; ///< nothing asked, or the run failed
  struct waiting {
    time_point start;
  };
  struct punching {
    time_point next_round;
    time_point until;
    std::chrono::nanoseconds gap;
    std::optional<time_point> report_at; ///< a path is proven; a better one may follow until then
  };
  struct settled {
    net::endpoint where; ///< reported last
  };
  /// Probing one address for a reason of its own, until it is answered as wanted.
  enum class purpose : std::uint8_t {
    nominate,   ///< initiator: until the peer follows
    confirm,    ///< responder: until the nominated path is proven here too
    tell_ready, ///< until the peer heard that we are ready
    rewritten,  ///< until the path that was rewritten for is proven
  };
  struct focus {
    purpose why{};
    net::endpoint where;
    time_point next;
    time_point until;
    std::chrono::nanoseconds gap;
  };
  struct early_probe {
    net::endpoint from;
    std::uint32_t epoch = 0;
  };
  struct nomination {
    net::endpoint where;
    time_point heard;
  };

  void new_run(std::uint32_t epoch);
  void begin(time_point now, nat_effects& out);
  void round(punching& run, time_point now, nat_effects& out);
  void probe(remote& to, bool nominate, time_point now, nat_effects& out);
  void on_probe(const net::endpoint& from, std::uint16_t at_port, const net::probe& frame,
                time_point now, nat_effects& out);
  void remember_early(const net::endpoint& from, std::uint32_t epoch);
  /// A probe of this run, the first time it is seen. Whether a nomination in it was followed.
  bool on_fresh_probe(const net::endpoint& from, const net::probe& frame, time_point now,
                      nat_effects& out);
  bool follow(const remote& path, time_point now, nat_effects& out);
  void on_answer(const net::endpoint& from, const net::probe& frame, time_point now,
                 nat_effects& out);
  void on_focus_answer(const check& answered, const net::probe& frame, const remote& path,
                       time_point now, nat_effects& out);
  void on_proven(const remote& path, time_point now, nat_effects& out);
  bool improves(const remote& path);
  std::optional<time_point> worth_waiting_until(const remote& best, time_point now) const;
  void settle(const remote& path, nat_effects& out);
  void note_ready(bool ready, nat_effects& out);
  void tell_ready_if_needed(time_point now, nat_effects& out);
  net::probe new_probe(bool nominate);
  void give_up(time_point now, nat_effects& out);

  // --- birthday probing (nat_session_birthday.cpp) ---
  bool begin_birthday(punching& run, time_point now);
  void guess(time_point now, nat_effects& out);
  bool admit_spare(const net::endpoint& from, std::uint16_t at_port, const net::probe& frame);
  std::optional<check> take_guess(const net::endpoint& from, const net::probe_transaction& id);
  void doubt_rewrite(time_point now);
  void set_focus(purpose why, const net::endpoint& where, time_point now, nat_effects& out);
  void tick_focus(time_point now, nat_effects& out);
  void report(msg::path_news news, const remote* path, nat_effects& out);
  std::chrono::nanoseconds longer(std::chrono::nanoseconds gap) const;

  session_identity who_;
  net::member_hash own_hash_;
  net::member_hash peer_hash_;
  bool initiator_;
  net::random_source random_;

  std::variant<idle, waiting, punching, settled> state_;
  std::optional<std::uint32_t> epoch_; ///< of the last run; none before the first
  check_list list_;
  std::optional<focus> focus_;
  own_network network_;

  std::uint64_t sent_ = 0;   ///< datagrams of this run, bounded by punch_packets_max
  std::uint64_t probes_ = 0; ///< of them in rounds, bounded by punch_probes_max
  bool ready_ = false;       ///< our WireGuard knows the peer
  bool ready_told_ = false;  ///< and the peer has heard so in this run
  bool peer_ready_ = false;  ///< the peer said so in this run

  answer_book answers_;
  effect_book effects_;
  std::vector<early_probe> early_; ///< bounded; oldest first
  std::optional<nomination> nominated_;
  std::optional<msg::birthday_plan> plan_; ///< agreed upon for this run
  net::boxed<birthday_attempt> birthday_;  ///< this run has come to it
  std::string birthday_problem_;
  std::optional<net::port_rewrite> rewrite_;
  bool rewrite_there_ = false;
  std::optional<time_point> rewrite_silent_; ///< since the end of a run that did not hear from it
  session_counters counters_;
};

} // namespace lanrage::actors
