#pragma once

#include "lab/delay_switch.hpp"
#include "lab/estate.hpp"
#include "lab/host.hpp"
#include "lab/nat.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::lab {

/// A machine with public addresses (a server). Names: [a-z0-9-], at most 12 characters, unique.
struct public_spec {
  std::string name;
  unsigned addresses = 1; ///< how many IPv4 addresses it has
};

/// A private network with its NAT box. The box is called "nat-" + name.
struct site_spec {
  std::string name;
  nat_settings nat{};
  std::vector<std::string> hosts{}; ///< machines in the network; empty: one, called as the site
  bool carrier = false;             ///< has no machines: other sites' boxes are behind it (IPv4)
  bool ipv4 = true;                 ///< its machines have an IPv4 address
  bool ipv6 = true;                 ///< and an IPv6 one, if the topology has them
  std::string behind{};             ///< a carrier, declared before; empty: on the public network
};

struct topology {
  std::vector<public_spec> publics;
  std::vector<site_spec> sites;
  /// From any public address to any other; each port of the switch adds half.
  std::chrono::microseconds one_way_delay{15000};
  /// The first three octets of the public IPv4 network. Some programs refuse TEST-NET-3.
  std::string public_network = "203.0.113";
  bool ipv6 = false; ///< also 2001:db8::/64 outside and 2001:db8:<site>::/64 inside
  bool realtime_switch = true;
};

/// Why no laboratory can be built here (not root, no namespaces, no nft, ...), in words;
/// nullopt when it can. Found out once per process.
std::optional<std::string> unavailable_reason();
/// Why WireGuard cannot run in it; implies the above.
std::optional<std::string> wireguard_unavailable_reason();

/// A small internet on this machine: a public network (203.0.113.0/24) on a delaying switch, public
/// machines from .10 on, NAT boxes from .100 on with their networks 10.<n>.0.0/24 behind them.
/// Every machine is a network and a mount namespace, in which public machines are known by their
/// names; all processes live in one pid namespace.
/// Everything goes with the object, also when construction fails half-way or the runner dies.
///
/// Not thread-safe; the parts handed out (hosts) are valid as long as the laboratory.
class laboratory {
 public:
  explicit laboratory(topology wanted);
  ~laboratory();
  laboratory(const laboratory&) = delete;
  laboratory& operator=(const laboratory&) = delete;

  /// A public machine, a machine behind a NAT, or a NAT box ("nat-p1"). Throws failure.
  const host& at(const std::string& name) const;
  /// Public address of the NAT a machine is behind; its own when it is public itself.
  const std::string& public_address(const std::string& name) const;
  const std::string& prefix() const { return estate_.prefix(); }
  const std::filesystem::path& folder() const { return estate_.folder(); }
  const estate& belongings() const { return estate_; }
  const topology& plan() const { return plan_; }

  /// The port of the switch that leads to a machine, by the name of the machine or of its site.
  port_settings link(const std::string& name) const;
  void set_link(const std::string& name, const port_settings& settings);
  /// The way between two of them alone, on top of both their ports.
  void set_between(const std::string& a, const std::string& b, const port_settings& more);
  /// Cuts a machine or a whole site off the public network, and connects it again.
  void block(const std::string& name, bool blocked);
  const delay_switch& wire() const { return *switch_; }
  /// Namespace of the switch; its interface names are those of its ports, for captures.
  int switch_ns() const { return public_ns_.fd(); }
  std::string port_of(const std::string& name) const;

  /// By the name of the site or of a machine in it. Changing the settings forgets all bindings.
  const nat_settings& nat(const std::string& name) const;
  void set_nat(const std::string& name, const nat_settings& settings);
  /// All bindings are lost and the mappings come out on other public ports (port-preserving types
  /// and masquerade keep theirs, as real ones do).
  void rebind(const std::string& name);
  /// All bindings are lost.
  void flush(const std::string& name);

  /// Removes everything now instead of in the destructor. Nothing else may be called afterwards.
  void tear_down() noexcept;

 private:
  struct site {
    site_spec spec;
    unsigned number;            ///< from 1
    std::string public_address; ///< of the box
    std::string wan_address;    ///< of the box; behind a carrier another than the public one
    std::string port;           ///< of the switch
  };

  void check_names() const;
  void make_namespaces();
  void configure_public(const public_spec& spec, unsigned first_address);
  void add_site(const site_spec& spec);
  void configure_site(const site& s);
  void configure_hosts(const site& s);
  void write_names() const;
  void route_open_hosts(const site& s, bool open);
  void make_host(const std::string& name, std::vector<std::string> addresses, std::string address6);
  std::string public_ipv4(unsigned n) const;
  std::string ipv6_routes(unsigned except_site) const;
  site& site_of(const std::string& name);
  const site& site_of(const std::string& name) const;
  std::string ns_name(const std::string& name) const { return estate_.prefix() + name; }

  topology plan_;
  estate estate_; // first in, last out
  netns public_ns_;
  std::vector<site> sites_;
  std::map<std::string, host> hosts_;
  std::map<std::string, std::string> public_addresses_;
  std::unique_ptr<delay_switch> switch_;
};

} // namespace lanrage::lab
