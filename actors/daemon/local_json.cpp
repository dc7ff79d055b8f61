#include "actors/daemon/local_json.hpp"

#include "net/keys.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace lanrage::actors {

namespace json = boost::json;

namespace {

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

double milliseconds_of(std::chrono::nanoseconds time) {
  // A tenth of a microsecond is more than any clock here can tell.
  return static_cast<double>(time.count() / 100) / 10'000.0;
}

/// What carries the path's packets: always UDP, but for relays where UDP is blocked.
json::value transport(bool streamed) {
  return streamed ? "tls" : "udp";
}

std::string reason_of(const msg::connection_view& view) {
  if (!view.error) return view.reason;
  const auto code = std::string{net::to_string(*view.error)};
  return view.reason.empty() ? code + ": " + std::string{net::sentence(*view.error)}
                             : code + ": " + view.reason;
}

std::string control_word(const msg::self_view& self, std::size_t parties) {
  if (self.control.up) return "connected";
  if (parties == 0) return "none";
  return self.control.why_down ? "waiting" : "connecting";
}

} // namespace

std::string iso8601(msg::unix_ms at, bool milliseconds) {
  const std::chrono::sys_time<std::chrono::milliseconds> when{at};
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{when - day};
  char text[40];
  const int date_octets = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  std::string out(text, static_cast<std::size_t>(date_octets));
  if (milliseconds) {
    std::snprintf(text, sizeof text, ".%03d", static_cast<int>(time.subseconds().count()));
    out += text;
  }
  return out + "Z";
}

json::object to_json(const msg::connection_view& view) {
  json::object out;
  out["peer_id"] = view.id.str();
  out["virtual_ip"] =
      view.address.leased() ? json::value(net::to_string(view.address)) : json::value(nullptr);
  out["endpoint"] = view.where ? json::value(net::to_string(*view.where)) : json::value(nullptr);
  out["strategy"] = view.how ? json::value(msg::to_string(*view.how)) : json::value(nullptr);
  out["latency_ms"] =
      view.latency ? json::value(milliseconds_of(*view.latency)) : json::value(nullptr);
  out["connected_at"] =
      view.connected_at ? json::value(iso8601(*view.connected_at)) : json::value(nullptr);
  out["status"] = msg::to_string(view.is);
  out["phase"] = msg::to_string(view.at);
  out["relay"] = text_or_null(view.relay);
  out["transport"] = view.how ? transport(view.streamed) : json::value(nullptr);
  out["reason"] = reason_of(view);
  out["counters"] = {{"checks", view.counters.checks},
                     {"lost", view.counters.lost},
                     {"reconnects", view.counters.reconnects},
                     {"relay_switches", view.counters.relay_switches},
                     {"path_changes", view.counters.path_changes},
                     {"restarts", view.counters.restarts}};
  return out;
}

json::object to_json(const msg::explanation& all) {
  json::array paths;
  for (const auto& one : all.paths) {
    json::object path;
    path["strategy"] = msg::to_string(one.how);
    path["relay"] = text_or_null(one.relay);
    path["transport"] = transport(one.streamed);
    path["endpoint"] = one.where ? json::value(net::to_string(*one.where)) : json::value(nullptr);
    path["in_use"] = one.in_use;
    path["answers"] = one.alive;
    path["rtt_ms"] = one.rtt ? json::value(milliseconds_of(*one.rtt)) : json::value(nullptr);
    path["answered_ms_ago"] =
        one.age
            ? json::value(std::chrono::duration_cast<std::chrono::milliseconds>(*one.age).count())
            : json::value(nullptr);
    path["checks"] = {{"asked", one.asked}, {"lost", one.lost}};
    path["verdict"] = one.verdict;
    path["remedy"] = one.remedy;
    paths.push_back(std::move(path));
  }
  json::array candidates;
  for (const auto& one : all.candidates) {
    json::object candidate;
    candidate["kind"] = net::to_string(one.tried.what.kind);
    candidate["address"] = net::to_string(one.tried.what.address);
    candidate["in_use"] = one.in_use;
    candidate["probes"] = {{"sent", one.tried.sent}, {"answered", one.tried.answered}};
    candidate["heard"] = one.tried.heard;
    candidate["rtt_ms"] =
        one.tried.rtt ? json::value(milliseconds_of(*one.tried.rtt)) : json::value(nullptr);
    candidate["verdict"] = one.verdict;
    candidate["remedy"] = one.remedy;
    candidates.push_back(std::move(candidate));
  }
  return {{"peer", to_json(all.view)},
          {"decision", all.decision},
          {"paths", std::move(paths)},
          {"candidates", std::move(candidates)}};
}

