#pragma once

#include "lab/laboratory.hpp"
#include "lab/nat_probe.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <functional>

/// The real WireGuard by hand, without any of our actors, for what the design rests on.
namespace lanrage::lab {

using namespace std::chrono_literals;

inline constexpr std::uint16_t wg_port = 51820;

inline topology two_members() {
  topology t;
  t.publics = {{"server", 2}};
  t.sites = {{"p1"}, {"p2"}};
  t.one_way_delay = 15ms;
  return t;
}

/// wireguard-go in one member, in the foreground of a session of its own, output to a file.
class wireguard {
 public:
  wireguard(const host& at, const std::string& tunnel_address) : at_(at) {
    must({"sh", "-c", "umask 077; wg genkey > key"});
    public_key_ = must({"sh", "-c", "wg pubkey < key"});
    public_key_.pop_back();
    process_spec spec;
    spec.argv = {"wireguard-go", "-f", "wg0"};
    spec.out = spec.err = to_file{at.root() / "wireguard.log"};
    process_ = at.start(spec);
    auto socket = at.run_path("wireguard/wg0.sock");
    auto deadline = process::clock::now() + 5s;
    while (!std::filesystem::exists(socket)) {
      REQUIRE(process::clock::now() < deadline);
      std::this_thread::sleep_for(5ms);
    }
    wg({"listen-port", std::to_string(wg_port), "private-key", "key"});
    must({"ip", "address", "add", tunnel_address + "/24", "dev", "wg0"});
    must({"ip", "link", "set", "dev", "wg0", "mtu", "1380", "up"});
  }

  void wg(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"wg", "set", "wg0"});
    must(arguments);
  }
  void peer(const wireguard& other, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"peer", other.public_key_});
    wg(arguments);
  }
  /// One column of `wg show wg0 WHAT` for the only peer.
  std::string show(const std::string& what) {
    auto line = must({"wg", "show", "wg0", what});
    return line.substr(line.find('\t') + 1, line.find('\n') - line.find('\t') - 1);
  }
  process& program() { return process_; }

 private:
  std::string must(std::vector<std::string> argv) {
    // In the member's own folder.
    argv.insert(argv.begin(), {"env", "--chdir=" + at_.root().string()});
    auto r = at_.run(argv);
    INFO(argv[2] << ": " << r.err);
    REQUIRE(r.ok());
    return r.out;
  }

  const host& at_;
  std::string public_key_;
  process process_;
};

struct punched {
  std::string p1, p2; ///< public "address:port" of either side's WireGuard port
};

/// Opens the way between the two WireGuard ports by hand, before WireGuard takes them. `then` may
/// say more from them.
inline punched punch(const laboratory& lab,
                     const std::function<void(udp_socket&, udp_socket&)>& then = {}) {
  nat_probe_server server{lab.at("server")};
  udp_socket a{lab.at("p1"), wg_port}, b{lab.at("p2"), wg_port};
  auto ask = [&](udp_socket& from) {
    auto mapping = ask_mapping(from, server, 500ms);
    REQUIRE(mapping);
    return *mapping;
  };
  auto a_public = ask(a), b_public = ask(b);
  for (int i = 0; i < 2; ++i) {
    a.send(b_public.address, b_public.port, "punch");
    b.send(a_public.address, a_public.port, "punch");
  }
  REQUIRE(a.receive(process::clock::now() + 2s));
  REQUIRE(b.receive(process::clock::now() + 2s));
  if (then) then(a, b);
  return {a_public.text(), b_public.text()};
}

} // namespace lanrage::lab
