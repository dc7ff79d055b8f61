#pragma once

#include "net/crypto.hpp"
#include "net/frames.hpp"
#include "net/relay/counters.hpp"
#include "net/relay/flow.hpp"
#include "net/relay/limits.hpp"
#include "net/relay/members.hpp"
#include "net/wg_packet.hpp"

#include <array>
#include <optional>

namespace lanrage::net::relay {

/// Where a datagram came from, and the shell's name for the way back (0: any socket of the family,
/// via_stream: a stream, whose `from` is flow_endpoint()'s).
struct arrival {
  endpoint from;
  std::uint32_t via = 0;
};

/// The four sockets of a relay with a second address and port (RFC 5780 section 6). Places are
/// counted in bits: 1 is the other port, 2 the other address. Where the relay has no second address
/// of its own, places 2 and 3 are those of 0 and 1.
struct stun_places {
  struct place {
    std::uint32_t via = 0;
    endpoint at;
  };
  std::array<place, 4> all;
};

/// What becomes of one datagram: at most one other.
struct verdict {
  enum class action : std::uint8_t {
    drop,
    forward, ///< `payload` is the input itself: send it on without a copy
    answer,  ///< `payload` is the core's and lives until its next call
  };
  action what = action::drop;
  endpoint to;
  std::uint32_t via = 0;
  byte_view payload;
};

/// The relay (docs/wire.md, "Relay"): members register from WireGuard's own port, and unmodified
/// WireGuard packets find their way between members of one party. An initiation goes to the member
/// whose key its mac1 was made for, all else by (sender, receiver index). The relay holds no
/// session key and forwards nothing it was not told to.
///
/// Pure: time and randomness come in, verdicts go out. Work per datagram does not depend on the
/// number of members, except for an initiation to somebody new, which is tested against the
/// sender's parties at a limited rate.
class relay_core {
 public:
  /// `tokens`: whose signature makes a token good.
  relay_core(const relay_private_key& own, const token_public_key& tokens,
             const relay_limits& limits, random_source random);

  verdict receive(byte_view datagram, const arrival& from, instant now);
  /// A stream is over: nothing goes there any more, and nobody may send from there.
  void flow_closed(const endpoint& flow) { members_.forget_flow(flow); }
  /// Whether somebody is registered over this stream.
  bool flow_used(const endpoint& flow, instant now);
  /// From now on STUN requests may ask for an answer from elsewhere.
  void use_stun_places(const stun_places& places) { stun_places_ = places; }

  /// Expires what is over, in slices of `slice` members; to be called a few times a second.
  void tick(instant now, std::size_t slice = 256);

  const counters& count() const { return count_; }
  counters& count() { return count_; } ///< the shell adds its own
  relay_id id() const { return id_; }
  const relay_public_key& key() const { return public_key_; }

  // --- state that outlives the process (snapshot.cpp) ---

  /// Members, parties, routes and timestamps. With `cookies`, a restart also honours the cookies
  /// given out; only the last snapshot before a stop may do so: after an older one, a registration
  /// newer than the snapshot could be replayed. Holds addresses: keep it private.
  bytes snapshot(instant now, bool cookies) const;
  /// Takes over a snapshot of the same relay. bad_state, and nothing taken, when it is damaged,
  /// of another version, or of another relay or token key.
  result<void> restore(byte_view saved, instant now);

 private:
  friend class snapshot_writer;
  enum class proof : std::uint8_t { none, source, stun };

  // Packets (routing.cpp).
  verdict wireguard(byte_view datagram, const arrival& from, instant now);
  verdict deliver(byte_view datagram, member& sender, member& receiver,
                  const wg::packet_header& header, instant now);
  verdict path_check(byte_view datagram, const arrival& from, instant now);
  verdict pass(byte_view datagram, member& sender, member& receiver, instant now);
  member* receiver_of(byte_view initiation, member& sender, steady_time now);
  member* resolve(route& r, steady_time now);
  void learn(member& owner, const session_index& index, const member& to, steady_time now);
  void count_load(steady_time now);
  void gauge();

  // Frames (registering.cpp).
  verdict stun_request(byte_view datagram, const arrival& from, instant now);
  verdict frame(byte_view datagram, const arrival& from, instant now);
  verdict on_hello(byte_view datagram, const arrival& from, instant now);
  verdict on_registration(byte_view datagram, const arrival& from, instant now);
  verdict admit(const registration& said, std::size_t request, const arrival& from, instant now,
                const shared_key& key);
  verdict on_ping(byte_view datagram, const arrival& from, instant now);
  void on_bye(byte_view datagram, instant now);
  void take_claims(member& who, const registration& said, steady_time now);
  std::vector<relay_token> good_tokens(const registration& said, instant now);

  verdict challenge_to(const arrival& from, const wg_public_key& member, std::size_t request,
                       instant now);
  verdict refuse_stranger(const arrival& from, std::size_t request, refusal code, instant now);
  verdict refuse_member(member& who, const arrival& from, refusal code,
                        const session_index& argument, instant now);
  verdict answer(bytes frame, const arrival& to, std::size_t request, proof shown);
  verdict dropped(std::uint64_t counters::*reason);

  cookie cookie_for(const endpoint& from, const wg_public_key& member, bool previous) const;
  bool cookie_holds(const cookie& shown, const endpoint& from, const wg_public_key& member) const;
  void rotate_cookies(steady_time now);
  void void_cookies(steady_time now);
  shared_key draw();
  std::optional<shared_key> key_for(const wg_public_key& member) const;
  const shared_key* key_of(member& who) const;

  relay_private_key own_;
  relay_public_key public_key_;
  relay_id id_;
  token_public_key tokens_;
  relay_limits limits_;
  random_source random_;
  std::uint64_t seed_;
  member_table members_;
  source_gates refusal_gates_;
  source_gates stun_gates_;
  source_gates proof_gates_;
  shared_key cookie_secret_;
  shared_key cookie_secret_before_;
  steady_time cookies_since_{};
  bool cookies_dated_ = false; ///< cookies_since_ is set by the first call that brings a time
  std::uint64_t searches_ = 0; ///< of mac1, to try nobody twice in one
  steady_time load_since_{};
  std::uint64_t load_packets_ = 0;
  counters count_;
  bytes answer_;
  std::optional<stun_places> stun_places_;
};

/// Writes a snapshot in slices, between two of which the relay may go on: nobody's packets wait for
/// 20,000 members to be written. Each member is saved as it is when its slice comes.
class snapshot_writer {
 public:
  snapshot_writer(const relay_core& of, instant now, bool cookies);
  /// Writes the members at the next `places`; true when all are done.
  bool step(const relay_core& of, std::size_t places);
  bytes take(); ///< still to be sealed

 private:
  instant now_;
  std::size_t next_ = 0;
  byte_writer out_;
};

/// Adds the checksum; apart, since it can be done by another thread.
bytes sealed_snapshot(bytes body);

} // namespace lanrage::net::relay
