#include "lab/nat_matrix.hpp"

#include <algorithm>
#include <array>

namespace lanrage::lab {

namespace {

constexpr std::size_t blocked = matrix_nat_count - 1;

std::array<nat_settings, matrix_nat_count> make_nats() {
  using enum nat_type;
  constexpr nat_type types[] = {open,
                                full_cone,
                                address_restricted,
                                port_restricted,
                                masquerade,
                                symmetric_address,
                                symmetric,
                                symmetric_sequential,
                                symmetric_unfiltered,
                                udp_blocked};
  static_assert(std::size(types) == matrix_nat_count);
  std::array<nat_settings, matrix_nat_count> out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].type = types[i];
    if (types[i] != masquerade) continue;
    out[i].wan = unsolicited::reject;
    out[i].port_range = true;
  }
  return out;
}

/// d: direct. p: direct by predicting ports. s: a race, direct when both start within one one-way
/// delay, else by relay (the laboratory saw both, on a machine under load). r: by relay; the last
/// column's reach it over TLS. Columns as rows: open, full cone, address-restricted,
/// port-restricted, masquerade that rejects, symmetric by address, random, sequential, unfiltered,
/// UDP blocked.
constexpr const char* table[matrix_nat_count] = {
    "dddddddddr", // open; the first letter stands for itself with itself
    "ddddddddr",  //
    "dddddddr",   //
    "dsrrpdr",    //
    "srrsdr",     //
    "rrrdr",      //
    "rrdr",       //
    "rdr",        //
    "dr",         //
    "r",
};

char entry(std::size_t a, std::size_t b) {
  const auto [row, column] = std::minmax(a, b);
  return table[row][column - row];
}

} // namespace

std::string_view to_string(reach how) {
  return how == reach::direct ? "direct" : how == reach::relay ? "relay" : "";
}

std::span<const nat_settings> matrix_nats() {
  static const auto nats = make_nats();
  return nats;
}

reach matrix_expects(std::size_t a, std::size_t b) {
  switch (entry(a, b)) {
  case 'r':
  case 's':
    return reach::relay;
  default:
    return reach::direct;
  }
}

bool matrix_races(std::size_t a, std::size_t b) {
  return entry(a, b) == 's';
}

std::vector<std::vector<std::pair<std::size_t, std::size_t>>> matrix_rounds() {
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> rounds;
  // The circle method: nine NATs and a bye, each meeting each other once in nine rounds.
  for (std::size_t round = 0; round < blocked; ++round) {
    auto& pairs = rounds.emplace_back();
    for (std::size_t a = 0; a < blocked; ++a)
      for (std::size_t b = a; b < blocked; ++b)
        if ((a + b) % blocked == round) pairs.emplace_back(a, b);
  }
  auto& last = rounds.emplace_back();
  for (std::size_t a = 0; a <= blocked; ++a)
    last.emplace_back(a, blocked);
  return rounds;
}

std::string matrix_member(std::size_t nat, char which) {
  return "m" + std::to_string(nat) + which;
}

std::vector<party_carrier> matrix_carriers() {
  nat_settings cone, symmetric, plain;
  cone.type = nat_type::full_cone;
  cone.hairpin = true;
  symmetric.type = nat_type::symmetric;
  return {{"turns", cone}, {"draws", symmetric}, {"plain", plain}};
}

std::vector<party_member> matrix_members() {
  std::vector<party_member> out;
  const auto ipv4 = [&](const std::string& name, const nat_settings& nat, const char* carrier = "",
                        const char* with = "") {
    out.push_back({name, nat, carrier, with, true, false});
  };
  for (std::size_t i = 0; i < matrix_nat_count; ++i)
    for (const char which : {'a', 'b'})
      ipv4(matrix_member(i, which), matrix_nats()[i]);
  const nat_settings plain;
  ipv4("same1", plain);
  ipv4("same2", plain, "", "same1");
  ipv4("home1", plain, "turns");
  ipv4("home2", plain, "turns");
  ipv4("home3", plain, "draws");
  ipv4("home4", plain, "plain");
  ipv4("home5", plain, "plain");
  nat_settings open, symmetric;
  open.ipv6_open = true;
  symmetric.type = nat_type::symmetric;
  for (const char* name : {"closed1", "closed2"})
    out.push_back({name, plain, "", "", false, true});
  for (const char* name : {"ajar1", "ajar2"})
    out.push_back({name, open, "", "", false, true});
  for (const char* name : {"both1", "both2"})
    out.push_back({name, symmetric, "", "", true, true});
  return out;
}

std::vector<matrix_extra> matrix_more() {
  constexpr std::size_t port_restricted = 3; // in matrix_nats()
  const auto other = matrix_member(port_restricted, 'b');
  const std::string carrier = "port-restricted behind a carrier's ";
  const std::string six = "[2001:db8:";
  using enum reach;
  return {
      {"same1", "same2", "one network, port-restricted", "", direct, "10."},
      {"home1", other, carrier + "full cone", "port-restricted", direct},
      {"home4", "home5", "two homes behind one carrier that does not hairpin", "", relay},
      {"closed1", "closed2", "IPv6 behind firewalls", "", direct, six},
      {"ajar1", "ajar2", "IPv6 behind none", "", direct, six},
      {"both1", "both2", "symmetric, IPv6 behind firewalls", "", direct, six},
      {"home1", "home2", "two homes behind one carrier that hairpins", "", direct},
      {"home3", other, carrier + "symmetric", "port-restricted", relay},
      {"closed1", "ajar1", "IPv6 behind a firewall", "IPv6 behind none", direct, six},
      {"closed2", other, "IPv6 alone", "IPv4 alone", relay},
  };
}

} // namespace lanrage::lab
