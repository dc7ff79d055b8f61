#include "net/relay/routing.hpp"

#include <algorithm>

/// The saved state of a relay, in network order. Ages are seconds before the moment of saving, so
/// that a restart counts the time it was down:
///   "LNRS" | u8 version | relay key 32 | token key 32 | u64 saved at (ms since 1970)
///   | u8 cookies follow | [secret 32 | secret before 32 | u32 age]
///   | u32 departed | departed x (key 32 | u64 timestamp | u32 age)
///   | members x (u8 1 | key 32 | u64 timestamp | u32 age | address 18
///       | u8 parties | parties x (id 16 | u64 token expires | u32 rate)
///       | u16 routes | routes x (index 4 | to 8 | u8 proven | u16 age)) | u8 0
///   | BLAKE2s-256 of all before
namespace lanrage::net::relay {

namespace {

constexpr std::uint32_t magic = 0x4C4E5253; // "LNRS"
constexpr std::uint8_t version = 1;

template <class Number>
Number age(steady_time then, steady_time now) {
  const auto passed = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  return static_cast<Number>(
      std::clamp<std::int64_t>(passed, 0, std::numeric_limits<Number>::max()));
}

template <class Opaque>
Opaque read(byte_reader& in) {
  return Opaque{in.array<Opaque::size>()};
}

struct saved_member {
  wg_public_key key;
  std::uint64_t timestamp = 0;
  std::chrono::seconds age{};
  endpoint address;
  struct party {
    party_id id;
    std::uint64_t expires_unix_s = 0;
    std::uint32_t rate_kbit_s = 0;
  };
  std::vector<party> parties;
  std::vector<route> routes;
};

saved_member read_member(byte_reader& in, steady_time saved_at) {
  saved_member out;
  out.key = read<wg_public_key>(in);
  out.timestamp = in.u64();
  out.age = std::chrono::seconds{in.u32()};
  out.address = read_endpoint(in);
  for (unsigned left = in.u8(); left > 0 && in.ok(); --left) {
    const auto id = read<party_id>(in);
    const auto expires = in.u64();
    out.parties.push_back({id, expires, in.u32()});
  }
  for (unsigned left = in.u16(); left > 0 && in.ok(); --left) {
    route r;
    r.index = read<session_index>(in);
    r.to = read<member_hash>(in);
    r.proven = in.u8() != 0;
    r.used = saved_at - std::chrono::seconds{in.u16()};
    out.routes.push_back(r);
  }
  return out;
}

void write_member(byte_writer& out, const member& who, const member_table& table, steady_time now) {
  out.raw(who.key.view()).u64(who.timestamp).u32(age<std::uint32_t>(who.heard, now));
  write(out, is_flow(who.address) ? endpoint{} : who.address); // streams end with the process
  out.u8(static_cast<std::uint8_t>(who.parties.size()));
  for (const auto& m : who.parties)
    out.raw(table.party_id_of(m).view()).u64(m.token_expires_unix_s).u32(m.rate_kbit_s);
  out.u16(static_cast<std::uint16_t>(who.routes.size()));
  for (const auto& r : who.routes.all())
    out.raw(r.index.view()).raw(r.to.view()).u8(r.proven).u16(age<std::uint16_t>(r.used, now));
}

} // namespace

snapshot_writer::snapshot_writer(const relay_core& of, instant now, bool cookies) : now_(now) {
  out_.u32(magic).u8(version).raw(of.public_key_.view()).raw(of.tokens_.view());
  out_.u64(static_cast<std::uint64_t>(now.unix.time_since_epoch().count()));
  out_.u8(cookies ? 1 : 0);
  if (cookies)
    out_.raw(of.cookie_secret_.reveal())
        .raw(of.cookie_secret_before_.reveal())
        .u32(age<std::uint32_t>(of.cookies_since_, now.steady));
  const auto& gone = of.members_.departures();
  out_.u32(static_cast<std::uint32_t>(gone.size()));
  for (const auto& one : gone)
    out_.raw(one.key.view()).u64(one.timestamp).u32(age<std::uint32_t>(one.left, now.steady));
}

bool snapshot_writer::step(const relay_core& of, std::size_t places) {
  const auto end = std::min(next_ + places, of.members_.capacity());
  for (; next_ < end; ++next_) {
    const auto* who = of.members_.in(static_cast<slot>(next_), now_.steady);
    if (!who) continue;
    out_.u8(1);
    write_member(out_, *who, of.members_, now_.steady);
  }
  return next_ >= of.members_.capacity();
}

bytes snapshot_writer::take() {
  out_.u8(0);
  return out_.take();
}

bytes sealed_snapshot(bytes body) {
  const auto sum = blake2s({body});
  body.insert(body.end(), sum.begin(), sum.end());
  return body;
}

bytes relay_core::snapshot(instant now, bool cookies) const {
  snapshot_writer out{*this, now, cookies};
  out.step(*this, members_.capacity());
  return sealed_snapshot(out.take());
}

result<void> relay_core::restore(byte_view saved, instant now) {
  const auto unusable = [](const char* why) { return fail(errc::bad_state, why); };
  digest32 sum{};
  if (saved.size() < sum.size()) return unusable("the saved relay state is cut short");
  const auto body = saved.first(saved.size() - sum.size());
  sum = blake2s({body});
  if (!equal_in_constant_time(sum, saved.last(sum.size())))
    return unusable("the saved relay state is damaged");
  byte_reader in{body};
  if (in.u32() != magic || in.u8() != version)
    return unusable("the saved relay state is of another version");
  if (read<relay_public_key>(in) != public_key_ || read<token_public_key>(in) != tokens_)
    return unusable("the saved relay state is of another relay or token key");

  const unix_time saved_unix{std::chrono::milliseconds{static_cast<std::int64_t>(in.u64())}};
  const auto down = std::max(now.unix - saved_unix, std::chrono::milliseconds{0});
  const auto saved_at = now.steady - down;
  if (in.u8() != 0) {
    cookie_secret_ = *shared_key::from(in.array<shared_key::size>());
    cookie_secret_before_ = *shared_key::from(in.array<shared_key::size>());
    cookies_since_ = saved_at - std::chrono::seconds{in.u32()};
    cookies_dated_ = true;
  }
  for (auto left = in.u32(); left > 0 && in.ok(); --left) {
    const auto key = read<wg_public_key>(in);
    const auto timestamp = in.u64();
    members_.restore_departed(key, timestamp, saved_at - std::chrono::seconds{in.u32()});
  }
  while (in.ok() && in.u8() != 0) {
    const auto said = read_member(in, saved_at);
    auto* who = in.ok() ? members_.add(said.key, saved_at - said.age) : nullptr;
    if (!who) continue;
    who->timestamp = std::max(who->timestamp, said.timestamp);
    for (const auto& p : said.parties)
      members_.join(*who, p.id, p.expires_unix_s, p.rate_kbit_s);
    if (said.address.valid()) members_.move(*who, said.address, 0);
    for (const auto& r : said.routes) {
      if (!members_.room_for_routes()) break;
      who->routes.restore(r);
      members_.count_routes(1);
    }
  }
  gauge();
  return {};
}

} // namespace lanrage::net::relay
