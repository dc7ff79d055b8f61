#include "net/control/base64url.hpp"
#include "net/control/invite.hpp"
#include "net/control/protocol.hpp"
#include "net/frames.hpp"
#include "net/json_fields.hpp"

#include <algorithm>

namespace lanrage::net::control {
namespace {

constexpr std::size_t records_per_message_max = 1'000;
constexpr std::size_t tokens_max = login_parties_max * relays_max;
constexpr std::size_t text_max = 512;
constexpr std::size_t name_max = 32;

peer_id read_id(field_reader& in) {
  return in.parsed("id", name_max, &peer_id::parse, "a peer name");
}

join_request read_join(field_reader& in) {
  join_request out;
  out.party = in.octets<party_id>("party");
  out.id = read_id(in);
  out.proof = in.array_of<32>("proof");
  if (in.has("create")) {
    field_reader create{in.object("create")};
    party_creation made;
    made.name = create.text("name", name_max);
    if (!valid_party_name(made.name)) create.refuse("name", "a party name");
    const auto raw = create.array_of<32>("verifier");
    made.verifier = party_verifier{raw};
    in.adopt(create, "create");
    out.create = std::move(made);
  }
  return out;
}

error read_error(field_reader& in) {
  const auto code = in.parsed("code", name_max, &parse_errc, "an error code");
  return fail(code, std::string{in.text("text", text_max)});
}

std::vector<sealed_record> read_records(field_reader& in) {
  std::vector<sealed_record> out;
  in.each("records", records_per_message_max, [&](field_reader& r) {
    sealed_record record;
    record.key = r.octets<wg_public_key>("key");
    record.id = read_id(r);
    record.version = r.number("version", number_max);
    record.online = r.flag("online");
    record.sealed = r.blob("sealed", sealed_max);
    out.push_back(std::move(record));
  });
  return out;
}

sealed_record read_record(field_reader& in) {
  // One element of the array form, so that both are read by the same code.
  json::object one{{"records", json::array{in.object("record")}}};
  field_reader wrapped{one};
  auto records = read_records(wrapped);
  in.adopt(wrapped, "record");
  return records.empty() ? sealed_record{} : std::move(records.front());
}

party_view read_view(field_reader& in) {
  party_view out;
  out.party = in.octets<party_id>("party");
  out.name = in.text("name", name_max);
  if (!valid_party_name(out.name)) in.refuse("name", "a party name");
  out.address = in.parsed("address", name_max, &virtual_ip::parse, "an address in 10.66.0.0/16");
  out.records = read_records(in);
  out.complete = in.flag("complete");
  return out;
}

relay_tls read_tls(field_reader& in) {
  relay_tls out;
  out.port = static_cast<std::uint16_t>(in.number("port", 65'535));
  if (out.port == 0) in.refuse("port", "1 to 65535");
  out.pin = in.octets<certificate_pin>("pin");
  if (in.has("name")) out.name = in.text("name", relay_tls_name_max);
  if (!valid_tls_name(out.name)) in.refuse("name", "a host name");
  return out;
}

std::vector<relay_info> read_relays(field_reader& in) {
  std::vector<relay_info> out;
  in.each("relays", relays_max, [&](field_reader& r) {
    relay_info relay;
    relay.key = r.octets<relay_public_key>("key");
    relay.name = r.text("name", name_max);
    relay.address = r.parsed("address", 64, &endpoint::parse, "ADDRESS:PORT");
    if (r.has("address6"))
      relay.address6 = r.parsed("address6", 64, &endpoint::parse, "ADDRESS:PORT");
    if (r.has("tls")) {
      field_reader tls{r.object("tls")};
      relay.tls = read_tls(tls);
      r.adopt(tls, "tls");
    }
    const bool printable = std::all_of(relay.name.begin(), relay.name.end(),
                                       [](char c) { return c >= ' ' && c <= '~'; });
    if (relay.name.empty() || !printable) r.refuse("name", "printable");
    out.push_back(std::move(relay));
  });
  return out;
}

std::vector<bytes> read_tokens(field_reader& in) {
  std::vector<bytes> out;
  const auto* value = in.find("tokens");
  if (value == nullptr || !value->is_array() || value->get_array().size() > tokens_max) {
    in.refuse("tokens", "an array of tokens");
    return out;
  }
  for (const auto& element : value->get_array()) {
    auto raw = element.is_string() ? from_base64(view_of(element.get_string())) : std::nullopt;
    if (!raw || raw->size() != relay_token_octets) {
      in.refuse("tokens", "an array of tokens");
      return out;
    }
    out.push_back(std::move(*raw));
  }
  return out;
}

welcome read_welcome(field_reader& in) {
  welcome out;
  if (in.number("v", number_max) != protocol_version) in.refuse("v", "1");
  out.time_unix_ms = in.number("time_unix_ms", number_max);
  in.each("parties", login_parties_max,
          [&](field_reader& r) { out.parties.push_back(read_view(r)); });
  in.each("refused", login_parties_max, [&](field_reader& r) {
    auto party = r.octets<party_id>("party");
    out.refused.push_back({party, read_error(r)});
  });
  out.relays = read_relays(in);
  out.tokens = read_tokens(in);
  if (in.has("rotates")) out.rotates = in.flag("rotates");
  return out;
}

server_message read_server(std::string_view type, field_reader& in) {
  const auto party = [&] { return in.octets<party_id>("party"); };
  const auto key = [&](std::string_view name) { return in.octets<wg_public_key>(name); };
  if (type == "welcome") return read_welcome(in);
  if (type == "records") {
    auto to = party();
    auto records = read_records(in);
    return party_records{to, std::move(records), in.flag("complete")};
  }
  if (type == "joined") {
    field_reader inner{in.object("party")};
    auto view = read_view(inner);
    in.adopt(inner, "party");
    return party_joined{std::move(view), read_tokens(in)};
  }
  if (type == "left") return party_left{party()};
  if (type == "record") return record_changed{party(), read_record(in)};
  if (type == "presence") return presence_changed{party(), key("key"), in.flag("online")};
  if (type == "gone") return member_gone{party(), key("key")};
  if (type == "forgotten") return member_forgotten{party(), read_id(in)};
  if (type == "signal") return signal_arrived{party(), key("from"), in.blob("sealed", sealed_max)};
  if (type == "tokens") return tokens_renewed{read_tokens(in)};
  if (type == "relays") return relays_changed{read_relays(in), read_tokens(in)};
  if (type == "error") {
    request_refused out{read_error(in), {}, {}};
    out.about = in.parsed("about", name_max, &parse_request_kind, "a request type");
    if (const auto* value = in.find("party"); value != nullptr && !value->is_null())
      out.party = party();
    return out;
  }
  in.refuse("type", "a known message type");
  return party_left{};
}

client_message read_client(request_kind kind, field_reader& in) {
  const auto party = [&] { return in.octets<party_id>("party"); };
  switch (kind) {
  case request_kind::publish: {
    publish_request out{party(), read_id(in), in.number("version", number_max), {}};
    out.sealed = in.blob("sealed", sealed_max);
    return out;
  }
  case request_kind::signal: {
    signal_request out{party(), in.octets<wg_public_key>("to"), {}};
    out.sealed = in.blob("sealed", sealed_max);
    return out;
  }
  case request_kind::create: {
    if (!in.has("create")) in.refuse("create", "an object");
    return read_join(in);
  }
  case request_kind::join: {
    auto out = read_join(in);
    if (out.create) in.refuse("create", "absent");
    return out;
  }
  case request_kind::leave:
    return leave_request{party()};
  case request_kind::forget:
    return forget_request{party(), read_id(in)};
  case request_kind::none:
    break;
  }
  in.refuse("type", "a known message type");
  return leave_request{};
}

} // namespace

std::variant<client_message, undecodable> decode_client(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return undecodable{object.error(), request_kind::none, std::nullopt, true};
  field_reader in{*object};
  const auto kind = in.parsed("type", name_max, &parse_request_kind, "a known message type");
  undecodable failed{{}, kind, std::nullopt, false};
  if (in.ok()) {
    auto message = read_client(kind, in);
    if (in.ok()) return message;
    field_reader again{*object};
    const auto party = again.octets<party_id>("party");
    if (again.ok()) failed.party = party;
  }
  failed.why = in.problem();
  return failed;
}

result<server_message> decode_server(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return object.error();
  field_reader in{*object};
  auto message = read_server(in.text("type", name_max), in);
  if (!in.ok()) return in.problem();
  return message;
}

result<login> decode_login(std::string_view header_value) {
  const auto raw = from_base64url(header_value);
  if (!raw) return fail(errc::bad_message, "the login is no base64url");
  const auto object = parse_object({reinterpret_cast<const char*>(raw->data()), raw->size()});
  if (!object) return object.error();
  field_reader in{*object};
  if (in.number("v", number_max) != protocol_version) in.refuse("v", "1");
  login out;
  out.key = in.octets<wg_public_key>("key");
  out.sign_key = in.octets<sign_public_key>("sign_key");
  out.mac = in.array_of<32>("mac");
  if (in.has("replaces")) {
    field_reader former{in.object("replaces")};
    out.replaces = former_key{former.octets<wg_public_key>("key"), former.array_of<32>("mac")};
    in.adopt(former, "replaces");
  }
  in.each("parties", login_parties_max,
          [&](field_reader& r) { out.parties.push_back(read_join(r)); });
  if (!in.ok()) return in.problem();
  return out;
}

std::optional<error> decode_refusal(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return std::nullopt;
  field_reader in{*object};
  auto why = read_error(in);
  if (!in.ok()) return std::nullopt;
  return why;
}

} // namespace lanrage::net::control
