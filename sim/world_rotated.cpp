#include "net/crypto.hpp"
#include "sim/world.hpp"

#include <stdexcept>

/// A member replaces its key.
namespace lanrage::sim {

void world::rotated(member_id who, const net::wg_private_key& key) {
  // Not from within the actor that says so: it ends, too.
  agenda_.at(now(), [this, who, key] {
    if (!running(who)) return; // as if killed before it was done
    if (on_rotated) return on_rotated(who, key);
    kill(who);
    rekey(who, key);
    start(who);
  });
}

void world::rekey(member_id who, const net::wg_private_key& key) {
  auto& it = of(who);
  if (it.process) throw std::logic_error("world: another key under a running daemon");
  it.key = key;
  it.own = net::public_key(key);
  by_key_[it.own] = static_cast<std::uint32_t>(who);
  it.host->rekey(it.own);
  rewired();
  note(it.name + " has another key");
}

} // namespace lanrage::sim
