#include "tests/support/two_cores.hpp"

#include <catch2/catch.hpp>

#include <iostream>
#include <set>

using namespace lanrage;
using namespace lanrage::test;

namespace {

/// What may become of one check, telling or answer between the two ends.
enum class fate : std::uint8_t { delivered, lost, late };
constexpr std::size_t fates = 3;
constexpr std::size_t scope = 7; ///< so many of them are decided in every way
constexpr auto late_by = 150ms;  ///< behind what is sent after it

/// A pair on relay1 under traffic when it dies, while relay2 lives.
struct failover {
  two_cores world;
  std::size_t decided = 0;

  explicit failover(const std::array<fate, scope>& what) {
    world.can_punch = false;
    world.start();
    world.run_until([&] { return world.both(msg::strategy::relay); }, 2s);
    world.carry_traffic();
    world.run_for(5s);
    world.fate = [this, what]() -> std::optional<nanos> {
      const auto one = decided < scope ? what[decided] : fate::delivered;
      ++decided;
      if (one == fate::lost) return std::nullopt;
      return one == fate::late ? nanos{late_by} : nanos{0};
    };
  }
  bool alive(std::size_t who) const {
    const auto& where = world.sides[who].where;
    return where && world.relays.count(*where) != 0;
  }
};

} // namespace

// The product of both ends and every fate of the first messages between them, to the end.
TEST_CASE("whatever is lost or late, both ends leave a dead path for the one that lives") {
  std::size_t runs = 0;
  nanos worst{};
  std::set<std::string> ends;
  std::array<fate, scope> what{};
  std::size_t all = 1;
  for (std::size_t i = 0; i < scope; ++i)
    all *= fates;
  for (std::size_t number = 0; number < all; ++number) {
    auto rest = number;
    for (auto& each : what) {
      each = static_cast<fate>(rest % fates);
      rest /= fates;
    }
    failover f{what};
    f.world.relays.erase(relay1_at);
    const auto took = f.world.run_until([&] { return f.alive(0) && f.alive(1); }, 10s);
    INFO("fates " << number);
    REQUIRE(took);
    worst = std::max(worst, *took);
    f.world.run_for(1s);
    REQUIRE(f.alive(0));
    REQUIRE(f.alive(1));
    REQUIRE(f.world.both(msg::strategy::relay));
    REQUIRE(f.world.sides[0].where == f.world.sides[1].where);
    REQUIRE(f.world.handshakes == 1);
    const auto seen = f.world.sides[0].core.explain(f.world.clock().at);
    ends.insert(seen.view.relay.value_or("-") + std::to_string(seen.view.counters.path_changes) +
                ' ' + std::to_string(seen.view.counters.lost) + ' ' +
                std::to_string(took->count() / 1'000'000));
    ++runs;
  }
  CHECK(worst < 2s);
  std::cout << "path fates: " << runs << " runs, " << ends.size() << " different ends, the slowest "
            << worst.count() / 1'000'000 << " ms after the path died\n";
}
