#pragma once

#include "messages/connections.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <vector>

/// The shapes of docs/local-api.md, from the values the actors speak in.
namespace lanrage::actors {

/// What `self` says beyond what actors know.
struct daemon_facts {
  std::string interface;
  std::uint16_t listen_port = 0;
  msg::unix_ms started_at{};
};

boost::json::object to_json(const msg::connection_view& view);
boost::json::object to_json(const msg::self_view& self, const std::vector<msg::party_info>& parties,
                            const daemon_facts& facts);
/// `explain`: the connection as `status` shows it, how it came to its path, and every path.
boost::json::object to_json(const msg::explanation& all);
boost::json::object to_json(const msg::party_info& party);
/// `{"code","text","remedy"}`.
boost::json::object to_json(const net::error& failure);

/// "2026-01-29T12:00:00Z", or with milliseconds.
std::string iso8601(msg::unix_ms at, bool milliseconds = false);

} // namespace lanrage::actors
