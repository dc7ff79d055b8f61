#pragma once

#include "messages/error.hpp"

#include <caf/typed_response_promise.hpp>

#include <memory>
#include <utility>

namespace lanrage::actors {

/// A promise that is answered in any case: CAF does not notice a dropped one, its requester would
/// wait for the timeout. The last copy that dies unanswered delivers errc::closed.
template <class T>
class promise_guard {
 public:
  explicit promise_guard(caf::typed_response_promise<T> promise)
      : shared_(std::make_shared<inner>(std::move(promise))) {}

  /// What the handler returns.
  const caf::typed_response_promise<T>& promise() const { return shared_->promise; }
  void deliver(T value) {
    if (std::exchange(shared_->open, false)) shared_->promise.deliver(std::move(value));
  }
  void fail(const net::error& why) {
    if (std::exchange(shared_->open, false)) shared_->promise.deliver(msg::to_caf(why));
  }

 private:
  struct inner {
    explicit inner(caf::typed_response_promise<T> p) : promise(std::move(p)) {}
    inner(const inner&) = delete;
    ~inner() {
      if (open) promise.deliver(msg::to_caf(net::fail(net::errc::closed, "nobody answered")));
    }
    caf::typed_response_promise<T> promise;
    bool open = true;
  };
  std::shared_ptr<inner> shared_;
};

} // namespace lanrage::actors
