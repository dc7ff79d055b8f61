#pragma once

#include "actors/peer/peer_connection.hpp"

#include <optional>
#include <string>
#include <variant>

/// What must hold after every event, whatever the event was.
namespace lanrage::test {

/// Whether an effect may come from an event that ended in this phase; the broken rule otherwise.
inline std::optional<std::string> broken_rule(const actors::peer_connection& core,
                                              msg::phase before, const actors::effects& effects,
                                              actors::moment now, const msg::wg_peer& silent) {
  using namespace actors;
  const auto after = core.phase();
  if (before != after && before == msg::phase::closing) return "left closing";
  for (const auto& e : effects) {
    const auto writes = std::holds_alternative<msg::set_peer>(e.what) ||
                        std::holds_alternative<msg::reset_peer>(e.what) ||
                        std::holds_alternative<msg::assert_endpoint>(e.what);
    if (writes && before == msg::phase::closing) return "wrote to WireGuard while closing";
    if (std::holds_alternative<msg::remove_peer>(e.what) && after != msg::phase::closing)
      return "removed the peer outside closing";
    if (const auto* reset = std::get_if<msg::reset_peer>(&e.what);
        reset && !core.initiator() && reset->peer != silent)
      return "a responder made a session anew with an endpoint or keepalive";
    if (const auto* set = std::get_if<msg::set_peer>(&e.what);
        set && !core.initiator() && set->peer.where)
      return "a responder set an endpoint";
    if (std::holds_alternative<msg::start_punch>(e.what) && after == msg::phase::closing)
      return "punched while closing";
    if (const auto* signal = std::get_if<msg::send_signal>(&e.what)) {
      const auto kind = signal->signal.kind;
      if (kind == net::signal_kind::punch && !core.initiator()) return "a responder said punch";
      if (kind == net::signal_kind::reset && core.initiator())
        return "an initiator asked for reset";
      if (kind == net::signal_kind::bye && after != msg::phase::closing) return "bye and stayed";
      if (kind == net::signal_kind::offer && !core.initiator() && !signal->signal.ready)
        return "a responder offered before it was ready";
    }
    const auto answered = writes || std::holds_alternative<msg::remove_peer>(e.what) ||
                          std::holds_alternative<msg::find_peer>(e.what) ||
                          std::holds_alternative<msg::rank_relays>(e.what) ||
                          std::holds_alternative<msg::prepare_relay>(e.what) ||
                          std::holds_alternative<msg::learn_index>(e.what) ||
                          std::holds_alternative<msg::probe_tunnel>(e.what);
    if (answered != (e.asked != no_ticket))
      return "a request without ticket, or a ticket for nothing";
  }
  const auto due = core.wake_at();
  const auto view = core.view();
  if (core.gone()) return due ? std::optional<std::string>{"a timer after the end"} : std::nullopt;
  const auto others_turn = view.error == net::errc::closed || view.error == net::errc::peer_offline;
  if (!due && !(after == msg::phase::failed && others_turn))
    return "waits without a deadline in " + std::string(to_string(after));
  if (due && due->at <= now.at && due->at + std::chrono::hours{1} < now.at)
    return "a deadline long past";
  if (view.error.has_value() != (after == msg::phase::failed)) return "error and failed disagree";
  const auto up = after == msg::phase::connected || after == msg::phase::degraded;
  if (up && (!view.latency || !view.connected_at || !view.where)) return "up without its facts";
  if (after == msg::phase::failed && view.connected_at) return "failed and connected since";
  return std::nullopt;
}

} // namespace lanrage::test
