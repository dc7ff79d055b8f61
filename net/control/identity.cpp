#include "net/control/identity.hpp"

#include "net/os/files.hpp"
#include "net/os/tls.hpp"

namespace lanrage::net::control {

namespace fs = std::filesystem;

result<server_identity> load_identity(const fs::path& directory, const random_source& random) {
  if (const auto made = os::make_private_folder(directory); !made) return made.error();
  const auto login =
      os::load_or_make_key(directory / "login.key", generate_x25519<login_private_key>(random));
  if (!login) return login.error();
  const auto token =
      os::load_or_make_key(directory / "token.key", generate_secret<token_private_key>(random));
  if (!token) return token.error();
  const auto tls = os::load_tls_identity(directory / "server.pem", random);
  if (!tls) return tls.error();
  return server_identity{*login, *token, tls->pem, tls->pin};
}

} // namespace lanrage::net::control
