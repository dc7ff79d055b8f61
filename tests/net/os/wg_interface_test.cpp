#include "net/crypto.hpp"
#include "net/os/process.hpp"
#include "net/os/wg_go.hpp"
#include "net/os/wg_interface.hpp"
#include "net/os/wg_link.hpp"
#include "net/os/wg_tool.hpp"
#include "net/wg/dump.hpp"
#include "tests/net/os/wg_sandbox.hpp"

#include <catch2/catch.hpp>

#include <net/if.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>

using namespace lanrage::net;
using namespace lanrage::test;
using namespace std::chrono_literals;
using wg::change_kind;

namespace {

wg_private_key new_key() {
  return generate_x25519<wg_private_key>(os_random());
}

virtual_ip address(const char* text) {
  return *virtual_ip::parse(text);
}

os::wg_interface_options options_for(const std::string& name, const wg_private_key& key,
                                     std::uint16_t port) {
  const std::filesystem::path file{"/run/" + name + ".key"};
  std::ofstream{file} << to_base64(key.reveal()) << "\n";
  std::filesystem::permissions(file, std::filesystem::perms{0600});
  return {name, public_key(key), file, port, 0, 1380};
}

/// wireguard-go for that interface in our process namespace; 0 when there is none.
pid_t wireguard_go(const std::string& interface) {
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    std::ifstream file{entry.path() / "cmdline"};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (text.find("wireguard-go") != std::string::npos &&
        text.find('\0' + interface + '\0') != std::string::npos)
      return std::stoi(entry.path().filename());
  }
  return 0;
}

wg::change put(const wg_public_key& key, const virtual_ip& at, const char* where,
               std::chrono::seconds keepalive) {
  return {change_kind::put, key, at, where ? endpoint::parse(where) : std::nullopt, keepalive};
}

/// What a user or a crash may do to WireGuard at any time.
void end_wireguard(const std::string& interface) {
  if (in_kernel(interface))
    return require_done(os::ip({"link", "del", "dev", interface}), "delete the kernel's");
  const auto pid = wireguard_go(interface);
  require(pid != 0, "wireguard-go runs");
  ::kill(pid, SIGKILL);
}

const wg::peer_state& peer_of(const wg::observation& seen, const wg_public_key& key) {
  const auto* peer = wg::find_peer(seen, key);
  require(peer != nullptr, "the peer is there");
  return *peer;
}

std::optional<std::chrono::nanoseconds> handshake(os::wg_interface& device,
                                                  const wg_public_key& with) {
  const auto seen = value(device.observe(), "observe");
  return peer_of(seen, with).latest_handshake;
}

/// Two interfaces on this machine with a living session between them over loopback.
struct session {
  wg_private_key a_key = new_key();
  wg_private_key b_key = new_key();
  wg_public_key a_id = public_key(a_key);
  wg_public_key b_id = public_key(b_key);
  os::wg_interface_options a_options = options_for("wga", a_key, 50001);
  os::wg_interface a{a_options};
  os::wg_interface b{options_for("wgb", b_key, 50002)};

  session() {
    require_done(a.ensure(address("10.66.0.2")), "a");
    require_done(b.ensure(address("10.66.0.3")), "b");
    require_done(b.apply({put(a_id, address("10.66.0.2"), nullptr, 0s)}), "silent responder");
    require_done(a.apply({put(b_id, address("10.66.0.3"), "127.0.0.1:50002", 25s)}), "initiator");
    require(eventually([this] { return handshake(a, b_id) && handshake(b, a_id); }), "a handshake");
  }
};

} // namespace

TEST_CASE("an interface is made with key, port, address and MTU and is up") {
  LANRAGE_IN_SANDBOX([] {
    const auto key = new_key();
    os::wg_interface device{options_for("wgt", key, 50001)};
    const auto made = value(device.ensure(address("10.66.1.2")), "ensure");
    require(made.created, "it says that it was created");
    require(made.seen.own == public_key(key), "our key");
    require(made.seen.listen_port == 50001, "our port");
    require(os::virtual_ips("wgt") == std::vector{address("10.66.1.2")}, "our address");
    require(os::udp_port_taken(50001), "the port is open when ensure returns");
    const auto shown = value(os::run_process({"ip", "link", "show", "wgt"}), "ip");
    require(shown.out.find("mtu 1380") != std::string::npos, shown.out);
    require(shown.out.find(",UP") != std::string::npos, shown.out);
    const auto dump = value(os::wg_show("wgt"), "wg show");
    require(dump.own == made.seen.own && dump.listen_port == 50001, "wg says the same");
  });
}

