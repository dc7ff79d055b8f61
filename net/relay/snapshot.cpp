#include "net/relay/routing.hpp"

#include <algorithm>

/// The saved state of a relay, in network order. Ages are seconds before the moment of saving, so
/// that a restart counts the time it was down:
///   "LNRS" | u8 version | relay key 32 | token key 32 | u64 saved at (ms since 1970)
///   | u8 cookies follow | [secret 32 | secret before 32 | u32 age]
///   | u32 departed | departed x (key 32 | u64 timestamp | u32 age)
///   | u32 members | members x (key 32 | u64 timestamp | u32 age | address 18
///       | u8 parties | parties x (id 16 | u64 token expires | u32 rate)
///       | u16 routes | routes x (index 4 | to 8 | u8 proven | u16 age))
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
  write(out, who.address);
  out.u8(static_cast<std::uint8_t>(who.parties.size()));
  for (const auto& m : who.parties)
    out.raw(table.party_id_of(m).view()).u64(m.token_expires_unix_s).u32(m.rate_kbit_s);
  out.u16(static_cast<std::uint16_t>(who.routes.size()));
  for (const auto& r : who.routes.all())
    out.raw(r.index.view()).raw(r.to.view()).u8(r.proven).u16(age<std::uint16_t>(r.used, now));
}

} // namespace

bytes relay_core::snapshot(instant now, bool cookies) const {
  byte_writer out;
  out.u32(magic).u8(version).raw(public_key_.view()).raw(tokens_.view());
  out.u64(static_cast<std::uint64_t>(now.unix.time_since_epoch().count()));
  out.u8(cookies ? 1 : 0);
  if (cookies)
    out.raw(cookie_secret_.reveal())
        .raw(cookie_secret_before_.reveal())
        .u32(age<std::uint32_t>(cookies_since_, now.steady));
  out.u32(static_cast<std::uint32_t>(members_.departures().size()));
  for (const auto& gone : members_.departures())
    out.raw(gone.key.view()).u64(gone.timestamp).u32(age<std::uint32_t>(gone.left, now.steady));
  std::vector<const member*> live;
  for (slot place = 0; place < members_.capacity(); ++place)
    if (const auto* who = members_.in(place, now.steady)) live.push_back(who);
  out.u32(static_cast<std::uint32_t>(live.size()));
  for (const auto* who : live)
    write_member(out, *who, members_, now.steady);
  const auto sum = blake2s({out.view()});
  return out.raw(sum).take();
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
  for (auto left = in.u32(); left > 0 && in.ok(); --left) {
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
  count_.members = members_.size();
  count_.parties = members_.party_count();
  count_.routes = members_.route_count();
  return {};
}

} // namespace lanrage::net::relay
