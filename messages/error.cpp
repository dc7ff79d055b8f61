#include "messages/error.hpp"

#include <caf/atom.hpp>
#include <caf/deep_to_string.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace lanrage::msg {

namespace {
constexpr auto category = caf::atom("lanrage");
} // namespace

caf::error to_caf(const net::error& failure) {
  return {static_cast<std::uint8_t>(failure.code), category, caf::make_message(failure.detail)};
}

net::error from_caf(const caf::error& failure) {
  if (failure.category() == category) {
    auto out = net::fail(static_cast<net::errc>(failure.code()));
    const auto& context = failure.context();
    if (context.match_elements<std::string>()) out.detail = context.get_as<std::string>(0);
    return out;
  }
  const auto is = [&](caf::sec code) {
    return failure.category() == caf::atom("system") &&
           failure.code() == static_cast<std::uint8_t>(code);
  };
  const auto text = caf::deep_to_string(failure);
  if (is(caf::sec::request_timeout)) return net::fail(net::errc::timed_out, text);
  if (is(caf::sec::request_receiver_down)) return net::fail(net::errc::closed, text);
  return net::fail(net::errc::internal, text);
}

} // namespace lanrage::msg
