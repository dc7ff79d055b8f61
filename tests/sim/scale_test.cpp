#include "sim/world.hpp"

#include <caf/send.hpp>

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;

namespace {

/// A party that meets at once; prints how long that took in both times.
void meet_all(std::uint32_t count, duration most, duration after) {
  spdlog::set_level(spdlog::level::off);
  const auto cpu = [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; };
  const auto begun = cpu();
  world w;
  w.add_relay("relay1");
  w.add_relay("relay2");
  std::vector<member_id> members;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto box = w.add_nat("nat" + std::to_string(i), port_restricted());
    members.push_back(w.add_member("m" + std::to_string(i), box));
    w.start(members.back());
  }
  const auto made = w.create_party(members[0], "friends");
  REQUIRE(made.has_value());
  for (std::uint32_t i = 1; i < count; ++i)
    caf::anon_send(w.roles(members[i]).directory, msg::party_join{made->invite});
  const auto started = cpu();
  const bool up = w.run_until([&] { return w.all_connected(); }, most, 500ms);
  const auto met = cpu();
  const auto when = w.now();
  const auto events = w.events();
  w.run_for(after);
  std::cout << count << " members: set-up " << started - begun << " s, all connected " << up
            << " at " << ticks(when) / 1'000'000 << " ms after " << met - started << " s and "
            << events << " events; then "
            << std::chrono::duration_cast<std::chrono::seconds>(after).count() << " s idle in "
            << cpu() - met << " s and " << w.events() - events << " events; log "
            << hash_text(w.log().hash()) << std::endl;
  CHECK(up);
}

} // namespace

TEST_CASE("twenty members who join at once all reach each other") {
  meet_all(20, 60s, 60s);
}

TEST_CASE("a large party meets", "[.bench]") {
  const auto* text = std::getenv("LANRAGE_SIM_MEMBERS");
  meet_all(text ? static_cast<std::uint32_t>(std::atoi(text)) : 200, 120s, 60s);
}
