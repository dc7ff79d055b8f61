#pragma once

#include "sim/trace/values.hpp"

#include <deque>
#include <functional>
#include <optional>

namespace lanrage::sim::trace {

/// A probe of a numbered series: when it was sent, and its round trip unless it was lost.
struct probe {
  std::int64_t sent_ns = 0;
  std::optional<nanoseconds> rtt;
};

/// Puts numbered answers, which come late and out of order, back into a series in which a number
/// without an answer is a loss. A lost probe's time is interpolated between its neighbours'. Keeps
/// the last `width` numbers: an answer later than that is too late to count.
class probe_window {
 public:
  static constexpr std::int64_t width = 65'536; ///< ping's numbers have 16 bits

  explicit probe_window(std::function<void(const probe&)> give) : give_(std::move(give)) {}

  /// A number from 16 bits as the nearest one to the last; the first stands as it is.
  std::int64_t unwrapped(std::int64_t number) const;

  /// The series begins here, even if no answer to it ever comes.
  void start(std::int64_t number) { first_ = number; }
  /// This number was sent.
  void sent(std::int64_t number);
  /// False: it has an answer already, or is too late.
  bool answered(std::int64_t number, std::int64_t sent_ns, nanoseconds rtt);

  /// Gives what is left. Losses behind the last answer follow at the mean distance of the series,
  /// or at `spacing` where there is none.
  void finish(nanoseconds spacing);
  bool empty() const { return !last_; }
  std::int64_t first() const { return first_.value_or(1); }
  std::int64_t last() const { return last_.value_or(0); }

 private:
  struct slot {
    bool answered = false;
    std::int64_t sent_ns = 0;
    nanoseconds rtt{};
  };
  struct known {
    std::int64_t number = 0;
    std::int64_t sent_ns = 0;
  };
  void give_front();
  void give_lost(std::int64_t count, std::int64_t from_ns, std::int64_t span, std::int64_t parts);
  std::int64_t mean_spacing() const;

  std::function<void(const probe&)> give_;
  std::optional<std::int64_t> first_;
  std::optional<std::int64_t> last_; ///< greatest number seen
  std::int64_t front_ = 0;           ///< number of slots_.front()
  std::deque<slot> slots_;
  std::optional<known> begun_; ///< first answer that was given
  std::optional<known> given_; ///< last answer that was given
  std::int64_t lost_since_ = 0;
  nanoseconds otherwise_{}; ///< the spacing of a series with less than two answers
};

} // namespace lanrage::sim::trace
