#pragma once

#include "config/defaults.hpp"
#include "config/recovery_defaults.hpp"
#include "messages/connections.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

/// What the writer's core keeps, decides by and asks its shell to do. Plain values.
namespace lanrage::actors {

/// What outlives a crash of the writer: the next incarnation continues from it.
struct writer_records {
  std::optional<msg::interface_wanted> interface; ///< absent: not told yet
  /// Every peer that is ours; absent value: to be removed and not yet seen gone.
  std::map<net::wg_public_key, std::optional<msg::wg_peer>> peers;
  std::map<net::wg_public_key, bool> watched; ///< value: eager
};

struct writer_timing {
  std::chrono::milliseconds retry_first = config::defaults::wg_retry_after;
  std::chrono::milliseconds retry_max = config::defaults::wg_retry_max;
  std::chrono::milliseconds ensure_max = config::defaults::wg_ensure_max;
  int retries = config::defaults::wg_retries; ///< after these a requester is told
  std::chrono::milliseconds poll = config::defaults::wg_poll;
  std::chrono::milliseconds traffic_poll = config::defaults::traffic_poll;
  std::chrono::milliseconds handshake_poll = config::defaults::handshake_poll;
  std::chrono::milliseconds assert_interval = config::defaults::assert_interval;
  std::chrono::milliseconds assert_deadline = config::defaults::assert_deadline;
  std::chrono::milliseconds assert_stable_min = config::defaults::assert_stable_min;
  std::chrono::seconds keepalive = config::defaults::persistent_keepalive;
};

using request_id = std::uint64_t;

/// The device is asked one thing at a time; its answer comes back as device_ensured,
/// device_observed, device_applied or device_removed.
using device_question =
    std::variant<msg::ensure_device, msg::observe_device, msg::apply_changes, msg::remove_device>;

/// The answer to one request; `request` is used up.
struct writer_answer {
  request_id request = 0;
  std::variant<msg::done, msg::peer_applied, msg::assert_report, net::error> what;
};

/// A line for the log.
struct writer_note {
  bool warning = false;
  std::string text;
};

using writer_effect =
    std::variant<device_question, writer_answer, msg::wg_signal, msg::handshake_seen, writer_note>;
using writer_effects = std::vector<writer_effect>;

} // namespace lanrage::actors
