#pragma once

#include "sim/invariants/table.hpp"
#include "sim/world/wg_session.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lanrage::sim::invariants {

/// Follows every echo from its asker to the other end and back (S13, S14). Pure.
class echo_ledger {
 public:
  explicit echo_ledger(findings& found) : found_(found) {}

  void asked(const echo_key& echo, duration now, std::string_view asker);
  void carried(const echo_key& echo, int change);
  /// The copy that ended last ended for this reason.
  void lost(const echo_key& echo, std::string_view cause);
  /// How long it took; none: nobody asked, or it counted as lost.
  std::optional<duration> answered(const echo_key& echo, duration now, std::string_view asker);
  /// Nothing is in anybody's hands: what is nowhere is lost.
  void settled(duration now);

  struct totals {
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;
    std::uint64_t lost = 0;
    std::uint64_t replaced = 0; ///< asked again under the same token by a later daemon
  };
  const totals& count() const { return count_; }
  std::size_t under_way() const { return open_.size(); }

 private:
  struct entry {
    duration since{};
    std::string_view asker;
    int copies = 0;
    std::string_view cause;
    bool listed = false;  ///< in doubtful_
    bool unclear = false; ///< two daemons asked with this token
  };
  struct hash {
    std::size_t operator()(const echo_key& key) const {
      return key.token * 0x9e3779b97f4a7c15 ^ key.asker;
    }
  };
  void doubt(const echo_key& echo, entry& it);

  findings& found_;
  std::unordered_map<echo_key, entry, hash> open_;            ///< looked up, never walked
  std::unordered_map<std::uint64_t, std::vector<bool>> done_; ///< users' echoes, by stream
  std::vector<echo_key> doubtful_;
  totals count_;
};

} // namespace lanrage::sim::invariants
