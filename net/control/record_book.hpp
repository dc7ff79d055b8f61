#pragma once

#include "net/control/protocol.hpp"
#include "net/record.hpp"

#include <map>
#include <optional>
#include <vector>

namespace lanrage::net::control {

/// The records of one party that a member believes. The server only passes them on, so this is
/// where trust is decided: who may sign for a member, what is older than known, and whose address
/// and name it is when two claim the same.
class record_book {
 public:
  record_book(party_id party, party_secret secret);

  struct entry {
    peer_record record;
    bool online = false;
  };
  struct refusal {
    sealed_record envelope;
    error why;
  };
  enum class novelty : std::uint8_t { changed, unchanged };

  /// Takes a record in, or says why not: bad_signature (seal, signature, or another signature key
  /// than the first one seen with this member; a key that was replaced, or that says so of another
  /// without its word), stale_version, address_clash, name_taken, limit_reached; bad_message. A
  /// refused record changes nothing. One that takes the place of another key of its member, by that
  /// key's word, makes the other one forgotten and refused from then on.
  result<novelty> accept(const sealed_record& envelope);
  /// The whole party as the server has it: members not in it are forgotten first, so that an
  /// address which changed hands while we were away is no clash. Refusals do not stop the rest.
  std::vector<refusal> replace(const std::vector<sealed_record>& all);
  /// Our own record, or one that we stored earlier: trusted.
  void restore(const peer_record& record);
  /// False when the member is unknown or was so already.
  bool set_online(const wg_public_key& key, bool online);
  void all_offline();
  bool forget(const wg_public_key& key);
  /// Whether the one has taken the place of the other by its word.
  bool replaced(const wg_public_key& former, const wg_public_key& by) const;

  const entry* find(const wg_public_key& key) const;
  const entry* find(const peer_id& id) const;
  const std::map<wg_public_key, entry>& entries() const { return entries_; }

 private:
  /// What outlives a forgotten record: a member that comes back must be the same one.
  struct pin {
    sign_public_key sign_key;
    std::uint64_t version = 0;
    std::optional<wg_public_key> replaced_by{}; ///< for good
  };
  result<void> check(const peer_record& record) const;
  result<void> check_succession(const peer_record& record) const;
  /// What we know of the key whose place this record's takes; null: nothing, so it proves nothing.
  const pin* former_of(const peer_record& record) const;

  party_id party_;
  party_secret secret_;
  std::map<wg_public_key, entry> entries_;
  std::map<wg_public_key, pin> pins_;
};

/// Members remembered per party, present and past: four times what a party may hold.
inline constexpr std::size_t record_pins_max = 4'000;

} // namespace lanrage::net::control
