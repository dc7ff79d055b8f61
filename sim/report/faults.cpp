#include "sim/report/faults.hpp"

#include "sim/faults/plan.hpp"
#include "sim/report/markup.hpp"

#include <algorithm>
#include <map>

namespace lanrage::sim::report {
namespace {

using scenario::pair_of_things;
using scenario::script;
using scenario::thing;

/// What holds on a link, with nothing left out.
struct link_now {
  duration delay{};
  duration jitter{};
  std::uint32_t loss_ppm = 0;
  std::uint32_t duplicate_ppm = 0;
  std::uint32_t mtu = 1'500;
  std::uint64_t bits_per_s = 0;
  std::uint32_t scale_ppm = scenario::unscaled;
  std::optional<std::uint32_t> trace;
  friend bool operator==(const link_now&, const link_now&) = default;
};

/// Walks along the scenario's events and keeps what is open.
class walker {
 public:
  walker(const script& of, duration until) : script_(of), until_(until) {
    for (const auto& each : of.links)
      for (const auto& between : each.between)
        merge(initial_[key(between)], each.how);
    now_ = initial_;
  }

  std::vector<fault> walk() {
    for (const auto& each : script_.events) {
      if (each.at > until_) break;
      std::visit([&](const auto& deed) { act(each.at, deed); }, each.what);
    }
    for (const auto& each : script_.faults.faults)
      if (each.start <= until_) planned(each);
    for (auto& each : out_)
      if (each.to && *each.to > until_) each.to = until_;
    std::stable_sort(out_.begin(), out_.end(),
                     [](const auto& a, const auto& b) { return a.from < b.from; });
    return std::move(out_);
  }

 private:
  static pair_of_things key(const pair_of_things& of) {
    return {std::min(of.first, of.second), std::max(of.first, of.second)};
  }
  link_now usual() const {
    link_now out;
    out.delay = script_.internet_delay;
    return out;
  }
  void merge(std::optional<link_now>& into, const scenario::link_change& how) const {
    if (!into) into = usual();
    if (how.delay) {
      into->delay = *how.delay;
      into->trace.reset();
    }
    if (how.trace) into->trace = how.trace->trace;
    into->jitter = how.jitter.value_or(into->jitter);
    into->loss_ppm = how.loss_ppm.value_or(into->loss_ppm);
    into->duplicate_ppm = how.duplicate_ppm.value_or(into->duplicate_ppm);
    into->mtu = how.mtu.value_or(into->mtu);
    into->bits_per_s = how.bits_per_s.value_or(into->bits_per_s);
    into->scale_ppm = how.scale_ppm.value_or(into->scale_ppm);
  }

  std::string name(const thing& of) const {
    switch (of.what) {
    case scenario::kind::control:
      break;
    case scenario::kind::member:
      return script_.members[of.number].name;
    case scenario::kind::nat:
      return script_.nats[of.number].name;
    case scenario::kind::relay:
      return script_.relays[of.number].name;
    }
    return "control";
  }
  std::string names(const std::vector<thing>& of) const {
    std::string out;
    for (std::size_t i = 0; i < of.size(); ++i) {
      if (i == names_max) return out + " and " + std::to_string(of.size() - i) + " more";
      out += (i == 0 ? "" : ", ") + name(of[i]);
    }
    return out;
  }
  static std::vector<thing> things(const std::vector<std::uint32_t>& members) {
    std::vector<thing> out;
    for (const auto each : members)
      out.push_back({scenario::kind::member, each});
    return out;
  }
  /// Whom something about these is about; not only members: everybody.
  static std::vector<std::uint32_t> members(const std::vector<thing>& of) {
    std::vector<std::uint32_t> out;
    for (const auto& each : of) {
      if (each.what != scenario::kind::member) return {};
      out.push_back(each.number);
    }
    return out;
  }

  /// A window until close() says otherwise. An open one of the same name ends.
  void open(duration at, const std::string& what, std::string text,
            std::vector<std::uint32_t> about, bool link = false) {
    close(at, what);
    open_[what] = out_.size();
    const auto between = link && about.size() == 2;
    out_.push_back({at, until_, std::move(text), std::move(about), between});
  }
  void close(duration at, const std::string& what) {
    const auto found = open_.find(what);
    if (found == open_.end()) return;
    out_[found->second].to = at;
    open_.erase(found);
  }
  void moment(duration at, std::string text, std::vector<std::uint32_t> about) {
    out_.push_back({at, std::nullopt, std::move(text), std::move(about)});
  }

