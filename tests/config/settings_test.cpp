#include "config/keys.hpp"
#include "config/settings.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace lanrage;
using namespace lanrage::config;
using namespace std::chrono_literals;

namespace {

/// The problems of a text, which must have some.
std::string problems(std::string_view text) {
  const auto read = parse(text, "f.toml");
  REQUIRE(read.has_error());
  CHECK(read.error().code == net::errc::bad_config);
  return read.error().detail;
}

settings accepted(std::string_view text) {
  const auto read = parse(text, "f.toml");
  INFO((read.has_error() ? read.error().detail : ""));
  REQUIRE(read.has_value());
  return *read;
}

void check_equal(const settings& a, const settings& b) {
  CHECK(a.daemon.auto_connect == b.daemon.auto_connect);
  CHECK(a.daemon.birthday_probing == b.daemon.birthday_probing);
  CHECK(a.daemon.relay_pin == b.daemon.relay_pin);
  CHECK(a.daemon.relay_avoid == b.daemon.relay_avoid);
  CHECK(a.daemon.lan.enabled == b.daemon.lan.enabled);
  CHECK(a.daemon.lan.avoid == b.daemon.lan.avoid);
  CHECK(a.daemon.state_dir == b.daemon.state_dir);
  CHECK(a.daemon.socket == b.daemon.socket);
  CHECK(a.daemon.socket_group == b.daemon.socket_group);
  CHECK(a.daemon.log == b.daemon.log);
  CHECK(a.daemon.interface == b.daemon.interface);
  CHECK(a.daemon.listen_port == b.daemon.listen_port);
  CHECK(a.daemon.fwmark == b.daemon.fwmark);
  CHECK(a.daemon.mtu == b.daemon.mtu);
  CHECK(a.daemon.health.check_interval == b.daemon.health.check_interval);
  CHECK(a.daemon.health.check_timeout == b.daemon.health.check_timeout);
  CHECK(a.daemon.health.degraded_above == b.daemon.health.degraded_above);
  CHECK(a.relay.name == b.relay.name);
  CHECK(a.relay.listen == b.relay.listen);
  CHECK(a.relay.state_dir == b.relay.state_dir);
  CHECK(a.relay.lifetime == b.relay.lifetime);
  CHECK(a.relay.rate_kbit_s == b.relay.rate_kbit_s);
  CHECK(a.relay.log == b.relay.log);
  CHECK(a.control.listen == b.control.listen);
  CHECK(a.control.state_dir == b.control.state_dir);
  CHECK(a.control.log == b.control.log);
}

std::string file_text(const std::string& path) {
  std::ifstream in{path};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// The example with every key switched on.
std::string uncommented(const std::string& example) {
  std::istringstream in{example};
  std::string out, line;
  while (std::getline(in, line))
    out += (line.size() > 1 && line[0] == '#' && line[1] != ' ' ? line.substr(1) : line) + '\n';
  return out;
}

/// Every key there is, with a value that is not its default.
constexpr auto every_key_changed = R"(
[daemon]
name = "alice"
auto_connect = false
relay_pin = "berlin"
relay_avoid = ["far", "farther"]
state_dir = "/s"
socket = "/run/x.sock"
socket_group = "games"
port_mapping = false
birthday_probing = true
log = "trace"
seed = 7
[wireguard]
interface = "wg7"
listen_port = 4000
fwmark = 0x10
mtu = 1400
[health]
check_interval = "1s"
check_timeout = "500ms"
degraded_above = "100ms"
[lan]
enabled = false
avoid = ["docker0", "virbr0"]
[relay]
name = "r"
listen = "127.0.0.1:5"
public_address = "[2001:db8::1]:51820"
public_address6 = "[2001:db8::2]:51820"
stun_alternate = "127.0.0.2:6"
state_dir = "/r"
token_key = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
lifetime = "10m"
rate_kbit_s = 5
tls = false
tls_listen = "127.0.0.1:8"
tls_public_port = 443
tls_name = "relay.example.org"
log = "error"
[control]
listen = "192.0.2.1:443"
public_host = "lan.example.org"
state_dir = "/c"
log = "warn"
[[control.relays]]
name = "r2"
address = "203.0.113.6:51820"
key = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
tls_port = 444
tls_pin = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
tls_name = "r2.example.org"
)";

} // namespace

