#pragma once

#include "actors/nat/nat_effects.hpp"
#include "actors/nat/server_votes.hpp"
#include "config/defaults.hpp"
#include "messages/values.hpp"
#include "net/crypto.hpp"
#include "net/record.hpp"
#include "net/stun.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace lanrage::actors {

/// Finds out what the own IPv4 NAT does beyond mapping, with servers that answered already and that
/// most of the others agree with (server_votes):
/// - filtering (RFC 5780 4.4): answers from addresses that we never sent to get through, or not. A
///   few servers test it and most of them decide, else the first;
/// - a mapping to another port of a server, which tells address-dependent from address and
///   port-dependent mapping (RFC 5780 4.3). It goes to another server than those that test
///   filtering, whose other addresses must not hear from us;
/// - the public ports of a few new flows, one after the other: a pattern predicts the next;
/// - hairpinning (RFC 4787 6): whether one public port of ours reaches another;
/// - whether ports that the router says it forwards are open to strangers.
///
/// What nobody answers changes nothing but the verdict that silence is. Answers count once, from
/// where they may come, with the transaction they belong to. Pure.
class nat_survey {
 public:
  using time_point = msg::time_point;

  explicit nat_survey(net::random_source random) : random_{std::move(random)} {}

  /// The network changed: all that is known is void.
  void forget();
  /// All is measured again, with the servers that answer from now on; results stay until then.
  void begin_round();
  /// A server answered from `server`, saw us at `mapped`, and has `other` for tests. `translated`:
  /// that is none of our own addresses.
  void answered(const net::endpoint& server, const std::optional<net::endpoint>& other,
                const net::endpoint& mapped, bool translated, time_point now, nat_effects& out);
  /// The pattern of new ports is wanted anew, if there is one. At most once in predict_gap.
  void refresh_prediction(time_point now, nat_effects& out);
  /// What the router says it forwards; each is tried from outside.
  void use_mapped_ports(std::vector<msg::mapped_port> ports, time_point now, nat_effects& out);

  /// Whether the response belongs to a test.
  bool receive(const net::endpoint& from, std::uint16_t at_port, const net::stun::response& answer,
               time_point now, nat_effects& out);
  /// Whether it is a request of our own that came back through the NAT.
  bool receive_request(const net::stun::transaction_id& id);
  void tick(time_point now, nat_effects& out);
  std::optional<time_point> deadline() const;

  net::nat_behavior filtering() const { return filtering_; }
  /// Whether another port of a server sees another mapping.
  std::optional<bool> port_matters() const { return port_matters_; }
  /// Whether another address of the only server does.
  std::optional<bool> address_matters() const { return address_matters_; }
  std::optional<int> port_delta() const { return delta_; }
  std::optional<bool> hairpin() const { return hairpin_; }
  /// Where the next new flows will probably be seen; empty without a pattern.
  std::vector<net::endpoint> predicted() const;
  /// Open to everybody, as a server proved.
  const std::vector<msg::mapped_port>& mapped_ports() const { return proven_; }

 private:
  enum class purpose : std::uint8_t {
    filter_both,   ///< an answer from another address and port
    filter_port,   ///< an answer from another port
    other_mapping, ///< what another port or address of a server sees
    sample,        ///< the public port of a new flow
    hairpin,
    mapped_port,
  };
  struct question {
    purpose why{};
    net::endpoint to;
    net::endpoint from; ///< where the answer comes from
    std::uint16_t own_port = 0;
    std::uint16_t arrives_at = 0;
    net::stun::wishes wanted;
    net::stun::transaction_id id{};
    int sent = 0;
    time_point next{};
    std::chrono::milliseconds rto{};
    /// Of a sample, of a mapped port; other_mapping: 0 another port, 1 another address.
    std::size_t number = 0;
    net::endpoint compared{}; ///< other_mapping: what it is held against
  };
  /// A server's test of the filter.
  struct filter_test {
    net::endpoint server;
    bool address_passed = false; ///< an answer from another address came through
    bool port_passed = false;
    net::nat_behavior verdict() const;
  };
  struct helper {
    net::endpoint server;
    std::optional<net::endpoint> other;
    net::endpoint mapped;
    bool translated = false;
  };
  struct sample {
    std::uint16_t own_port = 0;
    std::optional<net::endpoint> mapped;
  };

  bool choose_helpers();
  void start_over();
  void ask(question what, time_point now, nat_effects& out);
  void send(question& what, time_point now, nat_effects& out);
  void test_filters(time_point now, nat_effects& out);
  bool tests_filter(const net::endpoint& server) const;
  void test_filter(const helper& with, time_point now, nat_effects& out);
  void judge_filter();
  void test_other_mapping(time_point now, nat_effects& out);
  void take_samples(time_point now, nat_effects& out);
  void judge_samples(time_point now, nat_effects& out);
  void test_hairpin(time_point now, nat_effects& out);
  void try_mapped_ports(time_point now, nat_effects& out);
  void ended(const question& what, const net::stun::response* answer, time_point now,
             nat_effects& out);
  bool asking(purpose why) const;
  bool asking_filter() const;
  std::uint16_t spare_port();

  net::random_source random_;
  std::vector<question> open_;
  std::vector<helper> answered_;          ///< of this round, in the order of their answers
  std::vector<helper> helpers_;           ///< of them those that are believed
  bool agreed_ = false;                   ///< on one mapping
  std::optional<net::endpoint> own_;      ///< WireGuard's port as the first helper sees it
  std::vector<filter_test> filter_tests_; ///< of this round
  net::nat_behavior filtering_{};
  std::optional<net::endpoint> mapping_tested_with_; ///< in this round
  std::optional<bool> port_matters_;
  std::optional<bool> address_matters_;
  std::vector<sample> samples_;
  std::optional<int> delta_;
  std::optional<net::endpoint> latest_; ///< the newest mapping we know of
  std::optional<time_point> sampled_at_;
  int predicted_again_ = 0;
  std::optional<bool> hairpin_;
  std::vector<msg::mapped_port> claimed_;
  std::vector<msg::mapped_port> proven_;
  bool ports_tried_ = false; ///< in this round
  std::uint16_t next_spare_ = 0;
};

} // namespace lanrage::actors
