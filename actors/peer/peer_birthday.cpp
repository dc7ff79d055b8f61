#include "actors/peer/peer_connection.hpp"

/// Birthday probing, as far as the two ends agree on it, and the path it found.
namespace lanrage::actors {

void peer_connection::birthday_news(bool changed) {
  if (changed && birthday_.open()) punch_soon();
}

void peer_connection::birthday_ended(const msg::path_event& news) {
  if (news.birthday) birthday_.ended(*news.birthday);
  if (news.birthday && news.birthday->found) guessed_ = news.where;
  if (news.rewritten) {
    // Another path to the same address: how the last one did says nothing about it.
    book_.forget(news.where);
    direct_not_before_.reset();
    direct_judged_ = true;
    rewritten_ = news.where;
    rewritten_used_ = false;
  }
}

/// The kernel rewrites ports for a path as long as the connection is on it, or waits for it to come
/// back.
void peer_connection::release_left() {
  if (!rewritten_) return;
  const auto is = [&](const std::optional<path>& one) { return one && one->where == *rewritten_; };
  const auto ours = is(path_) || is(direct_) || is(direct_before_) ||
                    (move_ && move_->target.where == *rewritten_);
  if (!ours && rewritten_used_) {
    say(msg::release_path{record_.key, *rewritten_});
    rewritten_.reset();
  }
  rewritten_used_ = ours;
}

} // namespace lanrage::actors