TEST_CASE("adopting keeps process, port and session and changes the address only when asked") {
  LANRAGE_IN_SANDBOX([] {
    session pair;
    const auto index = ::if_nametoindex("wga");
    const auto before = handshake(pair.a, pair.b_id);
    auto options = pair.a_options;
    options.listen_port = 50009; // a configured port is for new interfaces only
    os::wg_interface again{options};
    const auto adopted = value(again.ensure({}), "adopt");
    require(!adopted.created, "nothing was created");
    require(adopted.seen.listen_port == 50001, "the port stays");
    require(os::virtual_ips("wga") == std::vector{address("10.66.0.2")}, "the address stays");
    require(!value(again.ensure(address("10.66.0.9")), "new address").created, "still adopted");
    require(os::virtual_ips("wga") == std::vector{address("10.66.0.9")}, "the one new address");
    require(::if_nametoindex("wga") == index, "the same link");
    require(handshake(again, pair.b_id) == before, "the same session");
  });
}

TEST_CASE("a killed creator takes neither WireGuard nor the session with it") {
  LANRAGE_IN_SANDBOX([] {
    const auto key = new_key();
    const auto options = options_for("wgt", key, 50001);
    const pid_t creator = ::fork();
    if (creator == 0) {
      ::setpgid(0, 0);
      os::wg_interface device{options};
      if (!device.ensure(address("10.66.0.2"))) ::_exit(1);
      ::raise(SIGKILL);
    }
    int status = 0;
    ::waitpid(creator, &status, 0);
    require(WIFSIGNALED(status), "the creator made it and was killed");
    ::kill(-creator, SIGKILL); // and whatever is left of its process group
    os::wg_interface device{options};
    require(!value(device.ensure(address("10.66.0.2")), "ensure").created, "adopted, not made");
  });
}

TEST_CASE("an endpoint alone is moved over the socket, where there is one, and makes no peer") {
  LANRAGE_IN_SANDBOX([] {
    os::wg_interface device{options_for("wgt", new_key(), 50001)};
    require_done(device.ensure({}), "ensure");
    const auto peer = public_key(new_key());
    const auto stranger = public_key(new_key());
    require_done(device.apply({put(peer, address("10.66.0.2"), "127.0.0.1:9", 0s)}), "put");
    require_done(device.observe(), "the look that follows each change");
    const auto calls = os::wg_calls();
    const auto moved = endpoint::parse("127.0.0.2:10");
    require_done(device.apply({{change_kind::endpoint, peer, {}, moved, {}},
                               {change_kind::endpoint, stranger, {}, moved, {}}}),
                 "move");
    require(os::wg_calls() - calls == (in_kernel("wgt") ? 1u : 0u),
            "no process for an endpoint that goes over the socket");
    const auto seen = value(device.observe(), "observe");
    require(seen.peers.size() == 1, "one peer");
    require(peer_of(seen, peer).where == moved, "moved");
  });
}

TEST_CASE("a WireGuard that ended is noticed and the interface made anew") {
  LANRAGE_IN_SANDBOX([] {
    os::wg_interface device{options_for("wgt", new_key(), 50001)};
    require_done(device.ensure(address("10.66.0.2")), "ensure");
    for (int round = 0; round < 3; ++round) {
      end_wireguard("wgt");
      require(eventually([] { return !os::link_exists("wgt"); }), "the link goes with it");
      const auto gone = device.observe();
      require(gone.has_error() && gone.error().code == errc::wg_unavailable, "unavailable");
      const auto change =
          device.apply({put(public_key(new_key()), address("10.66.0.7"), nullptr, 0s)});
      require(change.has_error() && change.error().code == errc::wg_unavailable, "no change");
      require(value(device.ensure(address("10.66.0.2")), "ensure again").created, "made anew");
      require(device.observe()->listen_port == 50001, "the old port");
    }
  });
}

TEST_CASE("a removed interface is gone with its process and can be made again") {
  LANRAGE_IN_SANDBOX([] {
    os::wg_interface device{options_for("wgt", new_key(), 50001)};
    const auto peer = public_key(new_key());
    for (int round = 0; round < 3; ++round) {
      require(value(device.ensure(address("10.66.0.2")), "ensure").created, "made");
      require_done(device.apply({put(peer, address("10.66.0.3"), nullptr, 0s)}), "a peer");
      require_done(device.remove({peer, public_key(new_key())}), "remove");
      require(!os::link_exists("wgt"), "no link");
      require(!std::filesystem::exists("/run/wireguard/wgt.sock"), "no socket");
      require(eventually([] { return wireguard_go("wgt") == 0; }), "no process");
    }
    require_done(device.remove({}), "removing nothing");
  });
}

