#pragma once

#include "lab/laboratory.hpp"
#include "lab/party_words.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::lab {

using words::peer_view;
using words::status_view;

struct party_member {
  std::string name; ///< of the machine and of the peer
  nat_settings nat{};
  std::string behind{}; ///< a carrier's NAT (party_options::carriers); empty: none
  std::string with{};   ///< another member, whose network it is in too; its own NAT does not count
  bool ipv4 = true;     ///< its network has IPv4
  bool ipv6 = true;     ///< and IPv6, if the party has
};
struct party_carrier {
  std::string name;
  nat_settings nat{};
};

struct party_options {
  std::filesystem::path binary; ///< the `lanrage` to run
  std::vector<party_member> members;
  unsigned relays = 2; ///< "relay1", "relay2", ...
  std::chrono::microseconds one_way_delay{15000};
  std::chrono::milliseconds check_interval{1000};
  std::string log_level = "debug";
  bool ipv6 = false;
  std::string public_network = "203.0.113"; ///< as topology's
  std::vector<party_carrier> carriers;
  bool auto_connect = true;
  bool birthday_probing = false;
  /// Size of a disk of its own for each member's state, seen from that machine alone; 0: none.
  std::size_t state_octets = 0;
  /// Added to the environment of a member's daemon.
  std::function<std::map<std::string, std::string>(const host&)> environment = [](const host&) {
    return std::map<std::string, std::string>{};
  };
  /// Told of each step in one sentence.
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

/// Port-restricted p1 and p2, symmetric p3: the party of `lanrage demo`.
std::vector<party_member> demo_members();

/// A whole party on one machine: a laboratory with a control server, relays, and one daemon for
/// each member behind its NAT, all of them processes of the real program. Everything asked of the
/// program goes through its command line. What does not work throws failure, with the end of the
/// log of the process concerned.
class party {
 public:
  using clock = process::clock;

  /// Builds the laboratory and starts everything; returns when every daemon answers.
  explicit party(party_options options);
  ~party();

  laboratory& lab() { return lab_; }
  const laboratory& lab() const { return lab_; }
  const party_options& options() const { return options_; }
  /// What the party is called.
  static std::string name();

  /// The first member creates the party; the others join with its invite.
  void create(const std::string& member);
  void join(const std::string& member);
  /// create and join for all, in order.
  void form();

  /// Runs `lanrage ARGUMENTS` on a member's machine against its daemon.
  command_result ask(const std::string& member, const words::argv& arguments,
                     std::chrono::milliseconds limit = std::chrono::seconds{20}) const;
  /// `lanrage connect`: returns when the connection carries packets.
  void connect(const std::string& member, const std::string& peer) const;
  /// The same without waiting.
  void ask_to_connect(const std::string& member, const std::string& peer) const;
  status_view status(const std::string& member) const;
  std::optional<peer_view> status(const std::string& member, const std::string& peer) const;
  /// Asks for the status until it is as wanted; the last one seen comes back either way.
  std::optional<peer_view> await(const std::string& member, const std::string& peer,
                                 const std::function<bool(const peer_view&)>& wanted,
                                 std::chrono::milliseconds limit) const;
  /// A member's address in the party.
  std::string virtual_ip(const std::string& member) const;

  /// Any program by the name of its machine: "control", "relay1", "p1".
  process& program(const std::string& machine);
  /// Sends SIGKILL and waits for the end.
  void kill(const std::string& machine);
  /// Of a daemon that does not run: what it saved is lost, all but its key.
  void lose_memory(const std::string& member) const;
  /// Starts it (again) and waits until it is ready.
  void start(const std::string& machine);
  /// SIGTERM to everything, members first; SIGKILL after a grace. The laboratory stays.
  void stop_all();

  std::filesystem::path log_file(const std::string& machine) const;
  std::string log_end(const std::string& machine, std::size_t lines) const;
  /// Copies all logs into a folder, as MACHINE.log.
  void save_logs(const std::filesystem::path& folder) const;

 private:
  std::filesystem::path socket(const std::string& member) const;
  std::filesystem::path settings_file(const std::string& machine) const;
  void write_settings_file(const std::string& machine, const std::string& text) const;
  void prepare_keys();
  void prepare_control();
  void prepare_disk(const std::string& member);
  void start_server(const std::string& machine, const words::argv& command);
  void start_daemon(const std::string& member);
  [[noreturn]] void fail(const std::string& machine, const std::string& what) const;

  party_options options_;
  laboratory lab_;
  std::map<std::string, words::relay_entry> relays_;
  std::string token_key_;
  words::control_ready control_;
  std::string invite_;
  std::map<std::string, process> programs_;
};

} // namespace lanrage::lab
