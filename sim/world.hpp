#pragma once

#include "actors/wiring.hpp"
#include "config/settings.hpp"
#include "messages/interfaces.hpp"
#include "sim/drivers/process.hpp"
#include "sim/event_log.hpp"
#include "sim/virtual_time.hpp"
#include "sim/world/agenda.hpp"
#include "sim/world/control_site.hpp"
#include "sim/world/fabric.hpp"
#include "sim/world/families.hpp"
#include "sim/world/machine.hpp"
#include "sim/world/relay_site.hpp"
#include "sim/world/stream_net.hpp"
#include "sim/world_watcher.hpp"

#include <caf/actor_addr.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::sim {

struct world_settings {
  std::uint64_t seed = 1;
  /// Calendar time at the beginning, as a duration since 1970.
  duration unix_epoch = std::chrono::seconds{1'769'688'000};
  duration internet_delay = std::chrono::milliseconds{10}; ///< of links without settings
  duration lan_delay = std::chrono::microseconds{200};
  bool log_packets = false; ///< every datagram sent, delivered and filtered, too
};

enum class member_id : std::uint32_t {};
enum class relay_number : std::uint32_t {};

struct member_settings {
  families has{};
  bool auto_connect = true;
  bool birthday_probing = false;
  config::health_settings health;
};

/// How a stream of echoes between two members fared.
struct ping_stream {
  member_id from{};
  net::virtual_ip to;
  duration gap{};
  std::uint64_t planned = 1;
  std::uint16_t octets = 84; ///< of the inner IP packet
  std::uint64_t sent = 0;
  std::uint64_t arrived = 0; ///< requests that reached the other end
  std::uint64_t answered = 0;
  std::uint64_t refused = 0; ///< WireGuard knew nobody of that address
  std::optional<time_point> first_answer;
  std::optional<time_point> last_answer;
  duration longest_silence{}; ///< between two answers
  std::vector<duration> rtts; ///< in the order of the answers
};

/// A virtual world with the daemon's very actors in it. The same settings and calls give the same
/// run, to the byte of its log. Whatever takes time takes virtual time; nothing waits.
class world final : private happenings,
                    private fabric_observer,
                    private machine_observer,
                    private message_watcher {
 public:
  explicit world(world_settings settings = {});
  ~world() override;
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  // --- what there is ---
  /// A NAT box on the internet, or behind another one.
  node_id add_nat(const std::string& name, const nat_settings& how,
                  std::optional<node_id> behind = std::nullopt);
  /// A member's machine, on the internet or behind a box; its daemon is not started.
  member_id add_member(const std::string& name, std::optional<node_id> behind = std::nullopt,
                       const member_settings& settings = {});
  relay_number add_relay(const std::string& name, families has = {});
  fabric& net() { return fabric_; }
  control_site& control() { return *control_; }
  relay_site& relay(relay_number which) { return *relays_[static_cast<std::size_t>(which)]; }
  machine& on(member_id who) { return *members_[static_cast<std::size_t>(who)].host; }
  node_id node(member_id who) { return on(who).node(); }
  node_id node(relay_number which) { return relay(which).node(); }
  net::wg_public_key key(member_id who) const;

  // --- links, by what stands at their ends (a member's outermost box, a relay, control_node()) ---
  node_id control_node() const { return control_node_; }
  void set_links(node_id a, node_id b, const link_settings& both_ways);
  /// Only nodes of the same group reach each other; those not named are in the first group.
  void partition(const std::vector<std::vector<node_id>>& groups);
  void heal() { partition({}); }
  /// Somebody changes the world past the functions below: a watcher has to know.
  void disturbed() {
    if (watcher_) watcher_->disturbed();
  }
  /// Somebody lets an actor die past crash() below.
  void death_ordered(member_id who, const std::string& actor) {
    if (watcher_) watcher_->death_ordered(static_cast<std::uint32_t>(who), actor);
  }
  void rewired() {
    if (watcher_) watcher_->rewired();
  }
  /// One more, or one less, thing is broken until somebody says otherwise.
  void broken(bool now) {
    broken_ += now ? 1 : -1;
    disturbed();
  }
  bool is_broken() const { return broken_ > 0; }
  /// See world_watcher.
  void mistimed(member_id who, bool on) {
    if (watcher_) watcher_->mistimed(static_cast<std::uint32_t>(who), on);
  }
  void parted(member_id who) {
    if (watcher_) watcher_->parted(static_cast<std::uint32_t>(who));
  }
  void files_lost(member_id who) {
    if (watcher_) watcher_->files_lost(static_cast<std::uint32_t>(who));
  }
  void device_touched(member_id who) {
    if (watcher_) watcher_->device_touched(static_cast<std::uint32_t>(who));
  }
  void device_failed(member_id who) {
    if (watcher_) watcher_->device_failed(static_cast<std::uint32_t>(who));
  }
  void device_edited(member_id who, const net::wg_public_key& peer) {
    if (watcher_) watcher_->device_edited(static_cast<std::uint32_t>(who), peer);
  }
  /// Texts of keys that nobody may log.
  std::vector<std::string> secrets() const;
  /// To be called after changes to links or groups made on `net()`.
  void paths_changed();
  /// Another place: a new address behind the same or another box.
  void move(member_id who, std::optional<node_id> behind);
  /// The box has another address outside and no mappings.
  void rebind(node_id nat);
  /// A box goes behind another one, or onto the internet: another address, no mappings.
  void put_behind(node_id nat, std::optional<node_id> carrier);
  /// A relay's machine gets another address. The control server is told by whoever says so.
  void readdress(relay_number which);
  /// As they are now.
  std::vector<net::relay_info> relay_list() const;

  // --- daemons ---
  void start(member_id who);
  /// As SIGKILL: nothing of the daemon acts any more, WireGuard and the disk stay.
  void kill(member_id who);
  bool running(member_id who) const;
  bool may_guess(member_id who) const { return of(who).settings.birthday_probing; }
  /// Ends one actor of a running daemon as a defect would: "nat", "peer bob", any name of
  /// actors/wiring.cpp. False when there is none at the moment.
  bool crash(member_id who, const std::string& actor);
  /// The same for who is called by a watcher: it dies instead of handling its next message.
  bool let_die(member_id who, const std::string& actor);
  /// The actors' addresses; of a running daemon.
  const msg::roles& roles(member_id who) const;
  net::result<msg::invitation> create_party(member_id who, const std::string& name);
  net::result<msg::party_info> join_party(member_id who, const std::string& invite);
  net::result<msg::connection_view> connect(member_id who, const std::string& peer, duration wait);
  net::result<msg::done> disconnect(member_id who, const std::string& peer);
  msg::status_report status(member_id who);
  std::optional<msg::connection_view> connection(member_id who, member_id peer);
  /// As the control server leased it; not leased: none yet.
  net::virtual_ip address(member_id who) const;

  // --- time ---
  time_point now() { return time_.now(); }
  agenda& plan() { return agenda_; } ///< for what shall happen at a time
  void run_until(time_point end);
  void run_for(duration span) { run_until(now() + span); }
  /// Looks every `every` whether it holds; false when it did not within `most`.
  bool run_until(const std::function<bool()>& holds, duration most,
                 duration every = std::chrono::milliseconds{10});
  /// Every pair of running daemons sees each other connected (or degraded).
  bool all_connected();

  // --- packets of users ---
  /// One echo through the tunnel.
  std::optional<duration> ping(member_id from, member_id to, duration timeout,
                               std::uint16_t octets = 84);
  /// `count` echoes, one every `gap`, from now on.
  std::size_t start_pings(member_id from, member_id to, duration gap, std::uint64_t count);
  const ping_stream& pings(std::size_t stream) const { return streams_[stream]; }
  /// When those of its echoes were sent that have no answer yet.
  std::vector<time_point> unanswered(std::size_t stream) const;

  // --- for faults (sim/faults/) ---
  /// Another key on the member's machine, whose daemon is off; what it saved stays.
  void rekey(member_id who, const net::wg_private_key& key);
  /// A daemon is to begin anew with another key; empty: the world sees to it.
  std::function<void(member_id, const net::wg_private_key&)> on_rotated;
  /// Told of every actor of a daemon that is born, under its name in the log.
  std::function<void(member_id, const std::string& name, const caf::actor&)> on_birth;
  /// A daemon gave up: a role exceeded its restart budget.
  std::function<void(member_id)> on_ended;
  /// As status(), but nothing when there is no answer in time.
  std::optional<msg::status_report> status_if_answered(member_id who);

  event_log& log() { return log_; }
  /// From now on told everything; null: nobody. To be called before daemons start.
  void watched_by(world_watcher* watcher);
  std::size_t member_count() const { return members_.size(); }
  std::size_t relay_count() const { return relays_.size(); }
  std::size_t stream_count() const { return streams_.size(); }
  const std::string& name(member_id who) const { return of(who).name; }
  const member_settings& settings(member_id who) const { return of(who).settings; }
  duration unix_epoch() const { return settings_.unix_epoch; }
  void note(const std::string& text) { log_.write(time_.now(), text); }
  virtual_time& actors() { return time_; }
  std::uint64_t events() const { return events_; } ///< of the world; timers of actors are apart

 private:
  struct resident {
    std::string name;
    member_settings settings;
    net::wg_private_key key;
    net::wg_public_key own;
    std::unique_ptr<machine> host;
    std::shared_ptr<daemon_process> process;
    actors::mesh mesh;
    std::map<std::string, caf::actor_addr> actors; ///< of this daemon that can crash, by name
    std::uint32_t incarnation = 0;
  };

  void rotated(member_id who, const net::wg_private_key& key);

  // Happenings.
  time_point next() const override { return agenda_.next(); }
  void run_next() override;
  void work_off(const event& due);
  void arrived(const fabric::arrival& what);

  // What is told about packets.
  void on_sent(node_id at, const packet& what, time_point now) override;
  void on_delivered(node_id at, const packet& what, time_point now) override;
  void on_dropped(node_id at, const packet& what, drop_cause why, time_point now) override;
  void on_echo(std::uint32_t machine, std::uint64_t token) override;
  void on_echo_request(std::uint32_t machine, const inner_packet& inner) override;
  void on_wg_drop(std::uint32_t machine, wg_drop why, const inner_packet* inner) override;
  void on_handshake(std::uint32_t machine, const net::wg_public_key& peer) override;
  // What only a watcher wants to know (world_watched.cpp).
  void on_duplicated(node_id at, const packet& what, time_point now) override;
  void on_echo_asked(std::uint32_t machine, const inner_packet& inner) override;
  void on_echo_answered(std::uint32_t machine, const inner_packet& inner) override;
  void on_decrypted(std::uint32_t machine, const inner_packet& inner) override {
    if (watcher_) watcher_->decrypted(machine, inner);
  }
  void on_waiting(std::uint32_t machine, const inner_packet& inner, bool begins) override;
  void on_echo_lost(std::uint32_t machine, const echo_key& echo, std::string_view why) override;
  void on_device(std::uint32_t machine, bool there) override;
  void on_changes(std::uint32_t machine, const std::vector<net::wg::change>& what) override;
  void handling(std::uint64_t actor, caf::mailbox_element& what) override;
  void carried(const packet& what, int change, std::string_view lost_by = {});
  void watch_life(member_id who, const std::string& name, const caf::actor& born);
  void note_packet(std::string_view verb, node_id at, const packet& what, std::string_view more);

  resident& of(member_id who) { return members_[static_cast<std::size_t>(who)]; }
  const resident& of(member_id who) const { return members_[static_cast<std::size_t>(who)]; }
  bool tcp_passes(node_id a, node_id b);
  void carried(net::byte_view by_stream, int change);
  void hand_over(net::byte_view data, const std::function<std::string_view()>& take);
  net::ip_address new_address(realm_id in);
  std::vector<net::ip_address> new_addresses(realm_id in, families has);
  net::ip_address new_box_address(realm_id in);
  actors::mesh_settings settings_of(const resident& who);
  void watch(member_id who);
  void send_ping(std::size_t stream, std::uint64_t number);
  std::string name_of(const net::wg_public_key& key) const;
  /// A request to an actor of that member; our errors, and timed_out after `wait`.
  template <class Answer, class Handle, class Question>
  net::result<Answer> ask(const Handle& to, duration wait, const Question& question);

  world_settings settings_;
  event_log log_;
  agenda agenda_;
  fabric fabric_;
  std::vector<std::uint32_t> hosts_in_; ///< by realm: addresses given out
  node_id control_node_ = no_node;
  std::unique_ptr<control_site> control_;
  std::unique_ptr<stream_net> tcp_;
  std::vector<std::unique_ptr<relay_site>> relays_;
  std::vector<resident> members_;
  enum class occupation : std::uint8_t { nothing, member, relay };
  struct occupant {
    occupation what = occupation::nothing;
    std::uint32_t number = 0;
  };
  std::vector<occupant> occupants_; ///< by node
  std::map<net::wg_public_key, std::uint32_t> by_key_;
  std::vector<ping_stream> streams_;
  std::map<std::uint64_t, time_point> echoes_; ///< of users, under way, by token
  std::uint64_t events_ = 0;
  world_watcher* watcher_ = nullptr;
  int broken_ = 0;
  std::optional<echo_key> arriving_; ///< in the packet that a host is handling
  virtual_time time_;                ///< last: the actors end before what they act on
};

} // namespace lanrage::sim
