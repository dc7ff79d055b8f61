#pragma once

#include "net/control/protocol.hpp"

#include <openssl/ssl.h>

/// What member and server both need of a TLS connection.
namespace lanrage::net::control {

/// Label and length of RFC 9266; the same 32 octets on both ends of one connection.
result<channel_binding> exporter_of(SSL* connection);
/// SHA-256 of the certificate's SubjectPublicKeyInfo (DER).
result<certificate_pin> pin_of(X509* certificate);
/// TLS 1.3, no tickets, no renegotiation: what the protocol allows.
void restrict_tls(SSL_CTX* context);

} // namespace lanrage::net::control
