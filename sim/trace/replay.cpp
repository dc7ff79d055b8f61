#include "sim/trace/replay.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanrage::sim::trace {
namespace {

bool is_measurement(record_kind kind) {
  return kind == record_kind::sample || kind == record_kind::lost || kind == record_kind::unknown;
}

reading::state state_of(record_kind kind) {
  if (kind == record_kind::sample) return reading::state::sample;
  return kind == record_kind::lost ? reading::state::lost : reading::state::unknown;
}

} // namespace

replay::replay(input from, reader opened, options how)
    : from_(std::move(from)), reader_(std::make_unique<reader>(std::move(opened))), how_(how),
      links_(reader_->head().link_count()) {}

result<replay> replay::open(const input& from, options how) {
  auto opened = reader::open(from);
  if (!opened) return opened.error();
  return replay{from, std::move(*opened), how};
}

result<reading> replay::at(link_id link, nanoseconds time) {
  const auto moment = how_.start + time;
  if (moment < last_) throw std::logic_error("trace replay: time goes back");
  last_ = moment;
  if (const auto done = advance(moment); !done) return done.error();
  return in_force(link, moment);
}

std::optional<nanoseconds> replay::next_change() const {
  if (!ahead_) return {};
  return base_ + ahead_->time - how_.start;
}

/// Puts every record up to the moment into force.
result<void> replay::advance(nanoseconds until) {
  if (!started_) {
    started_ = true;
    if (const auto first = pull(); !first) return first.error();
  }
  for (;;) {
    while (ahead_ && base_ + ahead_->time <= until) {
      auto& link = links_[index(ahead_->link)];
      if (is_measurement(ahead_->kind)) {
        link.kind = ahead_->kind;
        if (link.kind == record_kind::sample) link.sample = ahead_->value;
        link.taken = link.since = ahead_->time;
        link.record = records_;
      } else {
        link.down = ahead_->kind == record_kind::down;
        link.since = ahead_->time;
      }
      if (const auto more = pull(); !more) return more.error();
    }
    if (ahead_ || until < base_ + reader_->seen().length()) return {};
    if (how_.end.value_or(head().end) != at_end::wrap) return {};
    if (const auto again = turn(until); !again) return again.error();
  }
}

/// Reads the next record that says something of a link.
result<void> replay::pull() {
  ahead_.reset();
  while (!over_) {
    const auto next = reader_->next();
    if (!next) return next.error();
    if (!*next) {
      over_ = true;
      break;
    }
    const auto& got = **next;
    if (got.kind == record_kind::marker || got.kind == record_kind::block) continue;
    ++records_;
    ahead_ = pending{got.kind, got.link, got.time, got.value};
    break;
  }
  return {};
}

/// Starts the trace again for the round that `time` is in; whole rounds nobody looked at are
/// skipped, for each is like the last.
result<void> replay::turn(nanoseconds time) {
  const auto length = reader_->seen().length();
  base_ += length * ((time - base_) / length);
  auto again = reader::open(from_);
  if (!again) return again.error();
  *reader_ = std::move(*again);
  over_ = false;
  records_ = 0;
  std::fill(links_.begin(), links_.end(), state{});
  return pull();
}

reading replay::in_force(link_id link, nanoseconds time) const {
  const auto& now = links_[index(link)];
  const auto rules = head().at(link).rules;
  const bool over = over_ && !ahead_ && time >= base_ + reader_->seen().length();
  reading out{state_of(now.kind), {}, base_ + now.taken - how_.start, now.record};
  if (out.is != reading::state::unknown) out.value = now.sample;
  if (over && how_.end.value_or(head().end) == at_end::stop) {
    out.is = reading::state::ended;
    return out;
  }
  const auto age = time - (base_ + now.since);
  if (now.down)
    out.is = reading::state::down;
  else if (rules.max_age && age > *rules.max_age && !over)
    out.is = reading::state::unknown;
  return out;
}

probe_replay::probe_replay(input from, reader opened, link_id link, at_end end)
    : from_(std::move(from)), reader_(std::make_unique<reader>(std::move(opened))), link_(link),
      end_(end) {}

result<probe_replay> probe_replay::open(const input& from, link_id link,
                                        std::optional<at_end> end) {
  auto opened = reader::open(from);
  if (!opened) return opened.error();
  if (index(link) >= opened->head().link_count())
    return problem{from.name,
                   0,
                   "no link " + std::to_string(index(link)),
                   "0 to " + std::to_string(opened->head().link_count() - 1),
                   {}};
  const auto rule = end.value_or(opened->head().end);
  return probe_replay{from, std::move(*opened), link, rule};
}

result<reading> probe_replay::next() {
  if (over_) return last_;
  bool found = false; // in this round; a link without a single record never wraps for ever
  for (int round = 0; !found && round < 2;) {
    const auto got = reader_->next();
    if (!got) return got.error();
    if (*got) {
      if ((*got)->kind == record_kind::marker || (*got)->kind == record_kind::block) continue;
      ++records_;
      if ((*got)->link != link_ || !is_measurement((*got)->kind)) continue;
      last_ = taken(**got);
      found = true;
    } else if (end_ == at_end::wrap) {
      auto again = reader::open(from_);
      if (!again) return again.error();
      *reader_ = std::move(*again);
      records_ = 0;
      sample_.reset();
      ++round;
    } else {
      break;
    }
  }
  if (found) return last_;
  over_ = true;
  if (end_ == at_end::stop || last_.record == 0) last_.is = reading::state::ended;
  return last_;
}

reading probe_replay::taken(const record& what) {
  if (what.kind == record_kind::sample) sample_ = what.value;
  reading out{state_of(what.kind), {}, what.time, records_};
  if (out.is != reading::state::unknown) out.value = sample_;
  return out;
}

} // namespace lanrage::sim::trace
