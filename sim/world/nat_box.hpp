#pragma once

#include "net/record.hpp"
#include "sim/world/link.hpp"
#include "sim/world/stream.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace lanrage::sim {

using net::nat_behavior;

/// A translator's behaviour in the terms of RFC 4787.
struct nat_settings {
  nat_behavior mapping = nat_behavior::endpoint_independent;         ///< 4.1
  nat_behavior filtering = nat_behavior::address_and_port_dependent; ///< 5
  bool preserve_ports = false;  ///< 4.2.1: the inner port outside, too, when it is free
  bool sequential = false;      ///< ports one after another instead of random ones
  bool refresh_inbound = false; ///< 4.3: also what comes in keeps a mapping alive
  bool hairpin = false;         ///< 6
  bool blocks_udp = false;      ///< lets nothing out
  bool ipv6_open = false;       ///< IPv6 is let in unasked (RFC 6092 advises against it)
  /// What comes in unasked is answered and remembered, as by a Linux masquerade without a rule
  /// against it: while that lasts, its port is taken for packets to the same remote endpoint.
  bool remembers_refused = false;
  /// When no port is free, a new mapping takes that of the one that was unused longest.
  bool steals_ports = false;
  std::chrono::seconds lifetime{120};        ///< 4.3: REQ-5 says at least two minutes
  std::chrono::seconds refused_lifetime{30}; ///< of a remembered refusal
  std::uint16_t first_port = 1'024;
  std::uint16_t last_port = 65'535;
};

/// The classes that people know by name.
nat_settings full_cone();
nat_settings address_restricted();
nat_settings port_restricted();
nat_settings symmetric();            ///< random ports
nat_settings symmetric_sequential(); ///< predictable ports
nat_settings udp_blocked();

/// One box: mappings of UDP endpoints. Pure: times come in, verdicts go out.
class nat_box {
 public:
  nat_box(nat_settings settings, net::ip_address outer, stream random)
      : settings_(settings), outer_(outer), random_(random) {}

  /// A datagram from the inside: `from` becomes the outer endpoint. drop_cause::none when it goes.
  drop_cause outward(net::endpoint& from, net::endpoint& to, time_point now);
  /// A datagram to one of our outer endpoints: `to` becomes the inner one.
  drop_cause inward(net::endpoint& from, net::endpoint& to, time_point now);

  /// IPv6 is not translated, but what comes in has to be asked for: by address and port, as long as
  /// a mapping would live.
  drop_cause firewall_outward(const net::endpoint& from, const net::endpoint& to, time_point now);
  drop_cause firewall_inward(const net::endpoint& from, const net::endpoint& to, time_point now);

  const net::ip_address& outer() const { return outer_; }
  const nat_settings& settings() const { return settings_; }
  void use(nat_settings settings) { settings_ = settings; }
  /// All mappings are gone, as after a reboot.
  void flush();
  /// The same, and the box has another outer address.
  void rebind(net::ip_address outer) {
    flush();
    outer_ = outer;
  }
  std::size_t mappings(time_point now) const;

 private:
  /// What a mapping is for: the inner endpoint, and as much of the remote as the behaviour says.
  struct mapping_key {
    net::endpoint inner;
    net::endpoint remote;
    friend auto operator<=>(const mapping_key&, const mapping_key&) = default;
  };
  struct mapping {
    net::endpoint inner;
    std::vector<mapping_key> keys; ///< what the inside has it for, the first one first
    time_point used;
    /// Whom the inside sent to lately: what filtering goes by.
    std::vector<std::pair<net::endpoint, time_point>> remotes;
  };
  struct refused_key {
    std::uint16_t port = 0;
    net::endpoint remote;
    friend auto operator<=>(const refused_key&, const refused_key&) = default;
  };
  using by_port = std::map<std::uint16_t, mapping>;

  mapping_key key_of(const net::endpoint& from, const net::endpoint& to) const;
  bool live(const mapping& m, time_point now) const { return now - m.used <= settings_.lifetime; }
  by_port::iterator find(const mapping_key& key, time_point now);
  void forget(by_port::iterator at);
  std::uint16_t steal();
  std::uint16_t choose(const net::endpoint& from, const net::endpoint& to, time_point now);
  bool is_free(std::uint16_t port, const net::endpoint& to, time_point now);
  /// Whether a refusal that is remembered keeps `port` from reaching `to`.
  bool taken(const mapping& m, std::uint16_t port, const net::endpoint& to, time_point now) const;
  net::endpoint alias_for(const net::endpoint& inner, std::uint16_t port,
                          const net::endpoint& remote);
  void remember(mapping& m, const net::endpoint& to, time_point now) const;
  bool passes(const mapping& m, const net::endpoint& from, time_point now) const;

  nat_settings settings_;
  net::ip_address outer_;
  stream random_;
  by_port ports_;
  std::map<mapping_key, std::uint16_t> keys_;
  std::map<refused_key, time_point> refused_;
  /// Remotes that the inside sees at another port than their own: which of ours, and who it is.
  std::map<std::pair<net::endpoint, net::endpoint>, std::pair<std::uint16_t, net::endpoint>>
      aliases_;
  std::map<mapping_key, time_point> asked_; ///< IPv6: when each inner endpoint sent to each remote
  std::uint16_t last_ = 0;                  ///< sequential: the port given out last
};

} // namespace lanrage::sim
