#include "net/frames.hpp"

#include "net/crypto.hpp"
#include "net/stun.hpp"

#include <algorithm>

namespace lanrage::net {

namespace {

constexpr std::size_t header_octets = 8;
constexpr std::size_t hello_octets = header_octets + 32 + 32;
constexpr std::size_t stranger_refusal_octets = header_octets + 8;
constexpr std::size_t member_refusal_octets = stranger_refusal_octets + 16 + 16;
constexpr std::size_t observed_offset = probe_octets - mac16::size - endpoint_octets;

constexpr std::uint8_t flag_ready = 0x01;
constexpr std::uint8_t flag_nominate = 0x02;
constexpr std::uint8_t flag_doubt = 0x01;

constexpr std::string_view token_label = "lanrage relay token v1";

const auto malformed = fail(errc::bad_frame);
const auto forged = fail(errc::bad_signature);

byte_writer begin(frame_kind kind, std::uint8_t flags = 0) {
  byte_writer out;
  out.u32(frame_magic).u8(static_cast<std::uint8_t>(kind)).u8(flags).u16(0);
  return out;
}

bytes finish(byte_writer& out, const shared_key& key) {
  const auto mac = blake2s_mac(key.reveal(), {out.view()});
  return out.raw(mac.view()).take();
}

/// A frame we could not send is a defect of the caller.
void require(bool holds, const char* what) {
  if (!holds) throw std::length_error(what);
}

bool all_zero(byte_view octets) {
  return std::all_of(octets.begin(), octets.end(), [](auto o) { return o == 0; });
}

/// Starts reading a frame of the given kind that carries no flags.
std::optional<byte_reader> open(byte_view datagram, frame_kind kind) {
  if (datagram.size() > frame_size_max || kind_of(datagram) != kind) return std::nullopt;
  byte_reader in{datagram};
  in.take(5);
  if (in.u8() != 0 || in.u16() != 0) return std::nullopt;
  return in;
}

template <class Opaque>
Opaque read(byte_reader& in) {
  return Opaque{in.array<Opaque::size>()};
}

void write_routes(byte_writer& out, const std::vector<route_claim>& routes) {
  for (const auto& route : routes)
    out.raw(route.index.view()).raw(route.to.view());
}

std::vector<route_claim> read_routes(byte_reader& in, std::size_t count) {
  std::vector<route_claim> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto index = read<session_index>(in);
    out.push_back({index, read<member_hash>(in)});
  }
  return out;
}

/// Probes and path checks have one layout.
struct probe_layout {
  frame_kind asks;
  frame_kind answers;
  std::uint8_t flags; ///< those it may carry
};
constexpr probe_layout as_probe{frame_kind::probe, frame_kind::probe_answer,
                                flag_ready | flag_nominate};
constexpr probe_layout as_check{frame_kind::path_check, frame_kind::path_answer, flag_doubt};

struct probe_fields {
  bool answer = false;
  std::uint8_t flags = 0;
  member_hash from;
  member_hash to;
  probe_transaction transaction{};
  std::uint32_t number = 0;
  endpoint observed;
  std::uint16_t padding = 0;
};

bool has_layout(byte_view datagram, const probe_layout& layout) {
  const auto kind = kind_of(datagram);
  if (kind != layout.asks && kind != layout.answers) return false;
  if (datagram.size() < probe_octets || datagram.size() > frame_size_max) return false;
  if (kind == layout.answers && datagram.size() != probe_octets) return false;
  return (datagram[5] & ~layout.flags) == 0 && datagram[6] == 0 && datagram[7] == 0;
}

bytes write_probe(const probe_layout& layout, const probe_fields& frame, const shared_key& key) {
  const std::size_t padding = frame.answer ? 0 : frame.padding;
  require(padding <= frame_size_max - probe_octets, "probe padding");
  auto out = begin(frame.answer ? layout.answers : layout.asks, frame.flags);
  out.raw(frame.from.view()).raw(frame.to.view()).raw(frame.transaction).u32(frame.number);
  if (frame.answer)
    write(out, frame.observed);
  else
    out.zeros(endpoint_octets);
  out.zeros(padding);
  return finish(out, key);
}

result<probe_fields> read_probe(const probe_layout& layout, byte_view datagram,
                                const shared_key& key) {
  if (!has_layout(datagram, layout)) return malformed;
  probe_fields out;
  out.answer = kind_of(datagram) == layout.answers;
  out.flags = datagram[5];
  out.padding = static_cast<std::uint16_t>(datagram.size() - probe_octets);
  byte_reader in{datagram.subspan(header_octets)};
  out.from = read<member_hash>(in);
  out.to = read<member_hash>(in);
  out.transaction = in.array<12>();
  out.number = in.u32();
  const auto zeros = datagram.subspan(observed_offset, endpoint_octets + out.padding);
  if (out.answer)
    out.observed = read_endpoint(in);
  else if (!all_zero(zeros))
    return malformed;
  if (!verify_frame(datagram, key)) return forged;
  return out;
}

std::uint8_t flag_if(bool holds, std::uint8_t flag) {
  return holds ? flag : std::uint8_t{0};
}

bytes signed_part(const relay_token& token) {
  byte_writer out;
  out.raw(token.member.view()).raw(token.party.view()).raw(token.relay.view());
  out.u64(token.expires_unix_s).u32(token.rate_kbit_s);
  return out.take();
}

bytes signed_text(const relay_token& token) {
  byte_writer out;
  return out.raw(as_bytes(token_label)).raw(signed_part(token)).take();
}

} // namespace