TEST_CASE("an empty file means every default") {
  const auto read = accepted("");
  check_equal(read, default_settings());
  CHECK(read.daemon.health.check_interval == 30s);
  CHECK(read.daemon.health.check_timeout == 1s);
  CHECK(read.daemon.health.degraded_above == 200ms);
  CHECK(read.control.listen == net::endpoint::parse("0.0.0.0:8443"));
  CHECK(read.relay.listen.size() == 2);
  CHECK_FALSE(read.daemon.name.empty());
  CHECK_FALSE(read.daemon.seed);
  CHECK(read.control.public_host.empty());
}

TEST_CASE("every key ends up in its setting") {
  const auto read = accepted(every_key_changed);
  CHECK(read.daemon.name.str() == "alice");
  CHECK_FALSE(read.daemon.auto_connect);
  CHECK(read.daemon.birthday_probing);
  CHECK(read.daemon.relay_pin == std::vector<std::string>{"berlin"});
  CHECK(read.daemon.relay_avoid == std::vector<std::string>{"far", "farther"});
  CHECK(read.daemon.state_dir == "/s");
  CHECK(read.daemon.socket == "/run/x.sock");
  CHECK(read.daemon.socket_group == "games");
  CHECK_FALSE(read.daemon.port_mapping);
  CHECK(read.daemon.log == log_level::trace);
  CHECK(read.daemon.seed == 7U);
  CHECK(read.daemon.interface == "wg7");
  CHECK(read.daemon.listen_port == 4000);
  CHECK(read.daemon.fwmark == 16);
  CHECK_FALSE(read.daemon.lan.enabled);
  CHECK(read.daemon.lan.avoid == std::vector<std::string>{"docker0", "virbr0"});
  CHECK(read.daemon.mtu == 1400);
  CHECK(read.daemon.health.check_interval == 1s);
  CHECK(read.daemon.health.check_timeout == 500ms);
  CHECK(read.daemon.health.degraded_above == 100ms);
  CHECK(read.relay.name == "r");
  CHECK(read.relay.listen == std::vector{*net::endpoint::parse("127.0.0.1:5")});
  CHECK(read.relay.public_address == net::endpoint::parse("[2001:db8::1]:51820"));
  CHECK(read.relay.public_address6 == net::endpoint::parse("[2001:db8::2]:51820"));
  CHECK(read.relay.stun_alternate == net::endpoint::parse("127.0.0.2:6"));
  CHECK(read.relay.state_dir == "/r");
  REQUIRE(read.relay.token_key);
  CHECK(read.relay.token_key->octets[31] == 32);
  CHECK(read.relay.lifetime == 10min);
  CHECK(read.relay.rate_kbit_s == 5);
  CHECK_FALSE(read.relay.tls);
  CHECK(read.relay.tls_listen == net::endpoint::parse("127.0.0.1:8"));
  CHECK(read.relay.tls_public_port == 443);
  CHECK(read.relay.tls_name == "relay.example.org");
  CHECK(read.relay.log == log_level::error);
  CHECK(read.control.listen == net::endpoint::parse("192.0.2.1:443"));
  CHECK(read.control.public_host == "lan.example.org");
  CHECK(read.control.state_dir == "/c");
  CHECK(read.control.log == log_level::warn);
  REQUIRE(read.control.relays.size() == 1);
  CHECK(read.control.relays[0].name == "r2");
  CHECK(read.control.relays[0].address == net::endpoint::parse("203.0.113.6:51820"));
  CHECK(read.control.relays[0].key.octets[0] == 1);
  REQUIRE(read.control.relays[0].tls);
  CHECK(read.control.relays[0].tls->port == 444);
  CHECK(read.control.relays[0].tls->pin.octets[31] == 32);
  CHECK(read.control.relays[0].tls->name == "r2.example.org");
}

TEST_CASE("without public_host the server line has the address that is listened on") {
  CHECK(accepted("[control]\nlisten = \"192.0.2.1:443\"\n").control.public_host == "192.0.2.1");
}

