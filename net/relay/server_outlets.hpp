#pragma once

#include "config/settings.hpp"
#include "net/relay/routing.hpp"
#include "net/relay/server_flows.hpp"
#include "net/relay/udp_batch.hpp"

#include <array>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace lanrage::net::relay {

/// The relay's UDP sockets and the ways to its streams: what is about to leave. Numbers count from
/// 0 in the order of opening; `arrival::via` is one more.
class relay_outlets {
 public:
  explicit relay_outlets(std::shared_ptr<flow_exchange> flows) : flows_(std::move(flows)) {}

  /// The sockets that the settings name; and those of RFC 5780, when there shall be some.
  result<std::optional<stun_places>> open(const config::relay_settings& settings);
  std::size_t size() const { return by_number_.size(); }
  const udp_socket& socket(std::size_t number) const { return by_number_[number]->socket; }

  /// Queues what goes out; forwarded octets must stay where they are until `flush`. At most
  /// batch_size of them.
  void dispatch(const verdict& what, counters& count);
  void flush(counters& count);

 private:
  struct outlet {
    udp_socket socket;
    send_batch sending;
  };
  void add(udp_socket socket);
  result<stun_places> open_for_tests(const endpoint& other);
  outlet* outlet_for(const verdict& what);

  std::shared_ptr<flow_exchange> flows_;
  std::list<outlet> all_; ///< addresses of members must stay: iovecs point into them
  std::vector<outlet*> by_number_;
  std::array<bytes, batch_size> answers_; ///< the core keeps an answer only until its next call
  std::size_t answers_used_ = 0;
};

} // namespace lanrage::net::relay
