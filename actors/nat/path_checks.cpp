#include "actors/nat/path_checks.hpp"

#include <algorithm>
#include <utility>

namespace lanrage::actors {

namespace defaults = config::defaults;

path_checks::path_checks(session_identity who, net::random_source random)
    : who_{std::move(who)}, own_hash_{net::hash_of(who_.own)},
      peer_hash_{net::hash_of(who_.peer)}, random_{std::move(random)} {}

void path_checks::send(const net::endpoint& to, const net::path_check& frame,
                       nat_effects& out) const {
  out.frames.push_back({to, std::make_shared<const net::bytes>(net::encode(frame, who_.key))});
}

void path_checks::ask(const msg::check_path& order, time_point now, nat_effects& out) {
  if (!order.where.valid()) return;
  while (!open_.empty() && (open_.size() >= defaults::path_checks_open_max ||
                            now - open_.front().sent > defaults::path_check_lifetime))
    open_.erase(open_.begin());
  net::path_check frame;
  frame.doubt = order.doubt;
  frame.from = own_hash_;
  frame.to = peer_hash_;
  random_(frame.transaction);
  frame.move = order.move;
  frame.padding = order.large ? defaults::large_check_padding : std::uint16_t{0};
  open_.push_back({frame.transaction, order.where, order.number, now});
  send(order.where, frame, out);
}

void path_checks::receive(const net::endpoint& from, net::byte_view datagram, time_point now,
                          nat_effects& out) {
  const auto frame = net::decode_path_check(datagram, who_.key);
  if (!frame || frame->from != peer_hash_ || frame->to != own_hash_) return;
  if (frame->answer)
    on_answer(from, *frame, now, out);
  else
    on_check(from, *frame, now, out);
}

void path_checks::on_check(const net::endpoint& from, const net::path_check& frame, time_point now,
                           nat_effects& out) {
  if (answers_.admit(from, frame.transaction, now) != answer_book::verdict::answer) return;
  net::path_check answer;
  answer.answer = true;
  answer.from = own_hash_;
  answer.to = peer_hash_;
  answer.transaction = frame.transaction;
  answer.move = frame.move;
  answer.observed = from;
  send(from, answer, out);
  msg::path_event event;
  event.key = who_.peer;
  event.epoch = frame.move;
  event.news = msg::path_news::asked;
  event.where = from;
  event.doubt = frame.doubt;
  out.events.push_back(event);
}

void path_checks::on_answer(const net::endpoint& from, const net::path_check& frame, time_point now,
                            nat_effects& out) {
  const auto ours = std::find_if(open_.begin(), open_.end(), [&](const auto& each) {
    return each.id == frame.transaction && each.where == from;
  });
  if (ours == open_.end()) return;
  msg::path_event event;
  event.key = who_.peer;
  event.epoch = ours->number;
  event.news = msg::path_news::checked;
  event.where = from;
  event.rtt = now - ours->sent;
  open_.erase(ours);
  out.events.push_back(event);
}

} // namespace lanrage::actors
