#pragma once

#include <memory>
#include <optional>
#include <utility>

/// Optional values that cost no more than a pointer while they are absent. Both are used as a
/// std::optional is.
namespace lanrage::net {

/// For what is large and seldom there: a value of its own, on the heap.
template <class T>
class boxed {
 public:
  boxed() = default;
  boxed(std::nullopt_t) {}
  boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}
  boxed(const boxed& other) : value_(other ? std::make_unique<T>(*other) : nullptr) {}
  boxed(boxed&&) noexcept = default;
  boxed& operator=(boxed other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~boxed() = default;

  explicit operator bool() const { return value_ != nullptr; }
  bool has_value() const { return value_ != nullptr; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }
  template <class... Parts>
  T& emplace(Parts&&... parts) {
    value_ = std::make_unique<T>(std::forward<Parts>(parts)...);
    return *value_;
  }
  void reset() { value_.reset(); }

  friend bool operator==(const boxed& a, const boxed& b) {
    return a && b ? *a == *b : a.has_value() == b.has_value();
  }
  friend bool operator==(const boxed& a, std::nullopt_t) { return !a; }

 private:
  std::unique_ptr<T> value_;
};

/// For what many keep and nobody changes: copies are the same value.
template <class T>
class shared {
 public:
  shared() = default;
  shared(std::nullopt_t) {}
  shared(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  explicit operator bool() const { return value_ != nullptr; }
  bool has_value() const { return value_ != nullptr; }
  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  void reset() { value_.reset(); }

  /// By value, wherever it is.
  friend bool operator==(const shared& a, const shared& b) {
    return a.value_ == b.value_ || (a && b && *a == *b);
  }
  friend bool operator==(const shared& a, std::nullopt_t) { return !a; }

 private:
  std::shared_ptr<const T> value_;
};

} // namespace lanrage::net
