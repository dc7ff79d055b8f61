#pragma once

namespace lanrage::net::control {

/// Handlers for std::visit, one lambda per alternative.
template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>; // clang 14 does not deduce aggregates by itself

} // namespace lanrage::net::control
