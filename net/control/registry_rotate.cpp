#include "net/control/registry_run.hpp"

/// A member's key is replaced at its own word.
namespace lanrage::net::control {

bool registry::run::rotate(const wg_public_key& from, const login& to) {
  if (!r_.members_.contains(from) || r_.members_.contains(to.key)) return false;
  for (const auto& party : end_older(from))
    (void)party; // nobody hears that it went offline: the old key is gone
  r_.online_.erase(from);
  auto self = r_.members_.extract(from).mapped();
  // The address is free before it is given again, in the store as here.
  store(drop_member{from});
  self.sign_key = to.sign_key;
  r_.leases_[self.address] = to.key;
  store(stored_member{to.key, self.sign_key, self.address});
  for (const auto& id : self.parties) {
    auto& in = r_.parties_[id];
    const auto name = in.members.extract(from).mapped().id;
    store(drop_membership{id, from});
    // Its record speaks of the old key; the new one publishes another.
    in.members[to.key] = {name, std::nullopt};
    in.names[name] = to.key;
    store(stored_membership{id, to.key, name, std::nullopt});
    send_to_party(id, to.key, member_gone{id, from});
  }
  r_.members_[to.key] = std::move(self);
  return true;
}

} // namespace lanrage::net::control
