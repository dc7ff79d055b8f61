// Direct paths between real daemons when the boxes between them forget, age and change.

#include "lab/party.hpp"
#include "lab/ping_stream.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

constexpr auto direct_limit = 30s;

/// A box whose mappings live so long, answered or not.
nat_settings box(nat_type type, std::chrono::seconds lifetime) {
  nat_settings out;
  out.type = type;
  out.udp_timeout = out.udp_answered_timeout = lifetime;
  return out;
}

party_options pair_of(const nat_settings& one, const nat_settings& other,
                      std::chrono::milliseconds check_interval = 1s) {
  party_options out;
  out.check_interval = check_interval;
  out.binary = lanrage::places::program;
  out.members = {{"p1", one}, {"p2", other}};
  return out;
}

bool becomes_direct(const party& all) {
  const auto seen = all.await(
      "p1", "p2", [](const peer_view& v) { return v.connected() && v.direct(); }, direct_limit);
  return seen && seen->connected() && seen->direct();
}

} // namespace

TEST_CASE("a box that forgets its mappings, or gives others, costs a direct pair seconds",
          "[patient]") {
  if (skipped(party_unavailable_reason())) return;
  const auto type = nat_type::port_restricted;
  party all{pair_of(box(type, 120s), box(type, 120s))};
  all.form();
  REQUIRE(becomes_direct(all));
  ping_stream pings{all.lab().at("p1").net_ns(), all.virtual_ip("p2"), 20ms};
  auto now = process::clock::now();
  REQUIRE(pings.wait_answer(now, now + 3s));
  for (const bool rebound : {false, true}) {
    INFO((rebound ? "rebound" : "flushed"));
    std::this_thread::sleep_for(2s);
    const auto before = all.status("p2", "p1")->endpoint;
    const auto from = process::clock::now();
    if (rebound)
      all.lab().rebind("p1");
    else
      all.lab().flush("p1");
    std::this_thread::sleep_for(1s);
    CHECK(pings.wait_answer(process::clock::now(), from + 6s));
    CHECK(becomes_direct(all));
    INFO(all.log_end("p1", 40) << all.log_end("p2", 40));
    now = process::clock::now();
    CHECK(pings.wait_answer(now, now + 1s));
    WARN((rebound ? "rebound" : "flushed")
         << ": lost " << lost_between(pings.records(), from, now - 200ms)
         << " at 50 packets/s, known to be direct again after "
         << std::chrono::duration_cast<std::chrono::milliseconds>(now - from).count() << " ms");
    if (rebound) CHECK(all.status("p2", "p1")->endpoint != before);
  }
}

TEST_CASE("a quiet direct pair outlives the short memory of its boxes", "[patient]") {
  if (skipped(party_unavailable_reason())) return;
  const auto lifetime = 30s; // a quarter of what RFC 4787 asks for
  const auto never = 1h;     // no check of ours keeps the mappings alive
  party all{pair_of(box(nat_type::port_restricted, lifetime),
                    box(nat_type::address_restricted, lifetime), never)};
  all.form();
  REQUIRE(becomes_direct(all));
  std::this_thread::sleep_for(3 * lifetime);
  // The first packet after the silence, from the side that kept quiet, is answered.
  const auto said = all.lab().at("p2").run({"ping", "-c", "1", "-W", "2", all.virtual_ip("p1")});
  INFO(said.out);
  CHECK(said.ok());
  const auto view = all.status("p1", "p2");
  REQUIRE(view);
  CHECK(view->connected());
  CHECK(view->direct());
}
