#pragma once

#include "net/errc.hpp"
#include "net/os/https_guest.hpp"
#include "net/os/tls.hpp"

#include <memory>

namespace lanrage::net::relay {

/// An HTTPS server for one guest, on a thread of its own: the streams of a relay that no control
/// server is beside. It reads TLS and the request, within a deadline, and hands over.
class https_listener {
 public:
  /// already_exists: the port is taken; not_permitted, bad_config.
  static result<std::unique_ptr<https_listener>> open(const endpoint& where,
                                                      const os::tls_identity& identity,
                                                      std::shared_ptr<os::https_guest> guest,
                                                      std::uint64_t seed);
  ~https_listener();
  https_listener(const https_listener&) = delete;
  https_listener& operator=(const https_listener&) = delete;

  endpoint listening() const; ///< with the real port

 private:
  class impl;
  explicit https_listener(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace lanrage::net::relay
