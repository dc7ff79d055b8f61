#include "net/control/identity.hpp"

#include "net/control/tls.hpp"
#include "net/openssl_ptr.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace lanrage::net::control {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_max = 64 * 1024;

using bio_ptr = openssl_ptr<BIO, BIO_free_all>;
using key_ptr = openssl_ptr<EVP_PKEY, EVP_PKEY_free>;
using x509_ptr = openssl_ptr<X509, X509_free>;

error broken(const fs::path& file, std::string_view why) {
  return fail(errc::bad_state, file.string() + ": " + std::string{why});
}

result<std::string> read_file(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return broken(file, std::strerror(errno));
  std::string text(file_max, '\0');
  const auto size = ::read(fd, text.data(), text.size());
  const int why = errno;
  ::close(fd);
  if (size < 0) return broken(file, std::strerror(why));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// Complete or not there at all: written beside, synced, then given its name.
result<void> write_secret(const fs::path& file, std::string_view text) {
  const fs::path beside = file.string() + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return broken(beside, std::strerror(errno));
  const bool written = ::fchmod(fd, 0600) == 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  const int why = errno;
  ::close(fd);
  if (!written) return broken(beside, std::strerror(why));
  if (::rename(beside.c_str(), file.c_str()) != 0) return broken(file, std::strerror(errno));
  return {};
}

/// The file's text, made with `make` when there is no file.
template <class Make>
result<std::string> load_or_make(const fs::path& file, Make&& make) {
  std::error_code ec;
  if (fs::exists(file, ec)) return read_file(file);
  const result<std::string> text = make();
  if (!text) return text.error();
  if (const auto written = write_secret(file, *text); !written) return written.error();
  return *text;
}

template <class Secret>
result<Secret> load_key(const fs::path& file, const Secret& fresh) {
  const auto text =
      load_or_make(file, [&]() -> result<std::string> { return to_base64(fresh.reveal()) + "\n"; });
  if (!text) return text.error();
  const auto raw =
      from_base64(std::string_view{*text}.substr(0, text->find_last_not_of("\r\n") + 1));
  const auto key = raw ? Secret::from(*raw) : std::nullopt;
  if (!key) return broken(file, "no key in base64");
  return *key;
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
  std::error_code ec;
  if (fs::create_directories(directory, ec)) fs::permissions(directory, fs::perms::owner_all, ec);
  if (ec) return broken(directory, ec.message());
  const auto login = load_key(directory / "login.key", generate_x25519<login_private_key>(random));
  if (!login) return login.error();
  const auto token = load_key(directory / "token.key", generate_secret<token_private_key>(random));
  if (!token) return token.error();
  const auto file = directory / "server.pem";
  const auto pem = load_or_make(file, [&] { return make_pem(random); });
  if (!pem) return pem.error();
  const auto pin = pin_of_pem(*pem);
  if (!pin) return broken(file, "no certificate");
  return server_identity{*login, *token, *pem, *pin};
}

} // namespace lanrage::net::control
