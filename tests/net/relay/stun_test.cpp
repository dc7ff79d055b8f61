// RFC 5780 at the relay: answers from its other addresses, and coturn's own clients against it.

#include "net/os/files.hpp"
#include "net/os/process.hpp"
#include "net/relay/server.hpp"
#include "net/stun.hpp"
#include "tests/net/relay/world.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <thread>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::relay;
using relay::test::at;
using relay::test::small_limits;
using namespace std::chrono_literals;

namespace {

const auto client = at("203.0.113.7:4242");

stun_places places() {
  stun_places out;
  out.all = {{{1, at("198.51.100.1:51820")},
              {2, at("198.51.100.1:51821")},
              {3, at("198.51.100.2:51820")},
              {4, at("198.51.100.2:51821")}}};
  return out;
}

stun::wishes wish(bool address, bool port, std::uint16_t to = 0) {
  return {address, port, to};
}

struct bench {
  bench() : w{small_limits()} { w.core.use_stun_places(places()); }
  verdict ask(const stun::wishes& wanted, std::uint32_t via = 1) {
    moment += 100ms;
    request = stun::binding_request({9}, wanted);
    return w.core.receive(request, {client, via}, {steady_time{} + moment, unix_time{} + moment});
  }
  relay::test::world w;
  bytes request;
  std::chrono::milliseconds moment{};
};

} // namespace

TEST_CASE("a relay with a second address answers from where it is asked to") {
  bench b;
  const auto all = places().all;
  for (std::uint32_t via = 1; via <= 4; ++via)
    for (const bool address : {false, true})
      for (const bool port : {false, true}) {
        CAPTURE(via, address, port);
        const auto said = b.ask(wish(address, port), via);
        REQUIRE(said.what == verdict::action::answer);
        const auto from = (via - 1) ^ (address ? 2u : 0u) ^ (port ? 1u : 0u);
        CHECK(said.via == from + 1);
        CHECK(said.to == client);
        const auto read = stun::parse_response(said.payload);
        REQUIRE(read);
        CHECK(read->mapped == client);
        CHECK(read->other == all[(via - 1) ^ 3].at);
      }
}

TEST_CASE("an answer to another port goes to the same address, and no other") {
  bench b;
  const auto said = b.ask(wish(true, true, 999));
  REQUIRE(said.what == verdict::action::answer);
  CHECK(said.to == endpoint{client.address, 999});
  CHECK(said.via == 4);
  CHECK(stun::parse_response(said.payload)->mapped == client);
  CHECK(said.payload.size() <= 2 * b.request.size());
}

TEST_CASE("a relay that cannot answer from elsewhere does not pretend to") {
  relay::test::world plain;
  const auto ask = [](relay_core& core, const stun::wishes& wanted, std::uint32_t via) {
    const auto request = stun::binding_request({9}, wanted);
    return core.receive(request, {client, via}, {steady_time{} + 1s, unix_time{} + 1s}).what;
  };
  CHECK(ask(plain.core, wish(true, false), 1) == verdict::action::drop);
  CHECK(ask(plain.core, wish(false, true), 1) == verdict::action::drop);
  // One address with two ports: it can change the port only.
  relay::test::world narrow;
  auto one = places();
  one.all[2] = one.all[0];
  one.all[3] = one.all[1];
  narrow.core.use_stun_places(one);
  CHECK(ask(narrow.core, wish(false, true), 1) == verdict::action::answer);
  CHECK(ask(narrow.core, wish(true, false), 1) == verdict::action::drop);
  CHECK(ask(narrow.core, wish(true, true), 1) == verdict::action::drop);
  // And a socket of the other family has no tests at all.
  CHECK(ask(narrow.core, wish(false, true), 7) == verdict::action::drop);
  CHECK(ask(narrow.core, wish(false, false), 7) == verdict::action::answer);
}

namespace {

std::string run(std::vector<std::string> argv) {
  os::process_options options;
  options.deadline = 60s;
  const auto said = os::run_process(argv, options);
  REQUIRE(said.has_value());
  return said->out + said->err;
}

bool missing(const char* program) {
  if (os::run_process({program, "-h"}).has_value()) return false;
  std::cout << "\nSKIPPED: " << program << " is not installed (package coturn)" << std::endl;
  return true;
}

/// A relay on two loopback addresses.
struct running {
  running() {
    std::string pattern = (std::filesystem::temp_directory_path() / "relay-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    config::relay_settings s;
    s.state_dir = folder;
    s.listen = {at("127.0.0.1:47820")};
    s.stun_alternate = at("127.0.0.2:47821");
    relay = server::open(s, public_key(generate_secret<token_private_key>(os_random()))).value();
    thread = std::thread{[this] { relay->run(); }};
  }
  ~running() {
    relay->stop();
    thread.join();
    relay.reset(); // it saves its state until then
    std::filesystem::remove_all(folder);
  }
  std::filesystem::path folder;
  std::unique_ptr<server> relay;
  std::thread thread;
};

} // namespace

TEST_CASE("coturn's clients work against the relay") {
  if (missing("turnutils_stunclient") || missing("turnutils_natdiscovery")) return;
  const running r;
  const auto plain = run({"turnutils_stunclient", "-p", "47820", "127.0.0.1"});
  INFO(plain);
  CHECK_THAT(plain, Catch::Contains("UDP reflexive addr: 127.0.0.1:"));
  const auto mapping = run({"turnutils_natdiscovery", "-m", "-p", "47820", "127.0.0.1"});
  INFO(mapping);
  CHECK_THAT(mapping,
             Catch::Contains("Endpoint Independent Mapping") || Catch::Contains("NAT Absent"));
  const auto filtering = run({"turnutils_natdiscovery", "-f", "-p", "47820", "127.0.0.1"});
  INFO(filtering);
  CHECK_THAT(filtering, Catch::Contains("Endpoint Independent Filtering"));
}
