#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lanrage::net {

using bytes = std::vector<std::uint8_t>;
using byte_view = std::span<const std::uint8_t>;

/// The octets of a text, for hashing and sealing.
inline byte_view as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Reads network-order integers from a bounded buffer. A read past the end yields zeros and makes
/// `ok()` false for good, so a decoder checks once at its end.
class byte_reader {
 public:
  explicit byte_reader(byte_view data) : data_(data) {}

  bool ok() const { return ok_; }
  std::size_t left() const { return data_.size() - at_; }
  bool done() const { return ok_ && left() == 0; }

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }

  /// The next `count` octets as a view into the buffer; empty when there are fewer.
  byte_view take(std::size_t count) {
    if (!ok_ || left() < count) {
      ok_ = false;
      return {};
    }
    const auto view = data_.subspan(at_, count);
    at_ += count;
    return view;
  }

  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    const auto view = take(N);
    if (view.size() == N) std::memcpy(out.data(), view.data(), N);
    return out;
  }

 private:
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    for (const auto octet : take(count))
      value = (value << 8) | octet;
    return value;
  }

  byte_view data_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

/// Appends network-order integers to a growing buffer.
class byte_writer {
 public:
  byte_writer& u8(std::uint8_t value) { return number(value, 1); }
  byte_writer& u16(std::uint16_t value) { return number(value, 2); }
  byte_writer& u32(std::uint32_t value) { return number(value, 4); }
  byte_writer& u64(std::uint64_t value) { return number(value, 8); }
  byte_writer& zeros(std::size_t count) {
    out_.insert(out_.end(), count, 0);
    return *this;
  }
  byte_writer& raw(byte_view view) {
    out_.insert(out_.end(), view.begin(), view.end());
    return *this;
  }

  const bytes& view() const { return out_; }
  bytes take() { return std::move(out_); }

 private:
  byte_writer& number(std::uint64_t value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8)
      out_.push_back(static_cast<std::uint8_t>(value >> shift));
    return *this;
  }

  bytes out_;
};

} // namespace lanrage::net
