#pragma once

#include "actors/backoff.hpp"
#include "actors/directory/directory_document.hpp"
#include "actors/directory/lan_neighbours.hpp"
#include "actors/directory/signal_queue.hpp"
#include "config/defaults.hpp"
#include "messages/control.hpp"
#include "messages/values.hpp"
#include "net/control/record_book.hpp"
#include "net/control/sealing.hpp"
#include "net/crypto.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lanrage::actors {

struct directory_settings {
  net::peer_id name; ///< what we go by in parties that we make or join
  net::wg_private_key key;
  net::random_source secrets; ///< party secrets and nonces
  net::random_source jitter;  ///< for waits; need not be secret
  // Of their own for the local network, so that what happens there moves no other draw.
  net::random_source lan_secrets;
  net::random_source lan_jitter;
};

/// The two clocks at the moment of an event.
struct directory_time {
  msg::time_point now;
  msg::unix_ms wall{};
};

/// A request that is answered later; numbered by the shell.
using directory_request = std::uint64_t;

struct directory_answer {
  directory_request to = 0;
  std::variant<msg::invitation, msg::party_info, msg::done, msg::key_rotated, net::error> what;
};

/// What the shell has to do, in this order.
struct directory_effects {
  std::optional<saved_directory> save; ///< all of it
  bool tell_saved = false;             ///< saved() wants to know when that is on the disk
  /// This is our key from now on: everything begins anew with it.
  std::optional<net::wg_private_key> rotated;
  std::vector<
      std::variant<msg::control_open, msg::control_join, msg::control_say, msg::control_close>>
      link;
  std::vector<msg::lan_send> lan;           ///< for the local network
  std::vector<msg::directory_event> events; ///< for every subscriber
  std::vector<directory_answer> answers;
  std::vector<std::string> log; ///< for people; no secrets
};

/// Memberships, the members' records, our own record, signals, the link to the control server and
/// what members say on the local network, which is a second source of the same things. Pure:
/// whatever happens goes in with the time, what is to be done comes out. Serves what it remembers
/// while the server is away.
class directory_core {
 public:
  /// `attempt`: above every one used before, since late news of old attempts may still come.
  directory_core(directory_settings settings, saved_directory saved, std::uint64_t attempt);

  using effects = directory_effects;
  using time = directory_time;

  void start(time at, effects& out);
  void heard(const msg::control_heard& what, time at, effects& out);
  void own(const msg::own_paths& paths, time at, effects& out);
  void own(const msg::own_legs& legs, time at, effects& out);
  /// Whoever waits for the server waits no longer. One that slept has been dropped by it, and will
  /// not notice before its next ping: it connects anew, while the old connection stays until then.
  void network_changed(const msg::network_changed& news, time at, effects& out);
  void lan(const msg::lan_ready& ready, time at, effects& out);
  void lan(const msg::lan_heard& heard, time at, effects& out);
  void send(const msg::send_signal& signal, time at, effects& out);
  void create(directory_request id, const msg::party_create& wanted, time at, effects& out);
  void join(directory_request id, const msg::party_join& wanted, time at, effects& out);
  void leave(directory_request id, const msg::party_leave& wanted, time at, effects& out);
  /// Asks the server to free the name of a member that is away.
  void forget(directory_request id, const msg::party_forget& wanted, time at, effects& out);
  /// Replaces our key: the new one is on the disk before the server hears of it, and ours is in
  /// use until the server has taken it.
  void rotate(directory_request id, const msg::rotate_key&, time at, effects& out);
  /// What was marked with tell_saved is on the disk.
  void saved(time at, effects& out);
  void tick(time at, effects& out);
  /// The disk refused what was to be saved: again later, with what is known by then.
  void not_saved(time at) { save_soon(at); }
  /// When tick() wants to be called next.
  std::optional<msg::time_point> deadline() const;

  /// Everything a new subscriber must know.
  std::vector<msg::directory_event> snapshot(time at) const;
  /// party_not_found; peer_not_found, also when the name is several members'. A member that is in
  /// several parties is found where it is online.
  net::result<msg::known_peer> find(const msg::find_peer& wanted) const;
  std::vector<msg::known_peer> peers() const;
  std::vector<msg::party_info> parties() const;
  /// party_not_found
  net::result<msg::invitation> invite(const msg::party_invite& wanted) const;
  std::uint64_t attempt() const { return attempt_; }

 private:
  enum class link : std::uint8_t { idle, waiting, opening, up };

