#include "net/control/protocol.hpp"
#include "require.hpp"

#include <variant>

using namespace lanrage::net;
using namespace lanrage::net::control;

namespace {

/// What is understood is understood the same way after having been written again.
void read_all(std::string_view text) {
  if (const auto seen = decode_client(text); std::holds_alternative<client_message>(seen)) {
    const auto again = encode(std::get<client_message>(seen));
    const auto twice = decode_client(again);
    require(std::holds_alternative<client_message>(twice));
    require(encode(std::get<client_message>(twice)) == again);
  }
  if (const auto seen = decode_server(text)) {
    const auto again = encode(*seen);
    const auto twice = decode_server(again);
    require(twice.has_value());
    require(encode(*twice) == again);
  }
  if (const auto seen = decode_login(text)) {
    const auto again = encode(*seen);
    const auto twice = decode_login(again);
    require(twice.has_value());
    require(encode(*twice) == again);
  }
  (void)decode_refusal(text);
  if (const auto why = parse_close_reason(text))
    require(close_reason(*why).size() <= 123); // RFC 6455 5.5.1: 125 octets, two for the code
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_all(text_of_input(data, size));
  return 0;
}
