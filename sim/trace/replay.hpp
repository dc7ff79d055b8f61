#pragma once

#include "sim/trace/reader.hpp"
#include "sim/trace/values.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

/// A recorded trace as the law of virtual links: what holds on a link now?
///
///   auto trace = replay::open(*file_input("isl.ltr"), {});          // once per file and scenario
///   auto now = trace->at(link, virtual_now - joined_at);            // for each packet
///   auto fate = one_way(*now, trace->head(), link, toward::b, seed);
///
/// Memory depends on the number of links only: the file is read along with virtual time, once for
/// all its links. Two links that follow the same file with different offsets take two replays. A
/// damaged file is a problem value when the reading gets there; run check() on a file first to know
/// at once. The semantics are docs/traces.md, "Replay".
namespace lanrage::sim::trace {

/// What is in force on a link.
struct reading {
  enum class state : std::uint8_t {
    sample,  ///< `value` holds
    lost,    ///< what is sent now does not arrive
    unknown, ///< not measured, or older than the link's max_age: the link's `default` applies
    down,    ///< the path is gone
    ended,   ///< the trace is over and its `end` is stop
  };
  state is = state::unknown;
  /// Of a sample, as recorded: round trip or one way, see the header. Of a loss: the last sample
  /// before it, if there is one.
  std::optional<nanoseconds> value;
  nanoseconds taken{}; ///< when the record in force was taken, on the time line of at()
  /// Number of that record among its file's that say something of a link, from 1; 0: none yet.
  std::uint64_t record = 0;

  friend bool operator==(const reading&, const reading&) = default;
};

/// By the clock: the last record at or before a moment is in force (hold; nothing is interpolated).
class replay {
 public:
  struct options {
    std::optional<at_end> end; ///< instead of what the header says
    nanoseconds start{};       ///< time 0 of at() is this moment of the trace
  };
  /// Reads the header.
  static result<replay> open(const input& from, options how);

  const header& head() const { return reader_->head(); }

  /// What is in force on the link at `time`, from 0. Times never go back, whatever the link: a
  /// simulation has one time. (A defect otherwise: std::logic_error.)
  result<reading> at(link_id link, nanoseconds time);

  /// The moment of the next record (of any link) behind the last at(), if the trace has one: when
  /// a reading may change. Known without reading further than at() did.
  std::optional<nanoseconds> next_change() const;

 private:
  /// A link's records, folded to what they say now.
  struct state {
    record_kind kind = record_kind::unknown;
    bool down = false;
    std::optional<nanoseconds> sample; ///< the last one
    nanoseconds taken{};               ///< of this round of the trace
    nanoseconds since{};               ///< from which the age counts: taken, or restored
    std::uint64_t record = 0;
  };
  replay(input from, reader opened, options how);
  result<void> advance(nanoseconds until);
  result<void> pull();
  result<void> turn(nanoseconds time);
  reading in_force(link_id link, nanoseconds time) const;

  input from_;
  std::unique_ptr<reader> reader_;
  options how_;
  std::vector<state> links_;
  struct pending {
    record_kind kind;
    link_id link;
    nanoseconds time;
    nanoseconds value;
  };
  std::optional<pending> ahead_; ///< read, and not in force yet
  std::uint64_t records_ = 0;    ///< read in this round; a cell counts
  nanoseconds base_{};           ///< trace time at which this round began
  nanoseconds last_{};           ///< of at(), in trace time
  bool over_ = false;            ///< the trailer has been read
  bool started_ = false;
};

/// Probe by probe, for recordings without a clock: the n-th probe takes the n-th sample, loss or
/// unknown of its link. One per link, each with a reader of its own.
class probe_replay {
 public:
  static result<probe_replay> open(const input& from, link_id link, std::optional<at_end> end);

  const header& head() const { return reader_->head(); }

  /// `taken` is the record's time in its round. With `hold` the last record repeats.
  result<reading> next();

 private:
  probe_replay(input from, reader opened, link_id link, at_end end);
  reading taken(const record& what);

  input from_;
  std::unique_ptr<reader> reader_;
  link_id link_;
  at_end end_;
  std::uint64_t records_ = 0;
  std::optional<nanoseconds> sample_; ///< the last one
  reading last_;
  bool over_ = false;
};

/// Which end of the link a packet travels to.
enum class toward : std::uint8_t { b, a };

/// What happens to a packet.
struct fate {
  enum class outcome : std::uint8_t { arrives, lost, unreachable, ended };
  outcome is = outcome::unreachable;
  nanoseconds delay{}; ///< if it arrives
  /// The reading it follows from; `unknown` with a delay is the link's default.
  reading::state because = reading::state::unknown;

  friend bool operator==(const fate&, const fate&) = default;
};

/// What the reading means for one packet in one direction.
/// A round trip is split by the header's rule: both parts together are the recorded value to the
/// nanosecond. A lost round trip is lost on one of the two ways, which the seed decides per record,
/// so that the other way works and takes what it took before. A one-way or one-directional
/// record's loss is that way's.
/// `toward::a` on a link that is a>b only is `unreachable`: another link has that way.
fate one_way(const reading& now, const header& head, link_id link, toward to, std::uint64_t seed);

} // namespace lanrage::sim::trace