TEST_CASE("every key that changes is told by table and name, and none that does not") {
  std::vector<std::string> all;
  for (const auto& table : tables())
    for (const auto& each : table.keys)
      all.push_back(std::string{table.name} + '.' + std::string{each.name});
  CHECK(changed_keys(accepted(""), accepted(every_key_changed)) == all);
  CHECK(changed_keys(accepted(every_key_changed), accepted(every_key_changed)).empty());
  CHECK(changed_keys(accepted(""), accepted("[wireguard]\nmtu = 1300\n")) ==
        std::vector<std::string>{"wireguard.mtu"});
}

TEST_CASE("an unknown key is an error that names the nearest known one") {
  CHECK(problems("[wireguard]\nlistn_port = 1\n") ==
        "f.toml:2:1: found unknown key \"listn_port\", expected a key of [wireguard], listen_port "
        "perhaps; there are interface, listen_port, fwmark, mtu");
  CHECK(problems("[health]\npassword = 1\n") ==
        "f.toml:2:1: found unknown key \"password\", expected a key of [health], to be one of "
        "check_interval, check_timeout, degraded_above");
}

TEST_CASE("an unknown table is an error") {
  CHECK(problems("[deamon]\n") == "f.toml:1:2: found unknown table or key \"deamon\", expected the "
                                  "table daemon perhaps; there are daemon, wireguard, health, "
                                  "lan, relay, control");
  CHECK(problems("daemon = 1\n") == "f.toml:1:10: found integer 1, expected the table [daemon]");
}

TEST_CASE("a value of the wrong type is an error that says what was found and expected") {
  CHECK(problems("[wireguard]\nmtu = \"1400\"\n") ==
        "f.toml:2:7: found string \"1400\" for mtu, expected an integer from 1280 to 9000");
  CHECK(problems("[health]\ncheck_interval = 30\n") ==
        "f.toml:2:18: found integer 30 for check_interval, expected a duration with its unit, such "
        "as \"30s\" or \"250ms\", from 100ms to 1h");
  CHECK(problems("[daemon]\nrelay_avoid = [\"a b\"]\n").find("names of relays") !=
        std::string::npos);
  CHECK(problems("[daemon]\nrelay_pin = [\"a\", \"a\"]\n").find("names of relays") !=
        std::string::npos);
  for (const auto* avoid : {"7", "[\"a/b\"]", "[\"eth0\", \"eth0\"]", "\"longer-than-15-chars\""})
    CHECK(problems("[lan]\navoid = " + std::string{avoid} + "\n")
              .find("names of network interfaces, such as [\"docker0\"]") != std::string::npos);
  CHECK(problems("[daemon]\nauto_connect = 1.5\n") ==
        "f.toml:2:16: found a floating-point number for auto_connect, expected true or false");
}

TEST_CASE("impossible values are errors at their place") {
  struct bad {
    const char* text;
    const char* start;
  };
  for (const auto& [text, start] : {
           bad{"[wireguard]\nlisten_port = 0", "f.toml:2:15: found integer 0 for listen_port"},
           bad{"[wireguard]\nlisten_port = 65536", "f.toml:2:15: found integer 65536"},
           bad{"[wireguard]\nfwmark = 4294967296", "f.toml:2:10: found integer 4294967296"},
           bad{"[wireguard]\ninterface = \"sixteen-octets-x\"", "f.toml:2:13: found string"},
           bad{"[wireguard]\ninterface = \"a/b\"", "f.toml:2:13: found string"},
           bad{"[wireguard]\nmtu = 1279", "f.toml:2:7: found integer 1279"},
           bad{"[health]\ncheck_interval = \"30\"", "f.toml:2:18: found string \"30\""},
           bad{"[health]\ncheck_interval = \"0s\"", "f.toml:2:18: found string \"0s\""},
           bad{"[daemon]\nname = \"Alice\"", "f.toml:2:8: found string \"Alice\" for name"},
           bad{"[daemon]\nstate_dir = \"here\"", "f.toml:2:13: found string \"here\""},
           bad{"[daemon]\nlog = \"loud\"", "f.toml:2:7: found string \"loud\" for log"},
           bad{"[daemon]\nseed = -1", "f.toml:2:8: found integer -1"},
           bad{"[relay]\ntoken_key = \"AAAA\"", "f.toml:2:13: found string \"AAAA\""},
           bad{"[relay]\nlifetime = \"1500ms\"", "f.toml:2:12: found string \"1500ms\""},
           bad{"[relay]\nlifetime = \"30s\"", "f.toml:2:12: found string \"30s\""},
           bad{"[relay]\nlisten = []", "f.toml:2:10: found array [] for listen"},
           bad{"[relay]\nlisten = [\"1.2.3.4\"]", "f.toml:2:10: found array [\"1.2.3.4\"]"},
           bad{"[relay]\nlisten = [\"[::]:1\", \"[::]:1\"]", "f.toml:2:10: found array"},
           bad{"[relay]\npublic_address = \"0.0.0.0:1\"", "f.toml:2:18: found string"},
           bad{"[control]\nlisten = \"host:1\"", "f.toml:2:10: found string \"host:1\""},
           bad{"[control]\npublic_host = \"a b\"", "f.toml:2:15: found string \"a b\""},
           bad{"[control]\nrelays = 1", "f.toml:2:10: found integer 1"},
       }) {
    INFO(text);
    CHECK_THAT(problems(text), Catch::StartsWith(start) && Catch::Contains(", expected "));
  }
}

