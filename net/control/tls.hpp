#pragma once

#include "net/control/protocol.hpp"
#include "net/os/tls.hpp"

#include <openssl/ssl.h>

/// What member and server both need of a TLS connection.
namespace lanrage::net::control {

/// Label and length of RFC 9266; the same 32 octets on both ends of one connection.
result<channel_binding> exporter_of(SSL* connection);
using os::pin_of;
using os::restrict_tls;

} // namespace lanrage::net::control