  /// Those behind a box meet what happens to it.
  bool reaches(const std::string& on, std::uint32_t who) const {
    const auto& member = script_.members[who];
    if (member.name == on) return true;
    for (auto box = member.behind; box; box = script_.nats[*box].behind)
      if (script_.nats[*box].name == on) return true;
    return false;
  }
  /// Members that these names reach; nobody: some are everybody's, such as a relay.
  std::vector<std::uint32_t> reached(const std::vector<std::string>& by) const {
    std::vector<std::uint32_t> out;
    for (const auto& on : by) {
      const auto before = out.size();
      for (std::uint32_t i = 0; i < script_.members.size(); ++i)
        if (reaches(on, i)) out.push_back(i);
      if (out.size() == before) return {};
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }
  void planned(const faults::fault& what) {
    const auto* kind = faults::find_kind(what.kind);
    if (kind == nullptr) return;
    std::string on;
    for (std::size_t i = 0; i < what.on.size() && i < names_max; ++i)
      on += (i == 0 ? " " : ", ") + what.on[i];
    if (what.on.size() > names_max)
      on += " and " + std::to_string(what.on.size() - names_max) + " more";
    auto ends = what.on;
    ends.insert(ends.end(), what.to.begin(), what.to.end());
    fault out{what.start, std::nullopt, kind->name + on, reached(ends)};
    out.between = kind->links && !what.to.empty() && out.members.size() == 2;
    out.detail = faults::describe(what);
    if (!kind->instant) out.to = what.end;
    out_.push_back(std::move(out));
  }

  void act(duration at, const scenario::deed::kill& what) {
    for (const auto& each : what.who)
      open(at, "life " + name(each), name(each) + " killed", members({each}));
  }
  void act(duration at, const scenario::deed::start& what) {
    for (const auto& each : what.who)
      close(at, "life " + name(each));
  }
  void act(duration at, const scenario::deed::suspend& what) {
    for (const auto who : what.who)
      open(at, "sleep " + std::to_string(who), script_.members[who].name + " suspended", {who});
  }
  void act(duration at, const scenario::deed::resume& what) {
    for (const auto who : what.who)
      close(at, "sleep " + std::to_string(who));
  }
  void act(duration at, const scenario::deed::partition& what) {
    std::string text = "partition:";
    for (const auto& group : what.groups)
      text += (text.back() == ':' ? " " : " | ") + names(group);
    open(at, "partition", text, {});
  }
  void act(duration at, const scenario::deed::heal&) { close(at, "partition"); }
  void act(duration at, const scenario::deed::disk& what) {
    const auto& who = script_.members[what.who].name;
    if (what.full)
      open(at, "disk " + who, who + "'s disk full", {what.who});
    else
      close(at, "disk " + who);
  }
  void act(duration at, const scenario::deed::scale_all& what) {
    for (auto& [between, state] : now_)
      state->scale_ppm = what.by_ppm;
    if (what.by_ppm == scenario::unscaled)
      close(at, "scale");
    else
      open(at, "scale", "every link: " + percent_text(what.by_ppm) + " of its delay", {});
  }
  void act(duration at, const scenario::deed::change_link& what);
  void act(duration at, const scenario::deed::move& what) {
    const auto where =
        what.behind ? "behind " + script_.nats[*what.behind].name : "to the internet";
    moment(at, script_.members[what.who].name + " moves " + where, {what.who});
  }
  void act(duration at, const scenario::deed::rebind& what) {
    moment(at, script_.nats[what.nat].name + " rebinds", {});
  }
  void act(duration at, const scenario::deed::block_udp& what) {
    moment(at, script_.nats[what.nat].name + (what.blocked ? " blocks UDP" : " lets UDP out"), {});
  }
  void act(duration at, const scenario::deed::delete_interface& what) {
    moment(at, script_.members[what.who].name + "'s interface deleted", {what.who});
  }
  void act(duration at, const scenario::deed::join& what) {
    moment(at, names(things(what.who)) + " joins", what.who);
  }
  void act(duration at, const scenario::deed::leave& what) {
    moment(at, names(things(what.who)) + " leaves", what.who);
  }
  void act(duration at, const scenario::deed::connect& what) {
    moment(at, script_.members[what.from].name + " connects " + script_.members[what.to].name,
           {what.from, what.to});
    out_.back().between = true;
  }
  void act(duration at, const scenario::deed::disconnect& what) {
    moment(at, script_.members[what.from].name + " disconnects " + script_.members[what.to].name,
           {what.from, what.to});
    out_.back().between = true;
  }
  void act(duration, const scenario::deed::pings&) {} // no fault; it has a lane of its own

  static constexpr std::size_t names_max = 4;
  const script& script_;
  duration until_;
  std::map<pair_of_things, std::optional<link_now>> initial_;
  std::map<pair_of_things, std::optional<link_now>> now_;
  std::map<std::string, std::size_t> open_; ///< number in out_
  std::vector<fault> out_;
};

std::string change_text(const scenario::link_change& how, const script& of) {
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (how.delay) add("delay " + time_text(*how.delay));
  if (how.trace) add("trace " + of.traces[how.trace->trace].name);
  if (how.jitter) add("jitter " + time_text(*how.jitter));
  if (how.loss_ppm) add("loss " + percent_text(*how.loss_ppm));
  if (how.duplicate_ppm) add("duplicates " + percent_text(*how.duplicate_ppm));
  if (how.mtu) add("mtu " + std::to_string(*how.mtu));
  if (how.bits_per_s) add(std::to_string(*how.bits_per_s / 1'000) + " kbit/s");
  if (how.scale_ppm) add(percent_text(*how.scale_ppm) + " of its delay");
  return out;
}

void walker::act(duration at, const scenario::deed::change_link& what) {
  bool other = false;
  std::vector<thing> ends;
  for (const auto& each : what.link.between) {
    const auto between = key(each);
    auto& was = initial_[between];
    if (!was) was = usual();
    auto& state = now_[between];
    if (!state) state = was;
    merge(state, what.link.how);
    other |= *state != *was;
    ends.push_back(each.first);
    ends.push_back(each.second);
  }
  std::vector<std::uint32_t> about;
  for (const auto& each : ends)
    if (each.what == scenario::kind::member) about.push_back(each.number);
  const auto& [first, second] = what.link.between.front();
  const auto id = "link " + name(key({first, second}).first) + '\t' +
                  name(key({first, second}).second) + '\t' +
                  std::to_string(what.link.between.size());
  if (!other) return close(at, id);
  auto text = name(first) + "\u2013" + name(second);
  const auto more = what.link.between.size() - 1;
  if (more > 0) text += " and " + std::to_string(more) + (more == 1 ? " more link" : " more links");
  open(at, id, text + ": " + change_text(what.link.how, script_), std::move(about), true);
}

} // namespace

std::vector<fault> faults_of(const script& of, duration until) {
  return walker{of, until}.walk();
}

} // namespace lanrage::sim::report
