#pragma once

#include "net/control/protocol.hpp"
#include "net/crypto.hpp"
#include "net/record.hpp"

#include <map>

/// What members hide from the server: records (signed, sealed for the party) and signals (sealed
/// for one receiver). docs/wire-control.md "Sealed record", "Sealed signal".
namespace lanrage::net::control {

/// The word of one key of a member for the next: Ed25519 by the signature key of `from` over
/// "lanrage key v1", both WireGuard keys and the signature key of `to`.
key_succession succeed(const wg_private_key& from, const wg_private_key& to);
/// Whether that word is in the record; `former` is the signature key first seen with the old key.
bool succeeds(const peer_record& record, const sign_public_key& former);

/// Signs with `sign_key` (whose public half must be `record.sign_key`) and seals for the party.
bytes seal_record(const peer_record& record, const sign_private_key& sign_key,
                  const party_secret& secret, const random_source& random);
/// Opens an envelope and checks seal, signature and that the record is about the envelope's member.
/// bad_signature: altered, another party's, or signed by another key than it names; bad_message:
/// authentic but malformed. Who may sign for a member is record_book's business.
result<peer_record> open_record(const sealed_record& envelope, const party_id& party,
                                const party_secret& secret);

/// One member's signals. The key of a pair is always the same and X25519 is by far the most of
/// sealing, so keys are kept.
class signal_box {
 public:
  explicit signal_box(const wg_private_key& own);

  /// bad_key when `to` is no usable X25519 key.
  result<bytes> seal(const peer_signal& signal, const party_id& party, const wg_public_key& to,
                     const random_source& random);
  /// bad_signature: altered, or not from that member to us in that party. The caller checks that
  /// `sequence` rises.
  result<peer_signal> open(byte_view sealed, const party_id& party, const wg_public_key& from);

  /// Kept at once; when there are more, all are agreed on anew. Above the members of a party.
  static constexpr std::size_t keys_max = 1'024;

 private:
  result<shared_key> key_with(const wg_public_key& other);

  wg_private_key own_;
  wg_public_key public_;
  std::map<wg_public_key, shared_key> keys_;
};

} // namespace lanrage::net::control
