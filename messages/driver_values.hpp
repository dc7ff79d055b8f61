#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/errc.hpp"
#include "net/record.hpp"

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What is said to the drivers of the local network, of relay streams and of the disk, and by them.
namespace lanrage::msg {

using shared_bytes = std::shared_ptr<const net::bytes>; ///< immutable, so freely shared

// --- lan (driver): frames between members on the local network, on a port of their own
// ----------------------------------

/// Where a datagram of the local network came from: an address means little without its interface.
struct lan_place {
  net::ip_address address;
  std::uint32_t interface = 0; ///< its number here
  friend auto operator<=>(const lan_place&, const lan_place&) = default;
};
struct lan_send {
  std::optional<lan_place> to; ///< absent: to the group, over every interface
  shared_bytes data;
};
struct lan_heard {
  lan_place from;
  shared_bytes data;
};
/// The interfaces that the driver uses now; said when it starts, when somebody attaches, and when
/// addresses or links change.
struct lan_ready {
  std::vector<std::string> interfaces; ///< sorted
};

// --- relay streams (driver)
// ----------------------------------------------------------------------------------

/// Open a stream to a relay in the place of the one there is; one attempt.
struct open_stream {
  net::relay_info relay; ///< with `tls`
  std::uint64_t attempt = 0;
};
struct close_stream {
  net::relay_id relay;
};
/// All of them: whoever opened them is no more.
struct close_streams {};
/// What is sent to `at`, on the loopback interface and from WireGuard's port, goes to the relay by
/// the stream; what the relay sends comes from there.
struct stream_opened {
  net::relay_id relay;
  std::uint64_t attempt = 0;
  net::endpoint at;
};
/// The end of an attempt, opened before or not.
struct stream_closed {
  net::relay_id relay;
  std::uint64_t attempt = 0; ///< 0: all that there were
  net::error why;
};

// --- store (driver) ---------------------------------------------------------------------------

/// Replace the named document (0600, atomically).
struct store_put {
  std::string name; ///< a file name: "peers.json"
  std::string text;
};

} // namespace lanrage::msg
