#include "net/pcp.hpp"
#include "require.hpp"

using namespace lanrage::net;

/// What a router, or anybody in its place, answers: options behind the answer change nothing of it,
/// and a success names a place.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t answer_octets = 60;
  const byte_view datagram{data, size};
  const auto whole = pcp::decode(datagram);
  require(!whole || size >= answer_octets);
  if (!whole) return 0;
  require(whole->result != 0 || whole->outside.valid());
  const auto alone = pcp::decode(datagram.first(answer_octets));
  require(alone && alone->id == whole->id && alone->outside == whole->outside &&
          alone->lifetime == whole->lifetime && alone->internal_port == whole->internal_port);
  return 0;
}
