#pragma once

#include "cli/terminal.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// The shapes of docs/local-api.md as text for people.
namespace lanrage::cli {

/// A text field, made harmless to a terminal; "" when it is null, missing or no text.
std::string text_field(const boost::json::object& from, std::string_view name);
/// An unsigned number field; 0 when missing.
std::uint64_t count_field(const boost::json::object& from, std::string_view name);
/// "25.5 ms"; "-" when null.
std::string milliseconds_field(const boost::json::object& from, std::string_view name);
/// An object field; empty when null or missing.
/// " over TLS (TCP)" where `transport` says so, else nothing.
std::string over_tls(const boost::json::object& from);
const boost::json::object& object_field(const boost::json::object& from, std::string_view name);

/// One peer, every field ready to print, "-" for what is not known.
struct peer_text {
  std::string id;
  std::string address;
  std::string status;
  std::string path; ///< "direct 203.0.113.42:51820", "relay1 198.51.100.11:51820"
  std::string latency;
  std::string since; ///< how long it has been connected
  std::string reason;
  style how = style::plain; ///< of its status
};
peer_text describe_peer(const boost::json::object& peer, std::chrono::system_clock::time_point now);

/// "3 s", "2 min 5 s", "4 h 10 min", "3 d 2 h".
std::string show_age(std::chrono::seconds age);
/// "2026-01-29T12:00:00Z", with or without fractions of a second; nothing when it is none.
std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text);

} // namespace lanrage::cli
