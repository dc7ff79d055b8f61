#pragma once

#include "net/relay/routing.hpp"
#include "sim/world/agenda.hpp"
#include "sim/world/fabric.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace lanrage::sim {

/// A machine on the internet that runs the real relay core. It answers STUN, too.
class relay_site {
 public:
  relay_site(std::uint64_t seed, std::string name, node_id node, std::uint16_t port,
             duration unix_epoch, const net::token_public_key& tokens, fabric& net, agenda& time);

  /// Why it ended here; empty: it went on.
  std::string_view datagram(const packet& arrived);
  bool running() const { return core_ != nullptr; }
  /// As SIGKILL: the machine stays, nothing answers. What was saved last stays on its disk.
  void kill();
  /// With what the relay saved (every relay_saved_every), or with nothing at all.
  void start(bool with_state = true);

  const std::string& name() const { return name_; }
  node_id node() const { return node_; }
  net::relay_info info() const;
  const net::relay::counters* count() const { return core_ ? &core_->count() : nullptr; }

 private:
  net::relay::instant instant() const;
  void tick(std::uint64_t incarnation);
  void save();

  std::uint64_t seed_;
  std::string name_;
  node_id node_;
  std::uint16_t port_;
  duration unix_epoch_;
  net::relay_private_key key_;
  net::token_public_key tokens_;
  fabric& net_;
  agenda& time_;
  std::unique_ptr<net::relay::relay_core> core_;
  net::bytes saved_;
  time_point saved_at_{};
  std::uint64_t incarnation_ = 0;
};

} // namespace lanrage::sim
