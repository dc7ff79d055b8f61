#pragma once

#include "sim/faults/coverage.hpp"
#include "sim/faults/plan.hpp"
#include "sim/scenario/script.hpp"
#include "sim/world.hpp"
#include "sim/world/stream.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What the engine and its parts, one per seam, have in common.
namespace lanrage::sim::faults {

/// What faults need of the scenario's stage beside the world. Members by their numbers.
class surroundings {
 public:
  virtual ~surroundings() = default;
  virtual world& where() = 0;
  virtual node_id node_at(const scenario::thing& what) = 0;
  virtual member_id member_at(std::uint32_t who) = 0;
  virtual relay_number relay_at(std::uint32_t which) = 0;
  /// Its daemon; nothing when it runs already. False when it does not start: the log says why.
  virtual bool start(std::uint32_t who) = 0;
  virtual void kill(std::uint32_t who) = 0;
  virtual void suspend(std::uint32_t who, bool off) = 0;
  /// All parties that the scenario has it in.
  virtual void leave(std::uint32_t who) = 0;
  virtual void join(std::uint32_t who) = 0;
  /// Its user replaces its key; `done` when the control server has taken the new one.
  virtual void rotate(std::uint32_t who, std::function<void()> done) = 0;
  /// Of the scenario's parties that are made.
  virtual std::vector<std::string> invites() = 0;
};

/// A fault of the plan, its names resolved.
struct active {
  std::size_t number = 0; ///< in the plan
  fault what;
  const kind* of = nullptr;
  std::vector<scenario::thing> on;
  std::vector<scenario::thing> to;
  std::vector<std::uint32_t> touched; ///< members; empty: everybody
  bool now = false;                   ///< between its start and its end

  std::int64_t argument(std::string_view name) const { return argument_of(what, name); }
  duration time(std::string_view name) const { return duration{argument(name)}; }
  std::uint32_t share(std::string_view name) const {
    return static_cast<std::uint32_t>(argument(name));
  }
  bool flag(std::string_view name) const { return argument(name) != 0; }
  time_point start() const { return time_point{what.start}; }
  time_point end() const { return time_point{what.end}; }
};

class context {
 public:
  context(surroundings& around, coverage& seen, std::uint64_t seed)
      : around_(around), seen_(seen), seed_(seed) {}

  surroundings& stage() { return around_; }
  world& where() { return around_.where(); }
  time_point now() { return where().now(); }
  void after(duration wait, std::function<void()> deed) {
    where().plan().after(wait, std::move(deed));
  }
  void fired(const active& what) { seen_.fired(what.number, what.touched, now()); }
  /// "fault F2 loss TEXT"
  void note(const active& what, const std::string& text) {
    where().note("fault " + label(what.what.kind) + ' ' + text);
  }
  /// Named after the fault and not its number or end, so that a shorter plan draws the same.
  stream random(const active& what, std::string_view name) const {
    std::string full =
        "fault/" + label(what.what.kind) + '/' + std::to_string(what.what.start.count());
    for (const auto& each : what.what.on)
      full += '/' + each;
    return stream{seed_, full + '/' + std::string{name}};
  }
  std::uint64_t seed() const { return seed_; }
  /// Everybody looks again where things stand.
  std::function<void()> places_changed;
  /// Of every packet as it starts from one node to the next; may be empty.
  std::function<void(node_id from, node_id to, const packet& what)> tap;

 private:
  surroundings& around_;
  coverage& seen_;
  std::uint64_t seed_;
};

/// One seam's faults.
class part {
 public:
  explicit part(context& in) : in_(in) {}
  virtual ~part() = default;
  part(const part&) = delete;
  part& operator=(const part&) = delete;

  /// Whether faults of that kind are its business.
  virtual bool does(int id) const = 0;
  /// Before the run; of every fault that is its business.
  virtual void prepare(active&) {}
  virtual void begin(active&) {}
  virtual void end(active&) {}
  /// Something stands behind another box than before.
  virtual void places_changed() {}

 protected:
  context& in_;
};

std::unique_ptr<part> make_packet_part(context& in);
std::unique_ptr<part> make_box_part(context& in);
std::unique_ptr<part> make_server_part(context& in);
std::unique_ptr<part> make_control_part(context& in);
std::unique_ptr<part> make_member_part(context& in);
std::unique_ptr<part> make_actor_part(context& in);
std::unique_ptr<part> make_hostile_part(context& in);

} // namespace lanrage::sim::faults
