#include "actors/daemon/local_request.hpp"
#include "actors/directory/directory_document.hpp"
#include "actors/relay/relay_document.hpp"
#include "actors/supervisor/saved_peers.hpp"
#include "require.hpp"

using namespace lanrage::actors;

/// What the daemon reads from its disk and its local socket. A document that is taken is written
/// so that it is taken again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = text_of_input(data, size);
  if (const auto peers = decode_saved_peers(text)) {
    const auto again = encode_saved_peers(*peers);
    const auto twice = decode_saved_peers(again);
    require(twice.has_value() && encode_saved_peers(*twice) == again);
  }
  if (const auto seen = parse_directory(text)) {
    const auto again = to_text(*seen);
    const auto twice = parse_directory(again);
    require(twice.has_value() && to_text(*twice) == again);
  }
  if (const auto relays = parse_relays(text)) {
    const auto again = to_text(*relays);
    const auto twice = parse_relays(again);
    require(twice.has_value() && to_text(*twice) == again);
  }
  (void)local::parse(text);
  return 0;
}
