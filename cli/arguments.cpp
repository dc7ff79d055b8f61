#include "cli/arguments.hpp"

#include "actors/daemon/daemon.hpp"
#include "cli/commands.hpp"
#include "cli/demo.hpp"
#include "cli/lab_switch.hpp"
#include "cli/sim.hpp"
#include "cli/trace.hpp"
#include "config/value.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <iostream>
#include <string_view>

namespace lanrage::cli {
namespace {

using std::chrono::milliseconds;

/// What parsing fills in. `command` is set by the subcommand that was given; it returns the
/// process's exit code.
struct arguments {
  daemon_access daemon;
  bool socket_given = false;
  std::filesystem::path config{config::defaults::config_file};
  std::optional<std::string> peer;
  std::optional<std::string> party;
  std::string text;
  std::string server;
  std::string wait = "15s";
  bool matrix = false;
  bool keep = false;
  unsigned delay_ms = 15;
  std::filesystem::path logs;
  std::function<int()> command;
};

void add_json(CLI::App& to, arguments& a) {
  to.add_flag("--json", a.daemon.json, "Print JSON instead of text for people");
}

/// What a command that talks to the daemon takes.
CLI::App& add_client(CLI::App& parent, arguments& a, const std::string& name,
                     const std::string& help, std::function<exit_code()> run) {
  auto& sub = *parent.add_subcommand(name, help);
  add_json(sub, a);
  sub.add_option("--socket", a.daemon.socket, "The daemon's socket")->capture_default_str();
  sub.callback([&a, run = std::move(run)] { a.command = [run] { return to_int(run()); }; });
  return sub;
}

/// What a command that reads the settings takes: a program that serves, not a client.
CLI::App& add_service(CLI::App& app, arguments& a, const std::string& name, const std::string& help,
                      std::function<int(const config::settings&)> run) {
  auto& sub = *app.add_subcommand(name, help);
  sub.add_option("--config", a.config, "The settings file (TOML)")->capture_default_str();
  sub.callback([&a, run = std::move(run)] {
    a.command = [&a, run] {
      const auto settings = config::load(a.config);
      if (!settings) return to_int(report(to_failure(settings.error()), a.daemon.json));
      return run(*settings);
    };
  });
  return sub;
}

/// Its settings as the file and the command line say.
config::daemon_settings for_daemon(const config::settings& settings, const arguments& a) {
  auto own = settings.daemon;
  if (a.socket_given) own.socket = a.daemon.socket;
  return own;
}

exit_code run_daemon(const config::settings& settings, const arguments& a) {
  const auto ended =
      actors::run_daemon(for_daemon(settings, a), [&a]() -> net::result<config::daemon_settings> {
        const auto read = config::load(a.config);
        if (!read) return read.error();
        return for_daemon(*read, a);
      });
  return ended ? exit_code::done : report(to_failure(ended.error()), false);
}

void add_services(CLI::App& app, arguments& a) {
  auto& daemon = add_service(
      app, a, "daemon", "Keep this machine in its parties (foreground)",
      [&a](const config::settings& settings) { return to_int(run_daemon(settings, a)); });
  daemon.add_option("--socket", a.daemon.socket, "Where to listen, instead of daemon.socket")
      ->each([&a](const std::string&) { a.socket_given = true; });
  add_json(add_service(app, a, "serve", "Control server, relay and STUN for a public machine",
                       [&a](const config::settings& settings) {
                         return to_int(serve(settings, a.daemon.json));
                       }),
           a);
  add_json(add_service(app, a, "relay", "Only the relay (with STUN)",
                       [&a](const config::settings& settings) {
                         return to_int(relay(settings.relay, a.daemon.json));
                       }),
           a);
  add_json(add_service(app, a, "control", "Only the control server",
                       [&a](const config::settings& settings) {
                         return to_int(control(settings.control, a.daemon.json));
                       }),
           a);
}

void add_party(CLI::App& app, arguments& a) {
  auto& party = *app.add_subcommand(
      "party", "Create, join, leave and list parties, invite, forget lost members");
  party.require_subcommand(1);
  auto& create = add_client(party, a, "create", "Create a party; prints its invite",
                            [&a] { return party_create(a.daemon, a.text, a.server); });
  create.add_option("NAME", a.text, "The party's name")->required();
  create.add_option("--server", a.server, "The line `lanrage serve` prints")->required();
  auto& join = add_client(party, a, "join", "Join the party of an invite",
                          [&a] { return party_join(a.daemon, a.text); });
  join.add_option("INVITE", a.text, "The line `lanrage party create` or `party invite` printed")
      ->required();
  auto& invite = add_client(party, a, "invite", "Print the invite of a party again",
                            [&a] { return party_invite(a.daemon, a.text); });
  invite.add_option("PARTY", a.text, "Its name or id")->required();
  auto& leave = add_client(party, a, "leave", "Leave a party and forget its secret",
                           [&a] { return party_leave(a.daemon, a.text); });
  leave.add_option("PARTY", a.text, "Its name or id")->required();
  auto& forget = add_client(party, a, "forget", "Free the name of a member that is away for good",
                            [&a] { return party_forget(a.daemon, a.peer.value_or(""), a.party); });
  forget.add_option("PEER", a.peer, "Its name in the party; it must not be connected")->required();
  forget.add_option("--party", a.party, "Where several parties have a peer of this name");
  add_client(party, a, "list", "The parties this machine is in",
             [&a] { return party_list(a.daemon); });
}

void add_key(CLI::App& app, arguments& a) {
  auto& key = *app.add_subcommand("key", "This machine's WireGuard key");
  key.require_subcommand(1);
  add_client(key, a, "rotate", "Replace it; name and address stay, connections begin anew",
             [&a] { return key_rotate(a.daemon); });
}

exit_code connect_with(const arguments& a) {
  const auto wait = config::parse_duration(a.wait);
  if (!wait || *wait > std::chrono::minutes{10})
    return report(to_failure(net::fail(net::errc::bad_config,
                                       "--wait is a duration of at most 10m, such as 15s")),
                  a.daemon.json);
  return connect_peer(a.daemon, {a.peer.value_or(""), a.party, *wait});
}

void add_connections(CLI::App& app, arguments& a) {
  auto& status = add_client(app, a, "status", "This machine and its connections, or one of them",
                            [&a] { return show_status(a.daemon, a.peer, a.party); });
  auto* of = status.add_option("PEER", a.peer, "Only this peer, in detail");
  status.add_option("--party", a.party, "Where several parties have a peer of this name")
      ->needs(of);
  auto& explain = add_client(app, a, "explain", "Why a connection takes the path it takes",
                             [&a] { return explain_peer(a.daemon, a.peer.value_or(""), a.party); });
  explain.add_option("PEER", a.peer, "Its name in the party")->required();
  explain.add_option("--party", a.party, "Where several parties have a peer of this name");
  auto& connect = add_client(app, a, "connect", "Connect to a peer and wait for it",
                             [&a] { return connect_with(a); });
  connect.add_option("PEER", a.peer, "Its name in the party")->required();
  connect.add_option("--party", a.party, "Where several parties have a peer of this name");
  connect.add_option("--wait", a.wait, "How long; 0s only starts it")->capture_default_str();
  auto& disconnect =
      add_client(app, a, "disconnect", "Disconnect from a peer, until `connect`",
                 [&a] { return disconnect_peer(a.daemon, a.peer.value_or(""), a.party); });
  disconnect.add_option("PEER", a.peer, "Its name in the party")->required();
  disconnect.add_option("--party", a.party, "Where several parties have a peer of this name");
  add_client(app, a, "netcheck", "This machine's NAT, addresses and relays, and what would help",
             [&a] { return netcheck(a.daemon); });
  add_client(app, a, "watch", "Events as they happen, one per line",
             [&a] { return watch(a.daemon); });
}

void add_demo(CLI::App& app, arguments& a) {
  auto& demo = *app.add_subcommand(
      "demo", "Three machines behind three NATs become one LAN, on this machine");
  add_json(demo, a);
  auto* matrix = demo.add_flag("--matrix", a.matrix, "Every pair of NAT types instead");
  demo.add_flag("--keep", a.keep, "Leave it up until Ctrl-C")->excludes(matrix);
  demo.add_option("--delay", a.delay_ms, "Milliseconds one way between public addresses")
      ->check(CLI::Range(0U, 10'000U))
      ->capture_default_str();
  demo.add_option("--logs", a.logs, "Copy all logs into this folder at the end");
  demo.callback([&a] {
    a.command = [&a] {
      demo_options options;
      options.matrix = a.matrix;
      options.json = a.daemon.json;
      options.keep = a.keep;
      options.one_way_delay = milliseconds{a.delay_ms};
      options.logs = a.logs;
      return run_demo(options);
    };
  });
}

} // namespace

int run(int argc, char** argv) {
  // The laboratory's own helper has a grammar of its own and is in no help.
  if (argc > 1 && std::string_view{argv[1]} == "lab-switch")
    return run_lab_switch(argc - 1, argv + 1);

  arguments a;
  CLI::App app{"Friends' machines as one LAN, over WireGuard.", "lanrage"};
  app.set_version_flag("--version", "lanrage " LANRAGE_VERSION);
  app.require_subcommand(1);
  add_json(app, a);
  app.add_option("--socket", a.daemon.socket, "The daemon's socket")->each([&a](const auto&) {
    a.socket_given = true;
  });
  app.footer("Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 daemon not running, "
             "4 peer or party not found.");
  add_connections(app, a);
  add_party(app, a);
  add_key(app, a);
  add_services(app, a);
  add_demo(app, a);
  add_trace(app, a.command);
  add_sim(app, a.command);
  app.add_subcommand("version", "The version")->callback([&a] {
    a.command = [] {
      std::cout << "lanrage " LANRAGE_VERSION "\n";
      return to_int(exit_code::done);
    };
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& said) {
    // Help and version are "errors" with code 0; the numbers of the others are CLI11's own.
    return app.exit(said) == 0 ? to_int(exit_code::done) : to_int(exit_code::usage);
  }
  return a.command();
}

} // namespace lanrage::cli
