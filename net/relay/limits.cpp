#include "net/relay/limits.hpp"

#include "net/relay/server.hpp"

namespace lanrage::net::relay {

namespace defaults = config::defaults;

relay_limits limits_of(const config::relay_settings& settings) {
  relay_limits out;
  out.members = defaults::relay_clients_max;
  out.routes = defaults::relay_routes_max;
  out.routes_per_member = defaults::relay_routes_per_client_max;
  out.members_per_party = defaults::relay_party_members_max;
  out.parties_per_member = defaults::control_parties_per_member_max;
  out.provisional_per_peer = defaults::relay_provisional_per_peer;
  out.lifetime = settings.lifetime;
  out.route_idle = defaults::relay_route_idle;
  out.cookie_period = defaults::relay_cookie_period;
  out.timestamp_ahead = defaults::relay_timestamp_ahead;
  out.membership_grace = defaults::relay_membership_grace;
  out.rate_kbit_s = settings.rate_kbit_s;
  out.burst = defaults::relay_burst;
  out.refusals_per_source_s = defaults::relay_refusals_per_source_s;
  out.stun_per_source_s = defaults::relay_stun_per_source_s;
  out.proofs_per_source_s = defaults::relay_proofs_per_source_s;
  out.mac1_tests_s = defaults::relay_mac1_tests_s;
  out.packet_budget_s = defaults::relay_packet_budget_s;
  return out;
}

} // namespace lanrage::net::relay
