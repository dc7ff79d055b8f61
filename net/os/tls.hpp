#pragma once

#include "net/crypto.hpp"
#include "net/errc.hpp"
#include "net/keys.hpp"

#include <openssl/ssl.h>

#include <filesystem>
#include <string>

/// What all our TLS connections have in common: TLS 1.3, a self-signed certificate made at a
/// server's first start, and a pin that the other side knows it by.
namespace lanrage::net::os {

/// SHA-256 of the certificate's SubjectPublicKeyInfo (DER).
result<certificate_pin> pin_of(X509* certificate);
/// TLS 1.3, no tickets, no renegotiation: what the protocol allows.
void restrict_tls(SSL_CTX* context);

struct tls_identity {
  std::string pem; ///< private key and self-signed certificate (EC P-256)
  certificate_pin pin;
};
/// Reads a server's identity, or makes it (0600). bad_state, not_permitted: as load_or_make_secret.
result<tls_identity> load_tls_identity(const std::filesystem::path& file,
                                       const random_source& random);

} // namespace lanrage::net::os
