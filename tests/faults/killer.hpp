#pragma once

#include "messages/interfaces.hpp"
#include "sim/invariants/checker.hpp"
#include "sim/world.hpp"
#include "tests/support/message_kinds.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Lets an actor die while it handles one kind of message, for every kind that there is.
namespace lanrage::test {

/// Every actor of a daemon that start_mesh makes, and one of its connections.
inline std::vector<handled> everything(const std::string& peer) {
  std::vector<handled> out;
  messages_of<msg::port_actor>::add(out, "port");
  messages_of<msg::prober_actor>::add(out, "prober");
  messages_of<msg::route_watch_actor>::add(out, "route watch");
  messages_of<msg::wg_device_actor>::add(out, "wireguard device");
  messages_of<msg::control_link_actor>::add(out, "control link");
  messages_of<msg::lan_actor>::add(out, "lan");
  messages_of<msg::relay_streams_actor>::add(out, "relay streams");
  messages_of<msg::store_actor>::add(out, "store");
  messages_of<msg::wireguard_writer_actor>::add(out, "wireguard writer");
  messages_of<msg::directory_actor>::add(out, "directory");
  messages_of<msg::nat_actor>::add(out, "nat");
  messages_of<msg::relay_selector_actor>::add(out, "relay selector");
  messages_of<msg::connection_supervisor_actor>::add(out, "connection supervisor");
  messages_of<msg::peer_actor>::add(out, peer);
  return out;
}

/// Lets an actor of one member die when a message of that kind comes.
class killer final : public sim::invariants::checker {
 public:
  killer(sim::world& in, sim::member_id whose) : checker(in), in_(in), whose_(whose) {}

  void aim(const handled& at, when how) {
    at_ = at;
    how_ = how;
  }
  bool died() const { return died_; }
  bool is_back() const { return back_; }
  /// Names of the member's actors that lived so far.
  std::set<std::string> born() const {
    std::set<std::string> out;
    for (const auto& [actor, name] : names_)
      out.insert(name);
    return out;
  }
  /// Kinds that came since it was aimed at nothing.
  const std::set<std::pair<std::string, std::string>>& came() const { return came_; }
  void list(const std::vector<handled>& all) { all_ = &all; }

  void actor_born(std::uint32_t member, const std::string& name, std::uint64_t actor) override {
    checker::actor_born(member, name, actor);
    if (member != static_cast<std::uint32_t>(whose_)) return;
    names_[actor] = name;
    if (died_ && at_ && name == at_->actor) back_ = true;
  }
  void before_event(sim::time_point due) override {
    checker::before_event(due);
    finish_off();
  }
  void message(std::uint64_t actor, caf::mailbox_element& what) override {
    finish_off();
    checker::message(actor, what);
    const auto known = names_.find(actor);
    if (known == names_.end()) return;
    if (all_)
      for (const auto& each : *all_)
        if (each.actor == known->second && each.is(what)) came_.emplace(each.actor, each.message);
    if (!at_ || died_ || after_ || at_->actor != known->second || !at_->is(what)) return;
    if (how_ == when::after)
      after_ = true;
    else
      died_ = in_.let_die(whose_, at_->actor);
  }

 private:
  void finish_off() {
    if (!std::exchange(after_, false)) return;
    // Some end with their message, as a connection that is closed.
    died_ = true;
    back_ = !in_.let_die(whose_, at_->actor);
  }

  sim::world& in_;
  sim::member_id whose_;
  const std::vector<handled>* all_ = nullptr;
  std::optional<handled> at_;
  when how_ = when::instead;
  bool after_ = false;
  bool died_ = false;
  bool back_ = false;
  std::map<std::uint64_t, std::string> names_;
  std::set<std::pair<std::string, std::string>> came_;
};

} // namespace lanrage::test
