#pragma once

#include "net/errc.hpp"
#include "net/wg/state.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::net::os {

inline const std::filesystem::path wg_socket_dir{"/var/run/wireguard"};

/// Talks to a userspace WireGuard over its socket; 0.15 ms a question. The connection stays open
/// between questions and is opened anew after a failure. Blocks for at most the deadline.
class wg_uapi {
 public:
  explicit wg_uapi(std::filesystem::path socket,
                   std::chrono::milliseconds deadline = std::chrono::seconds{2});
  wg_uapi(const wg_uapi&) = delete;
  wg_uapi& operator=(const wg_uapi&) = delete;
  ~wg_uapi();

  /// The socket file is there, whether or not anybody listens.
  bool present() const;
  /// wg_unavailable: nobody listens (any more). timed_out. wg_refused: an answer that is none.
  result<wg::observation> get();
  /// Moves endpoints of peers that are there. The same errors.
  result<void> set_endpoints(const std::vector<wg::change>& changes);

 private:
  result<std::string> ask(std::string_view question);
  result<std::string> ask_once(std::string_view question);
  void close();

  std::filesystem::path socket_;
  std::chrono::milliseconds deadline_;
  int fd_ = -1;
};

} // namespace lanrage::net::os
