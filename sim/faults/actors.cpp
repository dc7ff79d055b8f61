#include "sim/faults/part.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <map>

/// F50, F51, F53 to F55 and F57 to F59: put in by the scheduler and its clock, which know nothing
/// of what the actors do.
namespace lanrage::sim::faults {
namespace {

class actor_part final : public part, private actor_faults {
 public:
  using part::part;
  ~actor_part() override {
    in_.where().on_birth = {};
    in_.where().actors().use(nullptr);
  }

  bool does(int id) const override {
    return id == 50 || id == 51 || (id >= 53 && id <= 55) || (id >= 57 && id <= 59);
  }

  void prepare(active&) override {
    if (watching_) return;
    watching_ = true;
    in_.where().on_birth = [this](member_id who, const std::string& name, const caf::actor& born) {
      known_[born->id()] = {who, name.starts_with("peer ") ? "peer" : name, name};
    };
    in_.where().actors().use(this);
  }

  void begin(active& what) override {
    now_.push_back({&what, in_.random(what, "actors"), 0, 0, {}, {}});
    mistimed(what, true);
    if (what.what.kind == 58)
      for (const auto& each : what.on)
        in_.stage().suspend(each.number, true);
  }

  void end(active& what) override {
    std::erase_if(now_, [&](const entry& each) { return each.of == &what; });
    mistimed(what, false);
    if (what.what.kind == 58)
      for (const auto& each : what.on)
        in_.stage().suspend(each.number, false);
    in_.where().actors().release();
  }

 private:
  struct known_actor {
    member_id whose{};
    std::string role; ///< of the table: "peer" for each of them
    std::string name;
  };
  struct entry {
    active* of = nullptr;
    stream random;
    std::int64_t messages = 0;
    std::int64_t ended = 0;                   ///< F50: actors
    std::map<caf::actor_id, time_point> next; ///< F53: not before
    std::map<caf::actor_id, bool> woken;      ///< F53: a release is planned
  };

  void mistimed(const active& what, bool on) {
    const int id = what.what.kind;
    if (id != 53 && id < 55) return;
    for (const auto& each : what.on)
      in_.where().mistimed(in_.stage().member_at(each.number), on);
  }

  const known_actor* find(const caf::abstract_actor& who) const {
    const auto found = known_.find(who.id());
    return found == known_.end() ? nullptr : &found->second;
  }

  bool about(const entry& it, const known_actor& who) {
    return std::any_of(it.of->on.begin(), it.of->on.end(), [&](const scenario::thing& each) {
      return in_.stage().member_at(each.number) == who.whose;
    });
  }
  bool plays(const entry& it, const known_actor& who) {
    const auto role = actor_names().at(static_cast<std::size_t>(it.of->argument("actor")));
    return who.role == role && about(it, who);
  }

  void end_actor(const entry& it, caf::scheduled_actor& who, const known_actor& known) {
    in_.note(*it.of, in_.where().name(known.whose) + ' ' + known.name + " ends");
    in_.where().disturbed();
    in_.where().death_ordered(known.whose, known.name);
    in_.fired(*it.of);
    const caf::strong_actor_ptr alive{who.ctrl()};
    caf::anon_send_exit(caf::actor_cast<caf::actor>(alive), caf::exit_reason::kill);
  }

  bool before(caf::scheduled_actor& who) override {
    if (now_.empty()) return true;
    const auto* known = find(who);
    if (!known) return true;
    for (auto& it : now_) {
      const int id = it.of->what.kind;
      if (id == 58 && about(it, *known)) {
        in_.fired(*it.of);
        return false;
      }
      if (id == 53 && plays(it, *known) && must_wait(it, who.id())) return false;
      if (id != 50 || !plays(it, *known) || it.ended == it.of->argument("times") ||
          ++it.messages < it.of->argument("index"))
        continue;
      it.messages = 0;
      ++it.ended;
      end_actor(it, who, *known); // the message is its last
    }
    return true;
  }

  void after(caf::scheduled_actor& who, bool asking) override {
    if (now_.empty()) return;
    const auto* known = find(who);
    if (!known) return;
    for (auto& it : now_) {
      const int id = it.of->what.kind;
      if (id == 53 && plays(it, *known)) it.next[who.id()] = in_.now() + it.of->time("by");
      if (id != 51 || !plays(it, *known)) continue;
      const auto index = it.of->argument("index");
      // Only once; the first message at or behind the index that leaves questions open.
      if (it.messages < 0 || ++it.messages < index || !asking) continue;
      it.messages = INT64_MIN;
      end_actor(it, who, *known);
    }
  }

  bool must_wait(entry& it, caf::actor_id who) {
    const auto by = it.of->time("by");
    const auto until = by == duration{} ? it.of->end() : it.next[who];
    if (in_.now() >= until) return false;
    in_.fired(*it.of);
    // At the end everybody is let go anyway.
    if (by > duration{} && !std::exchange(it.woken[who], true))
      in_.where().plan().at(until, [this, what = it.of, who] {
        for (auto& each : now_)
          if (each.of == what) each.woken[who] = false;
        in_.where().actors().release();
      });
    return true;
  }

  std::size_t pick(std::size_t ready) override {
    for (auto& it : now_) {
      if (it.of->what.kind != 54 || ready < 2) continue;
      const auto which = it.random.below(ready);
      if (which > 0) in_.fired(*it.of);
      return which;
    }
    return 0;
  }

  caf::actor_clock::time_point due(caf::actor_clock::time_point at,
                                   const caf::abstract_actor& whose, bool request) override {
    if (now_.empty()) return at;
    const auto* known = find(whose);
    if (!known) return at;
    const auto now = in_.now();
    for (auto& it : now_) {
      const int id = it.of->what.kind;
      if (id != 55 && id != 57 && id != 59) continue;
      if (!about(it, *known)) continue;
      const auto before = at;
      const auto wait = (at - now).count();
      constexpr std::int64_t whole = 1'000'000;
      const auto part_of = [&](std::int64_t ppm) {
        return duration{wait / whole * ppm + wait % whole * ppm / whole};
      };
      if (id == 55 && request && it.random.chance_ppm(it.of->share("share")))
        at = now + part_of(it.of->argument("left"));
      if (id == 57)
        at = it.of->flag("fast") ? at - part_of(it.of->argument("by") / 2)
                                 : at + part_of(it.of->argument("by"));
      if (id == 59) at += it.random.up_to(it.of->time("by"));
      if (at != before) in_.fired(*it.of);
    }
    return std::max(at, now);
  }

  std::map<caf::actor_id, known_actor> known_;
  std::vector<entry> now_;
  bool watching_ = false;
};

} // namespace

std::unique_ptr<part> make_actor_part(context& in) {
  return std::make_unique<actor_part>(in);
}

} // namespace lanrage::sim::faults
