#include "cli/peer_text.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace lanrage::cli {

namespace json = boost::json;
using std::chrono::system_clock;

namespace {

style style_of(std::string_view status) {
  if (status == "connected") return style::good;
  if (status == "degraded") return style::warning;
  if (status == "failed") return style::bad;
  return style::plain;
}

std::string or_dash(std::string text) {
  return text.empty() ? "-" : text;
}

} // namespace

std::string text_field(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  if (!value || !value->is_string()) return {};
  const std::string text{value->get_string()};
  return printable(text);
}

std::uint64_t count_field(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  if (!value) return 0;
  boost::system::error_code wrong;
  const auto count = value->to_number<std::uint64_t>(wrong);
  return wrong ? 0 : count;
}

std::string milliseconds_field(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  boost::system::error_code wrong;
  const auto milliseconds = value ? value->to_number<double>(wrong) : 0.0;
  if (!value || wrong) return "-";
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.1f ms", milliseconds);
  return text.data();
}

std::string over_tls(const json::object& from) {
  return text_field(from, "transport") == "tls" ? " over TLS (TCP)" : "";
}

const json::object& object_field(const json::object& from, std::string_view name) {
  static const json::object nothing;
  const auto* value = from.if_contains(name);
  return value && value->is_object() ? value->get_object() : nothing;
}

peer_text describe_peer(const json::object& peer, system_clock::time_point now) {
  peer_text out;
  out.id = or_dash(text_field(peer, "peer_id"));
  out.address = or_dash(text_field(peer, "virtual_ip"));
  const auto status = text_field(peer, "status");
  const auto phase = text_field(peer, "phase");
  // The phase says more than the status only where the two differ.
  out.status = or_dash(status) + (phase.empty() || phase == status ? "" : " (" + phase + ")");
  out.how = style_of(status);
  const auto strategy = text_field(peer, "strategy");
  const auto relay = text_field(peer, "relay");
  auto via = strategy == "relay" && !relay.empty() ? relay : strategy;
  via += over_tls(peer);
  const auto endpoint = text_field(peer, "endpoint");
  out.path = or_dash(via + (via.empty() || endpoint.empty() ? "" : " ") + endpoint);
  out.latency = milliseconds_field(peer, "latency_ms");
  const auto since = parse_time(text_field(peer, "connected_at"));
  out.since = since ? show_age(std::chrono::floor<std::chrono::seconds>(now - *since)) : "-";
  out.reason = text_field(peer, "reason");
  return out;
}

std::string show_age(std::chrono::seconds age) {
  using namespace std::chrono;
  struct unit {
    seconds length;
    const char* name;
  };
  static constexpr std::array<unit, 4> units{{{24h, "d"}, {1h, "h"}, {1min, "min"}, {1s, "s"}}};
  if (age < 1s) return "0 s"; // the clocks of daemon and command are the same, but may be set back
  std::string out;
  int shown = 0;
  for (const auto& [length, name] : units) {
    const auto count = age / length;
    age %= length;
    if (count == 0 && out.empty()) continue;
    if (count > 0) out += (out.empty() ? "" : " ") + std::to_string(count) + " " + name;
    if (++shown == 2) break;
  }
  return out;
}

std::optional<system_clock::time_point> parse_time(std::string_view text) {
  if (text.size() < 20 || text.back() != 'Z') return std::nullopt;
  std::tm parts{};
  const std::string terminated{text};
  const char* end = ::strptime(terminated.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || (*end != 'Z' && *end != '.')) return std::nullopt;
  return system_clock::from_time_t(::timegm(&parts));
}

} // namespace lanrage::cli
