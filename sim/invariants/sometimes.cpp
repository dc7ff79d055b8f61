#include "sim/invariants/sometimes.hpp"

#include "actors/peer/peer_states.hpp"

namespace lanrage::sim::invariants {

std::string transition_name(msg::phase from, msg::phase to) {
  return std::string{msg::to_string(from)} + " > " + std::string{msg::to_string(to)};
}

const std::vector<std::string>& sometimes_all() {
  static const auto all = [] {
    std::vector<std::string> out;
    for (const auto what :
         {sometimes::punch_won,       sometimes::punch_lost,   sometimes::switch_kept,
          sometimes::switch_reverted, sometimes::went_direct,  sometimes::lost_direct,
          sometimes::repaired[0],     sometimes::repaired[1],  sometimes::repaired[2],
          sometimes::adopted,         sometimes::session_lost, sometimes::collision,
          sometimes::reconciled,      sometimes::died,         sometimes::exhausted,
          sometimes::offline,         sometimes::said_bye,     sometimes::roamed,
          sometimes::probe_lost,      sometimes::not_saved})
      out.emplace_back(what);
    for (std::size_t from = 0; from < msg::phase_count; ++from)
      for (std::size_t to = 0; to < msg::phase_count; ++to)
        if (const auto a = static_cast<msg::phase>(from), b = static_cast<msg::phase>(to);
            a != b && actors::legal(a, b))
          out.push_back(transition_name(a, b));
    return out;
  }();
  return all;
}

} // namespace lanrage::sim::invariants
