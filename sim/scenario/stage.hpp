#pragma once

#include "sim/faults/engine.hpp"
#include "sim/invariants/checker.hpp"
#include "sim/report/recorder.hpp"
#include "sim/scenario/judge.hpp"
#include "sim/scenario/path_meter.hpp"
#include "sim/scenario/trace_source.hpp"
#include "sim/world.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lanrage::sim::scenario {

/// A scenario on a world: builds it, puts the timeline on the world's agenda, tells the judge what
/// members say. Only for the runner.
class stage : private faults::surroundings {
 public:
  stage(const script& what, recordings traces, std::uint64_t seed, duration until,
        std::function<void(std::string_view)> to_log);
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// From now on for a report, too. To be called before run().
  void keep_record();
  using watcher = std::function<void(duration now, std::uint32_t member, std::uint32_t peer,
                                     const msg::connection_view&)>;
  void watched_by(watcher by) { watcher_ = std::move(by); }
  /// What breaks when; without faults the run is what it would be without this. Before run().
  void broken_by(const faults::plan& plan);
  std::vector<faults::seen_kind> seen_faults() const;
  /// Holds the run against the invariants, too. To be called before run().
  void check_invariants() { checker_.emplace(world_); }
  /// Null when they are not checked.
  invariants::checker* checker() { return checker_ ? &*checker_ : nullptr; }
  void run();
  /// Ends the record; nothing when none was kept.
  std::optional<report::run_record> take_record();
  world& where() override { return world_; }
  judge& held_against() { return judge_; }
  std::vector<std::optional<std::size_t>> streams() const { return streams_; }
  /// Of what every daemon says of itself and its connections.
  std::uint64_t state_hash();

 private:
  void build();
  void put_on_agenda();
  void at(duration when, std::function<void()> deed);
  duration now() { return world_.now().time_since_epoch(); }
  void note(const std::string& text) { world_.note(text); }

  // Deeds.
  void perform(const event& what);
  void act(const deed::start& what, place where);
  void act(const deed::kill& what, place where);
  void act(const deed::partition& what, place where);
  void act(const deed::heal& what, place where);
  void act(const deed::move& what, place where);
  void act(const deed::rebind& what, place where);
  void act(const deed::block_udp& what, place where);
  void act(const deed::delete_interface& what, place where);
  void act(const deed::change_link& what, place where);
  void act(const deed::scale_all& what, place where);
  void act(const deed::join& what, place where);
  void act(const deed::leave& what, place where);
  void act(const deed::connect& what, place where);
  void act(const deed::disconnect& what, place where);
  void act(const deed::pings& what, place where);
  void act(const deed::suspend& what, place where);
  void act(const deed::resume& what, place where);
  void act(const deed::disk& what, place where);

  void start_member(std::uint32_t who);
  void observe(std::uint32_t who);
  void heard(std::uint32_t who, const msg::connection_view& view);
  bool answers(std::uint32_t who, place where, const std::string& command);
  void create_party(std::uint32_t party);
  void join_party(std::uint32_t who, std::uint32_t party);
  void join_again(std::uint32_t who, std::uint32_t party);
  void check_addresses();
  /// Asks one of a running member's actors; what comes of it goes into the log.
  template <class Answer, class Handle, class Question>
  void ask(const std::string& what, const Handle& to, const Question& question,
           std::function<void(const Answer&)> done,
           std::function<void(const net::error&)> failed = {});

  // For faults (stage_faults.cpp).
  node_id node_at(const thing& what) override { return node_of(what); }
  member_id member_at(std::uint32_t who) override { return members_[who]; }
  relay_number relay_at(std::uint32_t which) override { return relays_[which]; }
  bool start(std::uint32_t who) override;
  void kill(std::uint32_t who) override;
  void suspend(std::uint32_t who, bool off) override;
  void leave(std::uint32_t who) override;
  void join(std::uint32_t who) override;
  void rotate(std::uint32_t who, std::function<void()> done) override;
  void rotated(member_id id, const net::wg_private_key& key);
  std::vector<std::string> invites() override;

  // For the report.
  void tick();

  // Links.
  struct link_state {
    link_change how;
    bool trace_from_first = true; ///< the trace's a is at the key's first node
  };
  using link_key = std::pair<node_id, node_id>;
  void change_links(const link_entry& what);
  void apply(const link_key& between);
  link_settings settings_of(const link_state& state, bool from_first);

  node_id node_of(const thing& what);
  const std::string& name_of(const thing& what) const;

  const script& script_;
  recordings traces_;
  std::uint64_t seed_;
  duration until_;
  judge judge_;
  watcher watcher_; ///< may be empty
  std::vector<node_id> nats_;
  std::vector<relay_number> relays_;
  std::vector<member_id> members_;
  std::map<net::wg_public_key, std::uint32_t> by_key_;
  std::map<link_key, link_state> links_;
  struct made_party {
    std::string invite; ///< a secret; empty: not made yet
    std::vector<std::uint32_t> waiting;
  };
  std::vector<made_party> parties_;
  struct sleep {
    duration since{};
    std::optional<node_id> box; ///< that sleeps with the machine behind it
    int times = 0;              ///< as often it has to be woken
  };
  std::map<std::uint32_t, sleep> asleep_;           ///< members
  std::vector<std::optional<std::size_t>> streams_; ///< the world's numbers
  std::optional<path_meter> meter_;
  std::optional<report::recorder> recorder_;
  std::vector<std::uint64_t> wg_dropped_; ///< by member and cause, of its present interface
  report::drop_counts dropped_;           ///< so far
  world world_; ///< nearly last: it ends before all above, and its log may still speak
  std::optional<invariants::checker> checker_; ///< looks at the world; ends before it
  std::unique_ptr<faults::engine> faults_;     ///< none without a plan; ends before the world
};

} // namespace lanrage::sim::scenario
