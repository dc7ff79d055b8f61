#include "net/control/sealing.hpp"

#include "net/json_fields.hpp"

namespace lanrage::net::control {
namespace {

constexpr std::string_view signature_context = "lanrage record v1";
constexpr std::string_view succession_context = "lanrage key v1";
constexpr std::uint32_t format_version = 1;
constexpr std::size_t name_max = 32;
constexpr std::size_t address_text_max = 64;
constexpr std::uint64_t delay_us_max = 3'600'000'000; // an hour: more is no delay

json::string text_of(std::string_view text) {
  return json::string(json_view(text));
}
template <class Octets>
json::string octets_of(const Octets& value) {
  return text_of(to_base64(value.view()));
}

json::array to_json(const std::vector<candidate>& candidates) {
  json::array out;
  for (const auto& each : candidates)
    out.push_back(json::object{{"kind", text_of(to_string(each.kind))},
                               {"address", text_of(to_string(each.address))}});
  return out;
}

json::array to_json(const std::vector<relay_leg>& legs) {
  json::array out;
  for (const auto& leg : legs)
    out.push_back(json::object{{"relay", octets_of(leg.relay)}, {"rtt_us", leg.rtt.count()}});
  return out;
}

std::chrono::microseconds read_delay(field_reader& in, std::string_view name) {
  return std::chrono::microseconds{in.number(name, delay_us_max)};
}

std::vector<candidate> read_candidates(field_reader& in) {
  std::vector<candidate> out;
  in.each("candidates", candidates_max, [&](field_reader& r) {
    candidate each;
    each.kind = r.parsed("kind", name_max, &parse_candidate_kind, "a candidate kind");
    each.address = r.parsed("address", address_text_max, &endpoint::parse, "ADDRESS:PORT");
    if (!each.address.valid()) r.refuse("address", "a usable address");
    out.push_back(each);
  });
  return out;
}

std::vector<relay_leg> read_legs(field_reader& in) {
  std::vector<relay_leg> out;
  in.each("relays", relays_max, [&](field_reader& r) {
    relay_leg leg;
    leg.relay = r.octets<relay_id>("relay");
    leg.rtt = read_delay(r, "rtt_us");
    out.push_back(leg);
  });
  return out;
}

void check_version(field_reader& in) {
  if (in.number("v", number_max) != format_version) in.refuse("v", "1");
}

std::string record_text(const peer_record& record) {
  json::object out{{"v", format_version},
                   {"party", octets_of(record.party)},
                   {"id", text_of(record.id.str())},
                   {"key", octets_of(record.key)},
                   {"sign_key", octets_of(record.sign_key)},
                   {"address", text_of(to_string(record.address))},
                   {"version", record.version},
                   {"nat", json::object{{"translated", record.nat.translated},
                                        {"mapping", text_of(to_string(record.nat.mapping))},
                                        {"filtering", text_of(to_string(record.nat.filtering))}}},
                   {"candidates", to_json(record.candidates)},
                   {"relays", to_json(record.relays)}};
  if (record.replaces)
    out["replaces"] = json::object{{"key", octets_of(record.replaces->key)},
                                   {"signature", octets_of(record.replaces->sig)}};
  return json::serialize(out);
}

result<peer_record> read_record(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return object.error();
  field_reader in{*object};
  check_version(in);
  peer_record out;
  out.party = in.octets<party_id>("party");
  out.id = in.parsed("id", name_max, &peer_id::parse, "a peer name");
  out.key = in.octets<wg_public_key>("key");
  out.sign_key = in.octets<sign_public_key>("sign_key");
  out.address = in.parsed("address", name_max, &virtual_ip::parse, "an address in 10.66.0.0/16");
  if (out.address.reserved()) in.refuse("address", "no reserved address");
  out.version = in.number("version", number_max);
  field_reader nat{in.object("nat")};
  out.nat.translated = nat.flag("translated");
  out.nat.mapping = nat.parsed("mapping", name_max, &parse_nat_behavior, "a NAT behaviour");
  out.nat.filtering = nat.parsed("filtering", name_max, &parse_nat_behavior, "a NAT behaviour");
  in.adopt(nat, "nat");
  out.candidates = read_candidates(in);
  out.relays = read_legs(in);
  if (in.has("replaces")) {
    field_reader before{in.object("replaces")};
    out.replaces =
        key_succession{before.octets<wg_public_key>("key"), before.octets<signature>("signature")};
    in.adopt(before, "replaces");
  }
  if (!in.ok()) return in.problem();
  return out;
}

json::object to_json(const birthday_offer& offer) {
  return {{"symmetric", offer.symmetric},
          {"seen", text_of(to_string(offer.seen))},
          {"network", offer.network},
          {"with", offer.with}};
}

std::string signal_text(const peer_signal& signal) {
  json::object out{{"v", format_version},
                   {"kind", text_of(to_string(signal.kind))},
                   {"sequence", signal.sequence},
                   {"epoch", signal.epoch},
                   {"ready", signal.ready},
                   {"candidates", to_json(signal.candidates)},
                   {"relays", to_json(signal.relays)},
                   {"control_delay_us", signal.control_delay.count()},
                   {"start_after_us", signal.start_after.count()}};
  if (signal.birthday) out["birthday"] = to_json(*signal.birthday);
  return json::serialize(out);
}

std::uint32_t read_u32(field_reader& in, std::string_view name) {
  return static_cast<std::uint32_t>(in.number(name, std::numeric_limits<std::uint32_t>::max()));
}

birthday_offer read_birthday(field_reader& in) {
  field_reader r{in.object("birthday")};
  birthday_offer out;
  out.symmetric = r.flag("symmetric");
  out.seen = r.parsed("seen", address_text_max, &endpoint::parse, "ADDRESS:PORT");
  if (!out.seen.valid() || !out.seen.address.is_v4()) r.refuse("seen", "an IPv4 address");
  out.network = read_u32(r, "network");
  out.with = read_u32(r, "with");
  in.adopt(r, "birthday");
  return out;
}

result<peer_signal> read_signal(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return object.error();
  field_reader in{*object};
  check_version(in);
  peer_signal out;
  out.kind = in.parsed("kind", name_max, &parse_signal_kind, "a signal kind");
  out.sequence = in.number("sequence", number_max);
  out.epoch = read_u32(in, "epoch");
  out.ready = in.flag("ready");
  out.candidates = read_candidates(in);
  out.relays = read_legs(in);
  out.control_delay = read_delay(in, "control_delay_us");
  out.start_after = read_delay(in, "start_after_us");
  if (in.has("birthday")) out.birthday = read_birthday(in);
  if (!in.ok()) return in.problem();
  return out;
}

bytes joined(std::initializer_list<byte_view> parts) {
  byte_writer out;
  for (const auto& part : parts)
    out.raw(part);
  return out.take();
}

std::string_view text_of_octets(byte_view octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

bytes signed_octets(byte_view text) {
  return joined({as_bytes(signature_context), text});
}

bytes succession_octets(const wg_public_key& from, const wg_public_key& to,
                        const sign_public_key& sign_key) {
  return joined({as_bytes(succession_context), from.view(), to.view(), sign_key.view()});
}

} // namespace

key_succession succeed(const wg_private_key& from, const wg_private_key& to) {
  const auto old = public_key(from);
  const auto said = succession_octets(old, public_key(to), public_key(sign_key_of(to)));
  return {old, ed25519_sign(sign_key_of(from).reveal(), said)};
}

bool succeeds(const peer_record& record, const sign_public_key& former) {
  return record.replaces &&
         ed25519_verify(former.view(),
                        succession_octets(record.replaces->key, record.key, record.sign_key),
                        record.replaces->sig);
}

bytes seal_record(const peer_record& record, const sign_private_key& sign_key,
                  const party_secret& secret, const random_source& random) {
  const auto text = record_text(record);
  const auto sig = ed25519_sign(sign_key.reveal(), signed_octets(as_bytes(text)));
  return seal(record_key(secret), joined({record.party.view(), record.key.view()}),
              joined({sig.view(), as_bytes(text)}), random);
}

result<peer_record> open_record(const sealed_record& envelope, const party_id& party,
                                const party_secret& secret) {
  const auto plain =
      unseal(record_key(secret), joined({party.view(), envelope.key.view()}), envelope.sealed);
  if (!plain) return fail(errc::bad_signature, "the record of " + envelope.id.str());
  byte_reader in{*plain};
  const auto sig = signature{in.array<signature::size>()};
  const auto text = in.take(in.left());
  if (!in.ok()) return fail(errc::bad_message, "a record without signature");
  const auto record = read_record(text_of_octets(text));
  if (!record) return record.error();
  if (!ed25519_verify(record->sign_key.view(), signed_octets(text), sig))
    return fail(errc::bad_signature, "the record of " + envelope.id.str());
  // The envelope is the server's word: it must not put one member's record under another's key.
  if (record->party != party || record->key != envelope.key || record->id != envelope.id ||
      record->version != envelope.version)
    return fail(errc::bad_signature, "the record and its envelope differ: " + envelope.id.str());
  return record;
}

signal_box::signal_box(const wg_private_key& own) : own_(own), public_(public_key(own)) {}

result<shared_key> signal_box::key_with(const wg_public_key& other) {
  if (const auto known = keys_.find(other); known != keys_.end()) return known->second;
  const auto agreed = signal_key(own_, other);
  if (!agreed) return agreed.error();
  if (keys_.size() >= keys_max) keys_.clear();
  return keys_.emplace(other, *agreed).first->second;
}

result<bytes> signal_box::seal(const peer_signal& signal, const party_id& party,
                               const wg_public_key& to, const random_source& random) {
  const auto key = key_with(to);
  if (!key) return key.error();
  return net::seal(*key, joined({party.view(), public_.view(), to.view()}),
                   as_bytes(signal_text(signal)), random);
}

result<peer_signal> signal_box::open(byte_view sealed, const party_id& party,
                                     const wg_public_key& from) {
  const auto key = key_with(from);
  if (!key) return key.error();
  const auto plain = unseal(*key, joined({party.view(), from.view(), public_.view()}), sealed);
  if (!plain) return fail(errc::bad_signature, "a signal");
  return read_signal(text_of_octets(*plain));
}

} // namespace lanrage::net::control
