#pragma once

#include "sim/scenario/reader.hpp"
#include "sim/scenario/script.hpp"
#include "sim/trace/replay.hpp"
#include "sim/world/link.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tuple>

namespace lanrage::sim::scenario {

/// A source that can be looked at without sending anything.
class visible_source : public delay_source {
 public:
  /// What a packet would meet now: changes nothing that packets meet.
  virtual passage look(time_point now) = 0;
};

/// The recordings that links of one run follow. Each is read along with virtual time, once for all
/// links that follow it from the same moment on.
class recordings {
 public:
  /// Opens, checks to the end, and finds the links that the scenario names; all that is wrong is
  /// in the problem. `replaced`: this file instead of every one of the scenario's.
  static result<recordings> open(const script& of, const std::filesystem::path& scenario,
                                 const std::optional<std::filesystem::path>& replaced);

  enum class way : std::uint8_t { forward, backward };
  /// The source of one direction, from now on. `scale_ppm` of the recorded delay, then the offset.
  std::shared_ptr<delay_source> source(const trace_use& use, way to, std::uint32_t scale_ppm,
                                       std::uint64_t seed);
  /// Whether packets may overtake each other there, as the recording says.
  bool fifo(const trace_use& use) const;
  /// "NAME: PATH, 3 links, 86400 records, hash": for the first lines of a run.
  const std::vector<std::string>& described() const { return described_; }

 private:
  struct file {
    trace::input from;
    trace::header head;
  };
  struct direction {
    trace::link_id link{};
    trace::toward to{};
  };
  using place_in_time = std::tuple<std::uint32_t, duration, int>; ///< trace, start, end

  static std::optional<direction> find(const trace::header& head, const trace_use& use, way to);
  std::vector<file> files_;
  std::vector<std::string> described_;
  std::map<place_in_time, std::shared_ptr<trace::replay>> replays_;
};

} // namespace lanrage::sim::scenario
