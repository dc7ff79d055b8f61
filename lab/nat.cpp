#include "lab/nat.hpp"

#include "lab/conntrack.hpp"
#include "lab/failure.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace lanrage::lab {

namespace {

using std::string;

enum class filtering { endpoint_independent, address_dependent, address_and_port_dependent };

struct type_entry {
  nat_type type;
  std::string_view word;
};
constexpr std::array type_words{
    type_entry{nat_type::open, "open"},
    type_entry{nat_type::full_cone, "full-cone"},
    type_entry{nat_type::address_restricted, "address-restricted"},
    type_entry{nat_type::port_restricted, "port-restricted"},
    type_entry{nat_type::port_restricted_preserving, "port-restricted-preserving"},
    type_entry{nat_type::masquerade, "masquerade"},
    type_entry{nat_type::symmetric, "symmetric"},
    type_entry{nat_type::symmetric_sequential, "symmetric-sequential"},
    type_entry{nat_type::symmetric_address, "symmetric-address"},
    type_entry{nat_type::symmetric_unfiltered, "symmetric-unfiltered"},
    type_entry{nat_type::udp_blocked, "udp-blocked"},
};

filtering filtering_of(nat_type type) {
  switch (type) {
  case nat_type::full_cone:
  case nat_type::symmetric_unfiltered:
    return filtering::endpoint_independent;
  case nat_type::address_restricted:
    return filtering::address_dependent;
  default:
    return filtering::address_and_port_dependent;
  }
}

/// The source translation. Ports from jhash and numgen come out byte-swapped on little-endian
/// machines, so the hash gives any port at all; where the value matters a map gives it.
string translation(const nat_settings& s, const string& address) {
  const string to = "snat ip to " + address;
  const string hash = " mod 16384 seed " + std::to_string(s.seed) + " offset 40000";
  switch (s.type) {
  case nat_type::port_restricted_preserving:
    return to;
  case nat_type::symmetric_address:
    return to + ":jhash ip saddr . udp sport . ip daddr" + hash;
  case nat_type::symmetric:
  case nat_type::symmetric_unfiltered:
    return to + ":1024-65535 fully-random";
  case nat_type::symmetric_sequential: {
    string map;
    for (unsigned i = 0; i < 200; ++i)
      map += (i == 0 ? "" : ", ") + std::to_string(i) + " : " +
             std::to_string(20000 + (s.seed + i) % 40000);
    return to + ":numgen inc mod 200 map { " + map + " }";
  }
  default:
    return to + ":jhash ip saddr . udp sport" + hash;
  }
}

string ipv6_rules(const nat_settings& s) {
  string rules;
  if (!s.ipv6_open && s.type != nat_type::open)
    rules += "    iifname wan oifname lan ct state new drop\n";
  if (s.type == nat_type::udp_blocked) rules += "    meta l4proto udp udp dport != 53 drop\n";
  return "table ip6 nat6 {\n  chain forward {\n    type filter hook forward priority 0\n" + rules +
         "  }\n}\n";
}

/// Plain masquerading, for masquerade and udp_blocked.
string masquerade_rules(const nat_settings& s) {
  string input = s.wan == unsolicited::drop ? "    iifname wan ct state new drop\n" : "";
  string blocked = s.type == nat_type::udp_blocked
                       ? "    meta l4proto udp udp dport != 53 udp sport != 53 drop\n"
                       : "";
  return "table ip nat4 {\n"
         "  chain input {\n    type filter hook input priority 0\n" +
         input +
         "  }\n"
         "  chain forward {\n    type filter hook forward priority 0\n"
         // What a port mapping daemon on the box lets in.
         "    iifname wan ct state new ct status dnat accept\n"
         "    iifname wan oifname lan ct state new drop\n" +
         blocked +
         "  }\n"
         "  chain source {\n    type nat hook postrouting priority 100\n" +
         (s.port_range ? "    oifname wan meta l4proto udp masquerade to :20000-36383\n" : "") +
         "    oifname wan masquerade\n  }\n}\n";
}

/// One line per set: who may come in through public port X, learned from what went out.
string learn(const string& timeout, const string& inside, const string& remote_address,
             const string& remote_port, const string& when = "") {
  return "    " + when + "update @bindings { udp sport timeout " + timeout + " : " + inside +
         " }\n"
         "    " +
         when + "update @mapped { udp sport timeout " + timeout +
         " }\n"
         "    " +
         when + "update @asked_address { udp sport . " + remote_address + " timeout " + timeout +
         " }\n"
         "    " +
         when + "update @asked { udp sport . " + remote_address + " . " + remote_port +
         " timeout " + timeout + " }\n";
}

string sets() {
  const string flags = " flags dynamic,timeout; size 65535; }\n";
  return "  map bindings { type inet_service : ipv4_addr . inet_service;" + flags +
         "  set mapped { type inet_service;" + flags +
         "  set asked_address { type inet_service . ipv4_addr;" + flags +
         "  set asked { type inet_service . ipv4_addr . inet_service;" + flags;
}

string unsolicited_filter(filtering f) {
  switch (f) {
  case filtering::endpoint_independent:
    return "udp dport != @mapped drop";
  case filtering::address_dependent:
    return "udp dport . ip saddr != @asked_address drop";
  default:
    return "udp dport . ip saddr . udp sport != @asked drop";
  }
}

/// A hairpinned packet: the sender's public address must pass the receiver's filter.
string hairpin_chain(filtering f, const string& timeout) {
  const string original = "meta l4proto udp ct direction original ";
  string check;
  if (f == filtering::address_dependent)
    check = "    " + original + "ct original proto-dst . ip saddr != @asked_address drop\n";
  if (f == filtering::address_and_port_dependent)
    check = "    " + original + "ct original proto-dst . ip saddr . udp sport != @asked drop\n";
  return "  chain hairpin {\n" +
         learn(timeout, "ct original ip saddr . ct original proto-src", "ct original ip daddr",
               "ct original proto-dst", original) +
         check + "  }\n";
}

/// The learning NATs. The kernel's own NAT maps; a chain after source translation sees each
/// translated packet and remembers in sets which public port belongs to whom and who was asked;
/// a chain before destination translation admits new packets by those sets. A packet dropped
/// there never becomes a tracked connection, so it cannot take a port.
string learning_rules(const nat_settings& s, const string& address) {
  const auto filter = filtering_of(s.type);
  const string timeout = std::to_string(s.udp_answered_timeout.count()) + "s";
  const string snat = translation(s, address);
  const string udp = "meta l4proto udp ";
  string own_address = "    iifname lan " + udp + "ip daddr " + address + " drop\n";
  string hairpin_dnat, hairpin_snat, hairpin_learn;
  if (s.hairpin) {
    own_address.clear();
    hairpin_dnat =
        "    iifname lan ip daddr " + address + " " + udp + "dnat ip to udp dport map @bindings\n";
    hairpin_snat = "    oifname lan iifname lan " + udp + "ct original ip daddr " + address + " " +
                   snat + "\n";
    hairpin_learn = "    oifname lan ip saddr " + address + " " + udp + "jump hairpin\n";
  }
  return "table ip nat4 {\n" + sets() + "  chain asked_out {\n" +
         learn(timeout, "ct original ip saddr . ct original proto-src", "ip daddr", "udp dport") +
         "  }\n  chain answered_out {\n" +
         learn(timeout, "ct reply ip saddr . ct reply proto-src", "ip daddr", "udp dport") +
         "  }\n" + hairpin_chain(filter, timeout) +
         "  chain admit {\n    type filter hook prerouting priority -150\n"
         "    iifname wan " +
         udp + "ct state new " + unsolicited_filter(filter) + "\n" + own_address +
         "  }\n  chain destination {\n    type nat hook prerouting priority -100\n"
         "    iifname wan " +
         udp + "dnat ip to udp dport map @bindings\n" + hairpin_dnat +
         "  }\n  chain forward {\n    type filter hook forward priority 0\n"
         "    iifname wan ct state new ct status dnat accept\n"
         "    iifname wan ct state new drop\n"
         "  }\n  chain input {\n    type filter hook input priority 0\n"
         "    iifname wan ct state new drop\n"
         "  }\n  chain source {\n    type nat hook postrouting priority 100\n"
         "    oifname wan " +
         udp + snat + "\n    oifname wan masquerade\n" + hairpin_snat +
         "  }\n  chain remember {\n    type filter hook postrouting priority 110\n"
         "    oifname wan " +
         udp +
         "ct direction original jump asked_out\n"
         "    oifname wan " +
         udp + "ct direction reply jump answered_out\n" + hairpin_learn + "  }\n}\n";
}

void load_rules(const netns& box, const string& rules) {
  process_spec spec;
  spec.argv = {"nft", "-f", "-"};
  spec.input = rules;
  must_run(spec, box.where());
}

} // namespace

