#pragma once

#include "lab/party.hpp"
#include "sim/faults/plan.hpp"
#include "sim/scenario/script.hpp"
#include "sim/world/nat_box.hpp"
#include "tests/soak/strangers.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lanrage::soak {

/// The laboratory's box that maps and filters like that (RFC 4787).
lab::nat_type box_type(sim::nat_behavior mapping, sim::nat_behavior filtering);

/// The environment of a daemon whose calendar can be set wrong (tests/support/shifted_clock.cpp).
std::map<std::string, std::string> with_shifted_clock(const lab::host& at);
/// From now on it is off by that much; throws lab::failure.
void set_clock(const lab::host& at, sim::duration off);

/// Does to a party of real processes what a fault plan says, step by step.
class lab_faults {
 public:
  using clock = lab::process::clock;

  /// `what` is checked (soak_plan.hpp); its times count from `zero`.
  lab_faults(lab::party& on, const sim::scenario::script& cast, sim::faults::plan what,
             clock::time_point zero);

  /// When something is to be done next; the far future when all is done.
  clock::time_point next() const;
  /// Does all that is due, in the order of the plan's times; returns what was done, a line each.
  std::vector<std::string> advance();
  /// Whether a program was killed by a fault and not started again yet.
  bool is_down(const std::string& machine) const { return down_.contains(machine); }
  /// Who still has to be let into the party again.
  const std::set<std::string>& outside() const { return joining_; }

 private:
  enum class moment { begin, again, end };
  struct step {
    sim::duration at;
    std::size_t fault;
    moment which;
  };

  void plan_steps();
  void act(const sim::faults::fault& of, const std::string& name, moment which);
  void off(const std::string& machine, bool down);
  void forgotten(const std::string& member, bool on);
  void stopped(const std::string& machine, bool stop);
  void asleep(const std::string& member, bool sleep);
  void left(const std::string& member, bool away);
  void let_in();
  void step_clock(const std::string& member, sim::duration by);
  void no_disk(const std::string& member, bool full);
  void delete_interface(const std::string& member);
  void junk_at(const std::string& name, std::size_t fault, bool on);
  void half_open_at(const std::string& name, std::size_t fault, bool on);
  /// Links and boxes are set to what all faults that are in force say together.
  void refresh_links();
  void refresh_box(const std::string& member);

  std::size_t number_of(const sim::faults::fault& of) const;

  lab::party& party_;
  sim::scenario::script cast_;
  sim::faults::plan plan_;
  clock::time_point zero_;
  std::vector<step> steps_; ///< what is left, the next one last
  std::set<std::size_t> active_;
  std::map<std::string, int> down_; ///< how many faults hold it down
  std::map<std::string, lab::port_settings> usual_;
  std::map<std::string, lab::nat_settings> usual_nat_;
  std::set<std::pair<std::string, std::string>> between_; ///< ways of their own that were set
  std::map<std::pair<std::size_t, std::string>, std::unique_ptr<junk>> junk_;
  std::map<std::pair<std::size_t, std::string>, std::unique_ptr<half_open>> half_open_;
  std::set<std::string> asleep_, left_, joining_;
  std::map<std::string, sim::duration> clock_off_; ///< members' calendars
  std::size_t deletions_ = 0;
};

} // namespace lanrage::soak
