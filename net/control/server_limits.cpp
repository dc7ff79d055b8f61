#include "config/defaults.hpp"
#include "net/control/server.hpp"

namespace lanrage::net::control {

namespace defaults = config::defaults;

server_limits default_limits() {
  server_limits out;
  out.registry.sessions = defaults::control_sessions_max;
  out.registry.parties = defaults::control_parties_max;
  out.registry.parties_per_member = defaults::control_parties_per_member_max;
  out.registry.members_per_party = defaults::control_members_per_party_max;
  out.registry.leases = defaults::control_leases_max;
  out.registry.octets_per_message = defaults::control_records_octets;
  out.registry.messages_per_s = defaults::control_messages_per_s;
  out.registry.messages_burst = defaults::control_messages_burst;
  out.registry.token_lifetime = defaults::relay_token_lifetime;
  out.handshakes = defaults::control_handshakes_max;
  out.handshake = defaults::control_handshake_deadline;
  out.dead_after = defaults::control_dead_after;
  out.header_octets = defaults::control_header_max;
  out.message_octets = defaults::control_message_max;
  out.queue_messages = defaults::control_queue_max;
  out.queue_octets = defaults::control_queue_octets_max;
  out.connects_per_s = defaults::control_connects_per_s;
  out.connects_burst = defaults::control_connects_burst;
  return out;
}

} // namespace lanrage::net::control
