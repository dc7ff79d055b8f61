#include "sim/world.hpp"

/// What the world tells a watcher. Nothing here changes anything.
namespace lanrage::sim {

void world::watched_by(world_watcher* watcher) {
  watcher_ = watcher;
  time_.watched_by(watcher ? this : nullptr);
  if (watcher)
    log_.watched_by([watcher](std::string_view text) { watcher->line(text); });
  else
    log_.watched_by({});
}

void world::handling(std::uint64_t actor, caf::mailbox_element& what) {
  watcher_->message(actor, what);
}

void world::watch_life(member_id who, const std::string& name, const caf::actor& born) {
  const auto member = static_cast<std::uint32_t>(who);
  const auto id = born.id();
  watcher_->actor_born(member, name, id);
  caf::actor_cast<caf::strong_actor_ptr>(born)->get()->attach_functor(
      [this, member, name, id](const caf::error& why) {
        if (watcher_) watcher_->actor_died(member, name, id, why);
      });
}

/// One packet more or less under way.
void world::carried(const packet& what, int change, std::string_view lost_by) {
  const auto echo = fake_wireguard::echo_in(what.data);
  if (!echo) return;
  watcher_->echo_carried(*echo, change);
  if (!lost_by.empty()) watcher_->echo_lost(*echo, lost_by);
}

void world::on_duplicated(node_id, const packet& what, time_point) {
  if (watcher_) carried(what, +1);
}
void world::on_echo_asked(std::uint32_t machine, const inner_packet& inner) {
  if (watcher_) watcher_->echo_asked(machine, inner);
}
void world::on_echo_answered(std::uint32_t machine, const inner_packet& inner) {
  if (watcher_) watcher_->echo_answered(machine, inner);
}
void world::on_waiting(std::uint32_t, const inner_packet& inner, bool begins) {
  if (watcher_) watcher_->echo_carried(key_of(inner), begins ? +1 : -1);
}
void world::on_echo_lost(std::uint32_t, const echo_key& echo, std::string_view why) {
  if (watcher_) watcher_->echo_lost(echo, why);
}
void world::on_device(std::uint32_t machine, bool there) {
  if (!watcher_) return;
  if (there)
    watcher_->device_made(machine);
  else
    watcher_->device_deleted(machine);
}
void world::on_changes(std::uint32_t machine, const std::vector<net::wg::change>& what) {
  if (watcher_) watcher_->changes(machine, what);
}

std::vector<std::string> world::secrets() const {
  std::vector<std::string> out;
  for (const auto& each : members_)
    out.push_back(net::to_base64(each.key.reveal()));
  return out;
}

} // namespace lanrage::sim
