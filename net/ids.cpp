#include "net/ids.hpp"

#include <algorithm>

namespace lanrage::net {

namespace {

constexpr std::size_t peer_id_max = 32;
constexpr std::uint32_t network = 0x0a420000; // 10.66.0.0/16
constexpr std::uint32_t network_mask = 0xffff0000;

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/// Fowler-Noll-Vo 1a, 64 bit: the published offset basis and prime.
std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto octet : as_bytes(text))
    hash = (hash ^ octet) * 0x100000001b3;
  return hash;
}

} // namespace

std::optional<peer_id> peer_id::parse(std::string_view text) {
  if (text.empty() || text.size() > peer_id_max) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), allowed)) return std::nullopt;
  if (text.front() == '-' || text.back() == '-') return std::nullopt;
  peer_id out;
  out.name_ = text;
  return out;
}

virtual_ip virtual_ip::derive(const peer_id& id, std::uint32_t attempt) {
  const auto text = attempt == 0 ? id.str() : id.str() + "#" + std::to_string(attempt);
  const auto hash = fnv1a(text);
  const auto third = static_cast<std::uint32_t>((hash >> 8) & 0xff);
  auto fourth = static_cast<std::uint32_t>(hash & 0xff);
  if (fourth <= 1) fourth = 2;
  virtual_ip out;
  out.value_ = network | (third << 8) | fourth;
  return out;
}

std::optional<virtual_ip> virtual_ip::parse(std::string_view text) {
  const auto address = ip_address::parse(text);
  if (!address || !address->is_v4() || text.find(':') != std::string_view::npos)
    return std::nullopt;
  if ((address->to_v4() & network_mask) != network) return std::nullopt;
  virtual_ip out;
  out.value_ = address->to_v4();
  return out;
}

bool virtual_ip::reserved() const {
  return (value_ & 0xffff) == 0xffff || (value_ & 0xff) <= 1;
}

std::string to_string(const virtual_ip& address) {
  return to_string(address.address());
}

} // namespace lanrage::net
