#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lanrage::net {

/// Every expected failure of the program. A code exists only where somebody reacts to it or a user
/// reads it; the sentence of each is in errc.cpp and docs/interfaces.md. Zero means "no error" to
/// CAF, so the first code is 1.
enum class errc : std::uint8_t {
  peer_not_found = 1,  ///< no member of that name in the party (spec: "peer not found")
  party_not_found,     ///< we are in no party of that name or id
  connection_failed,   ///< three repairs did not bring an answer (spec: "connection failed")
  relay_unavailable,   ///< no relay both ends can reach (spec: "relay unavailable")
  control_unreachable, ///< no TLS connection to the control server
  control_refused,     ///< the control server refused the login or a request
  bad_invite,          ///< an invite or server line that cannot be read
  wrong_secret,        ///< the party's verifier does not match the secret in the invite
  wrong_pin,           ///< the server's certificate is not the pinned one
  bad_login,          ///< a login proof that does not belong to this connection (wrong or replayed)
  bad_message,        ///< a control message that is not of the protocol
  message_too_large,  ///< a control message over its limit
  not_a_member,       ///< a request for a party its sender is not in
  name_taken,         ///< another key already has this peer name in the party
  address_clash,      ///< a record claims a virtual IP that another member holds
  bad_signature,      ///< a record or token whose signature or seal does not verify
  stale_version,      ///< a record, signal or registration older than one already accepted
  limit_reached,      ///< a bounded table is full
  wg_refused,         ///< WireGuard or its tools refused a change
  wg_unavailable,     ///< no WireGuard: neither kernel module nor wireguard-go
  not_permitted,      ///< the operating system refused for lack of privileges
  timed_out,          ///< no answer before the deadline
  bad_frame,          ///< a datagram that is not one of ours
  bad_key,            ///< text or octets that are no usable key
  bad_config,         ///< a configuration file or value that cannot be used
  bad_state,          ///< a saved state file that cannot be read
  daemon_not_running, ///< no daemon answers on the socket
  already_exists,     ///< a name, port or file that is taken already
  unreachable,        ///< the network has no route to the address
  peer_offline,       ///< a member that is not connected to the control server now
  peer_online,        ///< a member that is connected to it, where it must not be
  closed,             ///< the other end or the program is shutting down
  not_stored,         ///< done, but the disk did not take it
  internal,           ///< a defect of ours, contained
};

inline constexpr std::uint8_t errc_count = static_cast<std::uint8_t>(errc::internal);

/// One sentence for people: what happened and, where there is one, the remedy.
std::string_view sentence(errc code);
/// The name of the code as scripts see it: "peer_not_found".
std::string_view to_string(errc code);

/// A failure as a value: the code that programs react to, the detail that people read.
struct error {
  errc code{errc::internal};
  std::string detail; ///< names the place and the remedy; may be empty

  friend bool operator==(const error&, const error&) = default;
};

/// "peer_not_found: no member ...: detail".
std::string to_string(const error& failure);

/// Thrown only where a failure is a defect (`result::value()` on an error).
class failure : public std::runtime_error {
 public:
  explicit failure(error what);
  const error& what_failed() const { return what_; }

 private:
  error what_;
};
[[noreturn]] void throw_exception_from_error(const error& what, const boost::source_location&);

/// A value or the error that prevented it.
template <class T>
using result = boost::system::result<T, error>;

inline error fail(errc code, std::string detail = {}) {
  return {code, std::move(detail)};
}

} // namespace lanrage::net
