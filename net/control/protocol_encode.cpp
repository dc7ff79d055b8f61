#include "net/control/base64url.hpp"
#include "net/control/protocol.hpp"
#include "net/json_fields.hpp"

namespace lanrage::net::control {
namespace {

json::string text_of(byte_view octets) {
  return json::string(json_view(to_base64(octets)));
}
template <class Octets>
json::string text_of(const Octets& value) {
  return text_of(value.view());
}
json::string text_of(const peer_id& id) {
  return json::string(json_view(id.str()));
}
json::string text_of(std::string_view text) {
  return json::string(json_view(text));
}

json::object to_json(const join_request& join) {
  json::object out{{"party", text_of(join.party)},
                   {"id", text_of(join.id)},
                   {"proof", text_of(byte_view{join.proof})}};
  if (join.create)
    out["create"] = json::object{{"name", text_of(std::string_view{join.create->name})},
                                 {"verifier", text_of(join.create->verifier.reveal())}};
  return out;
}

json::object to_json(const sealed_record& record) {
  return {{"key", text_of(record.key)},
          {"id", text_of(record.id)},
          {"version", record.version},
          {"online", record.online},
          {"sealed", text_of(byte_view{record.sealed})}};
}

json::object to_json(const relay_info& relay) {
  json::object out{{"key", text_of(relay.key)},
                   {"name", text_of(std::string_view{relay.name})},
                   {"address", text_of(std::string_view{to_string(relay.address)})}};
  if (relay.address6) out["address6"] = text_of(std::string_view{to_string(*relay.address6)});
  if (relay.tls) {
    auto& tls = out["tls"].emplace_object();
    tls = {{"port", relay.tls->port}, {"pin", text_of(relay.tls->pin)}};
    if (!relay.tls->name.empty()) tls["name"] = text_of(std::string_view{relay.tls->name});
  }
  return out;
}

json::object to_json(const party_view& view);
json::object to_json(const party_refusal& refusal);

template <class Items>
json::array to_array(const Items& items) {
  json::array out;
  out.reserve(items.size());
  for (const auto& item : items)
    out.push_back(to_json(item));
  return out;
}

json::array to_array(const std::vector<bytes>& tokens) {
  json::array out;
  for (const auto& token : tokens)
    out.push_back(text_of(byte_view{token}));
  return out;
}

json::object to_json(const party_view& view) {
  return {{"party", text_of(view.party)},
          {"name", text_of(std::string_view{view.name})},
          {"address", text_of(std::string_view{to_string(view.address)})},
          {"records", to_array(view.records)},
          {"complete", view.complete}};
}

json::object to_json(const party_refusal& refusal) {
  return {{"party", text_of(refusal.party)},
          {"code", text_of(to_string(refusal.why.code))},
          {"text", text_of(std::string_view{refusal.why.detail})}};
}

json::object message_object(const welcome& m) {
  return {{"type", "welcome"},
          {"v", protocol_version},
          {"time_unix_ms", m.time_unix_ms},
          {"parties", to_array(m.parties)},
          {"refused", to_array(m.refused)},
          {"relays", to_array(m.relays)},
          {"tokens", to_array(m.tokens)},
          {"rotates", m.rotates}};
}
json::object message_object(const party_records& m) {
  return {{"type", "records"},
          {"party", text_of(m.party)},
          {"records", to_array(m.records)},
          {"complete", m.complete}};
}
json::object message_object(const party_joined& m) {
  return {{"type", "joined"}, {"party", to_json(m.view)}, {"tokens", to_array(m.tokens)}};
}
json::object message_object(const party_left& m) {
  return {{"type", "left"}, {"party", text_of(m.party)}};
}
json::object message_object(const record_changed& m) {
  return {{"type", "record"}, {"party", text_of(m.party)}, {"record", to_json(m.record)}};
}
json::object message_object(const presence_changed& m) {
  return {{"type", "presence"},
          {"party", text_of(m.party)},
          {"key", text_of(m.key)},
          {"online", m.online}};
}
json::object message_object(const member_gone& m) {
  return {{"type", "gone"}, {"party", text_of(m.party)}, {"key", text_of(m.key)}};
}
json::object message_object(const member_forgotten& m) {
  return {{"type", "forgotten"}, {"party", text_of(m.party)}, {"id", text_of(m.id)}};
}
json::object message_object(const signal_arrived& m) {
  return {{"type", "signal"},
          {"party", text_of(m.party)},
          {"from", text_of(m.from)},
          {"sealed", text_of(byte_view{m.sealed})}};
}
json::object message_object(const tokens_renewed& m) {
  return {{"type", "tokens"}, {"tokens", to_array(m.tokens)}};
}
json::object message_object(const relays_changed& m) {
  return {{"type", "relays"}, {"relays", to_array(m.relays)}, {"tokens", to_array(m.tokens)}};
}
json::object message_object(const request_refused& m) {
  json::object out{{"type", "error"},
                   {"code", text_of(to_string(m.why.code))},
                   {"text", text_of(std::string_view{m.why.detail})},
                   {"about", text_of(to_string(m.about))}};
  if (m.party)
    out["party"] = text_of(*m.party);
  else
    out["party"] = nullptr;
  return out;
}

json::object message_object(const join_request& m) {
  auto out = to_json(m);
  out["type"] = text_of(to_string(m.create ? request_kind::create : request_kind::join));
  return out;
}
json::object message_object(const leave_request& m) {
  return {{"type", "leave"}, {"party", text_of(m.party)}};
}
json::object message_object(const forget_request& m) {
  return {{"type", "forget"}, {"party", text_of(m.party)}, {"id", text_of(m.id)}};
}
json::object message_object(const publish_request& m) {
  return {{"type", "publish"},
          {"party", text_of(m.party)},
          {"id", text_of(m.id)},
          {"version", m.version},
          {"sealed", text_of(byte_view{m.sealed})}};
}
json::object message_object(const signal_request& m) {
  return {{"type", "signal"},
          {"party", text_of(m.party)},
          {"to", text_of(m.to)},
          {"sealed", text_of(byte_view{m.sealed})}};
}

} // namespace

std::string encode(const client_message& message) {
  return json::serialize(std::visit([](const auto& m) { return message_object(m); }, message));
}

std::string encode(const server_message& message) {
  return json::serialize(std::visit([](const auto& m) { return message_object(m); }, message));
}

std::string encode(const login& request) {
  json::object out{{"v", protocol_version},
                   {"key", text_of(request.key)},
                   {"sign_key", text_of(request.sign_key)},
                   {"mac", text_of(byte_view{request.mac})},
                   {"parties", to_array(request.parties)}};
  if (request.replaces)
    out["replaces"] = json::object{{"key", text_of(request.replaces->key)},
                                   {"mac", text_of(byte_view{request.replaces->mac})}};
  return to_base64url(as_bytes(json::serialize(out)));
}

std::string encode_refusal(const error& why) {
  return json::serialize(json::object{{"code", text_of(to_string(why.code))},
                                      {"text", text_of(std::string_view{why.detail})}});
}

} // namespace lanrage::net::control
