#include "net/wg/dump.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace lanrage::net::wg {

namespace {

/// Splits off the part before the next separator and advances past it.
std::string_view next_field(std::string_view& rest, char separator) {
  const auto at = rest.find(separator);
  const auto field = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return field;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class dump_line {
 public:
  dump_line(std::size_t number, std::string_view text) : number_(number), text_(text) {}

  /// Exactly N fields, or the error that says how many there were.
  template <std::size_t N>
  result<std::array<std::string_view, N>> fields() const {
    const auto count = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\t')) + 1;
    if (count != N)
      return wrong(std::to_string(count) + " fields where " + std::to_string(N) + " belong");
    std::array<std::string_view, N> out;
    auto rest = text_;
    for (auto& field : out)
      field = next_field(rest, '\t');
    return out;
  }

  /// Names the place, never the text: a field may be a key.
  error wrong(const std::string& what) const {
    return fail(errc::wg_refused, "wg show dump, line " + std::to_string(number_) + ": " + what);
  }

 private:
  std::size_t number_;
  std::string_view text_;
};

result<observation> parse_interface(const dump_line& line) {
  const auto fields = line.fields<4>();
  if (!fields) return fields.error();
  const auto& [private_key, public_key, port, mark] = *fields;
  observation seen;
  if (public_key != "(none)") {
    const auto own = wg_public_key::parse(public_key);
    if (!own) return line.wrong("the public key is none");
    if (private_key == "(none)") return line.wrong("a public key without a private one");
    seen.own = *own;
  }
  const auto number = parse_number<std::uint16_t>(port);
  if (!number) return line.wrong("the listen port is no number up to 65535");
  seen.listen_port = *number;
  if (mark != "off") {
    const auto value =
        mark.starts_with("0x") ? parse_number<std::uint32_t>(mark.substr(2), 16) : std::nullopt;
    if (!value) return line.wrong("the fwmark is neither off nor a hexadecimal number");
    seen.fwmark = *value;
  }
  return seen;
}

std::optional<error> parse_allowed_ips(const dump_line& line, std::string_view text,
                                       std::vector<std::string>& out) {
  if (text == "(none)") return std::nullopt;
  while (!text.empty()) {
    const auto one = next_field(text, ',');
    if (one.find('/') == std::string_view::npos) return line.wrong("an allowed IP without length");
    if (out.size() == allowed_ips_max) return line.wrong("more allowed IPs than we take");
    out.emplace_back(one);
  }
  if (out.empty()) return line.wrong("the allowed IPs are empty");
  return std::nullopt;
}

result<peer_state> parse_peer(const dump_line& line) {
  const auto fields = line.fields<8>();
  if (!fields) return fields.error();
  const auto& [key, preshared, where, allowed, handshake, rx, tx, keepalive] = *fields;
  peer_state peer;
  const auto parsed_key = wg_public_key::parse(key);
  if (!parsed_key) return line.wrong("the peer's public key is none");
  peer.key = *parsed_key;
  if (where != "(none)") {
    peer.where = parse_endpoint(where);
    if (!peer.where) return line.wrong("the endpoint is none");
  }
  if (auto bad = parse_allowed_ips(line, allowed, peer.allowed_ips)) return *bad;
  const auto seconds = parse_number<std::uint32_t>(handshake);
  if (!seconds) return line.wrong("the latest handshake is no number of seconds");
  if (*seconds != 0) peer.latest_handshake = std::chrono::seconds{*seconds};
  const auto received = parse_number<std::uint64_t>(rx);
  const auto sent = parse_number<std::uint64_t>(tx);
  if (!received || !sent) return line.wrong("a counter is no number of octets");
  peer.rx = *received;
  peer.tx = *sent;
  if (keepalive != "off") {
    const auto every = parse_number<std::uint16_t>(keepalive);
    if (!every) return line.wrong("the keepalive is neither off nor a number of seconds");
    peer.keepalive = std::chrono::seconds{*every};
  }
  return peer;
}

} // namespace

std::optional<endpoint> parse_endpoint(std::string_view text) {
  const auto scope = text.find('%');
  if (scope == std::string_view::npos) return endpoint::parse(text);
  const auto bracket = text.find(']', scope);
  if (!text.starts_with('[') || bracket == std::string_view::npos) return std::nullopt;
  return endpoint::parse(std::string{text.substr(0, scope)}.append(text.substr(bracket)));
}

bool order_peers(observation& seen) {
  std::sort(seen.peers.begin(), seen.peers.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  return std::adjacent_find(seen.peers.begin(), seen.peers.end(), [](const auto& a, const auto& b) {
           return a.key == b.key;
         }) == seen.peers.end();
}

const peer_state* find_peer(const observation& seen, const wg_public_key& key) {
  const auto at =
      std::lower_bound(seen.peers.begin(), seen.peers.end(), key,
                       [](const auto& peer, const auto& wanted) { return peer.key < wanted; });
  return at != seen.peers.end() && at->key == key ? &*at : nullptr;
}

result<observation> parse_dump(std::string_view text) {
  if (text.size() > text_max) return fail(errc::wg_refused, "wg show dump: more than 16 MiB");
  if (text.empty()) return fail(errc::wg_refused, "wg show dump: no output");
  if (text.back() != '\n') return fail(errc::wg_refused, "wg show dump: the last line is cut off");
  auto seen = parse_interface({1, next_field(text, '\n')});
  for (std::size_t number = 2; seen && !text.empty(); ++number) {
    const dump_line line{number, next_field(text, '\n')};
    if (seen->peers.size() == peers_max) return line.wrong("more peers than we take");
    auto peer = parse_peer(line);
    if (!peer) return peer.error();
    seen->peers.push_back(std::move(*peer));
  }
  if (seen && !order_peers(*seen))
    return fail(errc::wg_refused, "wg show dump: a key occurs twice");
  return seen;
}

} // namespace lanrage::net::wg
