#include "net/keys.hpp"

#include <openssl/evp.h>

#include <limits>

namespace lanrage::net {

namespace {
constexpr std::size_t text_max = std::numeric_limits<int>::max() / 2; // OpenSSL counts in int
} // namespace

std::string to_base64(byte_view octets) {
  if (octets.empty() || octets.size() > text_max) return {};
  std::string text((octets.size() + 2) / 3 * 4 + 1, '\0'); // EVP_EncodeBlock terminates
  const auto written = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                         octets.data(), static_cast<int>(octets.size()));
  text.resize(static_cast<std::size_t>(written));
  return text;
}

std::optional<bytes> from_base64(std::string_view text) {
  if (text.empty()) return bytes{};
  if (text.size() % 4 != 0 || text.size() > text_max) return std::nullopt;
  bytes raw(text.size() / 4 * 3);
  const auto decoded =
      ::EVP_DecodeBlock(raw.data(), reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size()));
  if (decoded < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  raw.resize(static_cast<std::size_t>(decoded) - padding);
  // OpenSSL skips white space and ignores stray low bits; one value must have one text.
  if (to_base64(raw) != text) return std::nullopt;
  return raw;
}

} // namespace lanrage::net
