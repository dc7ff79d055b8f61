#include "actors/daemon/identity.hpp"

#include "actors/drivers/store_driver.hpp"

#include <sys/stat.h>

namespace lanrage::actors {

namespace {
constexpr std::size_t key_file_octets_max = 256;
} // namespace

net::result<void> prepare_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (!failed) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  if (!failed) return {};
  return net::fail(failed == std::errc::permission_denied ||
                           failed == std::errc::operation_not_permitted
                       ? net::errc::not_permitted
                       : net::errc::bad_state,
                   "state folder " + folder.string() + ": " + failed.message());
}

net::result<net::wg_private_key> load_or_make_key(const std::filesystem::path& file,
                                                  const net::random_source& random) {
  struct ::stat about {};
  if (::stat(file.c_str(), &about) != 0) {
    const auto key = net::generate_x25519<net::wg_private_key>(random);
    const auto written = replace_file(file, net::to_base64(key.reveal()) + "\n");
    if (!written) return written.error();
    return key;
  }
  if ((about.st_mode & 077) != 0)
    return net::fail(net::errc::not_permitted,
                     file.string() + " can be read by others: chmod 600 it, or remove it to get a "
                                     "new key if it may have been read");
  auto text = read_file(file, key_file_octets_max);
  if (!text) return text.error();
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r'))
    text->pop_back();
  const auto raw = net::from_base64(*text);
  const auto key = raw ? net::wg_private_key::from(*raw) : std::nullopt;
  if (!key) return net::fail(net::errc::bad_key, file.string() + " holds no WireGuard private key");
  return *key;
}

} // namespace lanrage::actors
