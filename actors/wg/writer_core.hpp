#pragma once

#include "actors/backoff.hpp"
#include "actors/wg/endpoint_assertion.hpp"
#include "actors/wg/signal_book.hpp"
#include "actors/wg/wg_plan.hpp"
#include "actors/wg/writer_effects.hpp"
#include "net/errc.hpp"

#include <map>
#include <optional>
#include <set>
#include <vector>

namespace lanrage::actors {

/// The wireguard writer without its actor: keeps WireGuard as desired. Requests that arrive while
/// the device works are coalesced into its next call; a request is answered when reading back shows
/// it; a failing change is retried alone, so that it holds up nobody else. Pure.
class writer_core {
 public:
  using time_point = msg::time_point;

  /// Continues from `records`, which it keeps up to date.
  writer_core(writer_records& records, const writer_timing& timing);

  void start(time_point now, writer_effects& out);
  /// In no party every peer of ours goes with the interface.
  void request(request_id id, const msg::interface_wanted& order, time_point now,
               writer_effects& out);
  /// address_clash when another peer of ours has the address; closed in no party. A changed
  /// endpoint is written once;
  /// the same endpoint said again does not undo roaming.
  void request(request_id id, const msg::set_peer& order, time_point now, writer_effects& out);
  void request(request_id id, const msg::reset_peer& order, time_point now, writer_effects& out);
  /// Also for a peer that only WireGuard still knows. Nobody else's peer is ever removed, but for
  /// one that has the address of a peer of ours.
  void request(request_id id, const msg::remove_peer& order, time_point now, writer_effects& out);
  /// wg_refused for a peer that was never set.
  void request(request_id id, const msg::assert_endpoint& order, time_point now,
               writer_effects& out);
  void watch(const msg::watch_peer& order, time_point now, writer_effects& out);
  void unwatch(const msg::unwatch_peer& order);

  void device_ensured(net::result<msg::device_state> answer, time_point now, writer_effects& out);
  void device_observed(net::result<msg::device_state> answer, time_point now, writer_effects& out);
  void device_applied(net::result<msg::done> answer, time_point now, writer_effects& out);
  void device_removed(net::result<msg::done> answer, time_point now, writer_effects& out);

  void tick(time_point now, writer_effects& out);
  /// When to tick next; none while the device works, as its answer moves everything on.
  std::optional<time_point> deadline() const { return deadline_; }

 private:
  /// What still has to happen to one peer.
  struct task {
    explicit task(const writer_timing& timing) : wait(timing.retry_first, timing.retry_max) {}
    std::vector<request_id> waiting;
    std::uint64_t asked_before = 0; ///< looks asked for up to this number are too old to answer by
    std::optional<net::endpoint> write;  ///< an endpoint to be written once
    std::optional<net::endpoint> before; ///< what was there when it was written
    std::uint64_t rx_before = 0;
    bool written = false;
    bool reset = false; ///< remove and add
    bool reset_written = false;
    std::optional<std::chrono::nanoseconds> old_handshake; ///< of the session to be thrown away
    int failures = 0;
    backoff wait;
    time_point not_before{};
  };
  using keys = std::set<net::wg_public_key>;

  void desire(request_id id, const msg::wg_peer& peer, bool reset, time_point now,
              writer_effects& out);
  void withdraw(const net::wg_public_key& key, writer_effects& out);
  task& task_of(const net::wg_public_key& key);
  desired_peer desired(const msg::wg_peer& peer) const;

  void advance(time_point now, writer_effects& out);
  void ask(device_question question, time_point now, writer_effects& out);
  bool is_as_wanted() const;
  void shaped(writer_effects& out);
  void shape_device(time_point now, writer_effects& out);
  void device_refused(const net::error& why, time_point now, writer_effects& out);
  bool write_changes(time_point now, writer_effects& out);
  void remove_leftovers(std::vector<net::wg::change>& changes, writer_effects& out) const;
  void changes_of(const net::wg_public_key& key, const std::optional<msg::wg_peer>& wanted,
                  time_point now, std::vector<net::wg::change>& changes);
  void looked(net::wg::observation seen, time_point now, writer_effects& out);
  void settle(time_point now, writer_effects& out);
  bool settle(const net::wg_public_key& key, task& one, time_point now, writer_effects& out);
  void judge_assertions(time_point now, writer_effects& out);
  void end_assertion(const net::wg_public_key& key, bool landed, writer_effects& out);
  void device_lost(const net::error& why, writer_effects& out);
  void device_renewed(writer_effects& out);
  void failed(const net::wg_public_key& key, task& one, const net::error& why, time_point now,
              writer_effects& out);
  void fail_everybody(const net::error& why, writer_effects& out);
  void refuse(task& one, const net::error& why, writer_effects& out);
  bool look_due(time_point now) const;
  time_point next_look() const;
  time_point next_deadline(time_point now) const;

  writer_records& records_;
  writer_timing timing_;
  signal_book signals_;
  std::map<net::virtual_ip, net::wg_public_key> holders_; ///< of the addresses of our peers
  std::map<net::wg_public_key, task> tasks_;
  std::map<net::wg_public_key, endpoint_assertion> assertions_;

  std::optional<net::wg::observation> seen_; ///< absent: the device must be ensured first
  bool had_device_ = false;
  std::optional<msg::interface_wanted> shape_; ///< as the device was brought to
  msg::interface_wanted shaping_;              ///< what the question on its way brings it to
  std::vector<request_id> interface_waiting_;
  int shape_failures_ = 0;
  backoff shape_wait_;
  time_point shape_not_before_{};

  bool busy_ = false;       ///< the device has been asked and has not answered
  std::uint64_t asked_ = 0; ///< number of the last question
  time_point asked_at_{};
  keys batch_;                           ///< peers in the last apply, until the look after it
  std::optional<net::error> unanswered_; ///< why nobody knows whether that apply was done
  std::size_t batch_max_ = SIZE_MAX;
  /// All is as wanted by the last look; only a request or another look can change that.
  bool settled_ = false;
  bool stale_ = false; ///< written since the last look: `seen_` is no ground to plan on
  std::optional<std::uint64_t> request_mark_; ///< a look must be asked for after this question
  std::uint64_t last_look_ = 0;               ///< number of the question the last look answered
  time_point looked_at_{};
  std::chrono::nanoseconds look_cost_{};
  std::optional<time_point> deadline_;
};

} // namespace lanrage::actors
