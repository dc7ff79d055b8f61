#pragma once

#include "actors/nat/gather.hpp"
#include "sim/world/nat_box.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

/// A gather behind a simulated box, and STUN servers with second addresses.
namespace lanrage::actors::test {

inline const net::endpoint host = at("192.168.1.5:51820");
inline const auto outer = net::ip_address::v4(0xC6336401); // 198.51.100.1

/// A STUN server with RFC 5780's four places.
struct stun_server {
  net::endpoint main, other;
  bool has_other = true;
  int says_more = 0;          ///< added to the port that it saw
  bool hides = false;         ///< answers from its own address and port only
  bool answers_there = false; ///< whatever port is asked for, only to where the request came from
};

/// A gather behind a box, with servers that answer at once.
struct survey_bench {
  explicit survey_bench(
      sim::nat_settings how,
      std::vector<stun_server> servers = {{at("203.0.113.3:51820"), at("203.0.113.13:51821")},
                                          {at("203.0.113.4:51820"), at("203.0.113.14:51821")}})
      : box{how, outer, sim::stream{7, "nat"}}, all{std::move(servers)} {}

  void start() {
    std::vector<net::endpoint> list;
    for (const auto& each : all)
      list.push_back(each.main);
    core.hosts({host.address}, now, out);
    core.servers(list, now, out);
    run(6s);
  }
  /// Everything that happens within the span.
  void run(std::chrono::nanoseconds span) {
    const auto until = now + span;
    carry();
    while (core.deadline() && *core.deadline() <= until) {
      now = *core.deadline();
      core.tick(now, out);
      carry();
    }
    now = until;
  }
  msg::own_paths paths() const { return core.paths(); }

  sim::nat_box box;
  std::vector<stun_server> all;
  gather core{51820, seeded(1)};
  nat_effects out;
  time_point now = dawn;
  std::set<net::endpoint> asked; ///< where anything was ever sent
  std::size_t sent = 0;

 private:
  void carry() {
    while (!out.frames.empty())
      for (const auto& frame : std::exchange(out.frames, {})) {
        ++sent;
        asked.insert(frame.to);
        net::endpoint from{host.address, frame.from_port == 0 ? host.port : frame.from_port};
        const auto request = net::stun::parse_request(*frame.data);
        REQUIRE(request);
        auto to = frame.to;
        if (box.outward(from, to, now) != sim::drop_cause::none) continue;
        if (to.address == outer)
          turn_around(from, to, request->id);
        else
          answer(from, to, *request);
      }
  }
  void turn_around(net::endpoint from, net::endpoint to, const net::stun::transaction_id& id) {
    if (!box.settings().hairpin || box.inward(from, to, now) != sim::drop_cause::none) return;
    core.receive_request(id, now, out);
  }
  void answer(const net::endpoint& from, const net::endpoint& to,
              const net::stun::request& request) {
    for (const auto& each : all) {
      const auto address = to.address == each.main.address || to.address == each.other.address;
      if (!address) continue;
      auto at = to;
      const auto flip = [](auto& what, const auto& a, const auto& b) { what = what == a ? b : a; };
      if ((!each.has_other || each.hides) && request.wanted.change_port) return;
      if (request.wanted.change_address) flip(at.address, each.main.address, each.other.address);
      if (request.wanted.change_port) flip(at.port, each.main.port, each.other.port);
      net::endpoint back = from;
      if (request.wanted.response_port != 0 && !each.answers_there)
        back.port = request.wanted.response_port;
      if (box.inward(at, back, now) != sim::drop_cause::none) return;
      const auto other = each.has_other ? std::optional{each.other} : std::nullopt;
      const std::uint16_t port = back.port == host.port ? std::uint16_t{0} : back.port;
      auto seen = from;
      seen.port = static_cast<std::uint16_t>(seen.port + each.says_more);
      core.receive(at, port, {request.id, seen, other}, now, out);
      return;
    }
  }
};

/// Some servers with a second address each.
inline std::vector<stun_server> stun_servers(int count) {
  std::vector<stun_server> out;
  for (int i = 0; i < count; ++i) {
    const auto number = std::to_string(3 + i);
    out.push_back({at("203.0.113." + number + ":51820"), at("203.0.113.1" + number + ":51821")});
  }
  return out;
}

} // namespace lanrage::actors::test
