#include "actors/nat/nat_session.hpp"
#include "config/defaults.hpp"

/// Probing one address for a reason of its own.
namespace lanrage::actors {

namespace defaults = config::defaults;

void nat_session::tell_ready_if_needed(time_point now, nat_effects& out) {
  if (!ready_ || ready_told_ || focus_) return;
  const auto* told = std::get_if<settled>(&state_);
  const auto* path = told ? list_.find(told->where) : list_.best();
  if (path) set_focus(purpose::tell_ready, path->what.address, now, out);
}

void nat_session::set_focus(purpose why, const net::endpoint& where, time_point now,
                            nat_effects& out) {
  focus_ = focus{why, where, now, now + defaults::nominate_deadline, defaults::punch_first_gap};
  tick_focus(now, out);
}

void nat_session::tick_focus(time_point now, nat_effects& out) {
  if (!focus_) return;
  if (focus_->until <= now) {
    const auto ended = *focus_;
    focus_.reset();
    if (ended.why == purpose::nominate)
      out.events.push_back(
          {who_.peer, *epoch_, msg::path_news::failed, ended.where, {}, peer_ready_});
  } else if (focus_->next <= now) {
    if (auto* path = list_.find(focus_->where))
      probe(*path, focus_->why == purpose::nominate, now, out);
    focus_->next = now + focus_->gap;
    focus_->gap = longer(focus_->gap);
  }
}

void nat_session::on_focus_answer(const check& answered, const net::probe& frame,
                                  const remote& path, time_point now, nat_effects& out) {
  if (!focus_ || focus_->where != path.what.address) return;
  switch (focus_->why) {
  case purpose::nominate:
    if (!answered.nominate || !frame.nominate) return;
    focus_.reset();
    if (std::holds_alternative<settled>(state_)) state_ = settled{path.what.address};
    report(msg::path_news::nominated, &path, out);
    return;
  case purpose::confirm:
    focus_.reset();
    follow(path, now, out);
    return;
  case purpose::tell_ready:
    if (answered.ready) focus_.reset();
    return;
  case purpose::rewritten:
    focus_.reset();
    return;
  }
}

} // namespace lanrage::actors