TEST_CASE("a relay entry needs all its keys and a name of its own") {
  CHECK_THAT(problems("[[control.relays]]\nname = \"a\"\n"),
             Catch::Contains("found no address, expected every relay to have name, address, key"));
  CHECK_THAT(problems("[[control.relays]]\naddress6 = \"192.0.2.1:1\"\n"),
             Catch::Contains("expected an IPv6 address with a port"));
  const std::string entry = "[[control.relays]]\nname = \"a\"\naddress = \"192.0.2.1:1\"\n"
                            "key = \"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\"\n";
  CHECK(accepted(entry).control.relays.size() == 1);
  CHECK_FALSE(accepted(entry).control.relays[0].tls);
  for (const auto* part : {"tls_port = 443\n", "tls_name = \"r\"\n"})
    CHECK_THAT(problems(entry + part), Catch::Contains("expected both, or neither"));
  CHECK_THAT(problems(entry + "tls_port = 0\n"), Catch::Contains("an integer from 1 to 65535"));
  CHECK_THAT(problems(entry + "tls_port = 65536\n"), Catch::Contains("from 1 to 65535"));
  CHECK_THAT(problems(entry + "tls_pin = \"abc\"\n"), Catch::Contains("a pin: 32 octets"));
  CHECK_THAT(problems("[relay]\ntls_name = \"a b\"\n"), Catch::Contains("a host name"));
  CHECK(problems(entry + entry) ==
        "f.toml:6:8: found a second relay named \"a\", expected names that differ");
}

TEST_CASE("all problems are told at once, in the order of the file") {
  CHECK_THAT(problems("[wireguard]\nmtu = 1\nx = 2\n[daemon]\nlog = 3\n[y]\n"),
             Catch::Matches("f.toml:2:7: .*\nf.toml:3:1: .*\nf.toml:5:7: .*\nf.toml:6:2: .*"));
}

TEST_CASE("a timeout longer than its interval is an error, an equal one is not") {
  CHECK(problems("[health]\ncheck_interval = \"1s\"\ncheck_timeout = \"2s\"\n") ==
        "f.toml:3:17: found check_timeout 2s, expected at most check_interval, 1s");
  accepted("[health]\ncheck_interval = \"1s\"\n");
  // Against the default of the other one: the place is that of the key that is there.
  CHECK_THAT(problems("[health]\ncheck_interval = \"500ms\"\n"),
             Catch::StartsWith("f.toml:2:18: found check_timeout 1s"));
}

TEST_CASE("a connection could never be degraded above its timeout, so that is an error") {
  CHECK_THAT(problems("[health]\ndegraded_above = \"1001ms\"\n"),
             Catch::StartsWith("f.toml:2:18: found degraded_above 1001ms"));
  accepted("[health]\ndegraded_above = \"1s\"\n");
}