datagram_class classify(byte_view datagram) {
  if (datagram.size() < header_octets) return datagram_class::other;
  byte_reader in{datagram};
  const auto first = in.u32();
  const auto second = in.u32();
  // WireGuard first: the sender index of an initiation may equal STUN's cookie.
  const auto type = first >> 24;
  if (type >= 1 && type <= 4 && (first & 0x00ffffff) == 0) return datagram_class::wireguard;
  if (const auto kind = kind_of(datagram)) {
    const bool probing = *kind <= frame_kind::path_answer;
    return probing ? datagram_class::probe : datagram_class::relay;
  }
  const auto method = first >> 16;
  const bool binding = method == 0x0001 || method == 0x0101 || method == 0x0111;
  if (binding && second == stun::magic_cookie) return datagram_class::stun;
  return datagram_class::other;
}

std::optional<frame_kind> kind_of(byte_view datagram) {
  byte_reader in{datagram};
  const auto magic = in.u32();
  const auto kind = in.u8();
  if (magic != frame_magic || datagram.size() < header_octets) return std::nullopt;
  const bool probing = kind >= 0x01 && kind <= 0x04;
  const bool relaying = kind >= 0x10 && kind <= 0x17;
  if (!probing && !relaying) return std::nullopt;
  return static_cast<frame_kind>(kind);
}

bytes encode(const probe& frame, const shared_key& key) {
  const auto flags = flag_if(frame.ready, flag_ready) | flag_if(frame.nominate, flag_nominate);
  return write_probe(as_probe,
                     {frame.answer, static_cast<std::uint8_t>(flags), frame.from, frame.to,
                      frame.transaction, frame.epoch, frame.observed, frame.padding},
                     key);
}

bytes encode(const path_check& frame, const shared_key& key) {
  return write_probe(as_check,
                     {frame.answer, flag_if(frame.doubt, flag_doubt), frame.from, frame.to,
                      frame.transaction, frame.move, frame.observed, frame.padding},
                     key);
}

std::optional<probe_header> peek_probe(byte_view datagram) {
  if (!has_layout(datagram, as_probe) && !has_layout(datagram, as_check)) return std::nullopt;
  byte_reader in{datagram.subspan(header_octets)};
  const auto from = read<member_hash>(in);
  return probe_header{from, read<member_hash>(in)};
}