TEST_CASE("removing takes nobody else's peer, nor an interface that is not ours") {
  LANRAGE_IN_SANDBOX([] {
    const auto options = options_for("wgt", new_key(), 50001);
    os::wg_interface device{options};
    const auto ours = public_key(new_key());
    const auto foreign = public_key(new_key());
    require_done(device.ensure(address("10.66.0.2")), "ensure");
    require_done(device.apply({put(ours, address("10.66.0.3"), nullptr, 0s),
                               put(foreign, address("10.66.0.4"), nullptr, 0s)}),
                 "two peers");
    require_done(device.remove({ours}), "remove");
    const auto seen = value(device.observe(), "observe");
    require(seen.peers.size() == 1 && seen.peers[0].key == foreign, "only the foreign one");
    require(os::virtual_ips("wgt").empty(), "our address is gone");

    os::wg_interface stranger{options_for("wgt", new_key(), 50001)};
    require_done(stranger.remove({foreign}), "not ours");
    require(value(device.observe(), "observe").peers.size() == 1, "as it was");
    require_done(os::ip({"link", "add", "dev", "dum", "type", "veth"}), "a link of another kind");
    os::wg_interface dummy{options_for("dum", new_key(), 50003)};
    require_done(dummy.remove({}), "not WireGuard's");
    require(os::link_exists("dum"), "it is there");

    auto after = options_for("wgt", new_key(), 50001);
    after.former = options.own;
    os::wg_interface renewed{after};
    require_done(renewed.remove({foreign}), "of our key before");
    require(!os::link_exists("wgt"), "gone");
  });
}

TEST_CASE("an interface of our name that is not ours is refused and left alone") {
  LANRAGE_IN_SANDBOX([] {
    const auto theirs = new_key();
    os::wg_interface other{options_for("wgt", theirs, 50001)};
    require_done(other.ensure(address("10.66.0.2")), "theirs");
    os::wg_interface ours{options_for("wgt", new_key(), 50002)};
    const auto refused = ours.ensure(address("10.66.0.3"));
    require(refused.has_error() && refused.error().code == errc::already_exists, "refused");
    require(refused.error().detail.find("another WireGuard key") != std::string::npos,
            refused.error().detail);
    require(os::virtual_ips("wgt") == std::vector{address("10.66.0.2")}, "their address");
    require(other.observe()->own == public_key(theirs), "their key");
    require(ours.observe().has_error(), "not observed as ours either");

    require_done(os::ip({"link", "add", "dev", "dum", "type", "veth"}), "a link of another kind");
    os::wg_interface dummy{options_for("dum", new_key(), 50003)};
    const auto no_wireguard = dummy.ensure({});
    require(no_wireguard.has_error() && no_wireguard.error().code == errc::already_exists,
            "refused");
  });
}

TEST_CASE("a taken port, a readable key file or a bad name stop the creation with a reason") {
  LANRAGE_IN_SANDBOX([] {
    os::wg_interface first{options_for("wga", new_key(), 50001)};
    require_done(first.ensure({}), "first");
    os::wg_interface second{options_for("wgb", new_key(), 50001)};
    const auto taken = second.ensure({});
    require(taken.has_error() && taken.error().detail.find("50001") != std::string::npos, "port");
    require(!os::link_exists("wgb"), "nothing left behind");

    const auto open = options_for("wgc", new_key(), 50003);
    std::filesystem::permissions(open.key_file, std::filesystem::perms{0640});
    const auto readable = os::wg_interface{open}.ensure({});
    require(readable.has_error() && readable.error().code == errc::bad_config, "key file");
    auto bad = options_for("wgd", new_key(), 50004);
    bad.name = "../evil";
    const auto named = os::wg_interface{bad}.ensure({});
    require(named.has_error() && named.error().code == errc::bad_config, "name");
  });
}

