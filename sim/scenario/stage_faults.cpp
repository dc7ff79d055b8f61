#include "sim/scenario/stage.hpp"

#include <algorithm>
#include <stdexcept>

/// What faults need of the stage (docs/faults.md).
namespace lanrage::sim::scenario {

void stage::broken_by(const faults::plan& plan) {
  if (plan.faults.empty()) return;
  faults::surroundings& around = *this;
  faults_ = std::make_unique<faults::engine>(plan, script_, around, seed_, until_);
}

std::vector<faults::seen_kind> stage::seen_faults() const {
  return faults_ ? faults_->seen().result() : std::vector<faults::seen_kind>{};
}

bool stage::start(std::uint32_t who) {
  if (world_.running(members_[who])) return true;
  try {
    start_member(who);
  } catch (const std::runtime_error& refused) { // it does not take what is on its disk
    note(refused.what());
    return false;
  }
  return true;
}

void stage::kill(std::uint32_t who) {
  world_.kill(members_[who]);
  if (recorder_) recorder_->forget(now(), who);
  judge_.forget(now(), who);
  if (faults_) faults_->seen().forget(who);
}

void stage::join(std::uint32_t who) {
  for (std::uint32_t i = 0; i < script_.parties.size(); ++i) {
    const auto& party = script_.parties[i];
    const bool in = party.creator == who || std::find(party.members.begin(), party.members.end(),
                                                      who) != party.members.end();
    if (in) join_again(who, i);
  }
}

void stage::rotated(member_id id, const net::wg_private_key& key) {
  const auto found = std::find(members_.begin(), members_.end(), id);
  const auto who = static_cast<std::uint32_t>(found - members_.begin());
  kill(who);
  world_.rekey(id, key);
  // What is still said of the one before, such as that it closes, is nothing of this member's.
  std::erase_if(by_key_, [who](const auto& each) { return each.second == who; });
  by_key_[world_.key(id)] = who;
  start(who);
}

std::vector<std::string> stage::invites() {
  std::vector<std::string> out;
  for (const auto& each : parties_)
    if (!each.invite.empty()) out.push_back(each.invite);
  return out;
}

} // namespace lanrage::sim::scenario
