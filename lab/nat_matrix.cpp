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

} // namespace lanrage::lab
