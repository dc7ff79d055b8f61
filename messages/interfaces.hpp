#pragma once

#include "messages/sinks.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

/// Every typed actor interface of the program: its message map. Payloads stay inside the process,
/// so they are passed as they are, without serialisation.
namespace lanrage::msg {

// --- drivers -------------------------------------------------------------------------------------

/// Raw frames from and to WireGuard's UDP port.
using port_actor = caf::typed_actor<
    /// Send one datagram; losses are the network's business, so nothing comes back.
    caf::reacts_to<send_frame>,
    /// Watch WireGuard's own packets for a moment; always answers within the timeout.
    caf::replies_to<learn_index>::with<learned_index>,
    /// Answers when the kernel has them; else nothing has changed: bad_state (no `nft`, or what it
    /// said), not_permitted, timed_out.
    caf::replies_to<rewrite_ports>::with<done>,
    /// Replace who hears frames of an interest.
    caf::reacts_to<attach_frames>>;

using prober_actor = caf::typed_actor<
    /// One ICMP echo through the tunnel; always answers within the timeout and a little.
    caf::replies_to<probe_tunnel>::with<probe_report>>;

using route_watch_actor = caf::typed_actor<
    /// As they are now, also while a change is still settling; else what the kernel refused with.
    caf::replies_to<get_host_addresses>::with<host_addresses>,
    /// Add a listener for changes.
    caf::reacts_to<attach_network>>;

using wg_device_actor = caf::typed_actor<
    /// Create or adopt the interface. wg_unavailable, wg_refused, not_permitted; already_exists,
    /// bad_config: only a user can help.
    caf::replies_to<ensure_device>::with<device_state>,
    /// wg_unavailable: the interface is gone.
    caf::replies_to<observe_device>::with<device_state>,
    /// All or, on wg_refused, possibly some of the changes; the writer reads back.
    caf::replies_to<apply_changes>::with<done>,
    /// Also done when there is none, or somebody else's, which stays. not_permitted, wg_refused.
    caf::replies_to<remove_device>::with<done>>;

using control_link_actor = caf::typed_actor<
    /// Connect and log in, one attempt; the outcome and all that follows goes to the sink. The
    /// connection before goes on until this one stands or failed.
    caf::reacts_to<control_open>,
    /// Lost without a connection; the server's word on it goes to the sink.
    caf::reacts_to<control_join>,
    /// As control_join.
    caf::reacts_to<control_say>,
    /// Say goodbye. Nothing more is heard of the connection, not even its end.
    caf::reacts_to<control_close>,
    /// Replace who hears.
    caf::reacts_to<attach_control>>;

using lan_actor = caf::typed_actor<
    /// Send one datagram; losses are the network's business, so nothing comes back.
    caf::reacts_to<lan_send>,
    /// Replace who hears; it is told at once which interfaces there are.
    caf::reacts_to<attach_lan>>;

/// Streams to relays, at most one to each. Its news go to the relay selector.
using relay_streams_actor = caf::typed_actor<
    /// Leads to stream_opened or stream_closed within the handshake's deadline, under its attempt;
    /// of the stream that it replaces nothing more is heard.
    caf::reacts_to<open_stream>,
    /// No stream_closed follows.
    caf::reacts_to<close_stream>,
    /// The same for all, for a selector that does not know what its predecessor opened.
    caf::reacts_to<close_streams>>;

using store_actor = caf::typed_actor<
    /// Answers when a crash of the machine leaves the new text. bad_state, not_permitted: the disk
    /// refuses, and the old one is there.
    caf::replies_to<store_put>::with<done>>;

// --- roles ---------------------------------------------------------------------------------------

/// The only one that changes WireGuard. It answers what reading back has shown. A change that
/// WireGuard refuses a few times is answered with wg_refused and tried on; an interface that cannot
/// be had with the error of ensure_device.
using wireguard_writer_actor = caf::typed_actor<
    /// Answers when it is so. Until the first of these nothing is touched.
    caf::replies_to<interface_wanted>::with<done>,
    /// A changed endpoint is written once; the same one said again does not undo roaming.
    /// address_clash: another peer of ours has the virtual address.
    caf::replies_to<set_peer>::with<peer_applied>,
    /// As set_peer, and the session is a new one.
    caf::replies_to<reset_peer>::with<peer_applied>,
    /// Also answered when there is no such peer. What was asked for this peer before fails: closed.
    caf::replies_to<remove_peer>::with<peer_applied>,
    /// Answers within assert_deadline and a little; one more for the same peer ends the one before
    /// as not landed. wg_refused: the peer was never set.
    caf::replies_to<assert_endpoint>::with<assert_report>,
    /// Start or change watching one peer; the first signal comes at once.
    caf::reacts_to<attach_wg>,
    /// No more signals; WireGuard keeps the peer. A handshake of it is told to the supervisor,
    /// once.
    caf::reacts_to<unwatch_peer>>;

/// Who is in our parties, where they are, and the way to tell them something. It answers from what
/// it remembers where no server is asked; a server that is asked has control_confirm_deadline, then
/// the answer is why it is away, or timed_out.
using directory_actor = control_sink::extend<
    /// Of several parties the one where the peer is online. party_not_found; peer_not_found, also
    /// when the name means several members.
    caf::replies_to<find_peer>::with<known_peer>,
    /// Every other member of every party; who is in two of them is there twice.
    caf::replies_to<list_peers>::with<std::vector<known_peer>>,
    /// Without those that no server has confirmed yet and those that are being left.
    caf::replies_to<list_parties>::with<std::vector<party_info>>,
    /// Answers when the server has the party, else it is forgotten again, and the disk has it, else
    /// not_stored. bad_invite: the server line or the name; already_exists, limit_reached, what the
    /// server refused with.
    caf::replies_to<party_create>::with<invitation>,
    /// As party_create; wrong_secret, name_taken.
    caf::replies_to<party_join>::with<party_info>,
    /// At once, from memory. party_not_found, also while the server has not confirmed it yet.
    caf::replies_to<party_invite>::with<invitation>,
    /// Answers when the disk has it, else not_stored; a server that is away hears of it when it is
    /// back. party_not_found.
    caf::replies_to<party_leave>::with<done>,
    /// Answers when the server has freed the name. party_not_found, peer_not_found, peer_online,
    /// control_unreachable; limit_reached: it has not answered about another one yet.
    caf::replies_to<party_forget>::with<done>,
    /// The new key is on the disk before the server hears of it. control_unreachable,
    /// party_not_found, already_exists; control_refused: the old key stays; timed_out: it is
    /// replaced as soon as the server answers.
    caf::replies_to<rotate_key>::with<key_rotated>,
    /// Waits for a way to the peer; after signal_patience it is lost. A newer one of its kind takes
    /// the place of one that waits.
    caf::reacts_to<send_signal>,
    /// Own candidates and NAT, for the own record; publications are publish_gap apart.
    caf::reacts_to<own_paths>,
    /// Own registrations, for the same record.
    caf::reacts_to<own_legs>,
    /// Time to look for the server, or for another way to it.
    caf::reacts_to<network_changed>,
    /// A member's announcement or signal where it is sealed for one of our parties; else nothing.
    caf::reacts_to<lan_heard>,
    /// Where to announce ourselves from now on.
    caf::reacts_to<lan_ready>,
    /// Add a subscriber; it is told everything known at once.
    caf::reacts_to<attach_directory>>;

/// Own NAT, candidates, and one punching session per peer. What comes of an order about a peer goes
/// to the sink of its attach_paths; without one nobody hears.
using nat_actor = caf::typed_actor<
    /// Answers to our STUN requests and what is authentic of an attached peer count, all else does
    /// nothing.
    caf::reacts_to<frame_received>,
    /// The NAT is another one perhaps: it is measured anew.
    caf::reacts_to<network_changed>,
    /// Of these only relays_listed matters here: relays answer STUN.
    caf::reacts_to<directory_event>,
    /// What is known so far; directory and supervisor are sent every change unasked.
    caf::replies_to<get_paths>::with<own_paths>,
    /// The addresses of the last run, best kind first; empty before the first, and for a peer that
    /// is not attached.
    caf::replies_to<get_tried>::with<tried_addresses>,
    /// Answer this peer's probes from now on and tell the sink what happens.
    caf::reacts_to<attach_paths>,
    /// Its probes are a stranger's from now on.
    caf::reacts_to<forget_peer>,
    /// A new run in the place of the one there is: `proven`, perhaps more than once, or `failed`,
    /// punch_deadline after its start at the latest.
    caf::reacts_to<start_punch>,
    /// Leads to `nominated` or, with the path's address, `failed`.
    caf::reacts_to<nominate_path>,
    /// Takes the rewrite of a path away that birthday probing found.
    caf::reacts_to<release_path>,
    /// Leads to `checked` or to nothing. Checks without doubt or move share a budget, beyond which
    /// they are not sent.
    caf::reacts_to<check_path>,
    /// From the driver that asks routers for ports.
    caf::reacts_to<ports_mapped>>;

/// Registrations with relays, their measurements and their ranking for a pair.
using relay_selector_actor = caf::typed_actor<
    /// From relays of ours alone. What they say is authenticated; a challenge is not, so it only
    /// counts a few times, in answer to a request of ours.
    caf::reacts_to<frame_received>,
    /// Registrations belong to an address: all are renewed and measured at once.
    caf::reacts_to<network_changed>,
    /// Of these only relays_listed matters here: which relays there are, and the tokens for them.
    caf::reacts_to<directory_event>,
    /// Empty without a common relay; asking may register us with one for the next time.
    caf::replies_to<rank_relays>::with<relay_ranking>,
    /// Answers when the relay confirmed; how long to wait is the asker's business. Not registered
    /// there: relay_unavailable.
    caf::replies_to<prepare_relay>::with<done>,
    /// The relay is asked at once whether it lives; it loses its rank by its own silence alone.
    caf::reacts_to<relay_trouble>,
    /// From the driver of streams: the relay is spoken to there from now on, unless UDP was faster.
    caf::reacts_to<stream_opened>,
    /// From the driver of streams: another attempt, later and later, as long as UDP is blocked.
    caf::reacts_to<stream_closed>>;

/// One connection: a shell around the peer_connection core, which says what comes of each of these
/// by peer_update to the supervisor.
using peer_actor = caf::typed_actor<
    /// Ends the wait for a record; an older version than the one known changes presence alone.
    caf::reacts_to<peer_known>,
    /// The peer's own word, authenticated by the directory.
    caf::reacts_to<signal_received>,
    /// Proofs count for the epoch that they name; of another one they are dropped.
    caf::reacts_to<path_event>,
    /// What WireGuard shows of traffic, handshakes and roaming: life, and doubt, without a probe.
    caf::reacts_to<wg_signal>,
    /// The peer is owed an offer when candidates differ from those that it was told.
    caf::reacts_to<own_paths>,
    /// The same for registrations; relays are ranked anew.
    caf::reacts_to<own_legs>,
    /// The path in use is doubted, and a slow retry need not wait.
    caf::reacts_to<network_changed>,
    /// Without the server nobody says who is there; with it, punches are timed by its delay.
    caf::reacts_to<control_state>,
    /// A user asked for this connection (again): leave `failed` at once.
    caf::reacts_to<connect_peer>,
    /// Ends in a last peer_update, `gone`: WireGuard's peer is removed, or that was tried in vain.
    caf::reacts_to<close_peer>,
    /// Ends where nothing is under way and only an event from outside can change anything.
    caf::replies_to<rest_peer>::with<rest_answer>,
    /// As of this moment; nothing is measured for it. Without nat's account of addresses when that
    /// does not come.
    caf::replies_to<get_explanation>::with<explanation>>;

/// The public face of the daemon: owns peer key -> actor.
using connection_supervisor_actor = caf::typed_actor<
    /// Answers once connected; connection_failed, peer_offline, peer_not_found, party_not_found.
    /// One that nobody knows has discover_deadline to come. Undoes a disconnect_peer for good.
    caf::replies_to<connect_peer>::with<connection_view>,
    /// Answers once the peer is gone from WireGuard; remembered over restarts. peer_not_found,
    /// party_not_found.
    caf::replies_to<disconnect_peer>::with<done>,
    /// peer_not_found: also a member that there is no connection to.
    caf::replies_to<get_status>::with<connection_view>,
    /// Always answers; without connections that are closing.
    caf::replies_to<list_status>::with<status_report>,
    /// The peer's own account of its paths. peer_not_found, as for get_status.
    caf::replies_to<explain_peer>::with<explanation>,
    /// Add a listener for what happens from now on.
    caf::reacts_to<attach_events>,
    /// A line that somebody else has for all listeners.
    caf::reacts_to<connection_event>,
    /// Kept, saved and told to whoever waits; from a peer's actor alone.
    caf::reacts_to<peer_update>,
    /// Somebody is there who was away.
    caf::reacts_to<handshake_seen>,
    /// Members start and end connections; signals go on to the peer's actor, the lease to the
    /// writer.
    caf::reacts_to<directory_event>,
    /// For `status`, and told to every peer.
    caf::reacts_to<own_paths>,
    /// For `status`, and told to every peer.
    caf::reacts_to<own_legs>,
    /// A line for listeners, and told to every peer.
    caf::reacts_to<network_changed>>;

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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::remove_device)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::device_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::interface_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::set_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::reset_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::remove_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::peer_applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::assert_endpoint)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::assert_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::watch_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::unwatch_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::handshake_seen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::wg_signal)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::known_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_info)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::find_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::list_peers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::list_parties)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_create)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_join)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_invite)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_leave)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::party_forget)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::rotate_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::key_rotated)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::invitation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::send_signal)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::peer_known)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::peer_gone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::signal_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::relays_listed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::control_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::directory_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::own_paths)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::get_paths)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::get_tried)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::tried_addresses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::expect_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::forget_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::start_punch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::nominate_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::release_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::rewrite_ports)
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::rest_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::rest_answer)
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<lanrage::msg::known_peer>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<lanrage::msg::party_info>)
