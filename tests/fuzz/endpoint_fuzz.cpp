#include "net/endpoint.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"

#include <cstdlib>

using namespace lanrage::net;

/// Text that is accepted reads back as the same value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto read = endpoint::parse(text); read && endpoint::parse(to_string(*read)) != read)
    std::abort();
  if (const auto read = virtual_ip::parse(text); read && to_string(*read) != text) std::abort();
  if (const auto read = peer_id::parse(text); read && read->str() != text) std::abort();
  if (const auto read = from_base64(text); read && to_base64(*read) != text) std::abort();
  return 0;
}
