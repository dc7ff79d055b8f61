#include "net/os/tls.hpp"

#include "net/openssl_ptr.hpp"
#include "net/os/files.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

namespace lanrage::net::os {
namespace {

using bio_ptr = openssl_ptr<BIO, BIO_free_all>;
using key_ptr = openssl_ptr<EVP_PKEY, EVP_PKEY_free>;
using x509_ptr = openssl_ptr<X509, X509_free>;

x509_ptr make_certificate(EVP_PKEY* key, const random_source& random) {
  x509_ptr out{X509_new()};
  std::array<std::uint8_t, 8> serial{};
  random(serial);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7F) | 0x40); // positive, never zero
  std::uint64_t number = 0;
  for (const auto octet : serial)
    number = (number << 8) | octet;
  auto* name = X509_get_subject_name(out.get());
  const bool ok =
      X509_set_version(out.get(), X509_VERSION_3) == 1 &&
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(out.get()), number) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(out.get()), 0) != nullptr &&
      // RFC 5280 4.1.2.5: "no well-defined expiration date"; members check the pin only.
      ASN1_TIME_set_string(X509_getm_notAfter(out.get()), "99991231235959Z") == 1 &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>("lanrage"), -1, -1,
                                 0) == 1 &&
      X509_set_issuer_name(out.get(), name) == 1 && X509_set_pubkey(out.get(), key) == 1 &&
      X509_sign(out.get(), key, EVP_sha256()) != 0;
  if (!ok) out.reset();
  return out;
}

result<std::string> make_pem(const random_source& random) {
  const key_ptr key{EVP_EC_gen("P-256")};
  const auto certificate = key ? make_certificate(key.get(), random) : x509_ptr{};
  const bio_ptr out{BIO_new(BIO_s_mem())};
  if (!certificate ||
      PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(out.get(), certificate.get()) != 1)
    return fail(errc::internal, "OpenSSL makes no certificate");
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return std::string{data, static_cast<std::size_t>(size)};
}

result<certificate_pin> pin_of_pem(const std::string& pem) {
  const bio_ptr in{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  const x509_ptr certificate{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)};
  return pin_of(certificate.get());
}

} // namespace

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

result<tls_identity> load_tls_identity(const std::filesystem::path& file,
                                       const random_source& random) {
  const auto pem = load_or_make_secret(file, [&] { return make_pem(random); });
  if (!pem) return pem.error();
  const auto pin = pin_of_pem(*pem);
  if (!pin) return fail(errc::bad_state, file.string() + ": no certificate");
  return tls_identity{*pem, *pin};
}

} // namespace lanrage::net::os
