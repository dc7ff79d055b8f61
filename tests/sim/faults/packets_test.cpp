// Each fault of packets does to packets what it says, in its window and nowhere else.
#include "net/frames.hpp"
#include "tests/sim/faults/bare_stage.hpp"

#include <algorithm>
#include <functional>
#include <set>

using namespace lanrage;
using namespace lanrage::sim;
using namespace lanrage::sim::faults;
using lanrage::test::bare_stage;
using namespace std::chrono_literals;

namespace {

/// On the link between alice and the relay, from 11 s to 12 s.
std::string on_link(const std::string& kind, const std::string& arguments) {
  return "kind = \"" + kind + "\"\non = \"alice\"\nstart = \"11s\"\nend = \"12s\"\n" + arguments;
}
std::string on_relay(const std::string& kind, const std::string& arguments) {
  return "kind = \"" + kind + "\"\non = \"relay1\"\nstart = \"11s\"\nend = \"12s\"\n" + arguments;
}

bool inside(duration sent) {
  return sent >= 11s && sent < 12s;
}

/// Packets of three seconds, 100 a second; the window is the one in the middle.
struct stream_of {
  bare_stage on;
  explicit stream_of(const std::string& fault) : on(fault) {
    on.relay_to_alice(300);
    on.run(1h);
  }
  /// Whose number was damaged is none of them, or another.
  std::size_t arrived_inside() const {
    return static_cast<std::size_t>(
        std::count_if(on.got.begin(), on.got.end(), [&](const auto& each) {
          return each.number < on.sent.size() && inside(on.sent[each.number]);
        }));
  }
  /// Every packet of the other two seconds came as ever, once and in time.
  bool usual_outside() const {
    std::size_t count = 0;
    for (const auto& each : on.got) {
      if (inside(on.sent[each.number])) continue;
      ++count;
      if (each.at != on.sent[each.number] + bare_stage::usual) return false;
    }
    return count == 200;
  }
  std::vector<duration> delays() const {
    std::vector<duration> out;
    for (const auto& each : on.got)
      if (inside(on.sent[each.number])) out.push_back(each.at - on.sent[each.number]);
    return out;
  }
  /// Of all three seconds; a damaged number may be another's.
  std::size_t intact() const {
    return static_cast<std::size_t>(
        std::count_if(on.got.begin(), on.got.end(), [&](const auto& each) {
          net::stun::transaction_id id{};
          id[0] = static_cast<std::uint8_t>(each.number >> 8);
          id[1] = static_cast<std::uint8_t>(each.number);
          return each.data == net::stun::binding_success(id, {net::ip_address::v4(1), 7'000});
        }));
  }
  bool in_order() const {
    return std::is_sorted(on.got.begin(), on.got.end(),
                          [](const auto& a, const auto& b) { return a.number < b.number; });
  }
};

struct link_case {
  const char* kind;
  const char* arguments;
  std::function<bool(stream_of&)> holds;
};

const std::vector<link_case>& link_cases() {
  static const std::vector<link_case> all{
      {"loss", "share = \"100%\"\n", [](stream_of& s) { return s.arrived_inside() == 0; }},
      {"loss", "share = \"30%\"\n",
       [](stream_of& s) { return s.arrived_inside() > 50 && s.arrived_inside() < 90; }},
      {"delay", "by = \"150ms\"\njitter = \"5ms\"\n",
       [](stream_of& s) {
         const auto all = s.delays();
         return all.size() == 100 && std::all_of(all.begin(), all.end(), [](duration each) {
                  return each >= 160ms && each <= 165ms;
                });
       }},
      {"stall", "",
       [](stream_of& s) {
         const auto late = std::count_if(s.on.got.begin(), s.on.got.end(),
                                         [](const auto& each) { return each.at == 12s; });
         // The last one was sent 10 ms before the end and is no later than ever.
         return s.arrived_inside() == 100 && late >= 99 && s.in_order();
       }},
      {"reorder", "share = \"50%\"\nby = \"200ms\"\n",
       [](stream_of& s) { return s.arrived_inside() == 100 && !s.in_order(); }},
      {"duplicate", "share = \"100%\"\nby = \"3m\"\n",
       [](stream_of& s) { return s.arrived_inside() == 200 && s.on.got.back().at > 60s; }},
      {"corrupt", "share = \"100%\"\nhow = \"flip\"\n",
       [](stream_of& s) { return s.on.fired() == 100 && s.intact() < 230; }},
      {"corrupt", "share = \"100%\"\nhow = \"cut\"\n",
       [](stream_of& s) { return s.on.fired() == 100 && s.arrived_inside() < 100; }},
      {"black-hole", "octets = 68\n", [](stream_of& s) { return s.arrived_inside() == 100; }},
      {"rate", "kbit = 20\nqueue = 100000\n",
       [](stream_of& s) {
         // 60 octets at 20 kbit/s take 24 ms; they come every 10 ms.
         const auto all = s.delays();
         return all.size() == 100 && all.back() > 1s;
       }},
      {"rate", "kbit = 20\nqueue = 200\n",
       [](stream_of& s) { return s.arrived_inside() < 70 && s.arrived_inside() > 30; }},
      {"partition", "", [](stream_of& s) { return s.arrived_inside() == 0; }},
      {"partition", "way = \"in\"\n", [](stream_of& s) { return s.arrived_inside() == 0; }},
      {"partition", "way = \"out\"\n", [](stream_of& s) { return s.arrived_inside() == 100; }},
      {"partition", "to = \"bob\"\n", [](stream_of& s) { return s.arrived_inside() == 100; }},
      {"partition", "to = \"relay1\"\n", [](stream_of& s) { return s.arrived_inside() == 0; }},
      {"swizzle", "",
       [](stream_of& s) {
         const auto all = s.delays();
         const auto longest = *std::max_element(all.begin(), all.end());
         return all.size() == 100 && longest > 200ms && longest < 1s && s.in_order();
       }},
      {"path-change", "by = \"500ms\"\nevery = \"1s\"\n",
       [](stream_of& s) {
         const auto all = s.delays();
         return std::set<duration>{all.begin(), all.end()}.size() == 1 && all.front() > 10ms;
       }},
      {"recorded", "model = \"steady\"\nbase = \"200ms\"\n",
       [](stream_of& s) {
         const auto all = s.delays();
         // Half of a round trip of 200 ms on top, about.
         return !all.empty() && std::all_of(all.begin(), all.end(), [](duration each) {
           return each > 80ms && each < 200ms;
         });
       }},
      {"broken-trace", "how = \"ends\"\n",
       [](stream_of& s) { return s.arrived_inside() < 100 && s.arrived_inside() > 0; }},
  };
  return all;
}

} // namespace

TEST_CASE("faults of links do what they say, and only to packets of their window") {
  for (const auto& each : link_cases()) {
    INFO(each.kind << ' ' << each.arguments);
    stream_of s{on_link(each.kind, each.arguments)};
    CHECK(each.holds(s));
    const bool nothing = s.arrived_inside() == 100 && s.on.fired() == 0;
    CHECK((nothing || s.on.fired() > 0));
    CHECK(s.on.lines("begin: ") == 1);
    CHECK(s.on.lines(" end\n") == 1);
    if (std::string{each.kind} == "corrupt") continue; // a damaged number is another packet's
    CHECK(s.usual_outside());
    // What does not arrive has the fault as its cause, and a line.
    CHECK(s.on.dropped() + s.arrived_inside() >= 100);
    CHECK(s.on.dropped() == s.on.lines("dropped"));
    CHECK(s.on.dropped() ==
          s.on.lines(" fault " + label(find_kind(std::string_view{each.kind})->id) + '\n'));
  }
}

TEST_CASE("losses of a burst are in a row") {
  const auto rows = [](const std::string& arguments) {
    stream_of s{on_link("loss", arguments)};
    std::set<std::size_t> arrived;
    for (const auto& each : s.on.got)
      arrived.insert(each.number);
    std::size_t lost = 0;
    std::size_t begun = 0;
    for (std::size_t i = 100; i < 200; ++i) {
      if (arrived.contains(i)) continue;
      ++lost;
      begun += arrived.contains(i - 1);
    }
    return std::pair{lost, begun};
  };
  const auto [lost, begun] = rows("share = \"40%\"\nburst = 10\n");
  CHECK(lost > 10);
  CHECK(lost > 4 * begun);
  const auto [single, each] = rows("share = \"40%\"\nburst = 1\n");
  CHECK(single < 3 * each);
}

TEST_CASE("large packets vanish in a black hole, small ones pass") {
  bare_stage on{on_link("black-hole", "octets = 200\n")};
  for (const std::size_t octets : {100, 172, 173, 1'000})
    on.w.plan().at(time_point{11s + std::chrono::microseconds{octets}}, [&on, octets] {
      net::bytes data = net::stun::binding_success({}, {net::ip_address::v4(1), 7});
      data.resize(octets, 0);
      on.send(on.relay(), on.alice(), data);
    });
  on.run(20s);
  REQUIRE(on.got.size() == 2);
  CHECK(on.got[1].data.size() == 172); // and 28 of IPv4 and UDP
}

TEST_CASE("a recording with gaps loses packets in its gaps only") {
  bare_stage on{"kind = \"broken-trace\"\non = \"alice\"\nstart = \"11s\"\nend = \"29s\"\nhow = "
                "\"gaps\"\n"};
  on.relay_to_alice(180, 11s, 100ms);
  on.run(40s);
  // Three seconds good, one and a half missing.
  CHECK(on.dropped() > 50);
  CHECK(on.dropped() < 70);
}

TEST_CASE("faults of STUN do what they say to answers") {
  {
    stream_of s{on_relay("stun-disagrees", "by = 5\n")};
    CHECK(s.on.fired() == 100);
    for (const auto& each : s.on.got) {
      const auto said = net::stun::parse_response(each.data);
      REQUIRE(said.has_value());
      CHECK(said->mapped.port == (inside(s.on.sent[each.number]) ? 7'005 : 7'000));
    }
  }
  {
    stream_of s{on_relay("stun-late", "by = \"10s\"\n")};
    const auto all = s.delays();
    CHECK(all.size() == 100);
    CHECK(std::count(all.begin(), all.end(), 10s + bare_stage::usual) == 100);
  }
  {
    stream_of s{on_relay("stun-late", "by = \"10s\"\ntwice = true\n")};
    CHECK(s.arrived_inside() == 200);
  }
  {
    stream_of s{on_relay("stun-silent", "by = \"1s\"\n")};
    const auto all = s.delays();
    CHECK(std::count(all.begin(), all.end(), 1s + bare_stage::usual) == 100);
  }
}

TEST_CASE("garbled STUN answers are none, or not from whom was asked") {
  const net::endpoint honest{net::ip_address::v4(1), 7'000};
  for (const auto* how : {"id", "family", "malformed", "oversized", "source"}) {
    INFO(how);
    bare_stage on{on_relay("stun-garbage", "how = \"" + std::string{how} + "\"\n")};
    net::stun::transaction_id id{};
    id.fill(9);
    on.w.plan().at(time_point{11s}, [&] {
      on.send(on.relay(), on.alice(), net::stun::binding_success(id, honest));
    });
    on.run(12s);
    CHECK(on.fired() == 1);
    if (on.got.empty()) continue; // not even of STUN any more
    const auto& got = on.got.front();
    const auto said = net::stun::parse_response(got.data);
    const bool trusted = said && said->id == id && said->mapped == honest &&
                         got.from.port == config::defaults::relay_port &&
                         got.data.size() == net::stun::binding_success(id, honest).size();
    CHECK(!trusted);
  }
}

TEST_CASE("a silent STUN server hears no request") {
  bare_stage on{on_relay("stun-silent", "")};
  for (int i = 0; i < 3; ++i)
    on.w.plan().at(time_point{10s + 1s * i},
                   [&on] { on.send(on.alice(), on.relay(), net::stun::binding_request({})); });
  on.run(20s);
  CHECK(on.dropped() == 1);
  CHECK(on.lines("fault F21 stun-silent\n") == 1);
}

TEST_CASE("relays slow down, flap, forward one way and drain as they say") {
  {
    stream_of s{on_relay("relay-overload", "by = \"2s\"\n")};
    const auto all = s.delays();
    REQUIRE(all.size() > 90);
    CHECK(all.front() < 100ms);
    CHECK(all.back() > 1'500ms);
  }
  {
    bare_stage on{"kind = \"relay-flaps\"\non = \"relay1\"\nstart = \"10s\"\nend = \"70s\"\nby = "
                  "\"100ms\"\nevery = \"10s\"\n"};
    on.relay_to_alice(60, 10s, 1s);
    on.run(80s);
    CHECK(std::count_if(on.got.begin(), on.got.end(), [&](const auto& each) {
            return each.at - on.sent[each.number] == 100ms + bare_stage::usual;
          }) == 30);
  }
  const net::bytes data = [] {
    net::bytes out(64, 0);
    out[0] = 4; // WireGuard's data
    return out;
  }();
  {
    bare_stage on{on_relay("relay-half-open", "")};
    on.w.plan().at(time_point{11'100ms}, [&] { on.send(on.relay(), on.alice(), data); });
    on.w.plan().at(time_point{11'200ms}, [&] { on.send(on.relay(), on.bob(), data); });
    on.w.plan().at(time_point{11'300ms}, [&] { on.send(on.relay(), on.alice(), data); });
    on.run(12s);
    CHECK(on.dropped() == 1); // bob's
  }
  {
    bare_stage on{on_relay("relay-drain", "")};
    const auto hello = net::encode(net::hello{});
    on.w.plan().at(time_point{10'500ms}, [&] { on.send(on.alice(), on.relay(), hello); });
    on.w.plan().at(time_point{11'500ms}, [&] { on.send(on.alice(), on.relay(), hello); });
    on.run(12s);
    CHECK(on.dropped() == 1);
  }
}

TEST_CASE("boxes that restart, lose their address or block UDP pass nothing") {
  for (const auto* kind : {"nat-reboot", "no-udp", "new-address"}) {
    INFO(kind);
    bare_stage on{"kind = \"" + std::string{kind} +
                  "\"\non = \"bob-nat\"\nstart = \"11s\"\nend = \"13s\"\n"};
    for (int i = 0; i < 6; ++i)
      on.w.plan().at(time_point{10'500ms + 500ms * i},
                     [&on] { on.send(on.bob(), on.relay(), net::bytes(40, 0x55)); });
    const auto before = on.w.net().addresses(on.box()).front();
    on.run(20s);
    const bool moves = std::string{kind} == "new-address";
    // Of six packets two or four are in the time in which nothing passes.
    CHECK(on.dropped() == (moves ? 2 : 4));
    CHECK((on.w.net().addresses(on.box()).front() != before) == moves);
  }
}

TEST_CASE("boxes become what faults make of them, and what they were in the end") {
  const auto play = [](const std::string& fault, auto look) {
    bare_stage on{fault + "\non = \"bob-nat\"\nstart = \"11s\"\nend = \"13s\"\n"};
    on.w.plan().at(time_point{12s}, [&] { look(on); });
    on.run(20s);
    const auto& how = on.w.net().nat(on.box()).settings();
    const auto usual = port_restricted();
    CHECK(how.mapping == usual.mapping);
    CHECK(how.lifetime == usual.lifetime);
    CHECK(how.last_port == usual.last_port);
    CHECK(on.w.net().face_of(on.bob()) == on.box());
    CHECK(on.fired() > 0);
  };
  play("kind = \"nat-behavior\"\nmapping = \"address-dependent\"", [](bare_stage& on) {
    CHECK(on.w.net().nat(on.box()).settings().mapping == nat_behavior::address_dependent);
  });
  play("kind = \"nat-lifetime\"\nlifetime = \"7s\"",
       [](bare_stage& on) { CHECK(on.w.net().nat(on.box()).settings().lifetime == 7s); });
  play("kind = \"double-nat\"", [](bare_stage& on) {
    CHECK(on.w.net().face_of(on.bob()) != on.box());
    CHECK(on.w.net().realm_of(on.box()) != internet);
  });
  play("kind = \"nat-ports\"\nports = 2", [](bare_stage& on) {
    const auto& how = on.w.net().nat(on.box()).settings();
    CHECK(how.last_port - how.first_port == 1);
  });
}

TEST_CASE("a box out of ports drops by that fault, or hands an old port on") {
  for (const bool steal : {false, true}) {
    bare_stage on{"kind = \"nat-ports\"\non = \"bob-nat\"\nports = 1\nsteal = " +
                  std::string{steal ? "true" : "false"} + "\nstart = \"11s\"\nend = \"13s\"\n"};
    on.w.plan().at(time_point{12s}, [&on] {
      const net::endpoint to{on.w.net().addresses(on.relay()).front(), 9};
      for (const auto from : {std::uint16_t{5'001}, std::uint16_t{5'002}})
        on.w.net().send(on.bob(), from, to, net::bytes(40, 0x55), on.w.now());
    });
    on.run(20s);
    CHECK(on.lines("fault F18 nat-ports\n") == (steal ? 0 : 1));
    CHECK(on.w.net().nat(on.box()).mappings(time_point{12'100ms}) <= 1);
  }
}

TEST_CASE("a box that does not turn packets round names itself") {
  bare_stage on{"kind = \"no-hairpin\"\non = \"bob-nat\"\nstart = \"11s\"\nend = \"13s\"\n"};
  on.w.plan().at(time_point{12s}, [&on] {
    const net::endpoint itself{on.w.net().addresses(on.box()).front(), 9};
    on.w.net().send(on.bob(), 5'001, itself, net::bytes(40, 0x55), on.w.now());
  });
  on.run(20s);
  CHECK(on.lines("fault F17 no-hairpin\n") == 1);
}

TEST_CASE("handshakes of a member do not arrive, its data does") {
  bare_stage on{on_link("no-handshake", "")};
  const auto wireguard = [](std::uint8_t kind, std::size_t octets) {
    net::bytes out(octets, 0);
    out[0] = kind;
    return out;
  };
  on.w.plan().at(time_point{11'500ms}, [&] {
    on.send(on.alice(), on.relay(), wireguard(1, 148));
    on.send(on.relay(), on.alice(), wireguard(2, 92));
    on.send(on.alice(), on.relay(), wireguard(4, 64));
  });
  on.run(20s);
  CHECK(on.lines("fault F49 no-handshake\n") == 2);
  CHECK(on.dropped() == 2);
}

TEST_CASE("a control connection is cut where its path is, and not where it is not") {
  for (const auto& [fault, cut] :
       {std::pair{"kind = \"control-down\"\non = \"alice\"\n", true},
        std::pair{"kind = \"control-down\"\non = \"bob\"\n", false},
        std::pair{"kind = \"partition\"\non = \"alice\"\n", true},
        std::pair{"kind = \"partition\"\non = \"alice\"\nto = \"relay1\"\n", false}}) {
    INFO(fault);
    bare_stage on{std::string{fault} + "start = \"11s\"\nend = \"13s\"\n"};
    on.run(12s);
    CHECK(on.w.net().reaches(on.alice(), on.w.control_node()) == !cut);
    on.run(14s);
    CHECK(on.w.net().reaches(on.alice(), on.w.control_node()));
  }
}
