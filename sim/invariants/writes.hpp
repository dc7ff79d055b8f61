#pragma once

#include "messages/values.hpp"
#include "net/wg/state.hpp"
#include "sim/invariants/table.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lanrage::sim::invariants {

/// What is asked of WireGuard's writer, what it does and what it answers (S3 to S6, S16, S21, L4).
/// Pure: it is told what happens and shown what WireGuard has.
class write_rules {
 public:
  using key = net::wg_public_key;
  using shown = std::optional<net::wg::observation>; ///< none: there is no interface
  /// Names of a member's peers, for messages.
  using names = std::function<std::string(std::uint32_t member, const key& peer)>;

  write_rules(findings& found, names name) : found_(found), name_(std::move(name)) {}

  // --- requests to the writer; `by` and `request` name one ---
  struct request {
    std::uint64_t by = 0; ///< actor
    std::uint64_t id = 0;
    friend auto operator<=>(const request&, const request&) = default;
  };
  /// `wanted` absent: remove it.
  void asked(std::uint32_t member, const request& what, const key& own, const key& peer,
             const std::optional<msg::wg_peer>& wanted, duration now);
  void answered(const request& what, bool done, const shown& there, duration now);

  // --- calls of the device ---
  void called(std::uint32_t member, const request& what, duration now);
  void batch(std::uint32_t member, const request& what,
             const std::vector<net::wg::change>& changes);
  void returned(const request& what, bool done);
  /// Before they are applied to what is there.
  void applying(std::uint32_t member, const std::vector<net::wg::change>& changes,
                const shown& there, duration now);
  /// The device's actor is another one: what it was to do is forgotten.
  void device_actor_died(std::uint32_t member);

  // --- what excuses a difference for a while ---
  void device_changed(std::uint32_t member, duration now); ///< made, or deleted by others
  /// By somebody else, or a call failed, was late or was answered wrongly by a fault's will.
  void device_touched(std::uint32_t member, duration now);
  /// A call failed by a fault's will: the writer waits, twice as long each time, before the next.
  void device_failed(std::uint32_t member, duration now);
  void daemon_started(std::uint32_t member, duration now);
  /// What users asked for is not known any more.
  void files_lost(std::uint32_t member);
  void parted(std::uint32_t member, const key& own);
  /// A user's disconnect was acknowledged; asked for again.
  void disconnected(std::uint32_t member, const key& peer);
  void wanted_again(std::uint32_t member, const key& peer);

  /// Is WireGuard as acknowledged, or has the difference lasted too long?
  void look(std::uint32_t member, const shown& there, duration now);
  bool is_disconnected(std::uint32_t member, const key& peer) const;
  /// The member whose writer was asked this and has not answered.
  std::optional<std::uint32_t> asking(const request& what) const;
  /// Since the last look there was a reason to look again.
  bool dirty(std::uint32_t member) { return members_[member].dirty; }
  /// An answer of the device was lost, and yet the peer was acknowledged.
  std::uint64_t reconciled() const { return reconciled_; }

  /// A look, a failed call, its retry and a new interface fit in (config/defaults.hpp).
  static duration longest_difference();

 private:
  struct model {
    std::optional<msg::wg_peer> wanted; ///< as asked last
    std::uint64_t asked_by = 0;
    std::uint64_t pending = 0;                     ///< requests that wait for their answer
    std::optional<std::optional<msg::wg_peer>> is; ///< acknowledged; no later request
    bool removed = false;                          ///< acknowledged, and not wanted since
    bool disconnected = false;                     ///< by a user
    bool ambiguous = false;
    std::optional<duration> differs_since;
  };
  struct pending {
    std::uint32_t member = 0;
    key peer;
    std::optional<msg::wg_peer> wanted;
  };
  struct issued {
    request what;
    std::vector<net::wg::change> changes;
    bool applied = false;
  };
  struct member_state {
    std::map<key, model> peers;
    std::map<std::uint64_t, request> calling; ///< by the asking actor
    std::deque<issued> batches;
    duration excused_until{};
    duration misled_until{}; ///< what is written twice may be what the daemon was not shown
    duration device_since{};
    std::optional<duration> failing_since; ///< calls that fail one after another
    duration failed_last{};
    duration tried_again_by{};
    bool dirty = true;
  };
  std::string who(std::uint32_t member, const key& peer) const { return name_(member, peer); }
  static std::string difference(const std::optional<msg::wg_peer>& wanted,
                                const net::wg::peer_state* is);
  void check_steps(std::uint32_t member, const std::vector<net::wg::change>& changes,
                   const net::wg::observation& there, duration now);

  findings& found_;
  names name_;
  std::map<std::uint32_t, member_state> members_;
  std::map<request, pending> requests_;
  std::map<request, std::uint32_t> calls_;
  std::uint64_t reconciled_ = 0;
};

} // namespace lanrage::sim::invariants
