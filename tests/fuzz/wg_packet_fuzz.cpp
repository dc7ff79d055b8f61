#include "net/frames.hpp"
#include "net/stun.hpp"
#include "net/wg_packet.hpp"

#include <cstdlib>

using namespace lanrage::net;

/// No datagram is WireGuard's and somebody else's at once.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const byte_view datagram{data, size};
  static const auto key = wg::mac1_key({});
  const auto header = wg::parse_header(datagram);
  if (header) {
    if (classify(datagram) != datagram_class::wireguard || kind_of(datagram)) std::abort();
    if (stun::parse_request(datagram) || stun::parse_response(datagram)) std::abort();
  }
  (void)wg::mac1_matches(datagram, key);
  return 0;
}
