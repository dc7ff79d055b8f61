#include "actors/supervisor/saved_peers.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <stdexcept>

namespace lanrage::actors {

namespace json = boost::json;

namespace {

// --- writing -------------------------------------------------------------------------------------

template <class T>
json::string text(const T& value) {
  return json::string(std::string_view{to_string(value)});
}

json::object write(const net::peer_record& record) {
  json::array candidates;
  for (const auto& c : record.candidates)
    candidates.push_back(json::object{{"kind", text(c.kind)}, {"address", text(c.address)}});
  json::array relays;
  for (const auto& leg : record.relays)
    relays.push_back(json::object{{"relay", text(leg.relay)}, {"rtt_us", leg.rtt.count()}});
  return {{"party", text(record.party)},
          {"id", text(record.id)},
          {"key", text(record.key)},
          {"sign_key", text(record.sign_key)},
          {"address", record.address.leased() ? json::value(text(record.address)) : json::value()},
          {"version", record.version},
          {"nat",
           {{"translated", record.nat.translated},
            {"mapping", text(record.nat.mapping)},
            {"filtering", text(record.nat.filtering)}}},
          {"candidates", std::move(candidates)},
          {"relays", std::move(relays)}};
}

json::object write(const msg::saved_peer& peer) {
  json::object out{{"record", write(peer.record)}, {"epoch", peer.epoch}, {"wanted", peer.wanted}};
  if (peer.configured) {
    json::object configured{{"keepalive", peer.configured->keepalive}};
    if (peer.configured->where) configured["where"] = text(*peer.configured->where);
    out["configured"] = std::move(configured);
  }
  if (peer.how) out["strategy"] = text(*peer.how);
  if (peer.direct_at) out["direct_at"] = text(*peer.direct_at);
  if (peer.relay)
    out["relay"] = json::object{{"id", text(peer.relay->relay)},
                                {"name", peer.relay->name},
                                {"address", text(peer.relay->address)},
                                {"rtt_us", peer.relay->rtt.count()}};
  if (peer.knows_us) out["knows_us"] = true;
  if (peer.connected_at) out["connected_at_unix_ms"] = peer.connected_at->count();
  const auto& c = peer.counters;
  out["counters"] = json::object{{"checks", c.checks},
                                 {"lost", c.lost},
                                 {"reconnects", c.reconnects},
                                 {"relay_switches", c.relay_switches},
                                 {"path_changes", c.path_changes},
                                 {"restarts", c.restarts}};
  return out;
}

// --- reading -------------------------------------------------------------------------------------

/// What is wrong, for decode_saved_peers alone: it turns this into a value.
struct unreadable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const json::value& at(const json::object& in, std::string_view name) {
  const auto* found = in.if_contains(name);
  if (!found) throw unreadable(std::string(name) + " is missing");
  return *found;
}
const json::object& object_at(const json::object& in, std::string_view name) {
  const auto* found = at(in, name).if_object();
  if (!found) throw unreadable(std::string(name) + " must be an object");
  return *found;
}
const json::array& array_at(const json::object& in, std::string_view name, std::size_t max) {
  const auto* found = at(in, name).if_array();
  if (!found || found->size() > max)
    throw unreadable(std::string(name) + " must be an array of at most " + std::to_string(max));
  return *found;
}
std::string_view text_at(const json::object& in, std::string_view name) {
  const auto* found = at(in, name).if_string();
  if (!found) throw unreadable(std::string(name) + " must be a string");
  return {found->data(), found->size()};
}
bool flag_at(const json::object& in, std::string_view name) {
  const auto* found = at(in, name).if_bool();
  if (!found) throw unreadable(std::string(name) + " must be true or false");
  return *found;
}
std::uint64_t number_at(const json::object& in, std::string_view name,
                        std::uint64_t max = INT64_MAX) {
  json::error_code ec;
  const auto value = at(in, name).to_number<std::uint64_t>(ec);
  if (ec || value > max)
    throw unreadable(std::string(name) + " must be a number from 0 to " + std::to_string(max));
  return value;
}
template <class T>
T checked(std::optional<T> parsed, std::string_view name) {
  if (!parsed) throw unreadable(std::string(name) + " cannot be read");
  return *parsed;
}
template <class T>
T parsed_at(const json::object& in, std::string_view name) {
  return checked(T::parse(text_at(in, name)), name);
}
std::chrono::microseconds rtt_at(const json::object& in) {
  return std::chrono::microseconds{number_at(in, "rtt_us", 3'600'000'000)};
}
const json::object& object_of(const json::value& in, std::string_view what) {
  const auto* found = in.if_object();
  if (!found) throw unreadable(std::string(what) + " must be an object");
  return *found;
}

net::peer_record read_record(const json::object& in) {
  net::peer_record out;
  out.party = parsed_at<net::party_id>(in, "party");
  out.id = parsed_at<net::peer_id>(in, "id");
  out.key = parsed_at<net::wg_public_key>(in, "key");
  out.sign_key = parsed_at<net::sign_public_key>(in, "sign_key");
  if (!at(in, "address").is_null()) out.address = parsed_at<net::virtual_ip>(in, "address");
  out.version = number_at(in, "version");
  const auto& nat = object_at(in, "nat");
  out.nat.translated = flag_at(nat, "translated");
  out.nat.mapping = checked(net::parse_nat_behavior(text_at(nat, "mapping")), "mapping");
  out.nat.filtering = checked(net::parse_nat_behavior(text_at(nat, "filtering")), "filtering");
  for (const auto& item : array_at(in, "candidates", net::candidates_max)) {
    const auto& c = object_of(item, "a candidate");
    out.candidates.push_back({checked(net::parse_candidate_kind(text_at(c, "kind")), "kind"),
                              parsed_at<net::endpoint>(c, "address")});
  }
  for (const auto& item : array_at(in, "relays", net::relays_max)) {
    const auto& leg = object_of(item, "a relay");
    out.relays.push_back({parsed_at<net::relay_id>(leg, "relay"), rtt_at(leg)});
  }
  return out;
}

msg::strategy read_strategy(const json::object& in) {
  const auto word = text_at(in, "strategy");
  if (word == to_string(msg::strategy::direct)) return msg::strategy::direct;
  if (word == to_string(msg::strategy::relay)) return msg::strategy::relay;
  throw unreadable("strategy must be direct or relay");
}

msg::saved_peer read_peer(const json::object& in) {
  msg::saved_peer out;
  out.record = read_record(object_at(in, "record"));
  out.epoch = static_cast<std::uint32_t>(number_at(in, "epoch", UINT32_MAX));
  out.wanted = flag_at(in, "wanted");
  if (in.if_contains("configured")) {
    const auto& configured = object_at(in, "configured");
    out.configured = msg::wg_peer{out.record.key, out.record.address, std::nullopt,
                                  flag_at(configured, "keepalive")};
    if (configured.if_contains("where"))
      out.configured->where = parsed_at<net::endpoint>(configured, "where");
  }
  if (in.if_contains("strategy")) out.how = read_strategy(in);
  if (in.if_contains("direct_at")) out.direct_at = parsed_at<net::endpoint>(in, "direct_at");
  if (in.if_contains("relay")) {
    const auto& relay = object_at(in, "relay");
    out.relay = msg::relay_choice{parsed_at<net::relay_id>(relay, "id"),
                                  std::string(text_at(relay, "name")),
                                  parsed_at<net::endpoint>(relay, "address"), rtt_at(relay)};
  }
  if (in.if_contains("knows_us")) out.knows_us = flag_at(in, "knows_us");
  if (in.if_contains("connected_at_unix_ms"))
    out.connected_at = msg::unix_ms{number_at(in, "connected_at_unix_ms")};
  const auto& c = object_at(in, "counters");
  out.counters = {number_at(c, "checks"),       number_at(c, "lost"),
                  number_at(c, "reconnects"),   number_at(c, "relay_switches"),
                  number_at(c, "path_changes"), number_at(c, "restarts")};
  return out;
}

} // namespace

std::string encode_saved_peers(const std::vector<msg::saved_peer>& peers) {
  json::array list;
  for (const auto& peer : peers)
    list.push_back(write(peer));
  return json::serialize(json::object{{"version", 1}, {"peers", std::move(list)}});
}

net::result<std::vector<msg::saved_peer>> decode_saved_peers(std::string_view text) {
  if (text.size() > saved_peers_max_octets) return net::fail(net::errc::bad_state, "too large");
  json::error_code ec;
  const auto document = json::parse(json::string_view{text.data(), text.size()}, ec);
  if (ec) return net::fail(net::errc::bad_state, "not JSON: " + ec.message());
  try {
    const auto& top = object_of(document, "the document");
    if (number_at(top, "version") != 1) throw unreadable("version must be 1");
    std::vector<msg::saved_peer> out;
    for (const auto& item : array_at(top, "peers", saved_peers_max)) {
      try {
        out.push_back(read_peer(object_of(item, "a peer")));
      } catch (const unreadable& broken) {
        throw unreadable("peer " + std::to_string(out.size()) + ": " + broken.what());
      }
    }
    return out;
  } catch (const unreadable& broken) {
    return net::fail(net::errc::bad_state, broken.what());
  }
}

} // namespace lanrage::actors
