#pragma once

#include "messages/connections.hpp"
#include "messages/control.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

/// What an actor must hear to be told something, and how it asks to be told.
namespace lanrage::msg {

/// Datagrams of one interest, one message each. They come from anybody: the hearer authenticates.
using frame_sink = caf::typed_actor<caf::reacts_to<frame_received>>;
/// Addresses, routes or links changed, or the machine was suspended; a burst is told once.
using network_sink = caf::typed_actor<caf::reacts_to<network_changed>>;
/// Passive signals of WireGuard peers.
using wg_sink = caf::typed_actor<caf::reacts_to<wg_signal>>;
/// Records, presence, signals, relays, the lease, the link's state.
using directory_sink = caf::typed_actor<caf::reacts_to<directory_event>>;
/// News of punching sessions.
using path_sink = caf::typed_actor<caf::reacts_to<path_event>>;
/// Lines for `watch`.
using event_sink = caf::typed_actor<caf::reacts_to<connection_event>>;
/// What the control link hears. Late news is of another attempt than the last; 0 is a new link,
/// which has no connection.
using control_sink = caf::typed_actor<caf::reacts_to<control_heard>>;
using lan_sink = caf::typed_actor<
    /// A datagram from anybody on the local network: the hearer authenticates.
    caf::reacts_to<lan_heard>,
    /// Which interfaces are used from now on; none: the local network is not to be had.
    caf::reacts_to<lan_ready>>;

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

} // namespace lanrage::msg

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_frames)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_network)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_wg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_directory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_paths)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_control)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::msg::attach_lan)
