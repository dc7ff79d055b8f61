#include "net/control/identity.hpp"

#include "net/control/tls.hpp"
#include "net/openssl_ptr.hpp"
#include "net/os/files.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

namespace lanrage::net::control {
namespace {

namespace fs = std::filesystem;

using bio_ptr = openssl_ptr<BIO, BIO_free_all>;
using key_ptr = openssl_ptr<EVP_PKEY, EVP_PKEY_free>;
using x509_ptr = openssl_ptr<X509, X509_free>;

error broken(const fs::path& file, std::string_view why) {
  return fail(errc::bad_state, file.string() + ": " + std::string{why});
}

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

result<server_identity> load_identity(const fs::path& directory, const random_source& random) {
  if (const auto made = os::make_private_folder(directory); !made) return made.error();
  const auto login =
      os::load_or_make_key(directory / "login.key", generate_x25519<login_private_key>(random));
  if (!login) return login.error();
  const auto token =
      os::load_or_make_key(directory / "token.key", generate_secret<token_private_key>(random));
  if (!token) return token.error();
  const auto file = directory / "server.pem";
  const auto pem = os::load_or_make_secret(file, [&] { return make_pem(random); });
  if (!pem) return pem.error();
  const auto pin = pin_of_pem(*pem);
  if (!pin) return broken(file, "no certificate");
  return server_identity{*login, *token, *pem, *pin};
}

} // namespace lanrage::net::control