  struct extra {
    net::shared<net::control::sealed_record> envelope;
    msg::unix_ms heard{};
    std::uint64_t sequence = 0;
  };
  /// Somebody waits for the server to confirm the party; without one it is kept anyway.
  struct waiting_user {
    directory_request id = 0;
    bool created = false;
    msg::time_point until;
  };
  /// Asked of the server on this connection. Its refusal does not say whom it is about, so there
  /// is one at a time; it is there until the answer comes, however long a user waits for it.
  struct forgetting {
    net::peer_id who;
    std::optional<directory_request> user;
    msg::time_point until;
  };
  struct party {
    std::string name;
    net::peer_id as;
    net::party_secret secret;
    net::control::record_book book;
    std::map<net::wg_public_key, extra> extras;
    std::vector<net::control::sealed_record> partial; ///< of a party that comes in pieces
    std::optional<net::peer_record> published;        ///< by us, on this connection or before
    std::optional<waiting_user> user;
    bool leaving = false;
    bool joined = false;    ///< confirmed on the connection we have now
    bool may_create = true; ///< false: joined by invite and never confirmed
    bool present = false;   ///< its members' presence is as of this connection
    net::lan_keys lan{};
    std::optional<forgetting> forget{};
    std::map<net::peer_id, net::wg_public_key> last_keys{}; ///< that came under a name
    bool speaks_on_lan() const { return !leaving && !user; }
  };
  using party_map = std::map<net::party_id, party>;

  // directory_core.cpp: parties and what users ask for
  void add_party(directory_request id, std::string name, const net::party_secret& secret,
                 const net::control::server_line& server, bool created, time at, effects& out);
  net::result<void> may_add(const net::party_id& id, const std::string& name,
                            const net::control::server_line& server) const;
  /// Whether all parties but `of` allow another server: a machine has one.
  net::result<void> may_use(const net::control::server_line& server, const net::party_id& of) const;
  /// Parties that we leave are dropped with a server that is another one.
  void go_to(const net::control::server_line& server, time at, effects& out);
  void confirm_user(party_map::iterator in, effects& out);
  void refuse_user(party_map::iterator in, const net::error& why, time at, effects& out);
  void drop(party_map::iterator in); ///< all that is kept of it
  /// drop, and with the last one the server.
  void forget(party_map::iterator in, effects& out);
  /// One as long as there is a party to be in, also while we join it.
  msg::interface_wanted interface() const;
  void tell_interface(effects& out);
  msg::party_info info_of(const net::party_id& id, const party& in) const;
  msg::invitation invitation_to(const net::party_id& id, const party& in) const;
  msg::known_peer known(const party& in, const net::wg_public_key& key) const;
  msg::party_credential credential_of(const net::party_id& id, const party& in) const;
  party* find_party(const std::string& name); ///< or id
  const party* find_party(const std::string& name) const;

  // directory_link.cpp: the connection and what the server says
  void want_link(time at, effects& out);
  void open(time at, effects& out);
  void retry(const net::error& why, time at, effects& out);
  msg::time_point::duration jittered(std::chrono::milliseconds wait);
  void opened(const msg::link_opened& up, time at, effects& out);
  void closed(const net::error& why, time at, effects& out);
  void said(const net::control::server_message& message, time at, effects& out);
  void use(const net::control::party_view& view, time at, effects& out);
  void use(const net::control::party_records& more, time at, effects& out);
  void use(const net::control::record_changed& news, time at, effects& out);
  void use(const net::control::presence_changed& news, time at, effects& out);
  void use(const net::control::member_gone& news, time at, effects& out);
  void use(const net::control::signal_arrived& news, time at, effects& out);
  void take_signal(const net::party_id& id, party& in, const net::wg_public_key& from,
                   net::byte_view sealed, time at, effects& out);
  void use(const net::control::request_refused& no, time at, effects& out);
  void use(const net::control::member_forgotten& news, time at, effects& out);
  void left(const net::party_id& id, time at, effects& out);
  void refused(const net::party_id& id, const net::error& why, time at, effects& out);
  void whole(party& in, time at, effects& out);
  void news_was_lost(time at);
  void use_address(const net::virtual_ip& address, time at, effects& out);
  void use_tokens(const std::vector<net::bytes>& tokens, time at);
  void drop_old_tokens(time at);
  msg::relays_listed relays_event() const { return {relays_, token_list()}; }
  std::vector<net::bytes> token_list() const;

