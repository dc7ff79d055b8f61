#include "net/wg/dump.hpp"
#include "net/wg/uapi.hpp"
#include "require.hpp"

#include <string>

using namespace lanrage::net;

namespace {

/// Each peer is there once, so that looking one up is no matter of luck.
void check(const wg::observation& seen) {
  auto ordered = seen;
  if (!wg::order_peers(ordered)) return;
  for (const auto& peer : ordered.peers)
    require(wg::find_peer(ordered, peer.key) == &peer);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = text_of_input(data, size);
  if (const auto seen = wg::parse_dump(text)) check(*seen);
  if (const auto seen = wg::parse_uapi(text)) check(*seen);
  (void)wg::parse_uapi_set(text);
  (void)wg::parse_endpoint(text);
  std::string answer{text};
  wg::redact(answer);
  require(answer.size() == text.size());
  return 0;
}
