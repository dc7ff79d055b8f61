#pragma once

#include "messages/control.hpp"
#include "net/control/registry.hpp"
#include "sim/world/agenda.hpp"
#include "sim/world/packet.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace lanrage::sim {

using control_news = decltype(msg::control_heard::what);

/// What a control server's surroundings know: how far members are, and whether a path exists.
struct control_paths {
  std::function<bool(node_id member)> reaches;
  std::function<duration(node_id member)> delay; ///< one way
};

/// What faults do to what the server says (sim/faults/). Nobody is asked where none are planned.
class control_faults {
 public:
  virtual ~control_faults() = default;
  /// News is about to leave for a member; it may be changed. How much later than usual each copy of
  /// it arrives: one of {0} is as usual. What is late may be overtaken.
  virtual std::vector<duration> on_news(node_id member, control_news& news) = 0;
  /// What the server says to that member behind it, of which the registry knows nothing.
  virtual std::vector<control_news> behind(node_id member, const control_news& news) = 0;
};

/// The control server: the real registry, its members at the ends of virtual TCP connections. A
/// connection costs its round trips, keeps order, holds what is said while the path is cut, and
/// dies when that takes too long. Logins carry the real proofs over an invented TLS exporter.
class control_site {
 public:
  /// `hears`: what the connection brings; after link_closed nothing more.
  using listener = std::function<void(control_news)>;

  control_site(std::uint64_t seed, std::string host, duration unix_epoch, agenda& time,
               control_paths paths);

  const net::control::server_line& line() const { return line_; }
  net::token_public_key token_key() const { return net::public_key(token_key_); }
  void set_relays(std::vector<net::relay_info> relays);

  // --- the server's life ---
  bool running() const { return registry_ != nullptr; }
  void stop();
  /// With what it stored, or as a new one.
  void start(bool with_memory = true);
  /// Paths were cut or healed.
  void paths_changed();
  const net::control::registry* registry() const { return registry_.get(); }
  const std::vector<net::relay_info>& relays() const { return relays_; }
  void use(control_faults* faults) { faults_ = faults; }
  /// Whether anything is stored of this member.
  bool knows(const net::wg_public_key& member) const { return members_.contains(member); }
  /// Who is in which party, as stored.
  std::set<std::pair<net::party_id, net::wg_public_key>> memberships() const;

  // --- a member's side ---
  /// One attempt; the connection's number.
  std::uint64_t open(node_id member, const net::wg_private_key& key,
                     const msg::control_open& wanted, listener hears);
  void join(std::uint64_t connection, const msg::party_credential& party);
  void say(std::uint64_t connection, net::control::client_message message);
  /// Nothing more is heard of it.
  void close(std::uint64_t connection);
  /// All of a member's: its process ended.
  void close_all(node_id member);

 private:
  struct conversation {
    node_id member = no_node;
    net::wg_private_key key;
    net::wg_public_key own;
    net::control::channel_binding binding{};
    listener hears; ///< empty: the member has closed
    bool welcomed = false;
    bool at_server = false; ///< the registry knows it
    bool cut = false;
    std::uint64_t cuts = 0;
    time_point opened;
    time_point heard; ///< by the member
    time_point last_up;
    time_point last_down;
    std::vector<std::function<void()>> held; ///< both directions, in order
    std::vector<msg::party_credential> joins_waiting;
    std::vector<net::control::client_message> waiting; ///< until the login holds
  };
  using number = std::uint64_t;
  enum class direction : std::uint8_t { up, down };

  conversation* find(number id);
  void login(number id, const msg::control_open& wanted);
  /// Runs `deed` when a message that starts now arrives; while the path is cut, later.
  void carry(number id, direction way, std::function<void()> deed, duration later = {});
  void tell(number id, control_news news);
  void bring(number id, control_news news, duration later);
  void finish(number id, net::error why);
  void server_forgets(number id);
  void perform(const net::control::effects& todo);
  void remember(const net::control::change& what);
  void tick(std::uint64_t incarnation);
  net::control::moment moment() const;

  std::uint64_t seed_;
  duration unix_epoch_;
  agenda& time_;
  control_paths paths_;
  control_faults* faults_ = nullptr;
  net::control::server_line line_;
  net::login_private_key login_key_;
  net::token_private_key token_key_;
  std::vector<net::relay_info> relays_;
  std::unique_ptr<net::control::registry> registry_;
  std::map<number, conversation> connections_;
  number last_ = 0;
  std::uint64_t incarnation_ = 0;

  // What a database would hold.
  std::map<net::party_id, net::control::stored_party> parties_;
  std::map<net::wg_public_key, net::control::stored_member> members_;
  std::map<std::pair<net::party_id, net::wg_public_key>, net::control::stored_membership>
      memberships_;
};

} // namespace lanrage::sim
