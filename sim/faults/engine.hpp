#pragma once

#include "sim/faults/part.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace lanrage::sim::faults {

/// A plan, carried out on a world. Everything is put in at the world's seams; the actors do not
/// know of it. Where there is no plan there is no engine, and nothing in a run is another. To be
/// made before the run, and to end before the world.
class engine {
 public:
  /// `until`: what begins later is not done.
  engine(const plan& of, const scenario::script& script, surroundings& around, std::uint64_t seed,
         duration until);
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  /// Something stands behind another box than before.
  void places_changed();
  /// What members say.
  coverage& seen() { return seen_; }
  const coverage& seen() const { return seen_; }

 private:
  void begin(active& what);
  void end(active& what);
  void daemon_ended(member_id who);

  coverage seen_;
  context in_;
  std::vector<std::unique_ptr<part>> parts_;
  std::deque<active> all_; ///< addresses stay
};

} // namespace lanrage::sim::faults
