#include "net/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace lanrage::net {

namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// Decimal without sign, spaces or leading zeros, at most 65535.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  std::uint32_t value = 0;
  const auto end = text.data() + text.size();
  const auto [at, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc{} || at != end || value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

} // namespace

ip_address ip_address::v4(std::uint32_t host_order) {
  ip_address out;
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), out.octets_.begin());
  for (std::size_t i = 0; i < 4; ++i)
    out.octets_[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return out;
}

ip_address ip_address::v6(const std::array<std::uint8_t, 16>& octets) {
  ip_address out;
  out.octets_ = octets;
  return out;
}

std::optional<ip_address> ip_address::parse(std::string_view text) {
  // inet_pton wants a terminated string; nothing longer than this can be an address.
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated{text};
  in_addr four{};
  if (::inet_pton(AF_INET, terminated.c_str(), &four) == 1) return v4(ntohl(four.s_addr));
  std::array<std::uint8_t, 16> six{};
  if (::inet_pton(AF_INET6, terminated.c_str(), six.data()) == 1) return v6(six);
  return std::nullopt;
}

bool ip_address::is_v4() const {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), octets_.begin());
}

bool ip_address::is_unspecified() const {
  return *this == ip_address{} || *this == v4(INADDR_ANY);
}

bool ip_address::is_loopback() const {
  if (is_v4()) return octets_[12] == 127;
  return std::all_of(octets_.begin(), octets_.end() - 1, [](auto o) { return o == 0; }) &&
         octets_[15] == 1;
}

bool ip_address::is_private() const {
  if (!is_v4()) return (octets_[0] & 0xfe) == 0xfc;
  const auto a = octets_[12], b = octets_[13];
  return a == 10 || (a == 172 && (b & 0xf0) == 16) || (a == 192 && b == 168) ||
         (a == 100 && (b & 0xc0) == 64);
}

bool ip_address::is_link_local() const {
  if (is_v4()) return octets_[12] == 169 && octets_[13] == 254;
  return octets_[0] == 0xfe && (octets_[1] & 0xc0) == 0x80;
}

std::uint32_t ip_address::to_v4() const {
  std::uint32_t value = 0;
  for (std::size_t i = 12; i < 16; ++i)
    value = (value << 8) | octets_[i];
  return value;
}

std::optional<endpoint> endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  // Brackets belong to IPv6 and only to it, else "::1:80" could be read two ways.
  if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
  const auto address = ip_address::parse(host);
  const auto port = parse_port(text.substr(colon + 1));
  if (!address || !port) return std::nullopt;
  return endpoint{*address, *port};
}

std::string to_string(const ip_address& address) {
  char text[INET6_ADDRSTRLEN]{};
  if (!address.is_v4()) return ::inet_ntop(AF_INET6, address.octets().data(), text, sizeof text);
  // As inet_ntop, which formats by printf and is what simulations of many members spend time in.
  char* end = text;
  for (std::size_t i = 12; i < 16; ++i) {
    if (i > 12) *end++ = '.';
    end = std::to_chars(end, text + sizeof text, address.octets()[i]).ptr;
  }
  return {text, end};
}

std::string to_string(const endpoint& where) {
  const auto port = std::to_string(where.port);
  const auto host = to_string(where.address);
  return where.address.is_v4() ? host + ":" + port : "[" + host + "]:" + port;
}

void write(byte_writer& out, const endpoint& where) {
  out.raw(where.address.octets()).u16(where.port);
}

endpoint read_endpoint(byte_reader& in) {
  const auto address = ip_address::v6(in.array<16>());
  return {address, in.u16()};
}

} // namespace lanrage::net
