#include "net/errc.hpp"

#include <array>

namespace lanrage::net {

namespace {

struct entry {
  errc code;
  std::string_view name;
  std::string_view sentence;
};

constexpr entry table[] = {
    {errc::peer_not_found, "peer_not_found",
     "no member of that name is in the party; check the spelling with 'lanrage status'"},
    {errc::party_not_found, "party_not_found",
     "this machine is in no such party; 'lanrage party list' shows those it is in"},
    {errc::connection_failed, "connection_failed",
     "the peer did not answer through the tunnel after three repairs; it is tried again slowly"},
    {errc::relay_unavailable, "relay_unavailable",
     "no relay can be reached by both ends; start one with 'lanrage relay' or wait for it"},
    {errc::control_unreachable, "control_unreachable",
     "the control server cannot be reached; check the network and that the server runs"},
    {errc::control_refused, "control_refused", "the control server refused the request"},
    {errc::bad_invite, "bad_invite",
     "the invite or server line cannot be read; copy the whole line again"},
    {errc::wrong_secret, "wrong_secret",
     "the party secret is not the party's; ask a member for a new invite"},
    {errc::wrong_pin, "wrong_pin",
     "the server's certificate is not the one in the invite; do not go on before the server's "
     "owner confirms the change"},
    {errc::bad_login, "bad_login", "the login proof does not belong to this connection"},
    {errc::bad_message, "bad_message", "the message is not one of the protocol"},
    {errc::message_too_large, "message_too_large", "the message is larger than its limit"},
    {errc::not_a_member, "not_a_member",
     "this member is not in the party; join it with an invite first"},
    {errc::name_taken, "name_taken",
     "another member of the party has this name already; choose another one, or, if it was this "
     "machine before its disk was lost, ask a member for 'lanrage party forget NAME'"},
    {errc::address_clash, "address_clash",
     "the record claims a virtual address that belongs to another member"},
    {errc::bad_signature, "bad_signature", "a signature or seal does not verify"},
    {errc::stale_version, "stale_version", "something newer has been accepted already"},
    {errc::limit_reached, "limit_reached", "a limit is reached; try again later"},
    {errc::wg_refused, "wg_refused", "WireGuard refused the change"},
    {errc::wg_unavailable, "wg_unavailable",
     "there is no WireGuard here; install the kernel module or wireguard-go"},
    {errc::not_permitted, "not_permitted",
     "the operating system refused; run as root or grant CAP_NET_ADMIN and CAP_NET_RAW"},
    {errc::timed_out, "timed_out", "there was no answer in time"},
    {errc::bad_frame, "bad_frame", "the datagram is not one of ours"},
    {errc::bad_key, "bad_key", "this is no usable key"},
    {errc::bad_config, "bad_config", "the configuration cannot be used"},
    {errc::bad_state, "bad_state",
     "the saved state cannot be read; restore it or move it away to start anew"},
    {errc::daemon_not_running, "daemon_not_running",
     "no daemon answers; start it with 'lanrage daemon'"},
    {errc::already_exists, "already_exists", "it is taken already"},
    {errc::unreachable, "unreachable", "the network has no route to the address"},
    {errc::peer_offline, "peer_offline",
     "the peer cannot be reached now; it is connected to as soon as it comes online"},
    {errc::peer_online, "peer_online",
     "the member is connected to the control server; it can leave by itself, or be forgotten once "
     "it "
     "is away"},
    {errc::closed, "closed", "the other end or this program is shutting down"},
    {errc::not_stored, "not_stored",
     "it is done, but the disk did not take it: make room there or mount it for writing; it is "
     "tried again, and until then a restart of the daemon undoes it"},
    {errc::internal, "internal", "a defect in lanrage; please report it with the log"},
};

/// Every code has its row, in the order of the codes, so a lookup is an index.
consteval bool covers_every_code() {
  if (std::size(table) != errc_count) return false;
  for (std::size_t i = 0; i < std::size(table); ++i)
    if (static_cast<std::size_t>(table[i].code) != i + 1) return false;
  return true;
}
static_assert(covers_every_code());

constexpr entry unknown{errc::internal, "unknown", "an error code this version does not know"};

const entry& row(errc code) {
  const auto number = static_cast<std::size_t>(code);
  return number >= 1 && number <= errc_count ? table[number - 1] : unknown;
}

} // namespace

std::string_view sentence(errc code) {
  return row(code).sentence;
}

std::string_view to_string(errc code) {
  return row(code).name;
}

std::string to_string(const error& failure) {
  std::string text{to_string(failure.code)};
  text.append(": ").append(sentence(failure.code));
  if (!failure.detail.empty()) text.append(": ").append(failure.detail);
  return text;
}

failure::failure(error what) : std::runtime_error(to_string(what)), what_(std::move(what)) {}

void throw_exception_from_error(const error& what, const boost::source_location&) {
  throw failure{what};
}

} // namespace lanrage::net
