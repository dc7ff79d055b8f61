#pragma once

#include "sim/invariants/connections.hpp"
#include "sim/invariants/echoes.hpp"
#include "sim/invariants/error_ear.hpp"
#include "sim/invariants/liveness.hpp"
#include "sim/invariants/plain.hpp"
#include "sim/invariants/reach.hpp"
#include "sim/invariants/sometimes.hpp"
#include "sim/invariants/writes.hpp"
#include "sim/world.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace lanrage::sim::invariants {

/// Holds a world against all invariants (docs/invariants.md) while it runs. It only watches: the
/// log of the run is the same with and without it. To be made before any daemon starts.
class checker : public world_watcher {
 public:
  explicit checker(world& in);
  ~checker() override;
  checker(const checker&) = delete;
  checker& operator=(const checker&) = delete;

  /// The last look, at the end of a run.
  void finish();
  const findings& found() const { return found_; }
  const sometimes_seen& seen() const { return seen_; }
  sometimes_seen& seen() { return seen_; }
  const echo_ledger& echoes() const { return echoes_; }
  /// "S6 alice-bob at 12.5s: ..., written after ...", for messages.
  static std::string text_of(const finding& found);

  // world_watcher
  void before_event(time_point due) override;
  void after_event() override;
  void disturbed() override;
  void rewired() override;
  void line(std::string_view text) override;
  void daemon_started(std::uint32_t member) override;
  void daemon_killed(std::uint32_t member) override;
  void actor_born(std::uint32_t member, const std::string& name, std::uint64_t actor) override;
  void actor_died(std::uint32_t member, const std::string& name, std::uint64_t actor,
                  const caf::error& why) override;
  void death_ordered(std::uint32_t member, const std::string& name) override;
  void files_lost(std::uint32_t member) override { writes_.files_lost(member); }
  void parted(std::uint32_t member) override {
    writes_.parted(member, world_.key(member_id{member}));
  }
  void mistimed(std::uint32_t member, bool on) override;
  void message(std::uint64_t actor, caf::mailbox_element& what) override;
  void device_made(std::uint32_t member) override;
  void device_deleted(std::uint32_t member) override;
  void device_touched(std::uint32_t member) override;
  void device_failed(std::uint32_t member) override;
  void device_edited(std::uint32_t member, const net::wg_public_key& peer) override;
  void changes(std::uint32_t member, const std::vector<net::wg::change>& what) override;
  void echo_asked(std::uint32_t member, const inner_packet& inner) override;
  void echo_answered(std::uint32_t member, const inner_packet& inner) override;
  void decrypted(std::uint32_t member, const inner_packet& inner) override;
  void echo_carried(const echo_key& echo, int change) override;
  void echo_lost(const echo_key& echo, std::string_view cause) override;

 private:
  enum class role : std::uint8_t { other, supervisor, writer, device, peer, directory, store };
  struct actor_info {
    std::uint32_t member = 0;
    role is = role::other;
    std::string name;
  };
  using request = write_rules::request;

  duration now() { return world_.now().time_since_epoch(); }
  const std::string& name(std::uint32_t member);
  std::string pair_name(std::uint32_t member, const net::wg_public_key& peer);
  std::optional<std::uint32_t> member_of(const net::wg_public_key& key) const;
  std::optional<std::uint32_t> member_named(const net::peer_id& id);
  write_rules::shown device(std::uint32_t member);

  // What actors say to each other (checker_messages.cpp).
  void request_seen(const actor_info& to, const request& what, caf::mailbox_element& element);
  void answer_seen(const request& what, caf::mailbox_element& element);
  void to_writer(const actor_info& to, const request& what, caf::mailbox_element& element);
  void to_supervisor(const actor_info& to, const request& what, caf::mailbox_element& element);
  void updated(const actor_info& supervisor, std::uint64_t by, const msg::peer_update& update);
  void where_from(const said& by, const msg::connection_view& view);
  void words(const msg::connection_view& before, const msg::connection_view& view);
  void own_addresses(std::uint32_t member, const msg::own_paths& own);

  // Every second (checker_looks.cpp).
  void look();
  void look_at_addresses();
  void look_at_devices();
  void look_at_peers(std::uint32_t member, const write_rules::shown& there);
  void look_at_actors();
  void look_at_pairs();
  liveness_rules::pair_now pair_now(std::uint32_t a, std::uint32_t b);
  void errors();

  world& world_;
  findings found_;
  sometimes_seen seen_;
  error_ear ear_;
  reach reach_;
  echo_ledger echoes_;
  connection_rules connections_;
  write_rules writes_;
  liveness_rules liveness_;
  clock_rules clock_;
  secret_rules secrets_;

  std::deque<std::string> names_; ///< stay where they are
  std::map<net::wg_public_key, std::uint32_t> by_key_;
  std::unordered_map<std::uint64_t, actor_info> actors_; ///< that live; looked up, never walked
  std::map<std::pair<std::uint32_t, std::string>, std::uint64_t> living_; ///< the same, in order
  std::set<std::pair<std::uint32_t, std::string>> ordered_deaths_;
  std::set<std::pair<std::uint32_t, std::string>> mourned_; ///< died, not born again
  std::uint64_t deaths_ = 0;                                ///< ordered ones
  struct open_request {
    duration since{};
    std::string of; ///< who is asked
  };
  std::map<request, open_request> open_; ///< of known actors
  struct disconnecting {
    std::uint32_t member = 0;
    net::wg_public_key peer;
    duration since{};
    bool blind = false;     ///< who asked is no actor of the scheduler: its answer is not seen
    bool overtaken = false; ///< by a connect
  };
  std::map<request, disconnecting> disconnecting_;
  std::set<request> storing_;
  std::map<std::uint64_t, duration> closing_; ///< actors that said they are done
  std::map<std::uint32_t, std::pair<duration, std::set<std::uint64_t>>>
      leaving_;                                                            ///< killed daemons'
  std::map<std::pair<std::uint32_t, net::wg_public_key>, duration> apart_; ///< S1: since when
  using pair_key = std::pair<std::uint32_t, net::wg_public_key>;
  std::map<pair_key, std::set<net::endpoint>> edited_; ///< S11: where others sent WireGuard
  std::map<std::uint32_t, net::virtual_ip> leases_;
  std::set<std::pair<std::uint32_t, net::virtual_ip>> held_; ///< addresses of interfaces so far
  std::optional<duration> doubled_since_;
  std::optional<duration> rewired_at_;
  duration next_look_{};
};

} // namespace lanrage::sim::invariants