  // directory_forget.cpp: a member that is away for good
  net::result<net::party_id> party_of(const msg::party_forget& wanted) const;
  static void forget_failed(party& in, const net::error& why, effects& out);
  void expire_forgetting(time at, effects& out);

  // directory_rotate.cpp: our own key
  /// Ours is to be replaced, and the server has not confirmed it.
  bool changing() const;
  void key_taken(effects& out);
  bool key_refused(const net::error& why, time at, effects& out);
  void answer_rotating(std::variant<msg::key_rotated, net::error> what, effects& out);
  void expire_rotating(time at, effects& out);
  /// After a record was accepted: its name may have been another key's.
  void note_key(party& in, const net::peer_record& record, effects& out);

  // directory_publish.cpp: what we tell the others
  void publish_soon(time at);
  void publish(time at, effects& out);
  void publish_to(const net::party_id& id, party& in, time at, effects& out);
  std::uint64_t next_version(time at);
  std::uint64_t next_sequence(time at);
  signal_queue::fate fate_of(const msg::send_signal& signal) const;
  void transmit(const msg::send_signal& signal, time at, effects& out);
  void flush_signals(time at, effects& out);

  // directory_lan.cpp: the same on the local network
  using neighbour = lan_neighbours::neighbour;
  void announce(time at, effects& out);
  void say_here(const party& in, std::vector<net::lan_echo> echoes,
                const std::optional<msg::lan_place>& to, time at, effects& out);
  net::lan_echo echo_of(const party& in, neighbour& who, bool near, time at) const;
  void hear(const net::party_id& id, party& in, const net::lan_announcement& said,
            const msg::lan_place& from, time at, effects& out);
  void hear(const net::party_id& id, party& in, const net::lan_letter& part, time at, effects& out);
  void take_record(party& in, neighbour& from, net::byte_view letter, time at, effects& out);
  void send_record(const party& in, neighbour& to, time at, effects& out);
  void send_letter(const party& in, net::lan_letter_kind kind, net::byte_view octets,
                   const neighbour& to, time at, effects& out);
  std::uint64_t next_lan_counter(time at);
  void nearness_moved(const std::vector<lan_neighbours::neighbour_key>& of, effects& out);
  void lan_tick(time at, effects& out);
  void tell_lan(effects& out);

  void save_soon(time at);
  void save_now(effects& out);
  saved_directory all_saved() const;
  static void tell(effects& out, decltype(msg::directory_event::what) what) {
    out.events.push_back({std::move(what)});
  }

  directory_settings settings_;
  net::wg_public_key own_;
  net::sign_private_key sign_key_;
  net::control::signal_box box_;
  std::optional<net::control::key_change> change_; ///< to our key, or from it
  bool change_kept_ = false;                       ///< it is on the disk
  bool server_rotates_ = false;                    ///< as its last welcome said
  struct waiting_rotation {
    directory_request id = 0;
    msg::time_point until;
  };
  std::optional<waiting_rotation> rotating_; ///< who waits for it
  std::optional<net::control::server_line> server_;
  party_map parties_;
  net::virtual_ip address_;
  msg::interface_wanted interface_told_;
  std::vector<net::relay_info> relays_;
  std::map<std::pair<net::party_id, net::relay_id>, net::bytes> tokens_;
  std::optional<msg::own_paths> paths_;
  std::vector<net::relay_leg> legs_;
  std::uint64_t last_version_ = 0;
  std::uint64_t last_sequence_ = 0;

  link link_ = link::idle;
  std::uint64_t attempt_ = 0;
  msg::time_point link_due_{}; ///< waiting: open then; opening: give up then
  msg::time_point up_since_{};
  std::optional<msg::time_point> resync_due_; ///< log in anew then: the server tells everything
  backoff backoff_{config::defaults::control_retry_first, config::defaults::control_retry_max};
  std::chrono::microseconds delay_{};
  std::optional<net::error> why_down_;

  std::optional<msg::time_point> publish_due_;
  std::optional<msg::time_point> published_at_;
  std::optional<msg::time_point> save_due_;
  signal_queue signals_;
  std::optional<msg::time_point> signals_due_; ///< some wait for their turn

  const net::member_hash own_hash_;
  lan_neighbours lan_;
  lan_letters letters_;
  std::uint64_t lan_counter_ = 0;          ///< of our announcements and letters
  std::uint64_t lan_reserved_ = 0;         ///< saved: none above was used before we end
  std::optional<msg::lan_state> lan_told_; ///< absent: there is no local network for us
};

} // namespace lanrage::actors
