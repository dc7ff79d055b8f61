#pragma once

#include "messages/connections.hpp"
#include "messages/control.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

/// Every typed actor interface of the program: its message map. Payloads stay inside the process,
/// so they are passed as they are, without serialisation.
namespace lanrage::msg {

// --- sinks: what an actor must hear to be told something
// -------------------------------------------

/// Datagrams of one interest.
using frame_sink = caf::typed_actor<caf::reacts_to<frame_received>>;
/// Addresses, routes or links changed.
using network_sink = caf::typed_actor<caf::reacts_to<network_changed>>;
/// Passive signals of WireGuard peers.
using wg_sink = caf::typed_actor<caf::reacts_to<wg_signal>>;
/// Records, presence, signals, relays, the lease, the link's state.
using directory_sink = caf::typed_actor<caf::reacts_to<directory_event>>;
/// News of punching sessions.
using path_sink = caf::typed_actor<caf::reacts_to<path_event>>;
/// Lines for `watch`.
using event_sink = caf::typed_actor<caf::reacts_to<connection_event>>;
/// What the control link hears.
using control_sink = caf::typed_actor<caf::reacts_to<control_heard>>;
/// What is heard on the local network.
using lan_sink = caf::typed_actor<caf::reacts_to<lan_heard>, caf::reacts_to<lan_ready>>;

struct attach_frames {
  frame_interest interest{};
  frame_sink sink;
};
struct attach_network {
  network_sink sink;
};
struct attach_wg {
  watch_peer what;
  wg_sink sink;
};
struct attach_directory {
  directory_sink sink;
};
struct attach_paths {
  expect_peer what;
  path_sink sink;
};
struct attach_events {
  event_sink sink;
};
struct attach_control {
  control_sink sink;
};
struct attach_lan {
  lan_sink sink;
};

// --- drivers
// -------------------------------------------------------------------------------------------

/// Raw frames from and to WireGuard's UDP port.
using port_actor = caf::typed_actor<
    /// Send one datagram; losses are the network's business, so nothing comes back.
    caf::reacts_to<send_frame>,
    /// Watch WireGuard's own packets for a moment; always answers within the timeout.
    caf::replies_to<learn_index>::with<learned_index>,
    /// Replace who hears frames of an interest.
    caf::reacts_to<attach_frames>>;

using prober_actor = caf::typed_actor<
    /// One ICMP echo through the tunnel; always answers within the timeout and a little.
    caf::replies_to<probe_tunnel>::with<probe_report>>;

using route_watch_actor =
    caf::typed_actor<caf::replies_to<get_host_addresses>::with<host_addresses>,
                     /// Add a listener for changes.
                     caf::reacts_to<attach_network>>;

using wg_device_actor = caf::typed_actor<
    /// Create or adopt the interface. wg_unavailable, wg_refused, not_permitted.
    caf::replies_to<ensure_device>::with<device_state>,
    /// wg_unavailable: the interface is gone.
    caf::replies_to<observe_device>::with<device_state>,
    /// All or, on wg_refused, possibly some of the changes; the writer reads back.
    caf::replies_to<apply_changes>::with<done>>;

using control_link_actor = caf::typed_actor<
    /// Connect and log in; the outcome and all that follows goes to the sink.
    caf::reacts_to<control_open>, caf::reacts_to<control_join>, caf::reacts_to<control_say>,
    caf::reacts_to<control_close>, caf::reacts_to<attach_control>>;

using lan_actor = caf::typed_actor<
    /// Send one datagram; losses are the network's business, so nothing comes back.
    caf::reacts_to<lan_send>,
    /// Replace who hears; it is told at once which interfaces there are.
    caf::reacts_to<attach_lan>>;
/// Streams to relays, at most one to each. Its news go to the relay selector.
using relay_streams_actor =
    caf::typed_actor<caf::reacts_to<open_stream>, caf::reacts_to<close_stream>,
                     caf::reacts_to<close_streams>>;

using store_actor = caf::typed_actor<
    /// bad_state when the disk refuses.
    caf::replies_to<store_put>::with<done>>;

// --- roles
// ---------------------------------------------------------------------------------------------

/// The only one that changes WireGuard.
using wireguard_writer_actor =
    caf::typed_actor<caf::replies_to<use_address>::with<done>,
                     caf::replies_to<set_peer>::with<peer_applied>,
                     caf::replies_to<reset_peer>::with<peer_applied>,
                     caf::replies_to<remove_peer>::with<peer_applied>,
                     caf::replies_to<assert_endpoint>::with<assert_report>,
                     /// Start or change watching one peer; the first signal comes at once.
                     caf::reacts_to<attach_wg>, caf::reacts_to<unwatch_peer>>;

/// Who is in our parties, where they are, and the way to tell them something.
using directory_actor = control_sink::extend<
    caf::replies_to<find_peer>::with<known_peer>,
    caf::replies_to<list_peers>::with<std::vector<known_peer>>,
    caf::replies_to<list_parties>::with<std::vector<party_info>>,
    caf::replies_to<party_create>::with<party_created>,
    caf::replies_to<party_join>::with<party_info>, caf::replies_to<party_leave>::with<done>,
    caf::replies_to<party_forget>::with<done>, caf::replies_to<rotate_key>::with<key_rotated>,
    caf::reacts_to<send_signal>,
    /// Own reachability and registrations, to be published.
    caf::reacts_to<own_paths>, caf::reacts_to<own_legs>,
    /// Time to look for the server, or for another way to it.
    caf::reacts_to<network_changed>,
    /// Members on the local network.
    caf::reacts_to<lan_heard>, caf::reacts_to<lan_ready>,
    /// Add a subscriber; it is told everything known at once.
    caf::reacts_to<attach_directory>>;

/// Own NAT, candidates, and one punching session per peer.
using nat_actor =
    caf::typed_actor<caf::reacts_to<frame_received>, caf::reacts_to<network_changed>,
                     /// Of these only relays_listed matters here: relays answer STUN.
                     caf::reacts_to<directory_event>, caf::replies_to<get_paths>::with<own_paths>,
                     /// Answer this peer's probes from now on and tell the sink what happens.
                     caf::reacts_to<attach_paths>, caf::reacts_to<forget_peer>,
                     caf::reacts_to<start_punch>, caf::reacts_to<nominate_path>,
                     caf::reacts_to<check_path>,
                     /// From the driver that asks routers for ports.
                     caf::reacts_to<ports_mapped>>;

/// Registrations with relays, their measurements and their ranking for a pair.
using relay_selector_actor =
    caf::typed_actor<caf::reacts_to<frame_received>, caf::reacts_to<network_changed>,
                     caf::reacts_to<directory_event>,
                     caf::replies_to<rank_relays>::with<relay_ranking>,
                     /// Answers when the relay confirmed; relay_unavailable.
                     caf::replies_to<prepare_relay>::with<done>, caf::reacts_to<relay_trouble>,
                     /// From the driver of streams.
                     caf::reacts_to<stream_opened>, caf::reacts_to<stream_closed>>;

/// One connection: a shell around the peer_connection core.
using peer_actor =
    caf::typed_actor<caf::reacts_to<peer_known>, caf::reacts_to<signal_received>,
                     caf::reacts_to<path_event>, caf::reacts_to<wg_signal>,
                     caf::reacts_to<own_paths>, caf::reacts_to<own_legs>,
                     caf::reacts_to<network_changed>,
                     /// Of it only the delay to the control server matters here.
                     caf::reacts_to<control_state>,
                     /// A user asked for this connection (again): leave `failed` at once.
                     caf::reacts_to<connect_peer>, caf::reacts_to<close_peer>,
                     caf::replies_to<get_explanation>::with<explanation>>;

/// The public face of the daemon: owns peer key -> actor.
using connection_supervisor_actor = caf::typed_actor<
    /// Answers once connected; connection_failed, peer_not_found, party_not_found.
    caf::replies_to<connect_peer>::with<connection_view>,
    /// Answers once the peer is gone from WireGuard.
    caf::replies_to<disconnect_peer>::with<done>,
    caf::replies_to<get_status>::with<connection_view>,
    caf::replies_to<list_status>::with<status_report>,
    caf::replies_to<explain_peer>::with<explanation>, caf::reacts_to<attach_events>,
    caf::reacts_to<connection_event>, caf::reacts_to<peer_update>, caf::reacts_to<directory_event>,
    caf::reacts_to<own_paths>, caf::reacts_to<own_legs>, caf::reacts_to<network_changed>>;

/// Everybody's stable address: guardians, which restart what is behind them. A role is spawned by
/// `X_actor spawn_X(caf::actor_system&, const roles&, X_settings, std::shared_ptr<X_memory>)`: the
/// memory is plain data that outlives a crashed incarnation (desired peers, subscribers, tokens),
/// is touched by one incarnation at a time, and is all that the next one continues from. On its
/// first start an actor attaches itself to what it listens to; attaching again replaces.
struct roles {
  port_actor port;
  prober_actor prober;
  route_watch_actor route_watch;
  wg_device_actor wg_device;
  control_link_actor control_link;
  lan_actor lan; ///< absent where settings turn it off
  relay_streams_actor streams;
  store_actor store;
  wireguard_writer_actor writer;
  directory_actor directory;
  nat_actor nat;
  relay_selector_actor relays;
  connection_supervisor_actor supervisor;
};

} // namespace lanrage::msg