result<probe> decode_probe(byte_view datagram, const shared_key& key) {
  const auto read = read_probe(as_probe, datagram, key);
  if (!read) return read.error();
  return probe{read->answer,
               (read->flags & flag_ready) != 0,
               (read->flags & flag_nominate) != 0,
               read->from,
               read->to,
               read->transaction,
               read->number,
               read->observed,
               read->padding};
}

result<path_check> decode_path_check(byte_view datagram, const shared_key& key) {
  const auto read = read_probe(as_check, datagram, key);
  if (!read) return read.error();
  return path_check{read->answer,      (read->flags & flag_doubt) != 0,
                    read->from,        read->to,
                    read->transaction, read->number,
                    read->observed,    read->padding};
}

bytes encode(const relay_token& token) {
  byte_writer out;
  return out.raw(signed_part(token)).raw(token.sig.view()).take();
}

relay_token sign(relay_token token, const token_private_key& key) {
  token.sig = ed25519_sign(key.reveal(), signed_text(token));
  return token;
}

result<relay_token> read_token(byte_view raw) {
  if (raw.size() != relay_token_octets) return malformed;
  byte_reader in{raw};
  relay_token out;
  out.member = read<wg_public_key>(in);
  out.party = read<party_id>(in);
  out.relay = read<relay_id>(in);
  out.expires_unix_s = in.u64();
  out.rate_kbit_s = in.u32();
  out.sig = read<signature>(in);
  return out;
}

result<relay_token> decode_token(byte_view raw, const token_public_key& key) {
  auto token = read_token(raw);
  if (token && !ed25519_verify(key.view(), signed_text(*token), token->sig)) return forged;
  return token;
}

bytes encode(const hello& frame) {
  return begin(frame_kind::hello).raw(frame.member.view()).zeros(32).take();
}

bytes encode(const challenge& frame) {
  return begin(frame_kind::challenge).raw(frame.value.view()).u64(frame.time_unix_ms).take();
}

bytes encode(const registration& frame, const shared_key& key) {
  require(frame.tokens.size() <= tokens_per_frame_max, "tokens");
  require(frame.routes.size() <= routes_per_frame_max, "routes");
  auto out = begin(frame_kind::registration);
  out.raw(frame.member.view()).raw(frame.value.view()).u64(frame.timestamp);
  out.u8(static_cast<std::uint8_t>(frame.tokens.size()));
  for (const auto& token : frame.tokens) {
    require(token.size() == relay_token_octets, "token");
    out.raw(token);
  }
  out.u16(static_cast<std::uint16_t>(frame.routes.size()));
  write_routes(out, frame.routes);
  return finish(out, key);
}

bytes encode(const registered& frame, const shared_key& key) {
  require(frame.routes.size() <= routes_per_frame_max, "routes");
  require(frame.lifetime.count() >= 0 && frame.lifetime.count() <= 0xffff, "lifetime");
  auto out = begin(frame_kind::registered);
  out.u64(frame.timestamp).u16(static_cast<std::uint16_t>(frame.lifetime.count()));
  out.u16(static_cast<std::uint16_t>(frame.routes.size()));
  write(out, frame.observed);
  write_routes(out, frame.routes);
  return finish(out, key);
}

bytes encode(const refused& frame, const shared_key* key) {
  auto out = begin(frame_kind::refused);
  out.u8(static_cast<std::uint8_t>(frame.code)).zeros(3).raw(frame.argument);
  if (!key) return out.take();
  out.raw(frame.value.value_or(cookie{}).view());
  return finish(out, *key);
}

bytes encode(const relay_ping& frame, const shared_key& key) {
  auto out = begin(frame.answer ? frame_kind::pong : frame_kind::ping);
  out.raw(frame.from.view()).u64(frame.nonce).u16(frame.answer ? frame.load : 0);
  return finish(out, key);
}

bytes encode(const bye& frame, const shared_key& key) {
  auto out = begin(frame_kind::bye);
  out.raw(frame.member.view()).u64(frame.timestamp);
  return finish(out, key);
}

