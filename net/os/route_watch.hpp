#pragma once

#include "net/endpoint.hpp"
#include "net/errc.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::net::os {

/// Where datagrams of ours may come from: unicast addresses of interfaces that are up, neither
/// loopback nor link-local, none of the interface named `except`. Sorted, each once.
result<std::vector<ip_address>> local_addresses(const std::string& except);

enum class network_event : std::uint8_t {
  address,       ///< an address appeared or went
  default_route, ///< a default route appeared, went or changed
  link,          ///< an interface went up or down
  link_gone,     ///< an interface was deleted
  overrun,       ///< events were lost: anything may have changed
};
std::string_view to_string(network_event event);

/// Hears from the kernel (rtnetlink, RFC 3549) that addresses, default routes or links changed.
/// Events come in bursts: whoever reacts should wait for a pause.
class route_watch {
 public:
  struct handlers {
    /// On the io thread. The interface's name may be empty (default routes, overrun).
    std::function<void(network_event, const std::string& interface)> changed;
    /// The socket is lost; open anew. At most once.
    std::function<void(const error&)> failed;
  };

  /// Errors: limit_reached, not_permitted.
  static result<std::unique_ptr<route_watch>> open(boost::asio::io_context& context,
                                                   handlers handle);
  ~route_watch(); ///< from any thread

 private:
  class impl;
  explicit route_watch(std::shared_ptr<impl> state) : impl_(std::move(state)) {}

  std::shared_ptr<impl> impl_;
};

} // namespace lanrage::net::os
