#include "net/record.hpp"

#include "net/crypto.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace lanrage::net {

namespace {

template <class Enum, std::size_t N>
using names = std::array<std::pair<Enum, std::string_view>, N>;

template <class Enum, std::size_t N>
std::string_view text_of(const names<Enum, N>& table, Enum value) {
  for (const auto& [known, text] : table)
    if (known == value) return text;
  return "unknown";
}

template <class Enum, std::size_t N>
std::optional<Enum> value_of(const names<Enum, N>& table, std::string_view text) {
  for (const auto& [known, name] : table)
    if (name == text) return known;
  return std::nullopt;
}

constexpr names<candidate_kind, 3> candidate_kinds{{
    {candidate_kind::host, "host"},
    {candidate_kind::server_reflexive, "server_reflexive"},
    {candidate_kind::peer_reflexive, "peer_reflexive"},
}};

constexpr names<nat_behavior, 4> nat_behaviors{{
    {nat_behavior::unknown, "unknown"},
    {nat_behavior::endpoint_independent, "endpoint_independent"},
    {nat_behavior::address_dependent, "address_dependent"},
    {nat_behavior::address_and_port_dependent, "address_and_port_dependent"},
}};

constexpr names<signal_kind, 4> signal_kinds{{
    {signal_kind::offer, "offer"},
    {signal_kind::punch, "punch"},
    {signal_kind::reset, "reset"},
    {signal_kind::bye, "bye"},
}};

} // namespace

std::string_view to_string(candidate_kind kind) {
  return text_of(candidate_kinds, kind);
}
std::optional<candidate_kind> parse_candidate_kind(std::string_view text) {
  return value_of(candidate_kinds, text);
}

std::string_view to_string(nat_behavior behavior) {
  return text_of(nat_behaviors, behavior);
}
std::optional<nat_behavior> parse_nat_behavior(std::string_view text) {
  return value_of(nat_behaviors, text);
}

std::string_view to_string(signal_kind kind) {
  return text_of(signal_kinds, kind);
}
std::optional<signal_kind> parse_signal_kind(std::string_view text) {
  return value_of(signal_kinds, text);
}

bool valid_tls_name(std::string_view name) {
  return name.size() <= relay_tls_name_max && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.';
         });
}

relay_id relay_info::id() const {
  return id_of(key);
}

std::string_view classic_name(const nat_report& nat) {
  if (nat.mapping == nat_behavior::unknown) return "unknown";
  if (!nat.translated)
    return nat.filtering <= nat_behavior::endpoint_independent ? "open" : "firewalled";
  if (nat.mapping != nat_behavior::endpoint_independent) return "symmetric";
  switch (nat.filtering) {
  case nat_behavior::endpoint_independent:
    return "full cone";
  case nat_behavior::address_dependent:
    return "address-restricted";
  case nat_behavior::address_and_port_dependent:
    return "port-restricted";
  default:
    return "cone";
  }
}

} // namespace lanrage::net
