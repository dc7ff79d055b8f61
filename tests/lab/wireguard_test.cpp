// The findings about WireGuard that the design rests on, with the real thing behind real NATs.

#include "lab/capture.hpp"
#include "lab/laboratory.hpp"
#include "lab/nat_probe.hpp"
#include "lab/ping_stream.hpp"
#include "require_lab.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t wg_port = 51820;

topology two_members() {
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

/// Opens the way between the two WireGuard ports by hand, before WireGuard takes them.
punched punch(const laboratory& lab) {
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
  return {a_public.text(), b_public.text()};
}

} // namespace

TEST_CASE("one initiator and a silent responder: the handshake takes one round trip") {
  if (skipped(wireguard_unavailable_reason())) return;
  laboratory lab{two_members()};
  auto way = punch(lab);
  wireguard one{lab.at("p1"), "10.66.0.1"}, two{lab.at("p2"), "10.66.0.2"};
  capture at_one{lab.at("p1").net_ns(), "eth0"}, at_two{lab.at("p2").net_ns(), "eth0"};
  // The responder: configured, no endpoint, no keepalive; it cannot initiate and stays silent.
  two.peer(one, {"allowed-ips", "10.66.0.1/32"});
  CHECK(two.show("endpoints") == "(none)");
  one.peer(two, {"allowed-ips", "10.66.0.2/32", "endpoint", way.p2, "persistent-keepalive", "25"});

  auto has = [](payload_class what, bool outgoing) {
    return [=](const flows& f) {
      for (const auto& [key, count] : f)
        if (key.what == what && key.outgoing == outgoing) return true;
      return false;
    };
  };
  REQUIRE(at_one.wait_until(process::clock::now() + 3s, has(payload_class::wg_response, false)));
  process::clock::time_point asked, answered;
  for (const auto& [key, count] : at_one.seen()) {
    if (key.what == payload_class::wg_initiation) asked = count.first;
    if (key.what == payload_class::wg_response) answered = count.first;
  }
  CHECK(answered - asked >= 30ms);
  CHECK(answered - asked < 60ms);
  REQUIRE(at_two.wait_until(process::clock::now() + 3s, has(payload_class::wg_data, false)));

  ping_stream pings{lab.at("p1").net_ns(), "10.66.0.2", 20ms};
  auto now = process::clock::now();
  auto first = pings.wait_answer(now, now + 3s);
  REQUIRE(first);
  CHECK(*first - now < 100ms);
  CHECK(lost_between(pings.finish(), ping_time::min(), ping_time::max()) == 0);
  // Exactly one initiation, from the initiator; the responder learned the real endpoint from it.
  auto is = [](payload_class what) { return [=](const flow& f) { return f.what == what; }; };
  CHECK(at_one.count(is(payload_class::wg_initiation)) == 1);
  CHECK(at_two.count([](const flow& f) {
    return f.what == payload_class::wg_initiation && f.outgoing;
  }) == 0);
  CHECK(two.show("endpoints") == way.p1);
  CHECK(one.show("endpoints") == way.p2);
}

TEST_CASE("without punching a port-restricted box lets no handshake through") {
  if (skipped(wireguard_unavailable_reason())) return;
  laboratory lab{two_members()};
  nat_probe_server server{lab.at("server")};
  std::string p2_public;
  {
    udp_socket b{lab.at("p2"), wg_port};
    auto mapping = ask_mapping(b, server, 500ms);
    REQUIRE(mapping);
    p2_public = mapping->text();
  }
  wireguard one{lab.at("p1"), "10.66.0.1"}, two{lab.at("p2"), "10.66.0.2"};
  capture at_box{lab.at("nat-p2").net_ns(), wan_interface};
  capture at_two{lab.at("p2").net_ns(), "eth0"};
  two.peer(one, {"allowed-ips", "10.66.0.1/32"});
  one.peer(two,
           {"allowed-ips", "10.66.0.2/32", "endpoint", p2_public, "persistent-keepalive", "25"});
  REQUIRE(at_box.wait_until(process::clock::now() + 3s, [](const flows& f) { return !f.empty(); }));
  CHECK_FALSE(
      at_two.wait_until(process::clock::now() + 300ms, [](const flows& f) { return !f.empty(); }));
}

TEST_CASE("WireGuard's sockets of two members do not meet, and end with the laboratory") {
  if (skipped(wireguard_unavailable_reason())) return;
  pid_t pid = -1;
  {
    laboratory lab{two_members()};
    wireguard one{lab.at("p1"), "10.66.0.1"}, two{lab.at("p2"), "10.66.0.2"};
    pid = one.program().pid();
    CHECK(lab.at("p1").run({"wg", "show", "interfaces"}).out == "wg0\n");
    one.program().signal(SIGKILL);
    CHECK(one.program().wait_for(5s));
    CHECK(lab.at("p2").run({"wg", "show", "interfaces"}).out == "wg0\n");
  }
  CHECK(::kill(pid, 0) != 0);
}
