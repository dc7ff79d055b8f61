#pragma once

#include "actors/hard_pair.hpp"
#include "messages/values.hpp"
#include "net/record.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace lanrage::actors {

/// Whether a pair shall try birthday probing (docs/decisions/0023), and what came of it. Both sides
/// have to offer it and to be the two kinds of NAT it is for; it is tried once per network of the
/// one and network of the other, and birthday_attempts_max times in a birthday_window. The
/// initiator proposes a time in its punch. Pure.
class birthday_talk {
 public:
  using time_point = msg::time_point;

  /// What is known of our NAT. Whether we offer something else than before.
  bool ours(const msg::own_paths& own);
  /// What the peer offers. Whether it is something else than before.
  bool theirs(const std::optional<net::birthday_offer>& offer);
  const std::optional<net::birthday_offer>& offer() const { return own_; }
  /// Both offer it, and this pair of networks has not been tried.
  bool open() const;

  struct proposal {
    net::birthday_offer say; ///< in the punch
    msg::birthday_plan plan;
  };
  /// Initiator: with the punch that starts now. It counts as tried.
  std::optional<proposal> propose(time_point now);
  /// Responder: what to do about a punch that may propose it. It counts as tried.
  std::optional<msg::birthday_plan> follow(const std::optional<net::birthday_offer>& said,
                                           time_point now);
  void ended(const msg::birthday_report& how) { report_ = how; }

  /// For people, when there is no direct path: what became of it, or keeps it from being tried;
  /// empty when it could not help this pair. `peer`: the peer's NAT, by its record.
  std::string in_vain(const net::nat_report& peer) const;
  /// What a user can do about that; empty: nothing.
  std::string remedy(const net::nat_report& peer) const;
  /// For people, of a path that it found.
  std::string found() const;
  /// Whether the last run that came to it found a path.
  bool was_found() const { return report_ && report_->found && report_->problem.empty(); }

 private:
  using networks = std::pair<std::uint32_t, std::uint32_t>; ///< ours, theirs

  bool complementary() const;
  bool too_often(time_point now, std::chrono::seconds window) const;
  msg::birthday_plan begin(time_point now);
  bool helps(const net::nat_report& peer) const;

  bool on_ = false;
  net::nat_report nat_;
  std::optional<net::birthday_offer> own_;
  std::optional<net::birthday_offer> peer_;
  std::optional<networks> tried_;
  std::deque<time_point> tried_at_; ///< the last birthday_attempts_max times
  std::optional<msg::birthday_report> report_;
};

} // namespace lanrage::actors
