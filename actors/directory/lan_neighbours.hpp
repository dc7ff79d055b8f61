#pragma once

#include "actors/backoff.hpp"
#include "actors/directory/signal_queue.hpp"
#include "config/lan_defaults.hpp"
#include "messages/values.hpp"
#include "net/lan_frame.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace lanrage::actors {

/// Who of our parties is on the local network, and when to say that we are. Pure.
///
/// A stranger can record what members say and send it again, so what was heard counts only when it
/// is new (its sender's counter rose) and fresh: it echoes a nonce that we announced a moment ago,
/// or its time is within lan_clock_window of ours and not before we began to listen. What is new
/// but not fresh, of a member whose clock is wrong, is not answered: it is echoed in our next
/// announcement, which comes when it comes, and the answer to that is fresh.
class lan_neighbours {
 public:
  /// `jitter`: for waits; need not be secret.
  lan_neighbours(net::random_source secrets, net::random_source jitter);

  struct neighbour {
    net::wg_public_key key;
    std::uint64_t counter = 0; ///< highest heard
    bool near = false;         ///< heard lately, and fresh
    msg::lan_place place;
    msg::time_point heard_at{};
    net::lan_nonce nonce;     ///< its latest
    bool owes_proof = false;  ///< to be echoed: new, but not fresh
    std::uint64_t record = 0; ///< version that it offers
    std::optional<msg::time_point> answered_at;
    std::optional<msg::time_point> asked_at; ///< for its record
    std::optional<msg::time_point> sent_at;  ///< our record
  };
  using neighbour_key = std::pair<net::party_id, net::member_hash>;

  // --- when to announce
  // ---------------------------------------------------------------------------
  /// Interfaces came, went or changed: nobody is near until heard again. Those who were.
  std::vector<neighbour_key> network(std::vector<std::string> interfaces, msg::time_point now,
                                     msg::unix_ms wall);
  /// Another party, or anything else worth saying soon.
  void announce_soon(msg::time_point now);
  bool active() const { return !interfaces_.empty(); }
  const std::vector<std::string>& interfaces() const { return interfaces_; }
  std::optional<msg::time_point> announce_at() const { return announce_at_; }
  /// The time has come: a fresh nonce, and the next time.
  void announced(msg::time_point now);
  const net::lan_nonce& nonce() const { return nonces_.back().value; } ///< while active
  /// Members of this party that wait to be echoed, as many as fit; they wait no longer.
  std::vector<neighbour*> take_owed(const net::party_id& party);

  // --- what is heard
  // ------------------------------------------------------------------------------
  /// Whether the frame is worth checking its signature: its counter is higher than any before, and
  /// not too many were checked lately.
  bool worth_checking(const net::party_id& party, const net::lan_announcement& said,
                      msg::time_point now);
  /// The counter below which nothing of this member counts, as saved.
  void remember(const net::party_id& party, const net::wg_public_key& key, std::uint64_t counter);
  std::uint64_t counter_of(const net::party_id& party, const net::wg_public_key& key) const;

  struct hearing {
    bool fresh = false;                    ///< it is there: `of` is near
    bool came = false;                     ///< it was not near before
    bool answer = false;                   ///< it has no proof yet that we are here
    std::optional<std::uint64_t> has_ours; ///< proven: the version of our record that it has
    neighbour* of = nullptr;
  };
  /// An announcement whose signature was checked.
  hearing hear(const net::party_id& party, const net::lan_announcement& said,
               const net::member_hash& own, const msg::lan_place& from, msg::time_point now,
               msg::unix_ms wall);

  neighbour* find(const net::party_id& party, const net::member_hash& who);
  /// Whether it is near; null: it is not.
  const neighbour* near(const net::party_id& party, const net::wg_public_key& who) const;
  bool anybody_near() const;
  const std::map<neighbour_key, neighbour>& all() const { return all_; }
  /// Those that were not heard for too long, who are near no more.
  std::vector<neighbour_key> expire(msg::time_point now);
  void forget(const net::party_id& party);
  std::optional<msg::time_point> deadline() const;

  /// Counts one if the last was long enough ago.
  static bool again(std::optional<msg::time_point>& last, msg::time_point now,
                    msg::time_point::duration gap) {
    if (last && now - *last < gap) return false;
    last = now;
    return true;
  }

 private:
  struct own_nonce {
    net::lan_nonce value;
    msg::time_point since{};
  };
  static constexpr std::size_t nonces_max = 16;

  bool is_ours(const net::lan_nonce& nonce, msg::time_point now) const;
  void new_nonce(msg::time_point now);
  msg::time_point::duration jittered();

  net::random_source secrets_;
  net::random_source jitter_;
  std::vector<std::string> interfaces_;
  msg::unix_ms listening_since_{};
  std::deque<own_nonce> nonces_;
  backoff again_{config::defaults::lan_again_first, config::defaults::lan_again_max};
  std::optional<msg::time_point> announce_at_;
  pace checks_{config::defaults::lan_frames_burst, config::defaults::lan_frames_per_s};
  std::map<neighbour_key, neighbour> all_;
};

/// Letters that come in parts. One at a time of each kind and member, and not for long. Pure.
class lan_letters {
 public:
  /// The whole letter, when this was its last missing part.
  std::optional<net::bytes> add(const net::party_id& party, const net::lan_letter& part,
                                msg::time_point now);
  void forget(const net::party_id& party);

 private:
  struct key {
    net::party_id party;
    net::member_hash from;
    net::lan_letter_kind kind{};
    friend auto operator<=>(const key&, const key&) = default;
  };
  struct partial {
    std::uint64_t id = 0;
    std::vector<net::bytes> parts;
    msg::time_point since{};
  };
  std::map<key, partial> all_;
};

} // namespace lanrage::actors
