#pragma once

#include <memory>

namespace lanrage::net {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

/// Owns an object of OpenSSL: openssl_ptr<EVP_PKEY, EVP_PKEY_free>.
template <class T, auto Free>
using openssl_ptr = std::unique_ptr<T, freed_by<Free>>;

} // namespace lanrage::net
