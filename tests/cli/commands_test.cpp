#include "cli/commands.hpp"
#include "tests/cli/fake_daemon.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::cli;
using namespace std::chrono_literals;
using test::fake_daemon;
using test::listen_to;

namespace {

const std::string peer_json =
    R"({"peer_id":"bob","virtual_ip":"10.66.0.42","endpoint":"203.0.113.42:51820",)"
    R"("strategy":"direct","latency_ms":25.5,"connected_at":null,"status":"connected",)"
    R"("phase":"connected","relay":null,"reason":"","counters":{"checks":12,"lost":3,)"
    R"("reconnects":0,"relay_switches":0,"path_changes":1}})";
const std::string self_json =
    R"({"peer_id":"alice","virtual_ip":"10.66.1.2","interface":"lanrage0","listen_port":51820,)"
    R"("control":"connected","nat":{"translated":true,"mapping":"endpoint_independent",)"
    R"("filtering":"address_dependent"},"relays":[{"name":"relay1",)"
    R"("endpoint":"198.51.100.11:51820","rtt_ms":null}],"parties":["friends"]})";

std::string failing(const std::string& code) {
  return R"({"ok":false,"error":{"code":")" + code + R"(","text":"what","remedy":"do"}})" + "\n";
}

} // namespace

TEST_CASE("status --json prints the daemon's document without its envelope") {
  fake_daemon daemon{{"{\"ok\":true,\"self\":" + self_json + ",\"peers\":[" + peer_json + "]}\n"}};
  const auto said = listen_to([&] {
    CHECK(show_status({daemon.socket(), true}, {}) == exit_code::done);
  });
  CHECK(said.out == "{\"self\":" + self_json + ",\"peers\":[" + peer_json + "]}\n");
}

TEST_CASE("status --json of a peer prints the peer alone") {
  fake_daemon daemon{{"{\"ok\":true,\"peer\":" + peer_json + "}\n"}};
  const auto said = listen_to([&] {
    CHECK(show_status({daemon.socket(), true}, "bob") == exit_code::done);
  });
  CHECK(said.out == peer_json + "\n");
  CHECK(daemon.heard().at(0) == R"({"op":"status","peer":"bob"})");
}

TEST_CASE("status of a peer names the party when it is given") {
  fake_daemon daemon{{"{\"ok\":true,\"peer\":" + peer_json + "}\n"}};
  listen_to([&] {
    CHECK(show_status({daemon.socket(), true}, "bob", "friends") == exit_code::done);
  });
  CHECK(daemon.heard().at(0) == R"({"op":"status","peer":"bob","party":"friends"})");
}

TEST_CASE("status shows this machine and a table of its peers") {
  fake_daemon daemon{{"{\"ok\":true,\"self\":" + self_json + ",\"peers\":[" + peer_json + "]}\n"}};
  const auto said = listen_to([&] {
    CHECK(show_status({daemon.socket(), false}, {}) == exit_code::done);
  });
  CHECK(said.out ==
        "alice  10.66.1.2 on lanrage0, UDP port 51820\n"
        "  parties  friends\n"
        "  control  connected\n"
        "  NAT      mapping endpoint_independent, filtering address_dependent\n"
        "  relay    relay1 198.51.100.11:51820  -\n"
        "\n"
        "PEER  ADDRESS     STATUS     VIA                        LATENCY  SINCE  REASON\n"
        "bob   10.66.0.42  connected  direct 203.0.113.42:51820  25.5 ms      -\n");
}

TEST_CASE("exit codes are those of the interface") {
  const auto code_for = [](const std::string& code) {
    fake_daemon daemon{{failing(code)}};
    exit_code got{};
    const auto said = listen_to([&] { got = show_status({daemon.socket(), false}, "bob"); });
    CHECK(said.out.empty());
    CHECK(said.err == "lanrage: what\n  do\n");
    return got;
  };
  CHECK(code_for("peer_not_found") == exit_code::not_found);
  CHECK(code_for("party_not_found") == exit_code::not_found);
  CHECK(code_for("bad_message") == exit_code::usage);
  CHECK(code_for("bad_invite") == exit_code::usage);
  CHECK(code_for("connection_failed") == exit_code::failed);
  CHECK(code_for("peer_offline") == exit_code::failed);
  CHECK(code_for("a_code_of_a_newer_daemon") == exit_code::failed);
  exit_code got{};
  listen_to([&] { got = party_list({"/nonexistent/lanrage.sock", false}); });
  CHECK(got == exit_code::no_daemon);
}

TEST_CASE("with --json a failure is an object on standard output, too") {
  fake_daemon daemon{{failing("connection_failed")}};
  const auto said = listen_to([&] {
    CHECK(connect_peer({daemon.socket(), true}, {"bob", "friends", 0s}) == exit_code::failed);
  });
  CHECK(said.out == R"({"error":{"code":"connection_failed","text":"what","remedy":"do"}})"
                    "\n");
  CHECK(daemon.heard().at(0) == R"({"op":"connect","peer":"bob","wait_ms":0,"party":"friends"})");
}

