#include "actors/drivers/port_mapper_driver.hpp"
#include "actors/supervisor/guardian.hpp"
#include "config/defaults.hpp"
#include "net/pcp.hpp"
#include "tests/net/os/own_network.hpp"
#include "tests/net/os/sockets.hpp"
#include "tests/support/fake_roles.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sched.h>

#include <atomic>
#include <mutex>
#include <thread>

using namespace lanrage;
using namespace lanrage::net::os::test;
using namespace std::chrono_literals;

namespace {

/// What the mapper said, from whichever thread.
struct news {
  std::atomic<int> attached = 0; ///< to the route watch
  std::atomic<int> granted = 0;  ///< ports, to nat
  std::atomic<int> deaths = 0;
  std::mutex mutex;
  msg::network_sink listener; ///< the last one that attached
};

msg::route_watch_actor::behavior_type route_watch(msg::route_watch_actor::pointer, news* heard) {
  return {[](const msg::get_host_addresses&) { return msg::host_addresses{}; },
          [heard](const msg::attach_network& wish) {
            const std::lock_guard lock{heard->mutex};
            heard->listener = wish.sink;
            ++heard->attached;
          }};
}

struct actor_settings : caf::actor_system_config {
  actor_settings() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
    set("logger.verbosity", caf::atom("quiet"));
  }
};

/// The mapper, guarded as in the daemon. It has a thread of its own, so time is real.
struct house {
  news heard;
  bool newborn_dies; ///< the first incarnation
  actor_settings config;
  caf::actor_system system{config};
  msg::roles roles;
  caf::actor guardian;

  explicit house(bool dies = false) : newborn_dies(dies) {
    roles.nat =
        system.spawn(test::fake::nat, test::fake::ports_ear{[this](const msg::ports_mapped& m) {
                       heard.granted += !m.ports.empty();
                     }});
    roles.route_watch = system.spawn(route_watch, &heard);
    actors::guardian_settings guard;
    guard.name = "port mapper";
    guard.make = [this](caf::actor_system& in, const caf::actor&) {
      const auto next = caf::actor_cast<caf::actor>(
          actors::spawn_port_mapper_driver(in, roles, 51820, net::wg_private_key{}));
      if (std::exchange(newborn_dies, false)) caf::anon_send_exit(next, caf::exit_reason::kill);
      return next;
    };
    guard.notify = [this](const actors::death_notice&) { ++heard.deaths; };
    guardian = actors::spawn_guardian(system, guard);
    actors::start_guardian(guardian);
  }
  ~house() {
    caf::anon_send_exit(guardian, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(roles.nat, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(roles.route_watch, caf::exit_reason::user_shutdown);
    heard.listener = msg::network_sink{};
  }
  /// The incarnation that lives.
  msg::network_sink mapper() {
    const std::lock_guard lock{heard.mutex};
    return heard.listener;
  }
  void kill() { caf::anon_send_exit(mapper(), caf::exit_reason::kill); }
  void change_network() { caf::anon_send(mapper(), msg::network_changed{}); }
};

template <class Condition>
bool comes(Condition holds) {
  const auto end = std::chrono::steady_clock::now() + 3 * patience;
  while (!holds() && std::chrono::steady_clock::now() < end)
    ::poll(nullptr, 0, 5);
  return holds();
}

/// A router that speaks PCP (RFC 6887) and nothing else, in the network at `path`.
class pcp_router {
 public:
  explicit pcp_router(const std::string& path) : thread_([this, path] { run(path); }) {}
  ~pcp_router() {
    end_ = true;
    thread_.join();
  }
  /// Those that were asked for, in seconds; 0: to be removed.
  std::vector<std::uint32_t> lifetimes() const {
    const std::lock_guard lock{mutex_};
    return lifetimes_;
  }

 private:
  void run(const std::string& path) {
    const net::os::descriptor there{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (::setns(there.get(), CLONE_NEWNET) != 0) return;
    const udp_socket socket{"192.0.2.1:" + std::to_string(net::pcp::server_port)};
    while (!end_) {
      const auto asked = socket.receive(20ms);
      if (!asked) continue;
      const auto from = net::to_string(asked->second);
      if (asked->first.size() < 60) { // NAT-PMP: not this version (RFC 6886 3.5)
        socket.send(from, net::bytes{0, 128, 0, 1, 0, 0, 0, 0});
        continue;
      }
      auto grant = asked->first;
      net::byte_reader lifetime{net::byte_view{grant}.subspan(4, 4)};
      {
        const std::lock_guard lock{mutex_};
        lifetimes_.push_back(lifetime.u32());
      }
      grant[1] = 0x81; // a response
      const net::bytes outside{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7};
      std::copy(outside.begin(), outside.end(), grant.begin() + 44);
      socket.send(from, grant);
    }
  }

  std::atomic<bool> end_ = false;
  mutable std::mutex mutex_;
  std::vector<std::uint32_t> lifetimes_;
  std::thread thread_;
};

} // namespace

TEST_CASE("the port mapper may die at any message: its port is given back, the next one asks") {
  in_own_network([] {
    const other_network outside;
    sh("ip link add in type veth peer name out netns " + outside.path());
    sh("ip addr add 192.0.2.2/24 dev in && ip link set in up");
    outside.sh("ip addr add 192.0.2.1/24 dev out && ip link set out up");
    sh("ip route add default via 192.0.2.1");
    const pcp_router router{outside.path()};
    const auto began = std::chrono::steady_clock::now();
    house h{true}; // instead of asking for the first time
    REQUIRE(comes([&] { return h.heard.granted == 1; }));
    // One way that nobody answers, here UPnP, is not waited for longer than all.
    CHECK(std::chrono::steady_clock::now() - began < 3 * config::defaults::port_mapping_timeout);
    h.change_network();
    REQUIRE(comes([&] { return h.heard.granted == 2; }));
    h.kill(); // after it asked because of that
    REQUIRE(comes([&] { return h.heard.granted == 3; }));
    const auto dying = h.mapper();
    h.kill(); // instead of hearing of another network
    caf::anon_send(dying, msg::network_changed{});
    REQUIRE(comes([&] { return h.heard.granted == 4; }));
    CHECK(h.heard.deaths == 3);
    CHECK(h.heard.attached == 4);
    const auto asked = static_cast<std::uint32_t>(config::defaults::port_mapping_lifetime.count());
    CHECK(router.lifetimes() == std::vector<std::uint32_t>{asked, asked, 0, asked, 0, asked});
  });
}