TEST_CASE("what is not TOML is an error with its place") {
  CHECK_THAT(problems("[daemon]\nname = \n"),
             Catch::StartsWith("f.toml:2:") && Catch::Contains("expected the syntax of TOML"));
  CHECK_THAT(problems("[daemon]\nlog=\"info\"\nlog=\"info\"\n"), Catch::StartsWith("f.toml:3:"));
  CHECK_THAT(problems("\xff"), Catch::StartsWith("f.toml:1:"));
}

TEST_CASE("a missing file is an error, except the default one") {
  CHECK(load("/nonexistent/lanrage.toml").error().code == net::errc::bad_config);
  CHECK_THAT(load("/nonexistent/lanrage.toml").error().detail, Catch::Contains("no such file"));
  CHECK_THAT(load("/").error().detail, Catch::Contains("not a file"));
  if (!std::filesystem::exists(defaults::config_file))
    CHECK(load(defaults::config_file).has_value());
}

TEST_CASE("a file is read like its text, an empty one too") {
  CHECK(load("/dev/null").has_error()); // a device is not a file
  const auto example = std::string{lanrage::places::source} + "/config/lanrage.example.toml";
  CHECK(load(example).has_value());
  const auto empty = std::filesystem::temp_directory_path() /
                     ("lanrage-empty-" + std::to_string(::getpid()) + ".toml");
  std::ofstream{empty};
  CHECK(load(empty).has_value());
  std::filesystem::remove(empty);
}

TEST_CASE("the example file is the table of keys; LANRAGE_UPDATE=1 writes it anew") {
  const auto path = std::string{lanrage::places::source} + "/config/lanrage.example.toml";
  if (std::getenv("LANRAGE_UPDATE")) std::ofstream{path} << example_text();
  CHECK(file_text(path) == example_text());
}

TEST_CASE("the example as it is, and with every key switched on, means the defaults") {
  check_equal(accepted(example_text()), default_settings());
  // One key goes only with another `listen` than the default one, as the file says beside it.
  auto text = uncommented(example_text());
  CHECK_THAT(problems(text), Catch::Contains("in relay.listen (not 0.0.0.0), with another port"));
  const auto alternate = text.find("stun_alternate = ");
  REQUIRE(alternate != std::string::npos);
  text.erase(alternate, text.find('\n', alternate) - alternate);
  const auto all = accepted(text);
  check_equal(all, default_settings());
  CHECK(all.daemon.name.str() == "my-machine");
  CHECK(all.daemon.seed == 1U);
  CHECK(all.relay.public_address);
  CHECK(all.relay.token_key);
  CHECK(all.control.public_host == "lan.example.org");
  CHECK(all.control.relays.size() == 1);
}

TEST_CASE("a host name becomes a peer id whatever it is") {
  CHECK(name_from_host("Alice-PC.lan").str() == "alice-pc");
  CHECK(name_from_host("my_box").str() == "my-box");
  CHECK(name_from_host("--a--").str() == "a");
  CHECK(name_from_host("").str() == "member");
  CHECK(name_from_host("...").str() == "member");
  CHECK(name_from_host(std::string(40, 'x')).str() == std::string(32, 'x'));
  CHECK(name_from_host(std::string(31, 'x') + "-y").str() == std::string(31, 'x'));
  CHECK(name_from_host("\xc3\xa4 b").str() == "b");
}

TEST_CASE("a relay's second address for STUN needs a first one that differs in both") {
  const std::string listen = "[relay]\nlisten = [\"192.0.2.1:51820\"]\n";
  CHECK(accepted(listen + "stun_alternate = \"192.0.2.2:51821\"\n").relay.stun_alternate ==
        net::endpoint::parse("192.0.2.2:51821"));
  for (const auto* bad : {"[relay]\nstun_alternate = \"192.0.2.2:51821\"\n", // 0.0.0.0 listens
                          "[relay]\nlisten = [\"[2001:db8::1]:51820\"]\n"
                          "stun_alternate = \"192.0.2.2:51821\"\n",
                          "[relay]\nlisten = [\"192.0.2.1:51820\"]\n"
                          "stun_alternate = \"192.0.2.2:51820\"\n"})
    CHECK_THAT(problems(bad), Catch::Contains("in relay.listen (not 0.0.0.0), with another port"));
}