TEST_CASE("party create prints the invite alone, so that it can be piped") {
  const std::string reply = R"({"ok":true,"invite":"lanrage:abc","party":{"name":"friends"}})"
                            "\n";
  fake_daemon daemon{{reply}};
  const auto said = listen_to([&] {
    CHECK(party_create({daemon.socket(), false}, "friends", "line") == exit_code::done);
  });
  CHECK(said.out == "lanrage:abc\n");
  CHECK(daemon.heard().at(0) == R"({"op":"party_create","name":"friends","server":"line"})");
  fake_daemon again{{reply}};
  const auto json = listen_to([&] { party_create({again.socket(), true}, "friends", "line"); });
  fake_daemon later{{reply}};
  const auto shown = listen_to([&] {
    CHECK(party_invite({later.socket(), false}, "friends") == exit_code::done);
  });
  CHECK(shown.out == "lanrage:abc\n");
  CHECK(shown.err.empty());
  CHECK(later.heard().at(0) == R"({"op":"party_invite","party":"friends"})");
  CHECK(json.out == R"({"invite":"lanrage:abc","party":{"name":"friends"}})"
                    "\n");
}

TEST_CASE("party forget names the member, and says why it was refused") {
  fake_daemon daemon{{"{\"ok\":true}\n"}};
  const auto said = listen_to([&] {
    CHECK(party_forget({daemon.socket(), false}, "bob", "friends") == exit_code::done);
  });
  CHECK(said.out == "forgot bob; its name is free\n");
  CHECK(daemon.heard().at(0) == R"({"op":"party_forget","peer":"bob","party":"friends"})");
  fake_daemon refuses{{R"({"ok":false,"error":{"code":"peer_online","text":"it is there","remedy":)"
                       R"("wait"}})"
                       "\n"}};
  const auto no = listen_to([&] {
    CHECK(party_forget({refuses.socket(), false}, "bob", {}) == exit_code::failed);
  });
  CHECK(no.err == "lanrage: it is there\n  wait\n");
  CHECK(refuses.heard().at(0) == R"({"op":"party_forget","peer":"bob"})");
}

TEST_CASE("key rotate says the new key") {
  const std::string reply = R"({"ok":true,"public_key":"abc="})"
                            "\n";
  fake_daemon daemon{{reply}};
  const auto said = listen_to([&] {
    CHECK(key_rotate({daemon.socket(), false}) == exit_code::done);
  });
  CHECK(said.out == "new key abc=; name and address stay\n");
  CHECK(daemon.heard().at(0) == R"({"op":"key_rotate"})");
  fake_daemon again{{reply}};
  CHECK(listen_to([&] {
          key_rotate({again.socket(), true});
        }).out == "{\"public_key\":\"abc=\"}\n");
}

TEST_CASE("what has nothing to say but ok says so in JSON") {
  fake_daemon leave{{"{\"ok\":true}\n"}};
  CHECK(listen_to([&] { party_leave({leave.socket(), true}, "p"); }).out == "{\"ok\":true}\n");
  fake_daemon disconnect{{"{\"ok\":true}\n"}};
  CHECK(listen_to([&] {
          disconnect_peer({disconnect.socket(), true}, "bob", {});
        }).out == "{\"ok\":true}\n");
  CHECK(disconnect.heard().at(0) == R"({"op":"disconnect","peer":"bob"})");
}

TEST_CASE("party list is a table, or says that there is none") {
  fake_daemon none{{"{\"ok\":true,\"parties\":[]}\n"}};
  CHECK(listen_to([&] { party_list({none.socket(), false}); }).out == "in no party\n");
  fake_daemon one{{R"({"ok":true,"parties":[{"name":"friends","id":"x","server":"h:8443",)"
                   R"("members":3,"connected":true}]})"
                   "\n"}};
  CHECK(listen_to([&] {
          party_list({one.socket(), false});
        }).out == "PARTY    MEMBERS  SERVER  STATE\n"
                  "friends        3  h:8443  connected\n");
}

TEST_CASE("watch prints a line per event until the daemon ends") {
  const std::string events =
      R"({"event":"snapshot","at":"2026-01-29T12:00:00.000Z","self":{},"peers":[]})"
      "\n"
      R"({"event":"peer","at":"2026-01-29T12:00:00.412Z","from":"verifying","to":"connected",)"
      R"("why":"first answer through the tunnel","peer":)" +
      peer_json +
      "}\n"
      R"({"event":"lagged","at":"2026-01-29T12:00:01.000Z","missed":3})"
      "\n"
      R"({"event":"gone","at":"2026-01-29T12:00:02.000Z","peer_id":"bob","why":"left"})"
      "\n"
      R"({"event":"novelty","at":"2026-01-29T12:00:03.000Z"})"
      "\n";
  fake_daemon daemon{{events}};
  const auto said = listen_to([&] {
    CHECK(watch({daemon.socket(), false}) == exit_code::no_daemon);
  });
  CHECK(said.out ==
        "12:00:00.412  bob  verifying -> connected  direct 203.0.113.42:51820  25.5 ms  (first "
        "answer through the tunnel)\n"
        "12:00:01.000  3 events missed\n"
        "12:00:02.000  bob  gone  (left)\n"
        "12:00:03.000  novelty\n");
}

TEST_CASE("serve refuses to start without an address that members can be told") {
  const auto said =
      listen_to([] { CHECK(serve(lanrage::config::settings{}, false) == exit_code::usage); });
  CHECK_THAT(said.err, Catch::Contains("relay.public_address"));
}