result<hello> decode_hello(byte_view datagram) {
  auto in = open(datagram, frame_kind::hello);
  if (!in || datagram.size() != hello_octets) return malformed;
  const hello out{read<wg_public_key>(*in)};
  if (!all_zero(in->take(32)) || !in->done()) return malformed;
  return out;
}

result<challenge> decode_challenge(byte_view datagram) {
  auto in = open(datagram, frame_kind::challenge);
  if (!in) return malformed;
  challenge out;
  out.value = read<cookie>(*in);
  out.time_unix_ms = in->u64();
  if (!in->done()) return malformed;
  return out;
}

result<registration> decode_registration(byte_view datagram) {
  auto in = open(datagram, frame_kind::registration);
  if (!in) return malformed;
  registration out;
  out.member = read<wg_public_key>(*in);
  out.value = read<cookie>(*in);
  out.timestamp = in->u64();
  const auto tokens = in->u8();
  if (!in->ok() || tokens > tokens_per_frame_max) return malformed;
  for (unsigned i = 0; i < tokens; ++i) {
    const auto raw = in->take(relay_token_octets);
    out.tokens.emplace_back(raw.begin(), raw.end());
  }
  const auto routes = in->u16();
  if (!in->ok() || routes > routes_per_frame_max) return malformed;
  out.routes = read_routes(*in, routes);
  in->take(mac16::size);
  if (!in->done()) return malformed;
  return out;
}

result<registered> decode_registered(byte_view datagram, const shared_key& key) {
  auto in = open(datagram, frame_kind::registered);
  if (!in) return malformed;
  registered out;
  out.timestamp = in->u64();
  out.lifetime = std::chrono::seconds{in->u16()};
  const auto routes = in->u16();
  if (!in->ok() || routes > routes_per_frame_max) return malformed;
  out.observed = read_endpoint(*in);
  out.routes = read_routes(*in, routes);
  in->take(mac16::size);
  if (!in->done()) return malformed;
  if (!verify_frame(datagram, key)) return forged;
  return out;
}

result<refused> decode_refused(byte_view datagram, const shared_key& key) {
  auto in = open(datagram, frame_kind::refused);
  if (!in) return malformed;
  const bool member = datagram.size() == member_refusal_octets;
  if (!member && datagram.size() != stranger_refusal_octets) return malformed;
  const auto code = in->u8();
  if (code < static_cast<std::uint8_t>(refusal::unregistered) ||
      code > static_cast<std::uint8_t>(refusal::full) || !all_zero(in->take(3)))
    return malformed;
  refused out;
  out.code = static_cast<refusal>(code);
  out.argument = in->array<4>();
  if (!member) return out;
  out.value = read<cookie>(*in);
  if (!verify_frame(datagram, key)) return forged;
  out.authentic = true;
  return out;
}

result<relay_ping> decode_ping(byte_view datagram) {
  const bool answer = kind_of(datagram) == frame_kind::pong;
  auto in = open(datagram, answer ? frame_kind::pong : frame_kind::ping);
  if (!in) return malformed;
  relay_ping out;
  out.answer = answer;
  out.from = read<member_hash>(*in);
  out.nonce = in->u64();
  out.load = in->u16();
  in->take(mac16::size);
  if (!in->done() || (!answer && out.load != 0)) return malformed;
  return out;
}

result<bye> decode_bye(byte_view datagram) {
  auto in = open(datagram, frame_kind::bye);
  if (!in) return malformed;
  bye out;
  out.member = read<wg_public_key>(*in);
  out.timestamp = in->u64();
  in->take(mac16::size);
  if (!in->done()) return malformed;
  return out;
}

bool verify_frame(byte_view datagram, const shared_key& key) {
  if (datagram.size() < header_octets + mac16::size) return false;
  const auto body = datagram.first(datagram.size() - mac16::size);
  const auto expected = blake2s_mac(key.reveal(), {body});
  return equal_in_constant_time(expected.view(), datagram.last(mac16::size));
}

} // namespace lanrage::net
