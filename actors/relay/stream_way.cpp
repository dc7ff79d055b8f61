#include "actors/relay/stream_way.hpp"

namespace lanrage::actors {

namespace defaults = config::defaults;

void stream_way::opening(std::uint64_t attempt) {
  state_ = state::opening;
  attempt_ = attempt;
}

bool stream_way::opened(std::uint64_t attempt, const net::endpoint& at, time_point now) {
  if (state_ != state::opening || attempt != attempt_) return false;
  at_ = at;
  since_ = now;
  failing_ = false;
  // UDP that comes and goes is believed ever more slowly.
  if (!returned_at_ || now - *returned_at_ >= defaults::udp_asked_every_max) ask_again_.reset();
  ask_every_ = ask_again_.next();
  stay(now);
  return true;
}

bool stream_way::failed(std::uint64_t attempt, time_point now) {
  if (closed() || (attempt != 0 && attempt != attempt_)) return false;
  // One that had stood is no sign that the next will not.
  const bool stood = state_ != state::opening && now - since_ >= defaults::stream_again_first;
  if (stood) again_.reset();
  failing_ = true;
  close();
  again_at_ = stood ? now : now + again_.next();
  return true;
}

void stream_way::close() {
  state_ = state::closed;
  ask_at_.reset();
  answers_ = 0;
}

void stream_way::stay(time_point now) {
  state_ = state::open;
  ask_at_ = now + ask_every_;
  answered_ = true; // nothing is asked
  answers_ = 0;
}

void stream_way::asked(time_point now) {
  if (!answered_) answers_ = 0;
  answered_ = false;
  ask_at_ = now + ask_every_;
}

void stream_way::udp_answered(time_point now) {
  if (!open() || answered_) return; // repeated, or not asked for
  answered_ = true;
  ++answers_;
  ask_at_ = now + defaults::udp_answers_gap;
}

void stream_way::returning(time_point now) {
  state_ = state::returning;
  until_ = now + defaults::udp_return_deadline;
  ask_every_ = ask_again_.next(); // for the case that it does not hold
}

void stream_way::returned(time_point now) {
  state_ = state::lingering;
  returned_at_ = now;
  until_ = now + defaults::stream_linger;
}

void stream_way::hurry(time_point now) {
  again_at_.reset();
  again_.reset();
  returned_at_.reset();
  ask_again_.reset();
  ask_every_ = ask_again_.next();
  if (open()) ask_at_ = now;
}

void stream_way::tick(time_point now) {
  if (again_at_ && now >= *again_at_) again_at_.reset();
}

std::optional<stream_way::time_point> stream_way::deadline() const {
  switch (state_) {
  case state::closed:
    return again_at_;
  case state::opening:
    return std::nullopt; // the driver has a deadline of its own
  case state::open:
    return ask_at_;
  case state::returning:
  case state::lingering:
    return until_;
  }
  return std::nullopt;
}

} // namespace lanrage::actors
