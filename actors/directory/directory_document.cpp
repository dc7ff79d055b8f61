#include "actors/directory/directory_document.hpp"

#include "net/crypto.hpp"
#include "net/json_fields.hpp"

namespace lanrage::actors {

namespace {

namespace control = net::control;
namespace json = boost::json;
using net::field_reader;
using net::json_view;

constexpr std::uint32_t document_version = 1;
constexpr std::size_t name_max = 32;
constexpr std::size_t line_max = 1'024;
constexpr std::size_t members_max = 1'000;
/// More than a member may be in: those that are being left count, too.
constexpr std::size_t parties_max = 64;
constexpr std::size_t relays_text_max = 256 * 1'024;

json::string text_of(std::string_view text) {
  return json::string(json_view(text));
}

json::object to_json(const saved_member& member) {
  const auto& envelope = *member.envelope;
  return {{"key", text_of(to_string(envelope.key))},
          {"id", text_of(envelope.id.str())},
          {"version", envelope.version},
          {"sealed", text_of(net::to_base64(envelope.sealed))},
          {"heard_ms", member.heard.count()},
          {"sequence", member.sequence},
          {"lan_counter", member.lan_counter}};
}

json::object to_json(const saved_party& party) {
  json::array members;
  for (const auto& member : party.members)
    members.push_back(to_json(member));
  return {{"name", text_of(party.name)},
          {"as", text_of(party.as.str())},
          {"id", text_of(net::to_base64(net::id_of(party.secret).octets))},
          {"secret", text_of(net::to_base64(party.secret.reveal()))},
          {"leaving", party.leaving},
          {"members", std::move(members)}};
}

saved_member read_member(field_reader& in) {
  saved_member out;
  control::sealed_record envelope;
  envelope.key = in.octets<net::wg_public_key>("key");
  envelope.id = in.parsed("id", name_max, &net::peer_id::parse, "a peer name");
  envelope.version = in.number("version", net::number_max);
  envelope.sealed = in.blob("sealed", control::sealed_max);
  out.envelope = std::move(envelope);
  out.heard = msg::unix_ms{in.number("heard_ms", net::number_max)};
  out.sequence = in.number("sequence", net::number_max);
  if (in.has("lan_counter")) out.lan_counter = in.number("lan_counter", net::number_max);
  return out;
}

saved_party read_party(field_reader& in) {
  saved_party out;
  out.name = in.text("name", name_max);
  if (!control::valid_party_name(out.name)) in.refuse("name", "a party name");
  out.as = in.parsed("as", name_max, &net::peer_id::parse, "a peer name");
  out.secret = net::party_secret{in.array_of<net::party_secret::size>("secret")};
  // A secret that a disk damaged is one of another party, of which nobody knows.
  if (in.has("id") && in.octets<net::party_id>("id") != net::id_of(out.secret))
    in.refuse("secret", "the secret of that party");
  out.leaving = in.flag("leaving");
  in.each("members", members_max, [&](field_reader& r) { out.members.push_back(read_member(r)); });
  return out;
}

void read_relays(field_reader& in, saved_directory& out) {
  // Written as the server says it, so that one reader checks both.
  const auto message = control::decode_server(in.text("relays", relays_text_max));
  const auto* relays = message ? std::get_if<control::relays_changed>(&*message) : nullptr;
  if (relays == nullptr) return in.refuse("relays", "a relay list");
  out.relays = relays->relays;
  out.tokens = relays->tokens;
}

} // namespace

std::optional<net::wg_public_key> former_key(std::string_view document,
                                             const net::wg_public_key& own) {
  const auto saved = parse_directory(document);
  if (!saved || !saved->change || net::public_key(saved->change->to) != own) return std::nullopt;
  return net::public_key(saved->change->from);
}

std::string to_text(const saved_directory& saved) {
  json::array parties;
  for (const auto& party : saved.parties)
    parties.push_back(to_json(party));
  const auto relays =
      control::encode(control::server_message{control::relays_changed{saved.relays, saved.tokens}});
  json::object out{{"v", document_version},
                   {"address", text_of(to_string(saved.address))},
                   {"last_version", saved.last_version},
                   {"last_sequence", saved.last_sequence},
                   {"lan_counter", saved.lan_counter},
                   {"parties", std::move(parties)},
                   {"relays", text_of(relays)}};
  if (saved.change)
    out["key_change"] = json::object{{"from", text_of(net::to_base64(saved.change->from.reveal()))},
                                     {"to", text_of(net::to_base64(saved.change->to.reveal()))}};
  if (saved.server) out["server"] = text_of(to_string(*saved.server));
  return json::serialize(out);
}

net::result<saved_directory> parse_directory(std::string_view text) {
  saved_directory out;
  if (text.empty()) return out;
  const auto bad = [](const net::error& why) {
    return net::fail(net::errc::bad_state, "directory.json: " + why.detail);
  };
  const auto object = net::parse_object(text);
  if (!object) return bad(object.error());
  field_reader in{*object};
  if (in.number("v", net::number_max) != document_version) in.refuse("v", "1");
  if (in.has("server")) {
    const auto line = control::parse_server_line(in.text("server", line_max));
    if (!line) return bad(line.error());
    out.server = *line;
  }
  const auto address = in.text("address", name_max);
  if (const auto leased = net::virtual_ip::parse(address)) out.address = *leased;
  out.last_version = in.number("last_version", net::number_max);
  out.last_sequence = in.number("last_sequence", net::number_max);
  if (in.has("lan_counter")) out.lan_counter = in.number("lan_counter", net::number_max);
  if (in.has("key_change")) {
    field_reader change{in.object("key_change")};
    constexpr auto size = net::wg_private_key::size;
    out.change = control::key_change{net::wg_private_key{change.array_of<size>("from")},
                                     net::wg_private_key{change.array_of<size>("to")}};
    in.adopt(change, "key_change");
  }
  in.each("parties", parties_max, [&](field_reader& r) { out.parties.push_back(read_party(r)); });
  read_relays(in, out);
  if (!in.ok()) return bad(in.problem());
  return out;
}

} // namespace lanrage::actors
