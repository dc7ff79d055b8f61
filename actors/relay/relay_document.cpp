#include "actors/relay/relay_document.hpp"

#include "net/json_fields.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::uint32_t document_version = 1;
/// No relay is farther away than this.
constexpr std::chrono::microseconds rtt_max = 60s;

json::string text_of(const std::string& text) {
  return json::string(net::json_view(text));
}

} // namespace

remembered_relays worth_saving(const relay_table_memory& memory) {
  remembered_relays out;
  if (!memory.listed) return out;
  out.udp_blocked = memory.udp_blocked;
  for (const auto& info : memory.listed->relays) {
    const auto known = memory.relays.find(info.id());
    if (known != memory.relays.end() && known->second.cookie && out.relays.size() < net::relays_max)
      out.relays.insert(*known);
  }
  return out;
}

std::string to_text(const remembered_relays& all) {
  json::array list;
  for (const auto& [id, relay] : all.relays) {
    if (!relay.cookie) continue;
    json::object each{{"relay", text_of(to_string(id))},
                      {"cookie", text_of(to_string(*relay.cookie))},
                      {"timestamp", relay.timestamp}};
    if (relay.rtt) each["rtt_us"] = std::min(*relay.rtt, rtt_max).count();
    list.push_back(std::move(each));
  }
  json::object out{{"v", document_version}, {"relays", std::move(list)}};
  if (all.udp_blocked) out["udp_blocked"] = true;
  return json::serialize(out);
}

net::result<remembered_relays> parse_relays(std::string_view text) {
  remembered_relays out;
  if (text.empty()) return out;
  const auto bad = [](const net::error& why) {
    return net::fail(net::errc::bad_state, "relays.json: " + why.detail);
  };
  const auto object = net::parse_object(text);
  if (!object) return bad(object.error());
  net::field_reader in{*object};
  if (in.number("v", net::number_max) != document_version) in.refuse("v", "1");
  in.each("relays", net::relays_max, [&](net::field_reader& each) {
    remembered_relay relay;
    const auto id = each.octets<net::relay_id>("relay");
    relay.cookie = each.octets<net::cookie>("cookie");
    relay.timestamp = each.number("timestamp", net::number_max);
    if (each.has("rtt_us"))
      relay.rtt = std::chrono::microseconds{
          each.number("rtt_us", static_cast<std::uint64_t>(rtt_max.count()))};
    out.relays[id] = relay;
  });
  if (in.has("udp_blocked")) out.udp_blocked = in.flag("udp_blocked");
  if (!in.ok()) return bad(in.problem());
  return out;
}

} // namespace lanrage::actors
