#include "net/control/tls.hpp"

namespace lanrage::net::control {

result<channel_binding> exporter_of(SSL* connection) {
  constexpr std::string_view label = "EXPORTER-Channel-Binding";
  channel_binding out{};
  if (SSL_export_keying_material(connection, out.data(), out.size(), label.data(), label.size(),
                                 nullptr, 0, 0) != 1)
    return fail(errc::control_unreachable, "TLS exports no keying material");
  return out;
}

} // namespace lanrage::net::control