json::object to_json(const msg::party_info& party) {
  return {{"name", party.name},
          {"id", net::to_string(party.id)},
          {"server", party.server},
          {"members", party.members},
          {"connected", party.joined}};
}

namespace {

json::value nat_json(const msg::self_view& self) {
  if (self.nat.mapping == net::nat_behavior::unknown && !self.nat.translated) return nullptr;
  const auto& more = self.nat_more;
  json::array ports;
  for (const auto& each : more.port_mapped)
    ports.push_back(
        json::object{{"protocol", each.protocol}, {"outside", net::to_string(each.outside)}});
  const auto known = [](const auto& value) { return value ? json::value(*value) : json::value(); };
  json::value lifetime;
  if (const auto& life = more.lifetime)
    lifetime = {{"at_least_s", life->at_least.count()},
                {"below_s", life->below ? json::value(life->below->count()) : json::value()}};
  return {{"type", net::classic_name(self.nat)},
          {"translated", self.nat.translated},
          {"mapping", net::to_string(self.nat.mapping)},
          {"filtering", net::to_string(self.nat.filtering)},
          {"mapped", more.mapped ? json::value(net::to_string(*more.mapped)) : json::value()},
          {"ports_preserved", known(more.ports_preserved)},
          {"port_delta", known(more.port_delta)},
          {"hairpin", known(more.hairpin)},
          {"lifetime", std::move(lifetime)},
          {"port_mappings", std::move(ports)}};
}

json::array candidates_json(const msg::self_view& self) {
  json::array out;
  for (const auto& each : self.candidates)
    out.push_back(json::object{{"kind", net::to_string(each.kind)},
                               {"address", net::to_string(each.address)}});
  return out;
}

json::value lan_json(const msg::lan_state& lan) {
  if (!lan.enabled) return nullptr;
  json::array interfaces, near;
  for (const auto& each : lan.interfaces)
    interfaces.push_back(json::value(each));
  for (const auto& each : lan.near)
    near.push_back(json::value(each.str()));
  return {{"interfaces", std::move(interfaces)}, {"near", std::move(near)}};
}

} // namespace

json::object to_json(const msg::self_view& self, const std::vector<msg::party_info>& parties,
                     const daemon_facts& facts) {
  json::array relays;
  for (const auto& leg : self.legs) {
    json::object relay{{"name", net::to_string(leg.relay)}, {"endpoint", nullptr}};
    for (const auto& listed : self.relays)
      if (listed.id() == leg.relay) {
        relay["name"] = listed.name;
        relay["endpoint"] = net::to_string(listed.address);
      }
    const bool streamed =
        std::find(self.streams.begin(), self.streams.end(), leg.relay) != self.streams.end();
    relay["transport"] = transport(streamed);
    relay["rtt_ms"] =
        leg.rtt.count() > 0 ? json::value(milliseconds_of(leg.rtt)) : json::value(nullptr);
    relays.push_back(std::move(relay));
  }
  json::array names;
  for (const auto& party : parties)
    names.push_back(json::value(party.name));
  return {{"peer_id", self.id.str()},
          {"virtual_ip", self.address.leased() ? json::value(net::to_string(self.address))
                                               : json::value(nullptr)},
          {"public_key", net::to_string(self.key)},
          {"interface", facts.interface},
          {"listen_port", facts.listen_port},
          {"control", control_word(self, parties.size())},
          {"nat", nat_json(self)},
          {"candidates", candidates_json(self)},
          {"relays", std::move(relays)},
          {"lan", lan_json(self.lan)},
          {"parties", std::move(names)},
          {"version", LANRAGE_VERSION},
          {"started_at", iso8601(facts.started_at)}};
}

json::object to_json(const net::error& failure) {
  // A sentence is "what happened; the remedy" (net/errc.cpp).
  const auto whole = std::string{net::sentence(failure.code)};
  const auto cut = whole.find("; ");
  auto text = whole.substr(0, cut);
  if (!failure.detail.empty()) text += ": " + failure.detail;
  return {{"code", net::to_string(failure.code)},
          {"text", text},
          {"remedy", cut == std::string::npos ? std::string{} : whole.substr(cut + 2)}};
}

} // namespace lanrage::actors
