#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// Every number the program decides by: meaning, unit, source, reason. Nothing outside this file,
/// lan_defaults.hpp and path_defaults.hpp writes a bare duration or limit.
namespace lanrage::config::defaults {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;

// --- the peer connection (spec "Monitoring", "Strategies") --------------------------------------

/// Health check through the tunnel while all is well. Source: spec.
inline constexpr seconds check_interval = 30s;
/// An ICMP answer later than this is a loss. Source: spec.
inline constexpr milliseconds check_timeout = 1s;
/// RTT above which a connection is degraded. Source: spec. Strict: 200 ms itself is healthy.
inline constexpr milliseconds degraded_above = 200ms;
/// Repairs before a connection counts as failed. Source: spec.
inline constexpr int repair_attempts = 3;
/// Time between two repairs. Source: spec.
inline constexpr seconds repair_interval = 5s;
/// How long a trial of another relay may take to answer. Source: the spec's upstream (3 s).
inline constexpr seconds trial_deadline = 3s;
/// Waiting for the peer's record. Ours: a control round trip is 0.1 s, a reconnect of it 2 s.
inline constexpr seconds discover_deadline = 5s;
/// Waiting for the other side's answer and a first path. Ours: a control reconnect and a punch (2
/// s).
inline constexpr seconds negotiate_deadline = 10s;
/// Offers to one peer are at least this far apart; what changes meanwhile goes into the next. Ours.
inline constexpr milliseconds offer_gap = 50ms;
/// An offer that was not answered is repeated after this, doubling to the maximum. Ours.
inline constexpr seconds offer_again_first = 1s;
inline constexpr seconds offer_again_max = 4s;
/// A start over the remembered path, before the peer was asked: for so long, and once the peer says
/// that it is ready, for two round trips and this. Ours: a handshake and an answer.
inline constexpr seconds remembered_deadline = 1s;
inline constexpr milliseconds remembered_margin = 30ms;
/// Of peers that are probably away so many are started together, or that part of those that wait,
/// and the next ones after this. Ours: one is configured, and at rest, after some 15 ms.
inline constexpr std::size_t peers_in_turn = 16;
inline constexpr std::size_t turn_share = 50;
inline constexpr milliseconds turn_gap = 20ms;
/// Waiting for WireGuard's writer. Ours: a `wg` call takes milliseconds.
inline constexpr seconds configure_deadline = 2s;
/// A peer asked to explain itself waits so long for what nat knows. Ours: half of what is waited
/// for the peer.
inline constexpr seconds explain_patience = 1s;
/// Waiting for the first answer through the tunnel. Ours: one WireGuard handshake retry (5 s).
inline constexpr seconds verify_deadline = 5s;
/// Between two tunnel probes while verifying; the first is sent at once. Ours.
inline constexpr milliseconds verify_probe_interval = 200ms;
/// A tunnel probe's report may be that much later than its timeout. Ours.
inline constexpr milliseconds probe_grace = 250ms;
/// How often a responder looks for the handshake while verifying. Ours: UAPI costs 0.15 ms.
inline constexpr milliseconds handshake_poll = 20ms;
/// Failed connections are tried again after this, doubling to the maximum. Ours.
inline constexpr seconds slow_retry_first = 10s;
inline constexpr seconds slow_retry_max = 300s;
/// No second relay trial within this of the last; doubled after each. Ours: noise must not
/// flap.
inline constexpr seconds trial_dwell = 60s;
inline constexpr seconds trial_dwell_max = 1h;
/// A slow sample is confirmed after this before another relay is tried. Ours: one spike is no
/// reason.
inline constexpr seconds trial_confirm = 1s;
/// A WireGuard session older than this is dead. Source: WireGuard paper 6.1, Reject-After-Time.
inline constexpr seconds session_lifetime = 180s;
/// WireGuard should have renewed it by then: it does after 120 s (Rekey-After-Time), with the first
/// packet that leaves, keepalives included, and tries again after 5 s. Ours: and once more.
inline constexpr seconds rekey_late = 155s;
/// WireGuard's persistent keepalive. Source: WireGuard's manual (25 s keeps most NATs open).
inline constexpr seconds persistent_keepalive = 25s;

// --- punching (RFC 8445 shapes, figures measured in our laboratory) -----------------------------

inline constexpr milliseconds punch_first_gap = 20ms; ///< between the first two rounds of probes
inline constexpr double punch_gap_growth = 1.3;
inline constexpr milliseconds punch_gap_max = 200ms;
inline constexpr seconds punch_deadline = 2s;
/// A punch waits so long until both sides know where they are seen from outside: a probe that goes
/// out before the other side can answer it makes some boxes refuse that port. Ours: STUN takes one
/// round trip.
inline constexpr milliseconds punch_hold = 300ms;
/// A peer's candidates that were told so long ago are asked for anew before the next punch, and
/// nobody is probed for their sake after twice that time. Ours: its own survey of its NAT is as old
/// (stun_refresh), and one renewal may get lost.
inline constexpr seconds candidates_renew = 300s;
inline constexpr seconds candidates_lifetime = 2 * candidates_renew;
/// A proven path waits half its RTT, at most this, for one of a better class. Ours.
inline constexpr milliseconds punch_grace_max = 30ms;
/// A path of the same class is better only if it wins more than this. Ours: scheduling jitter.
inline constexpr milliseconds punch_noise = 10ms;
/// No start is put off longer than this, whatever was agreed. Ours.
inline constexpr seconds punch_after_max = 5s;
/// How long the initiator repeats a nomination that nobody follows. Ours.
inline constexpr seconds nominate_deadline = 1s;
/// Addresses probed per session, those learned from the peer's probes included. Ours:
/// candidates_max and some room.
inline constexpr std::size_t punch_candidates_max = 24;
/// Probes remembered per peer: answered ones, and those that already had their effect. Ours:
/// more than one session of an honest peer brings.
inline constexpr std::size_t punch_memory_max = 256;
/// Answers to one peer: at once, and then per second. Ours: 16 candidates for 8 rounds.
inline constexpr int punch_answers_burst = 128;
inline constexpr int punch_answers_per_s = 200;
/// Datagrams to one peer in one punch: in all, and of them probes of its candidates; the rest is
/// for answers, nominations and news. Ours: 10 candidates get 14 rounds.
inline constexpr std::uint64_t punch_packets_max = 200;
inline constexpr std::uint64_t punch_probes_max = 140;
/// A relayed pair tries again to go direct after this, doubling to the maximum. Ours.
inline constexpr seconds punch_again_first = 15s;
inline constexpr seconds punch_again_max = 300s;
/// A pair that is direct over IPv4 looks for IPv6 after this, and then as a relayed one. Ours.
inline constexpr seconds ipv6_again_first = 2s;
/// STUN retransmission: first wait and number of requests (RFC 8489 6.2.1, shortened: we ask
/// several servers at once).
inline constexpr milliseconds stun_rto = 200ms;
inline constexpr int stun_requests = 4;
/// The reflexive address is asked again. Ours: NAT mappings outlive 30 s, ISPs renumber rarely.
inline constexpr seconds stun_refresh = 300s;
/// Nobody answered: asked again after this, doubling up to stun_refresh. Ours.
inline constexpr seconds stun_retry_first = 10s;
/// Servers asked at once, per address family. Ours: two tell the mapping behaviour.
inline constexpr std::size_t stun_servers_max = 4;
/// Later changes of our own paths are published together. Ours: stragglers of one round.
inline constexpr milliseconds paths_coalesce = 50ms;
/// Requests of a filtering test (RFC 5780 4.4) before silence counts as an answer. Ours: three
/// losses in a row are rare, and a test takes 1.4 s.
inline constexpr int filter_requests = 3;
/// Servers that test filtering where several agree on the mapping. Ours: one that lies is outvoted.
inline constexpr std::size_t filter_testers_max = 3;
/// Ports of this machine beside WireGuard's, for measuring what the NAT does with new flows. Above
/// Linux's ephemeral range (32768 to 60999), so nobody is given one by chance.
inline constexpr std::uint16_t spare_port_first = 61'000;
inline constexpr std::uint16_t spare_ports = 256;
/// New flows whose public ports tell whether they follow each other. Ours: two equal steps are one
/// chance in 4,000 on a NAT that draws ports.
inline constexpr int port_samples = 3;
/// The largest step between two mappings that counts as a pattern. Ours: some NATs leave out every
/// other port, and other hosts' flows come between.
inline constexpr int port_delta_max = 8;
/// Public ports offered to peers as likely to be next. Source: our laboratory.
inline constexpr int predicted_ports = 8;
/// A prediction is made anew for a new peer or a failed punch, at most once in this; and after so
/// many failures no more until stun_refresh. Ours: another punch follows each.
inline constexpr seconds predict_gap = 2s;
inline constexpr int predict_again_max = 3;
/// How long the NAT keeps an idle mapping is tried by silences of these lengths (RFC 5780 4.6).
/// Ours: WireGuard's keepalive first, then doubling; RFC 4787 4.3 asks for 120 s at least.
inline constexpr std::array lifetime_silences{25s, 50s, 100s, 200s};
/// Spare ports for it, the last of them all: one for each silence, and one that asks.
inline constexpr std::uint16_t lifetime_ports = lifetime_silences.size() + 1;
/// After a round of questions about the own NAT. Ours: connecting goes first.
inline constexpr seconds lifetime_after = 10s;
/// The second exchange of a flow before it falls silent. Ours: Linux takes a flow for one that
/// lasts (120 s instead of 30 s) when it is active after two seconds.
inline constexpr seconds lifetime_settle = 3s;
/// First wait for an answer, doubling, and requests. Ours: nobody waits for the result.
inline constexpr milliseconds lifetime_rto = 500ms;
inline constexpr int lifetime_requests = 3;
/// Ports mapped by the router (PCP, NAT-PMP, UPnP): asked for this long, renewed at half of it
/// (RFC 6887 11.2.1). Ours: a crashed daemon leaves no hole for longer.
inline constexpr seconds port_mapping_lifetime = 3600s;
/// No router answered: asked again after this, and when the network changes. Ours.
inline constexpr seconds port_mapping_retry = 600s;
/// How long one router may take to answer. Ours: RFC 6886 3.1 would wait 64 s.
inline constexpr seconds port_mapping_timeout = 2s;
/// Waiting for the host's addresses, and before asking again. Ours: a netlink dump is instant.
inline constexpr seconds route_watch_timeout = 2s;

// --- switching an endpoint in place -------------------------------------------------------------

inline constexpr milliseconds assert_interval = 5ms;    ///< re-assert the endpoint this often
inline constexpr seconds assert_deadline = 3s;          ///< give up and restore after this
inline constexpr milliseconds assert_stable_min = 50ms; ///< stable for max(this, 2 RTT) is landed

// --- living paths ------------------------------------------------------------------------------

/// Counters are read this often while any peer carries traffic. Ours: UAPI costs 0.15 ms.
inline constexpr milliseconds traffic_poll = 100ms;
/// A peer carries traffic when data moved twice within this, and for as long after the last. Ours:
/// one packet a second is traffic, a health check every 30 s is none.
inline constexpr seconds traffic_for = 3s;
/// Octets of a WireGuard packet without data, which moves counters and is no traffic. Source: its
/// message format.
inline constexpr std::uint64_t keepalive_octets = 32;
/// Sending without hearing anything is suspicious after what this pair usually waits for an
/// answer, within these. Ours; WireGuard itself answers one-way traffic within 10 s.
inline constexpr milliseconds patience_min = 100ms;
inline constexpr milliseconds patience_max = 11s;
/// A doubted path is dead when this many probes in a row, that far apart, had no answer within one
/// and a quarter of a round trip and the margin, and another path had. Ours.
inline constexpr int doubt_probes = 3;
inline constexpr milliseconds doubt_gap = 15ms;
inline constexpr milliseconds doubt_margin = 30ms;
/// A repair that keeps the session but has no proof of any other path tries one without, after this
/// and each time again. Ours: the other side's daemon may be away while its WireGuard lives.
inline constexpr seconds unproven_after = 1s;
/// While a connection is being repaired its paths are checked this often. Ours.
inline constexpr milliseconds repair_check_gap = 200ms;
/// Path checks as large as data have this much padding: 1,280 octets of IPv4. Ours: IPv6's
/// smallest MTU.
inline constexpr std::uint16_t large_check_padding = 1'178;
/// Checks of one peer that may still be answered, and for how long. Ours.
inline constexpr std::size_t path_checks_open_max = 32;
inline constexpr seconds path_check_lifetime = 3s;
/// A move that is not answered is said again after two round trips and this, until the deadline.
/// Ours.
inline constexpr milliseconds move_again = 30ms;
inline constexpr seconds move_deadline = 1s;
/// Relays have so long to take over a session's indices; then the session moves without. Ours: two
/// round trips.
inline constexpr milliseconds prepare_deadline = 400ms;
/// So long is an index that such a relay does not know taken for the moving session's. Ours.
inline constexpr seconds prepare_remembered = 10s;
/// A pair that was direct and is relayed checks its old direct path this often; after the time it
/// took to be sure it is gone for longer, the wait doubles to punch_again_max. Ours: 2 packets.
inline constexpr seconds direct_check_gap = 5s;
inline constexpr seconds direct_check_for = 1h;
/// A direct path that was lost is back when so many checks in a row were answered. Ours.
inline constexpr int direct_checks = 3;
/// Waiting for a packet that shows a session's index; a probe makes one. Ours.
inline constexpr milliseconds learn_deadline = 200ms;
/// Such checks of one member, of all its peers together. Ours: 20 of 100 octets are 16 kbit/s.
inline constexpr std::uint32_t background_checks_per_s = 20;
/// The clock that runs while the machine sleeps is ahead by more: it was suspended. Ours.
inline constexpr seconds sleep_noticed = 2s;
/// Then the first repair has so long. Ours: registrations with relays are renewed meanwhile.
inline constexpr milliseconds woken_repair = 400ms;
/// How often that is looked at: news of the network after a resume usually comes earlier. Ours.
inline constexpr milliseconds sleep_look = 500ms;
// --- the machine's network ---------------------------------------------------------------------

/// Changes of addresses and routes come in bursts; one burst is one piece of news. Ours.
inline constexpr milliseconds network_settle = 200ms;
/// Datagrams taken from the port and not yet looked at; more are dropped, as a full socket would.
inline constexpr std::size_t port_queue_max = 4'096;

// --- relays -------------------------------------------------------------------------------------

inline constexpr seconds relay_lifetime = 300s;   ///< a registration outlives its daemon by minutes
inline constexpr seconds relay_renew = 15s;       ///< also keeps the member's NAT mapping open
inline constexpr seconds relay_route_idle = 240s; ///< unused routes go; WireGuard rekeys at 120 s
inline constexpr milliseconds relay_rto = 250ms;  ///< retransmission, doubling to relay_rto_max
inline constexpr seconds relay_rto_max = 5s;
inline constexpr std::size_t relays_registered = 3; ///< members stay registered with the best
/// A registered relay is asked again after twice its RTT and this, within [min, relay_rto_max].
/// Ours.
inline constexpr milliseconds relay_rto_margin = 50ms;
inline constexpr milliseconds relay_rto_min = 100ms;
/// Unanswered requests in a row after which a relay is lost: 0.8 s at 30 ms. Ours.
inline constexpr int relay_lost_after = 3;
inline constexpr int relay_measure_requests = 3;     ///< hellos to a relay that is only measured
inline constexpr seconds relay_measure_every = 300s; ///< relays we are not registered with
inline constexpr seconds relay_load_every = 60s;     ///< a ping, for the relay's load
inline constexpr std::size_t relay_rtt_samples = 7;  ///< whose median counts
/// A relay that was lost ranks last for this long after its return, doubling to the maximum.
inline constexpr seconds relay_penalty_first = 5s;
inline constexpr seconds relay_penalty_max = 300s;
/// Another relay replaces a registered one when it is nearer by both. Ours: noise must not flap.
inline constexpr milliseconds relay_nearer_by = 10ms;
inline constexpr int relay_nearer_by_percent = 15;
inline constexpr std::uint16_t relay_crowded_permille = 900; ///< of load: ranks behind others
/// Relays registered with for the sake of peers that are not with ours. Ours.
inline constexpr std::size_t relays_for_peers_max = 8;
inline constexpr seconds relay_for_peer_idle = 600s;
inline constexpr seconds relay_token_lifetime = 24h;
inline constexpr std::uint16_t relay_port = 51820;
inline constexpr std::size_t relay_clients_max = 20'000;
inline constexpr std::size_t relay_routes_per_client_max = 1'024;
inline constexpr std::size_t relay_party_members_max = 1'000;
inline constexpr std::uint32_t relay_refusals_per_source_s = 10;
inline constexpr std::uint32_t relay_rate_kbit_s = 100'000; ///< per member, each direction
inline constexpr milliseconds relay_burst = 250ms;          ///< of that rate may come at once
inline constexpr std::size_t relay_routes_max = 1'000'000;  ///< of all members; 40 octets each
/// Unproven sessions one member may announce to another; more recycle the oldest. Ours: WireGuard
/// retries every 5 s and gives up, one live session needs one or two.
inline constexpr std::size_t relay_provisional_per_peer = 8;
/// A cookie is good for one to two of these. Ours: a member that restarts within an hour resumes
/// in one round trip.
inline constexpr seconds relay_cookie_period = 1h;
/// A registration's timestamp may be this far ahead of the relay's clock. Ours: a member whose
/// clock was wrong once is not locked out for longer.
inline constexpr seconds relay_timestamp_ahead = 600s;
/// A live registration keeps its party after the token's end for this long. Ours: outlives any
/// outage of the control plane, yet someone expelled does not stay for ever.
inline constexpr seconds relay_membership_grace = 168h;
inline constexpr std::uint32_t relay_stun_per_source_s = 50;
/// Registrations that cost a key agreement or a signature check. Ours: 20 of 0.5 ms are 1 % of
/// a core.
inline constexpr std::uint32_t relay_proofs_per_source_s = 20;
/// Members an initiation may be tested against, per sender. Ours: 1 us each.
inline constexpr std::uint32_t relay_mac1_tests_s = 20'000;
inline constexpr std::uint32_t relay_packet_budget_s = 200'000; ///< what "load" is measured against
inline constexpr seconds relay_saved_every = 5s;                ///< members and routes go to disk
inline constexpr std::size_t relay_socket_buffer = 7 << 20; ///< octets; a burst of 5,000 packets

/// Of both servers.
inline constexpr seconds counters_written_every = 10s; ///< to disk
inline constexpr seconds counters_logged_every = 60s;

// --- control plane ------------------------------------------------------------------------------

inline constexpr std::uint16_t control_port = 8443;
inline constexpr std::size_t control_message_max = 256 * 1024; ///< octets
inline constexpr seconds control_ping = 20s;                   ///< WebSocket ping when idle
inline constexpr seconds control_dead_after = 45s;
inline constexpr milliseconds control_retry_first = 250ms; ///< reconnect, doubling with jitter
inline constexpr seconds control_retry_max = 30s;
inline constexpr seconds control_handshake_deadline = 5s;
/// A connection that lasted this long was a good one: the next retry is quick again. Ours.
inline constexpr seconds control_good_after = 10s;
/// How long a user waits for the server to confirm a party made or joined. Ours.
inline constexpr seconds control_confirm_deadline = 10s;
/// Between two publications of our own record; the first goes out at once. Ours.
inline constexpr milliseconds publish_gap = 100ms;
/// A signal for which there is no connection waits this long for one. Ours.
inline constexpr seconds signal_patience = 3s;
/// What the directory learned is saved this long after, many changes in one write. Ours.
inline constexpr seconds directory_save_after = 2s;
inline constexpr std::size_t control_parties_per_member_max = 16;
inline constexpr std::size_t control_members_per_party_max = 1'000;
inline constexpr std::size_t control_sessions_max = 20'000;
inline constexpr std::size_t control_handshakes_max = 1'024; ///< connections beside the sessions
inline constexpr std::size_t control_queue_max = 1'024;      ///< messages queued for a slow member
inline constexpr std::size_t control_queue_octets_max = 16 * 1024 * 1024; ///< the same in octets
inline constexpr std::size_t control_header_max = 16 * 1024; ///< octets of the upgrade request
inline constexpr std::size_t control_parties_max = 100'000;
/// Half of 10.66.0.0/16: beyond that, a free address takes long to find.
inline constexpr std::size_t control_leases_max = 32'000;
/// Records in one welcome; with 512 relay tokens (92 KB) it stays below control_message_max.
inline constexpr std::size_t control_records_octets = 128 * 1024;
/// Per session. Ours: a member of a full party signals each of the 1,000 others a few times.
inline constexpr std::uint32_t control_messages_per_s = 500;
inline constexpr std::uint32_t control_messages_burst = 5'000;
/// Signals of one member to its link, which has to stay below what the server takes and what the
/// link queues: at once, and then per second. Ours: a full party that comes at once is told within
/// two seconds.
inline constexpr int control_signals_burst = 400;
inline constexpr int control_signals_per_s = 400;
inline constexpr milliseconds control_signals_turn = 50ms; ///< those that wait go together
/// Per source address (IPv6: /64). Ours: a LAN party behind one NAT comes back at once.
inline constexpr std::uint32_t control_connects_per_s = 50;
inline constexpr std::uint32_t control_connects_burst = 500;
/// Of each kind of refusal, lines in the log: at once, and then. Ours: what everybody who connects
/// can cause stays below 20 MB a day.
inline constexpr int control_refusals_logged_burst = 20;
inline constexpr seconds control_refusals_logged_every = 10s;

// --- supervision --------------------------------------------------------------------------------

inline constexpr milliseconds restart_backoff_first = 100ms;
inline constexpr seconds restart_backoff_max = 30s;
inline constexpr int restarts_per_window = 5;
inline constexpr seconds restart_window = 60s;
/// Changed peer records are written to disk after this, all at once. Ours.
inline constexpr seconds save_after = 1s;

// --- WireGuard ----------------------------------------------------------------------------------

inline constexpr std::uint16_t listen_port = 51820;
inline constexpr std::string_view interface_name = "lanrage0";
inline constexpr int mtu = 1380; ///< 1420 less room for PPPoE and IPv6 paths; ours
inline constexpr seconds wg_call_deadline = 2s;
inline constexpr int wg_retries = 3;
inline constexpr milliseconds wg_retry_after = 250ms; ///< doubling to wg_retry_max
inline constexpr seconds wg_retry_max = 30s;
/// WireGuard's counters are read this often. Ours: 1,000 peers cost 0.5 % of a core, and a death of
/// wireguard-go or of a path shows within the second.
inline constexpr seconds wg_poll = 1s;
/// Reading never takes more than this part of the time, however many peers there are. Ours.
inline constexpr int wg_poll_share = 4;

// --- files --------------------------------------------------------------------------------------

inline constexpr std::string_view config_file = "/etc/lanrage/lanrage.toml";
inline constexpr std::string_view state_dir = "/var/lib/lanrage";
inline constexpr std::string_view socket_path = "/run/lanrage/lanrage.sock";
inline constexpr std::string_view socket_group = "lanrage";

static_assert(check_timeout < repair_interval && repair_interval < check_interval);
static_assert(verify_probe_interval < verify_deadline && trial_deadline < verify_deadline);
static_assert(relay_renew * 2 < relay_lifetime && relay_route_idle > 120s);
static_assert(control_ping * 2 < control_dead_after);
static_assert(punch_probes_max < punch_packets_max && port_samples < spare_ports - lifetime_ports);
static_assert(control_signals_per_s < control_messages_per_s &&
              control_signals_burst < control_messages_burst &&
              control_signals_burst < control_queue_max / 2);

} // namespace lanrage::config::defaults