// Payloads never leave the process: no serialisation, no type ids.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::send_frame)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::frame_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::probe_tunnel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::probe_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::get_host_addresses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::host_addresses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::network_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::ensure_device)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::observe_device)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::apply_changes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::device_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::use_address)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::set_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::reset_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::remove_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::peer_applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::assert_endpoint)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::assert_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::watch_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::unwatch_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::wg_signal)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::known_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_info)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::find_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::list_peers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::list_parties)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_create)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_join)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_leave)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_forget)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::rotate_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::key_rotated)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_created)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::send_signal)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::peer_known)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::peer_gone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::signal_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::relays_listed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::address_leased)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::control_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::directory_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::own_paths)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::get_paths)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::expect_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::forget_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::start_punch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::nominate_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::path_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::ports_mapped)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::own_legs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::rank_relays)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::relay_ranking)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::relay_trouble)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::connection_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::peer_update)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::connect_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::disconnect_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::get_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::list_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::self_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::status_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::connection_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::close_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::store_put)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::open_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::close_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::close_streams)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::stream_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::stream_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::control_open)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::control_join)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::control_say)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::control_close)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::link_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::link_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::control_heard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::lan_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::lan_send)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::lan_heard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::lan_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::learn_index)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::learned_index)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::check_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::prepare_relay)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::explanation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::get_explanation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::explain_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_frames)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_network)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_wg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_directory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_paths)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_control)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_lan)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<lanrage::msg::known_peer>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<lanrage::msg::party_info>)
