#include "net/control/invite.hpp"
#include "require.hpp"

using namespace lanrage::net::control;

/// A line has one spelling: what is read is written as it came, but for spaces around it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = text_of_input(data, size);
  if (const auto line = parse_server_line(text)) {
    const auto again = to_string(*line);
    const auto twice = parse_server_line(again);
    require(twice.has_value() && *twice == *line);
  }
  if (const auto line = parse_invite(text)) {
    const auto again = reveal(*line);
    const auto twice = parse_invite(again);
    require(twice.has_value() && reveal(*twice) == again);
    require(valid_party_name(line->party));
  }
  return 0;
}
