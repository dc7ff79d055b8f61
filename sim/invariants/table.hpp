#pragma once

#include "sim/world/moment.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What must hold in every run, whatever the scenario (docs/invariants.md).
namespace lanrage::sim::invariants {

enum class sort : std::uint8_t {
  safety,  ///< never happens
  liveness ///< comes about in bounded virtual time while nothing is broken
};
/// When it is looked at.
enum class occasion : std::uint8_t {
  event,   ///< of the world
  message, ///< of an actor
  second   ///< of virtual time
};

struct invariant {
  std::string_view id; ///< "S6"
  sort what = sort::safety;
  occasion when = occasion::event;
  std::string_view sentence;
};
const std::vector<invariant>& table();
/// Of the table; an id that is not there is a defect: std::logic_error.
const invariant& find(std::string_view id);

/// One of them did not hold.
struct finding {
  std::string_view id;
  duration at{};
  std::string who; ///< "alice", "alice-bob"
  std::string text;
};

/// What was found so far: the first of each invariant and each `who`, and no more than people read.
class findings {
 public:
  void add(std::string_view id, duration at, std::string who, std::string text);
  const std::vector<finding>& all() const { return all_; }
  bool has(std::string_view id) const;

 private:
  static constexpr std::size_t most = 100;
  std::vector<finding> all_;
  std::set<std::pair<std::string, std::string>> known_;
};

} // namespace lanrage::sim::invariants
