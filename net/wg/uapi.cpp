#include "net/wg/uapi.hpp"

#include "net/crypto.hpp"
#include "net/wg/dump.hpp"

#include <algorithm>
#include <charconv>

namespace lanrage::net::wg {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && code == std::errc{} && end == text.data() + text.size();
}

std::string to_hex(byte_view octets) {
  std::string out;
  for (const auto octet : octets) {
    out += hex_digits[octet >> 4];
    out += hex_digits[octet & 15];
  }
  return out;
}

/// 64 lower-case digits into 32 octets.
bool read_key(std::string_view text, std::array<std::uint8_t, 32>& out) {
  if (text.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = hex_digits.find(text[2 * i]);
    const auto low = hex_digits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

/// Builds an observation line by line; a `public_key` line starts the next peer.
class uapi_reader {
 public:
  /// What is wrong with the line, or nothing.
  std::string_view take(std::string_view key, std::string_view value) {
    if (key == "public_key") return start_peer(value);
    if (key == "errno") return take_errno(value);
    return in_peer_ ? take_peer(key, value) : take_interface(key, value);
  }

  result<observation> finish() {
    finish_peer();
    if (!errno_) return fail(errc::wg_refused, "WireGuard's answer has no errno line");
    if (*errno_ != 0)
      return fail(errc::wg_refused, "WireGuard answered errno " + std::to_string(*errno_));
    if (!order_peers(seen_))
      return fail(errc::wg_refused, "WireGuard's answer: a key occurs twice");
    return std::move(seen_);
  }

 private:
  std::string_view start_peer(std::string_view value) {
    finish_peer();
    if (seen_.peers.size() == peers_max) return "more peers than we take";
    in_peer_ = true;
    handshake_ = {};
    seen_.peers.emplace_back();
    return read_key(value, seen_.peers.back().key.octets) ? "" : "the public key is none";
  }

  void finish_peer() {
    if (in_peer_ && handshake_.count() != 0) seen_.peers.back().latest_handshake = handshake_;
  }

  std::string_view take_errno(std::string_view value) {
    int number = 0;
    if (!read_number(value, number)) return "the errno is no number";
    errno_ = number;
    return "";
  }

  std::string_view take_interface(std::string_view key, std::string_view value) {
    if (key == "private_key") {
      std::array<std::uint8_t, 32> raw{};
      if (!read_key(value, raw)) return "the private key is none";
      seen_.own = public_key(wg_private_key{raw});
      std::fill_n(static_cast<volatile std::uint8_t*>(raw.data()), raw.size(), std::uint8_t{0});
    } else if (key == "listen_port") {
      if (!read_number(value, seen_.listen_port)) return "the listen port is no port";
    } else if (key == "fwmark") {
      if (!read_number(value, seen_.fwmark)) return "the fwmark is no number";
    }
    return "";
  }

  std::string_view take_peer(std::string_view key, std::string_view value) {
    auto& peer = seen_.peers.back();
    if (key == "endpoint") {
      peer.where = parse_endpoint(value);
      if (!peer.where) return "the endpoint is none";
    } else if (key == "allowed_ip") {
      if (value.find('/') == std::string_view::npos) return "an allowed IP without length";
      if (peer.allowed_ips.size() == allowed_ips_max) return "more allowed IPs than we take";
      peer.allowed_ips.emplace_back(value);
    } else if (key == "rx_bytes") {
      if (!read_number(value, peer.rx)) return "the counter is no number";
    } else if (key == "tx_bytes") {
      if (!read_number(value, peer.tx)) return "the counter is no number";
    } else if (key == "last_handshake_time_sec") {
      std::uint32_t seconds = 0;
      if (!read_number(value, seconds)) return "the handshake's time is no number of seconds";
      handshake_ += std::chrono::seconds{seconds};
    } else if (key == "last_handshake_time_nsec") {
      std::uint32_t nanoseconds = 0;
      if (!read_number(value, nanoseconds) || nanoseconds >= 1'000'000'000)
        return "the handshake's time is no number of nanoseconds";
      handshake_ += std::chrono::nanoseconds{nanoseconds};
    } else if (key == "persistent_keepalive_interval") {
      std::uint16_t every = 0;
      if (!read_number(value, every)) return "the keepalive is no number of seconds";
      peer.keepalive = std::chrono::seconds{every};
    }
    return "";
  }

  observation seen_;
  bool in_peer_ = false;
  std::chrono::nanoseconds handshake_{};
  std::optional<int> errno_;
};

} // namespace

bool uapi_complete(std::string_view text) {
  return text.ends_with("\n\n") || text == "\n";
}

void redact(std::string& answer) {
  for (const std::string_view name : {"private_key=", "preshared_key="}) {
    for (auto at = answer.find(name); at != std::string::npos; at = answer.find(name, at)) {
      at += name.size();
      volatile char* octets = answer.data();
      for (; at < answer.size() && answer[at] != '\n'; ++at)
        octets[at] = '0';
    }
  }
}

result<observation> parse_uapi(std::string_view answer) {
  if (answer.size() > text_max) return fail(errc::wg_refused, "WireGuard's answer: over 16 MiB");
  if (!uapi_complete(answer)) return fail(errc::wg_refused, "WireGuard's answer is cut off");
  uapi_reader reader;
  for (std::size_t number = 1; !answer.empty() && answer.front() != '\n'; ++number) {
    const auto end = answer.find('\n');
    const auto line = answer.substr(0, end);
    answer.remove_prefix(end + 1);
    const auto equals = line.find('=');
    const auto wrong = equals == std::string_view::npos
                           ? "it has no '='"
                           : reader.take(line.substr(0, equals), line.substr(equals + 1));
    // The line itself may hold a key: name the place only.
    if (!wrong.empty())
      return fail(errc::wg_refused,
                  "WireGuard's answer, line " + std::to_string(number) + ": " + std::string{wrong});
  }
  return reader.finish();
}

std::optional<error> parse_uapi_set(std::string_view answer) {
  if (answer == "errno=0\n\n") return std::nullopt;
  int number = 0;
  if (uapi_complete(answer) && answer.starts_with("errno=") &&
      read_number(answer.substr(6, answer.size() - 8), number))
    return fail(errc::wg_refused, "WireGuard answered errno " + std::to_string(number));
  return fail(errc::wg_refused, "WireGuard's answer to a change cannot be read");
}

std::string uapi_set_endpoints(const std::vector<change>& changes) {
  std::string out = "set=1\n";
  for (const auto& step : changes) {
    if (step.kind != change_kind::endpoint || !step.where) continue;
    out += "public_key=" + to_hex(step.key.view()) +
           "\nupdate_only=true\nendpoint=" + to_string(*step.where) + "\n";
  }
  return out + "\n";
}

} // namespace lanrage::net::wg