std::string_view to_string(nat_type type) {
  for (const auto& e : type_words)
    if (e.type == type) return e.word;
  assert(false);
  return {};
}

std::optional<nat_type> nat_type_from(std::string_view word) {
  for (const auto& e : type_words)
    if (e.word == word) return e.type;
  return std::nullopt;
}

std::span<const nat_type> all_nat_types() {
  static constexpr auto types = [] {
    std::array<nat_type, type_words.size()> list{};
    for (std::size_t i = 0; i < list.size(); ++i)
      list[i] = type_words[i].type;
    return list;
  }();
  return types;
}

std::string nat_ruleset(const nat_settings& settings, const std::string& public_address) {
  assert(settings.wan == unsolicited::drop || settings.type == nat_type::masquerade);
  switch (settings.type) {
  case nat_type::open:
    return ipv6_rules(settings);
  case nat_type::masquerade:
  case nat_type::udp_blocked:
    return ipv6_rules(settings) + masquerade_rules(settings);
  default:
    return ipv6_rules(settings) + learning_rules(settings, public_address);
  }
}

void apply_nat(const netns& box, const nat_settings& settings, const std::string& public_address) {
  load_rules(
      box,
      "flush ruleset\n"
      "table ip closed {\n  chain closed_udp {\n    type filter hook prerouting priority -400\n"
      "    meta l4proto udp drop\n  }\n}\n");
  write_settings(box.fd(), {{"net/netfilter/nf_conntrack_udp_timeout",
                             std::to_string(settings.udp_timeout.count())},
                            {"net/netfilter/nf_conntrack_udp_timeout_stream",
                             std::to_string(settings.udp_answered_timeout.count())}});
  flush_conntrack(box.fd());
  load_rules(box, nat_ruleset(settings, public_address) + "delete table ip closed\n");
}

} // namespace lanrage::lab
