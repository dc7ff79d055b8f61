#pragma once

#include "config/settings.hpp"
#include "messages/birthday.hpp"
#include "messages/driver_values.hpp"
#include "messages/path_forecast.hpp"
#include "net/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/errc.hpp"
#include "net/ids.hpp"
#include "net/record.hpp"
#include "net/wg/state.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// What may be said between actors: plain values. Who says what to whom is interfaces.hpp.
namespace lanrage::msg {

using time_point = std::chrono::steady_clock::time_point; ///< CAF's clock, virtual in simulation
using unix_ms = std::chrono::milliseconds;                ///< since 1970-01-01T00:00:00Z
/// The only source of calendar time; the simulation passes a fixed epoch plus virtual time.
using wall_clock = std::function<unix_ms()>;

// --- port driver: datagrams from and to WireGuard's own UDP port ---------------------------------

struct send_frame {
  net::endpoint to;
  shared_bytes data;
  std::uint16_t from_port = 0; ///< 0: WireGuard's own; else one of the spare ports
};
struct frame_received {
  net::endpoint from;
  net::ip_address local; ///< the own address it arrived at
  shared_bytes data;
  std::uint16_t at_port = 0; ///< 0: WireGuard's own; else the spare port it arrived at
};
/// The receiver index of the next WireGuard data packet that leaves for `to`: the session's, as the
/// peer chose it. Members tell it to relays that have not seen the session's handshake.
struct learn_index {
  net::endpoint to;
  std::chrono::milliseconds timeout{};
};
struct learned_index {
  std::optional<net::session_index> index; ///< absent: nothing left, or it cannot be seen
};
enum class frame_interest : std::uint8_t {
  paths, ///< STUN responses and probes
  relays ///< relay frames
};

// --- prober: ICMP echo through the tunnel --------------------------------------------------------

struct probe_tunnel {
  net::virtual_ip to;
  std::chrono::milliseconds timeout{};
};
/// A loss is `rtt` absent; an answer of 0 ns is an answer.
struct probe_report {
  std::optional<std::chrono::nanoseconds> rtt;
};

// --- route watch ---------------------------------------------------------------------------------

struct get_host_addresses {};
/// Global unicast addresses of the interfaces that are up, the tunnel's excluded; sorted.
struct host_addresses {
  std::vector<net::ip_address> addresses;
};
/// Something about addresses, routes or links changed; debounced by the driver.
struct network_changed {
  host_addresses now;
  std::chrono::nanoseconds slept{}; ///< the machine was suspended for so long until now
};

// --- WireGuard device (driver) -------------------------------------------------------------------

/// Create or adopt the interface; give it the leased address when there is one.
struct ensure_device {
  net::virtual_ip address; ///< not leased yet: no address is set
};
struct observe_device {};
struct apply_changes {
  std::vector<net::wg::change> changes;
};
/// Take away what is ours: these peers, the address, and the interface if that leaves it empty.
struct remove_device {
  std::set<net::wg_public_key> peers;
};
struct device_state {
  net::wg::observation seen;
  bool created = false; ///< by this call: sessions that were there are lost
};

// --- WireGuard writer ----------------------------------------------------------------------------

/// How WireGuard shall know a peer.
struct wg_peer {
  net::wg_public_key key;
  net::virtual_ip address;
  std::optional<net::endpoint> where; ///< absent: the silent responder; WireGuard learns it
  bool keepalive = false;             ///< on only after the handshake on a responder
  friend bool operator==(const wg_peer&, const wg_peer&) = default;
};
/// The interface that we shall have.
struct interface_wanted {
  bool there = false;      ///< false, in no party: nothing of ours shall be left
  net::virtual_ip address; ///< not leased yet: none
  friend bool operator==(const interface_wanted&, const interface_wanted&) = default;
};
struct set_peer {
  wg_peer peer;
};
/// Remove and add again, which throws the session away: the repair of last resort, one side only.
struct reset_peer {
  wg_peer peer;
};
struct remove_peer {
  net::wg_public_key key;
};
/// Verified by reading back.
struct peer_applied {
  net::wg_public_key key;
};
/// Move a living session: re-assert until WireGuard stopped roaming back for two round trips.
struct assert_endpoint {
  net::wg_public_key key;
  net::endpoint where;
  std::chrono::nanoseconds rtt{}; ///< what is under way is there by then
};
struct assert_report {
  net::wg_public_key key;
  bool landed = false; ///< false: the old endpoint was restored
};
/// `eager`: somebody waits for a handshake, look every handshake_poll.
struct watch_peer {
  net::wg_public_key key;
  bool eager = false;
};
struct unwatch_peer {
  net::wg_public_key key;
};
/// Passive signals of one peer, sent when something moved.
struct wg_signal {
  net::wg_public_key key;
  std::uint64_t rx = 0;
  std::uint64_t tx = 0;
  std::optional<std::chrono::nanoseconds> latest_handshake; ///< since 1970
  std::optional<net::endpoint> where;
  bool roamed = false;       ///< WireGuard moved the endpoint by itself
  bool session_lost = false; ///< the device was made anew: no session, counters from zero
};

// --- directory -----------------------------------------------------------------------------------

struct known_peer {
  net::peer_record record;
  bool online = false; ///< connected to the control plane now, as far as we know
  unix_ms heard{};     ///< when this record was last confirmed
  /// `online` is what the control server says now; false: it is away, or has not said yet.
  bool presence_known = false;
  bool near = false; ///< it announces itself on our network: signals reach it there, too
};
struct party_info {
  net::party_id id;
  std::string name;
  std::size_t members = 0;
  bool joined = false; ///< the control plane confirmed it
  std::string server;  ///< "host:port" of its control server
};
struct find_peer {
  std::optional<std::string> party; ///< a party's name or id; absent: all our parties
  net::peer_id id;
};
struct list_peers {};
struct list_parties {};
struct party_create {
  std::string name;
  std::string server_line;
};
struct party_join {
  std::string invite;
};
struct party_invite {
  std::string party; ///< a name or id
};
struct invitation {
  party_info party;
  std::string invite; ///< a secret: for the user's eyes, never logged
};
struct party_leave {
  std::string party;
};
/// Free the name of a member that is away for good.
struct party_forget {
  std::optional<std::string> party; ///< a name or id; absent: the one that has such a member
  net::peer_id id;
};
/// Replace this machine's WireGuard key. Answered when the control server has taken the new one;
/// the daemon begins anew with it right after.
struct rotate_key {};
struct key_rotated {
  net::wg_public_key key; ///< the new one
};
struct done {};
struct send_signal {
  net::party_id party;
  net::wg_public_key to;
  net::peer_signal signal; ///< `sequence` is filled in by the directory
};

/// What the directory tells its subscribers.
struct peer_known {
  known_peer peer; ///< new or changed record, or changed presence
};
struct peer_gone {
  net::party_id party;
  net::wg_public_key key; ///< left the party
};
/// Right after subscribing: whoever else the subscriber was told of before has gone meanwhile.
struct members_listed {
  std::set<std::pair<net::wg_public_key, net::party_id>> members;
};
struct signal_received {
  net::party_id party;
  net::wg_public_key from;
  net::peer_signal signal;
};
/// Also right after subscribing, from the cache when control is away.
struct relays_listed {
  std::vector<net::relay_info> relays;
  std::vector<net::bytes> tokens; ///< encoded net::relay_token
};
struct control_state {
  bool up = false;
  std::optional<net::error> why_down;
  std::chrono::microseconds delay{}; ///< one way to the control server, estimated
};
/// Finding members on the local network.
struct lan_state {
  bool enabled = false;
  std::vector<std::string> interfaces; ///< where announcements go and are heard; sorted
  std::vector<net::peer_id> near;      ///< members heard there lately; sorted
  friend bool operator==(const lan_state&, const lan_state&) = default;
};
struct directory_event {
  std::variant<peer_known, peer_gone, members_listed, signal_received, relays_listed,
               interface_wanted, control_state, lan_state>
      what;
};

// --- control link (driver)
// ---------------------------------------------------------------------------------- Its messages
// carry net/control's protocol values and are declared in messages/control.hpp.

// --- nat -----------------------------------------------------------------------------------------

/// A port that the router forwards to WireGuard's because we asked it to.
struct mapped_port {
  std::string protocol;  ///< "PCP", "NAT-PMP", "UPnP"
  net::endpoint outside; ///< as the router says
  friend bool operator==(const mapped_port&, const mapped_port&) = default;
};
/// From the driver that speaks to the router: what is mapped now.
struct ports_mapped {
  std::vector<mapped_port> ports;
};
/// How long the own NAT keeps a mapping that is not used (RFC 4787 4.3), as far as it was tried.
struct mapping_life {
  std::chrono::seconds at_least{};           ///< 0: the shortest silence was too long
  std::optional<std::chrono::seconds> below; ///< it was gone after so long
  friend bool operator==(const mapping_life&, const mapping_life&) = default;
};
/// What is known of the own IPv4 NAT beyond what peers are told; absent: not measured.
struct nat_details {
  std::optional<net::endpoint> mapped;  ///< where the nearest server saw us
  std::optional<bool> ports_preserved;  ///< RFC 4787 4.2.1
  std::optional<int> port_delta;        ///< from one new mapping to the next; 0: no pattern
  std::optional<bool> hairpin;          ///< RFC 4787 6
  std::vector<mapped_port> port_mapped; ///< proven from outside
  std::optional<mapping_life> lifetime{};
  friend bool operator==(const nat_details&, const nat_details&) = default;
};
/// What nat knows of our own reachability; sent to directory and supervisor when it changes.
struct own_paths {
  net::nat_report nat;
  std::vector<net::candidate> candidates;
  nat_details details{};
  bool birthday_on = false;                      ///< the settings allow birthday probing
  std::optional<net::birthday_offer> birthday{}; ///< our side of it, when the NAT is of that kind
};
struct get_paths {};
/// From now on answer this peer's probes; `ready` goes into the answers' flag.
struct expect_peer {
  net::wg_public_key key;
  bool ready = false;
};
struct forget_peer {
  net::wg_public_key key;
};
struct start_punch {
  net::wg_public_key key;
  std::uint32_t epoch = 0;
  std::vector<net::candidate> candidates;  ///< the peer's
  std::chrono::microseconds after{};       ///< both sides start together
  std::optional<birthday_plan> birthday{}; ///< when nothing else found a path
};
/// The initiator moves to a path that it has proven; the answer to a nomination proves it was
/// heard.
struct nominate_path {
  net::wg_public_key key;
  std::uint32_t epoch = 0;
  net::endpoint where;
};
enum class path_news : std::uint8_t {
  proven,    ///< our probe was answered and theirs arrived: both directions work
  nominated, ///< responder: the initiator moves to this path; initiator: it was heard
  failed,    ///< punching ended without a proven path
  checked,   ///< our check came back: the path carries datagrams there and back
  asked,     ///< the peer checks this path, or moves to it
};
struct path_event {
  net::wg_public_key key;
  std::uint32_t epoch = 0; ///< checked: the check's `number`; asked: the initiator's move, or 0
  path_news news{};
  net::endpoint where; ///< all but `failed`: the peer's address on this path, or the relay's
  std::chrono::nanoseconds rtt{};            ///< proven, nominated, checked
  bool peer_ready = false;                   ///< the peer's WireGuard knows us
  bool doubt = false;                        ///< asked: the path in use does not answer the peer
  std::optional<birthday_report> birthday{}; ///< proven, failed: of a run that came to it
  bool rewritten = false; ///< proven: release_path is owed when this path is left
};
/// Ask beside WireGuard whether a path to the peer lives, there and back; `checked` is the answer,
/// silence none. Its deadline is the asker's business.
struct check_path {
  net::wg_public_key key;
  std::uint32_t number = 0; ///< the asker's, to tell answers apart
  net::endpoint where;      ///< the peer's address, or a relay's that both are registered with
  std::uint32_t move = 0;   ///< the initiator's move that this path is for; 0: none
  bool doubt = false;       ///< the path in use does not answer
  bool large = false;       ///< as large as data
};

// --- relay selector ------------------------------------------------------------------------------

/// Our registrations now, nearest first; sent to directory and supervisor when they change.
struct own_legs {
  std::vector<net::relay_leg> legs;
  std::vector<net::relay_id> streams{}; ///< of them those reached by TLS, as UDP is blocked; sorted
};
/// Which relays both we and the peer are registered with, best end-to-end RTT first.
struct rank_relays {
  net::wg_public_key peer;
  std::vector<net::relay_leg> peer_legs;
};
struct relay_choice {
  net::relay_id relay;
  std::string name;
  net::endpoint address;
  std::chrono::microseconds rtt{}; ///< both legs
  // What the choice of a path needs besides; it changes with every measurement.
  path_forecast forecast{}; ///< both legs; samples 0: unknown
  std::uint16_t load_permille = 0;
  int failures = 0;    ///< losses that still count
  bool pinned = false; ///< asked for in the settings
  /// The relay's UDP address, when `address` is the loopback end of a stream to it.
  std::optional<net::endpoint> streamed_from{};
  /// The same relay at the same distance.
  friend bool operator==(const relay_choice& a, const relay_choice& b) {
    return a.relay == b.relay && a.name == b.name && a.address == b.address && a.rtt == b.rtt;
  }
};
struct relay_ranking {
  std::vector<relay_choice> choices; ///< empty: relay_unavailable
};
/// A peer's session is to use this relay: register there what other relays know of our sessions,
/// and `index`.
struct prepare_relay {
  net::relay_id relay;
  net::wg_public_key peer;
  std::optional<net::session_index> index; ///< of our packets to the peer, when known
  /// At once, so that an index of ours which the relay does not know is this session's.
  bool moves = true;
};
/// A peer saw its traffic through this relay die.
struct relay_trouble {
  net::relay_id relay;
};

} // namespace lanrage::msg
