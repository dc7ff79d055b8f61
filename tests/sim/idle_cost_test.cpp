#include "config/check_defaults.hpp"
#include "tests/sim/pair_world.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <iostream>
#include <sstream>
#include <tuple>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using test::pair_world;

namespace {

namespace defaults = config::defaults;

constexpr auto window = 30min;
constexpr std::uint64_t ip_and_udp = 20 + 8;
/// What a check may cost on the wire, in each direction: the spec's hundred octets and a few. The
/// ends take turns, and whose turn it is goes a little before an interval is over.
constexpr std::uint64_t check_octets_max = 110;
constexpr auto checks_apart = defaults::check_interval - defaults::check_share_margin;

struct cost {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0; ///< with the headers of IPv4 and UDP
  void add(std::uint64_t payload) {
    ++packets;
    octets += payload + ip_and_udp;
  }
};
/// What one member sent.
struct account {
  cost checks;     ///< through the tunnel, and their answers
  cost keepalives; ///< WireGuard's
  cost handshakes;
  cost paths; ///< checks beside the tunnel, probes
  cost own;   ///< the member's own NAT and relays, whoever its peers are
};

/// An idle pair, and what its members sent in the window, from the world's log.
struct idle_pair {
  explicit idle_pair(const nat_settings& how) : p{how, how, logging()} {
    p.meet();
    REQUIRE(p.connect());
    p.w.run_for(10min);
    p.w.log().to([this](std::string_view line) { read(line); });
    p.w.run_for(window);
    p.w.log().to([](std::string_view) {});
    REQUIRE(p.both(msg::phase::connected));
  }
  static world_settings logging() {
    world_settings out;
    out.log_packets = true;
    return out;
  }
  void read(std::string_view line) {
    std::istringstream words{std::string{line}};
    std::string time, who, verb, from, arrow, to, kind;
    std::uint64_t payload = 0;
    if (!(words >> time >> who >> verb >> from >> arrow >> to >> payload >> kind)) return;
    if (verb != "sent" || arrow != ">" || (who != "alice" && who != "bob")) return;
    auto& sent = sides[who == "alice" ? 0 : 1];
    if (kind == "wg4")
      (payload == defaults::keepalive_octets ? sent.keepalives : sent.checks).add(payload);
    else if (kind.starts_with("wg"))
      sent.handshakes.add(payload);
    else if (kind.starts_with("frame") && kind.size() == 6) // probes, path checks and their answers
      sent.paths.add(payload);
    else
      sent.own.add(payload);
  }
  void print(const char* name) const {
    const auto per_check = [](const cost& what) {
      return static_cast<double>(what.octets) * 30 / std::chrono::seconds{window}.count();
    };
    for (std::size_t i = 0; i < sides.size(); ++i)
      std::cout << "idle " << name << ", " << (i == 0 ? "alice" : "bob")
                << " sends in 30 s: checks " << per_check(sides[i].checks) << ", handshakes "
                << per_check(sides[i].handshakes) << ", keepalives "
                << per_check(sides[i].keepalives) << ", path checks " << per_check(sides[i].paths)
                << ", own NAT and relays " << per_check(sides[i].own) << " octets\n";
  }

  pair_world p;
  std::array<account, 2> sides;
};

/// What happens so often, and twice out of turn (a move restarts the pause).
constexpr std::uint64_t times(std::chrono::milliseconds every) {
  return static_cast<std::uint64_t>(std::chrono::milliseconds{window} / every) + 2;
}

} // namespace

TEST_CASE("an idle pair costs one check of a hundred-odd octets per interval, and its keepalives") {
  const auto [name, how, strategy] =
      GENERATE(std::tuple{"direct", port_restricted(), msg::strategy::direct},
               std::tuple{"relayed", symmetric(), msg::strategy::relay});
  idle_pair idle{how};
  idle.print(name);
  REQUIRE(idle.p.how() == strategy);
  for (const auto& sent : idle.sides) {
    CHECK(sent.checks.packets > 0);
    CHECK(sent.checks.packets >= times(defaults::check_interval) - 2);
    CHECK(sent.checks.octets <= times(checks_apart) * check_octets_max);
    CHECK(sent.keepalives.octets <=
          times(defaults::persistent_keepalive) * (defaults::keepalive_octets + ip_and_udp));
  }
}
