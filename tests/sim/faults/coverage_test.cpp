#include "sim/faults/coverage.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace lanrage::sim::faults;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t apart = states - 1;
constexpr auto connected = static_cast<std::size_t>(msg::phase::connected);
constexpr auto failed = static_cast<std::size_t>(msg::phase::failed);

plan two_faults() {
  plan out;
  out.faults.push_back(make_fault(*find_kind("loss"), {"all"}, 1s, 2s));
  out.faults.push_back(make_fault(*find_kind("suspend"), {"a"}, 1s, 2s));
  return out;
}

} // namespace

TEST_CASE("what fires is counted with the states of the pairs it touches") {
  coverage seen{two_faults(), 3};
  seen.fired(0, {}, time_point{1s});
  seen.heard(0, 1, msg::phase::connected);
  seen.heard(2, 0, msg::phase::failed);
  seen.fired(0, {}, time_point{2s});
  seen.fired(0, {}, time_point{2s}); // the same moment
  seen.fired(1, {1}, time_point{2s});
  const auto got = seen.result();
  REQUIRE(got.size() == 2);
  CHECK(got[0].kind == 2);
  CHECK(got[0].fired == 3);
  CHECK(got[0].in[apart] == 2);
  CHECK(got[0].in[connected] == 1);
  CHECK(got[0].in[failed] == 1);
  CHECK(got[1].kind == 58);
  CHECK(got[1].in[connected] == 0); // member 1 itself has said nothing yet
  CHECK(got[1].in[apart] == 1);
}

TEST_CASE("a daemon that ended has no connections") {
  coverage seen{two_faults(), 2};
  seen.heard(0, 1, msg::phase::connected);
  seen.forget(0);
  seen.fired(1, {0}, time_point{1s});
  CHECK(seen.result()[1].in[connected] == 0);
  CHECK(seen.result()[1].in[apart] == 1);
}

TEST_CASE("a fault that is only planned has not fired") {
  const coverage seen{two_faults(), 2};
  CHECK(seen.result()[0].planned == 1);
  CHECK(seen.result()[0].fired == 0);
  const auto never = never_fired(seen.result());
  CHECK(never.size() == kinds().size());
  auto fired = seen.result();
  fired[1].fired = 1;
  CHECK(never_fired(fired).size() == kinds().size() - 1);
}

TEST_CASE("runs add up, and the matrix marks what is empty") {
  std::vector<seen_kind> sum;
  seen_kind loss;
  loss.kind = 2;
  loss.planned = 1;
  loss.fired = 12'345;
  loss.in[connected] = 7;
  seen_kind suspend;
  suspend.kind = 58;
  suspend.planned = 2;
  add_to(sum, {suspend});
  add_to(sum, {loss});
  add_to(sum, {loss, suspend});
  REQUIRE(sum.size() == 2);
  CHECK(sum[0].fired == 24'690);
  CHECK(sum[1].planned == 4);
  const auto text = matrix_text(sum);
  const auto line_of = [&](const std::string& start) {
    const auto at = text.find(start);
    REQUIRE(at != std::string::npos);
    return text.substr(at, text.find('\n', at) - at);
  };
  CHECK(line_of("F2 loss").find("24k") != std::string::npos);
  CHECK(line_of("F2 loss").find(" 14") != std::string::npos);
  CHECK(line_of("F58 suspend").find("NEVER") != std::string::npos);
  CHECK(line_of("1 of ").find("kinds of faults fired") != std::string::npos);
  CHECK(line_of("never fired:").find("F58 suspend") != std::string::npos);
  CHECK(line_of("never fired:").find("F2 loss") == std::string::npos);
}
