#include "net/stun.hpp"

#include <cstdlib>

using namespace lanrage::net;

/// What parses must survive being written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const byte_view datagram{data, size};
  const auto request = stun::parse_request(datagram);
  const auto response = stun::parse_response(datagram);
  if (request && response) std::abort();
  if (response) {
    const auto again = stun::parse_response(stun::binding_success(response->id, response->mapped));
    if (!again || again->mapped != response->mapped || again->id != response->id) std::abort();
  }
  return 0;
}
