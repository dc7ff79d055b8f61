#include "net/control/protocol.hpp"

#include "net/control/overloaded.hpp"

#include <algorithm>
#include <array>

namespace lanrage::net::control {
namespace {

constexpr std::size_t close_reason_max = 123; // RFC 6455 5.5.1: 125 octets with the code

constexpr std::array<std::string_view, 7> request_names{"",     "publish", "signal", "create",
                                                        "join", "leave",   "forget"};

} // namespace

std::string_view to_string(request_kind kind) {
  return request_names[static_cast<std::size_t>(kind)];
}

request_kind kind_of(const client_message& message) {
  return std::visit(overloaded{[](const join_request& m) {
                                 return m.create ? request_kind::create : request_kind::join;
                               },
                               [](const leave_request&) { return request_kind::leave; },
                               [](const publish_request&) { return request_kind::publish; },
                               [](const signal_request&) { return request_kind::signal; },
                               [](const forget_request&) { return request_kind::forget; }},
                    message);
}

std::optional<request_kind> parse_request_kind(std::string_view text) {
  const auto found = std::find(request_names.begin(), request_names.end(), text);
  if (found == request_names.end()) return std::nullopt;
  return static_cast<request_kind>(found - request_names.begin());
}

std::string close_reason(const error& why) {
  auto out = std::string{to_string(why.code)} + ": " + why.detail;
  if (out.size() > close_reason_max) out.resize(close_reason_max);
  return out;
}

std::optional<error> parse_close_reason(std::string_view text) {
  const auto colon = text.find(": ");
  const auto code = parse_errc(text.substr(0, colon));
  if (!code) return std::nullopt;
  return fail(*code, colon == std::string_view::npos ? "" : std::string{text.substr(colon + 2)});
}

std::optional<errc> parse_errc(std::string_view code) {
  for (std::uint8_t i = 1; i <= errc_count; ++i)
    if (to_string(static_cast<errc>(i)) == code) return static_cast<errc>(i);
  return std::nullopt;
}

} // namespace lanrage::net::control
