#include "net/control/tls.hpp"

#include <openssl/x509.h>

namespace lanrage::net::control {

result<channel_binding> exporter_of(SSL* connection) {
  constexpr std::string_view label = "EXPORTER-Channel-Binding";
  channel_binding out{};
  if (SSL_export_keying_material(connection, out.data(), out.size(), label.data(), label.size(),
                                 nullptr, 0, 0) != 1)
    return fail(errc::control_unreachable, "TLS exports no keying material");
  return out;
}

result<certificate_pin> pin_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size =
      certificate == nullptr ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return fail(errc::wrong_pin, "the server has no certificate");
  const auto digest = sha256({byte_view{der, static_cast<std::size_t>(size)}});
  OPENSSL_free(der);
  return certificate_pin{digest};
}

void restrict_tls(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

} // namespace lanrage::net::control