TEST_CASE("an interface of our key before gets the new one and loses its peers, not its place") {
  LANRAGE_IN_SANDBOX([] {
    auto before = options_for("wgr", new_key(), 51'877);
    os::wg_interface old{before};
    require(old.ensure(address("10.66.3.7")).has_value(), "made");
    require(old.apply({put(public_key(new_key()), address("10.66.3.8"), "192.0.2.1:4500", 25s)})
                .has_value(),
            "a peer");
    const auto index = ::if_nametoindex("wgr");
    auto after = options_for("wgr", new_key(), 51'877);
    os::wg_interface stranger{after};
    const auto refused = stranger.ensure(address("10.66.3.7"));
    require(!refused && refused.error().code == errc::already_exists, "another's");
    after.former = before.own;
    os::wg_interface anew{after};
    const auto taken = anew.ensure(address("10.66.3.7"));
    require(taken.has_value(), taken ? "" : to_string(taken.error()));
    require(taken->created, "there are no sessions");
    require(taken->seen.own == after.own, "the new key");
    require(taken->seen.peers.empty(), "no peers");
    require(taken->seen.listen_port == 51'877, "the same port");
    require(::if_nametoindex("wgr") == index, "the same interface");
    require(anew.ensure(address("10.66.3.7")).has_value(), "and again");
  });
}

TEST_CASE("an interface left without its key is finished, not refused") {
  LANRAGE_IN_SANDBOX([] {
    require_done(os::start_wireguard_go("wgt"), "a bare interface");
    const auto key = new_key();
    os::wg_interface device{options_for("wgt", key, 50001)};
    const auto finished = value(device.ensure(address("10.66.0.2")), "ensure");
    require(finished.created && finished.seen.own == public_key(key), "ours now");
    require(finished.seen.listen_port == 50001, "our port");
  });
}

TEST_CASE("a thousand peers take at most five wg calls and none when nothing differs") {
  LANRAGE_IN_SANDBOX([] {
    os::wg_interface device{options_for("wgt", new_key(), 50001)};
    require_done(device.ensure({}), "ensure");
    std::vector<wg::change> changes;
    for (int i = 0; i < 1000; ++i) {
      const auto at = "10.66." + std::to_string(1 + i / 250) + "." + std::to_string(2 + i % 250);
      changes.push_back(put(public_key(new_key()), address(at.c_str()), "127.0.0.1:9", 0s));
    }
    const auto before = os::wg_calls();
    require_done(device.apply(changes), "a thousand");
    const auto used = os::wg_calls() - before;
    require(used >= 1 && used <= 5, std::to_string(used) + " calls");
    require(value(device.observe(), "observe").peers.size() == 1000, "all there");
    const auto all = os::wg_calls();
    require_done(device.apply(changes), "again");
    require(os::wg_calls() == all, "nothing to say, no call");
  });
}

TEST_CASE("changes to our peers leave a foreign peer as it is") {
  LANRAGE_IN_SANDBOX([] {
    os::wg_interface device{options_for("wgt", new_key(), 50001)};
    require_done(device.ensure({}), "ensure");
    const auto foreign = public_key(new_key());
    require_done(os::wg_set({{"wg", "set", "wgt", "peer", to_string(foreign), "allowed-ips",
                              "10.9.0.0/24,fd00::/64", "endpoint", "127.0.0.1:7",
                              "persistent-keepalive", "17"}}),
                 "a foreign peer");
    const auto ours = public_key(new_key());
    require_done(device.observe(), "observe");
    require_done(device.apply({put(ours, address("10.66.0.2"), "127.0.0.1:9", 0s)}), "put");
    require_done(device.apply({{change_kind::remove, ours, {}, {}, {}}}), "nothing seen to remove");
    require_done(device.observe(), "observe");
    require_done(device.apply({{change_kind::remove, ours, {}, {}, {}}}), "remove");
    const auto seen = value(device.observe(), "observe");
    require(seen.peers.size() == 1, "only the foreign one");
    const auto& left = peer_of(seen, foreign);
    require(left.allowed_ips == std::vector<std::string>{"10.9.0.0/24", "fd00::/64"}, "its IPs");
    require(left.keepalive == 17s && to_string(*left.where) == "127.0.0.1:7", "its values");
  });
}

TEST_CASE("a put with the same values keeps the session, remove and put throws it away") {
  LANRAGE_IN_SANDBOX([] {
    session pair;
    const auto before = handshake(pair.a, pair.b_id);
    require_done(pair.a.apply({put(pair.b_id, address("10.66.0.3"), "127.0.0.1:50002", 20s)}),
                 "put");
    require(handshake(pair.a, pair.b_id) == before, "the session stays");
    require_done(pair.a.apply({{change_kind::remove, pair.b_id, {}, {}, {}},
                               put(pair.b_id, address("10.66.0.3"), nullptr, 0s)}),
                 "reset");
    const auto seen = value(pair.a.observe(), "observe");
    require(!peer_of(seen, pair.b_id).latest_handshake, "no session");
    require(!peer_of(seen, pair.b_id).where && peer_of(seen, pair.b_id).rx == 0, "from nothing");
  });
}
