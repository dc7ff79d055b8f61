#pragma once

#include "messages/connections.hpp"

#include <chrono>
#include <string>

/// Two members and two relays that every peer test knows.
namespace lanrage::test {

using namespace std::chrono_literals;

/// alice's key is the smaller one: she initiates.
inline net::wg_public_key key_of(std::uint8_t n) {
  net::wg_public_key key;
  key.octets.fill(n);
  return key;
}
inline const net::wg_public_key alice_key = key_of(1);
inline const net::wg_public_key bob_key = key_of(2);

inline net::endpoint at(const std::string& text) {
  return *net::endpoint::parse(text);
}
inline const net::endpoint alice_at = at("198.51.100.1:51820");
inline const net::endpoint bob_at = at("203.0.113.2:51820");
inline const net::endpoint relay1_at = at("192.0.2.11:51820");
inline const net::endpoint relay2_at = at("192.0.2.12:51820");

inline net::relay_id relay_number(std::uint8_t n) {
  net::relay_id id;
  id.octets.fill(n);
  return id;
}
inline msg::relay_choice relay1(std::chrono::microseconds rtt = 60ms) {
  return {relay_number(1), "relay1", relay1_at, rtt};
}
inline msg::relay_choice relay2(std::chrono::microseconds rtt = 80ms) {
  return {relay_number(2), "relay2", relay2_at, rtt};
}
inline std::vector<net::relay_leg> both_legs() {
  return {{relay_number(1), 30ms}, {relay_number(2), 40ms}};
}

inline net::peer_record record_of(const std::string& name, std::uint8_t n) {
  net::peer_record record;
  record.party.octets.fill(7);
  record.id = *net::peer_id::parse(name);
  record.key = key_of(n);
  record.address = *net::virtual_ip::parse("10.66.1." + std::to_string(10 + n));
  record.version = 1;
  return record;
}
inline msg::saved_peer saved_of(const net::peer_record& record) {
  msg::saved_peer saved;
  saved.record = record;
  return saved;
}

inline net::candidate candidate_at(const net::endpoint& where) {
  return {net::candidate_kind::server_reflexive, where};
}

} // namespace lanrage::test
