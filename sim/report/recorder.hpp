#pragma once

#include "sim/report/run_record.hpp"
#include "sim/scenario/judge.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lanrage::sim::report {

/// What the world's links are like now.
class meter {
 public:
  virtual ~meter() = default;
  /// A small packet from one member to another on that way; absent: it would not arrive.
  virtual std::optional<duration> one_way(std::uint32_t from, std::uint32_t to, path over) = 0;
  /// Whether the boxes between them let two members find a direct path.
  virtual bool may_be_direct(std::uint32_t a, std::uint32_t b) = 0;
};

/// Writes a run_record. It is told what happens and changes nothing in the run; its own looks at
/// the links are the meter's.
class recorder {
 public:
  recorder(const scenario::script& of, duration until, meter& links);

  /// How often tick() wants to be called.
  duration gap() const { return gap_; }

  void heard(duration now, std::uint32_t member, std::uint32_t peer,
             const scenario::pair_view& view);
  /// Its daemon ended.
  void forget(duration now, std::uint32_t member);
  /// Links changed: every pair is looked at.
  void links_changed(duration now);
  /// `drops`: all so far.
  void tick(duration now, const drop_counts& drops);
  /// An echo of that stream that was never answered, by when it was sent.
  void unanswered(std::uint32_t stream, duration sent);
  run_record finish() &&;

 private:
  struct pair_state {
    std::optional<duration> wanted_since; ///< and not connected yet
    bool connected = false;               ///< since then
  };
  std::optional<std::size_t> pair_of(std::uint32_t member, std::uint32_t peer);
  void change(duration now, std::size_t pair, std::size_t side, condition is, path over);
  void look(duration now, std::size_t pair);
  path path_of(const scenario::pair_view& view) const;

  meter& links_;
  std::uint32_t relays_;
  std::map<std::string, std::uint32_t> relay_numbers_;
  duration gap_{};
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> index_;
  std::vector<std::vector<std::size_t>> pairs_of_; ///< by member
  std::vector<pair_state> states_;
  drop_counts dropped_; ///< at the last tick
  run_record record_;
};

} // namespace lanrage::sim::report
