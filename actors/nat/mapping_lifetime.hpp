#pragma once

#include "actors/nat/nat_effects.hpp"
#include "messages/values.hpp"
#include "net/crypto.hpp"
#include "net/stun.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace lanrage::actors {

/// How long the own IPv4 NAT keeps the mapping of a flow that has fallen silent (RFC 5780 4.6).
///
/// A few spare ports speak with one server, each twice, so that the NAT takes them for lasting
/// flows, and fall silent for a time of their own. Then another spare port asks the server to
/// answer to the public port of the silent one (RESPONSE-PORT). The answer comes from where the
/// silent port has sent to: any filter lets it in while the mapping lives, and nothing does after.
/// The silent port itself asks nothing, so a NAT that would give it the same public port again is
/// not taken for one that kept it.
///
/// Before any silence one such answer has to arrive, else this server or this NAT cannot do it and
/// the next server is tried. An answer that is missing counts when the server still answers
/// otherwise. One exchange at a time, and the whole of it once in a network. Pure.
class mapping_lifetime {
 public:
  using time_point = msg::time_point;

  explicit mapping_lifetime(net::random_source random) : random_{std::move(random)} {}

  /// The network changed: what is known is void, and the next `begin` counts.
  void forget();
  /// This machine is behind a NAT, and these servers answer. Once in a network.
  void begin(std::vector<net::endpoint> servers, time_point now);
  /// Whether the response belongs here.
  bool receive(const net::endpoint& from, std::uint16_t at_port, const net::stun::response& answer,
               time_point now, nat_effects& out);
  void tick(time_point now, nat_effects& out);
  std::optional<time_point> deadline() const;

  /// What is known so far; it gets more exact while the silences last.
  const std::optional<msg::mapping_life>& found() const { return found_; }

 private:
  /// What is next for a flow; in this order.
  enum class stage : std::uint8_t {
    open,    ///< the first exchange makes the mapping
    prove,   ///< of the first flow: an answer that another port asked for arrives
    settle,  ///< the second exchange; silence begins
    check,   ///< whether the mapping is still there
    confirm, ///< it is not, or the server is gone
  };
  struct flow {
    std::uint16_t own_port = 0;
    std::chrono::seconds silence{};
    stage next = stage::open;
    time_point due{};
    std::uint16_t public_port = 0;
  };
  struct question {
    std::size_t of = 0; ///< flow
    std::uint16_t own_port = 0;
    std::uint16_t arrives_at = 0;
    net::stun::wishes wanted;
    net::stun::transaction_id id{};
    int sent = 0;
    time_point next{};
    std::chrono::milliseconds rto{};
  };

  void start_with_next_server(time_point now);
  void ask(std::size_t of, time_point now, nat_effects& out);
  void send(time_point now, nat_effects& out);
  void ended(const net::stun::response* answer, time_point now);
  void go_on(time_point now, nat_effects& out);

  net::random_source random_;
  bool begun_ = false;
  std::vector<net::endpoint> servers_; ///< the one in use first
  std::vector<flow> flows_;            ///< by their silence; over when empty
  std::optional<question> open_;
  std::optional<msg::mapping_life> found_;
};

} // namespace lanrage::actors
