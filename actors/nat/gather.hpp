#pragma once

#include "actors/backoff.hpp"
#include "actors/nat/mapping_lifetime.hpp"
#include "actors/nat/nat_effects.hpp"
#include "actors/nat/nat_survey.hpp"
#include "actors/nat/server_votes.hpp"
#include "config/defaults.hpp"
#include "messages/values.hpp"
#include "net/crypto.hpp"
#include "net/record.hpp"
#include "net/stun.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace lanrage::actors {

/// NAT behaviour (RFC 4787 4.1) as far as the believed observations of one address family prove it:
/// - untranslated, or one mapping seen from two server addresses: endpoint_independent;
/// - two ports of one server address see two mappings: address_and_port_dependent;
/// - two server addresses see two mappings: address_dependent, meaning "at least": without two
///   ports of one address it cannot be told from address_and_port_dependent;
/// - else unknown. Filtering stays unknown here: it takes other tests (nat_survey).
net::nat_report classify_nat(std::span<const stun_observation> seen,
                             std::span<const net::endpoint> own);

/// Learns our own addresses: host candidates from the interfaces, server-reflexive ones by asking
/// all listed servers (relays) in parallel from WireGuard's port, retransmitting as RFC 8489 6.2.1,
/// again after `stun_refresh` and whenever the network or the list changed. What the answers are
/// worth: server_votes. Pure.
class gather {
 public:
  using time_point = msg::time_point;

  /// `random` makes the transaction ids, which are all that protects from forged answers.
  /// `birthday`: whether peers may be offered birthday probing.
  gather(std::uint16_t listen_port, net::random_source random, bool birthday = false);

  /// The host's addresses now; said again when anything about the network changed.
  void hosts(const std::vector<net::ip_address>& addresses, time_point now, nat_effects& out);
  /// All STUN servers; the same list again changes nothing.
  void servers(const std::vector<net::endpoint>& list, time_point now, nat_effects& out);
  /// A STUN response as it arrived, at a spare port or (0) at WireGuard's.
  void receive(const net::endpoint& from, std::uint16_t at_port, const net::stun::response& answer,
               time_point now, nat_effects& out);
  /// Whether a STUN request is one of ours that the NAT turned around.
  bool receive_request(const net::stun::transaction_id& id, time_point now, nat_effects& out);
  /// What the router says it forwards to WireGuard's port.
  void mapped_ports(const std::vector<msg::mapped_port>& ports, time_point now, nat_effects& out);
  /// A new peer is to know where we will be seen, or the last punch went elsewhere.
  void predict(time_point now, nat_effects& out);
  /// A punch failed: the NAT may have bound us anew. Ever more rarely, as a symmetric one binds us
  /// anew all the time.
  void look_again(time_point now, nat_effects& out);
  void tick(time_point now, nat_effects& out);
  std::optional<time_point> deadline() const;

  /// What is known at this moment, published or not.
  msg::own_paths paths() const;
  /// Own host addresses; empty until the first `hosts`.
  const std::vector<net::ip_address>& own_addresses() const { return hosts_; }

 private:
  struct query {
    net::endpoint server;
    net::stun::transaction_id id{};
    bool asking = false; ///< an answer is awaited
    int sent = 0;
    time_point next{};
    std::chrono::milliseconds rto{};
    std::optional<net::endpoint> mapped; ///< last answer, kept while the next is awaited
    std::uint64_t order = 0;             ///< of its first answer: earlier ones name the candidate
  };

  void receive_plain(const net::endpoint& from, const net::stun::response& answer, time_point now,
                     nat_effects& out);
  net::nat_report report(const std::vector<stun_observation>& seen) const;
  msg::nat_details details(const std::vector<stun_observation>& seen) const;
  bool reaches(const net::endpoint& server) const;
  void choose_servers();
  bool add_spare(bool v4);
  void begin_round(time_point now, nat_effects& out);
  void ask(query& q, time_point now, nat_effects& out);
  void give_up(std::size_t index, time_point now, nat_effects& out);
  void end_round_if_over(time_point now);
  void measure_lifetime(time_point now);
  std::optional<net::birthday_offer> birthday_offer(const msg::own_paths& own) const;
  void another_network();
  void settle(bool urgent, time_point now, nat_effects& out);
  std::vector<stun_observation> answered(bool v4) const; ///< in the order of first answers

  std::uint16_t port_;
  net::random_source random_;
  std::vector<net::ip_address> hosts_;
  std::vector<net::endpoint> servers_;
  std::vector<query> queries_;
  nat_survey survey_;
  mapping_lifetime lifetime_;
  std::vector<net::endpoint> tried_; ///< in this round, so that each spare is tried once
  std::uint64_t answers_ = 0;
  msg::own_paths published_;
  std::optional<time_point> publish_at_;
  std::optional<time_point> refresh_at_;
  backoff retry_{config::defaults::stun_retry_first, config::defaults::stun_refresh};
  bool birthday_;
  std::uint32_t network_ = 0;                  ///< see net::birthday_offer; drawn
  std::optional<net::birthday_offer> offered_; ///< last
  std::optional<time_point> look_from_;        ///< not again before
  backoff look_again_{config::defaults::stun_retry_first, config::defaults::stun_refresh};
};

} // namespace lanrage::actors
