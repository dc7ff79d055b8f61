#include "actors/drivers/wg_driver.hpp"
#include "actors/wg/wg_writer.hpp"
#include "messages/error.hpp"
#include "net/crypto.hpp"
#include "net/os/process.hpp"
#include "net/os/wg_link.hpp"
#include "net/os/wg_tool.hpp"
#include "net/wg/dump.hpp"
#include "tests/net/os/wg_sandbox.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>

using namespace lanrage;
using namespace lanrage::test;
using namespace std::chrono_literals;

namespace {

net::wg_private_key new_key() {
  return net::generate_x25519<net::wg_private_key>(net::os_random());
}

net::os::wg_interface_options options_for(const std::string& name, const net::wg_private_key& key,
                                          std::uint16_t port) {
  const std::filesystem::path file{"/run/" + name + ".key"};
  std::ofstream{file} << net::to_base64(key.reveal()) << "\n";
  std::filesystem::permissions(file, std::filesystem::perms{0600});
  return {name, net::public_key(key), file, port, 0, 1380};
}

template <class Answer, class Handle, class Question>
Answer ask(caf::scoped_actor& self, const Handle& whom, const Question& question,
           const std::string& what) {
  std::optional<Answer> out;
  self->request(whom, 20s, question)
      .receive([&](Answer& answer) { out = std::move(answer); },
               [&](caf::error& failed) {
                 throw std::runtime_error(what + ": " + to_string(msg::from_caf(failed)));
               });
  return *out;
}

} // namespace

TEST_CASE("driver and writer together keep a real WireGuard as desired, also after it died") {
  LANRAGE_IN_SANDBOX([] {
    caf::actor_system_config config;
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", std::size_t{2});
    config.set("logger.verbosity", caf::atom("quiet"));
    caf::actor_system system{config};
    const auto key = new_key();
    const auto options = options_for("wgt", key, 50001);
    msg::roles roles;
    roles.wg_device = actors::spawn_wg_driver(system, options);
    auto writer = actors::spawn_wireguard_writer(system, roles, {},
                                                 std::make_shared<actors::writer_memory>());
    const auto peer = net::public_key(new_key());
    const auto where = net::endpoint::parse("127.0.0.1:9");
    const auto moved = net::endpoint::parse("127.0.0.1:10");
    const auto address = *net::virtual_ip::parse("10.66.0.2");
    {
      caf::scoped_actor self{system};
      require(!net::os::link_exists("wgt"), "nothing is made before somebody wants it");
      const msg::interface_wanted wanted{true, *net::virtual_ip::parse("10.66.0.9")};
      ask<msg::done>(self, writer, wanted, "address");
      require(net::os::virtual_ips("wgt").size() == 1, "our address");
      ask<msg::peer_applied>(self, writer, msg::set_peer{{peer, address, where, false}}, "set");
      auto seen = net::os::wg_show("wgt");
      require(seen && seen->peers.size() == 1 && seen->peers[0].where == where, "wg shows it");
      const auto calls = net::os::wg_calls();
      require(
          ask<msg::assert_report>(self, writer, msg::assert_endpoint{peer, *moved, 10ms}, "assert")
              .landed,
          "landed");
      require(in_kernel("wgt") || net::os::wg_calls() == calls,
              "no process to move an endpoint over the socket");

      require(net::os::ip({"link", "del", "dev", "wgt"}).has_value(), "its link is taken away");
      require(eventually([&] {
                const auto now = net::os::wg_show("wgt");
                return now && now->peers.size() == 1 && now->peers[0].where == moved;
              }),
              "the writer makes it anew with its peer where it was last");
      ask<msg::peer_applied>(self, writer, msg::remove_peer{peer}, "remove");
      seen = net::os::wg_show("wgt");
      require(seen && seen->peers.empty(), "gone");

      ask<msg::peer_applied>(self, writer, msg::set_peer{{peer, address, where, false}}, "again");
      ask<msg::done>(self, writer, msg::interface_wanted{}, "in no party");
      require(!net::os::link_exists("wgt"), "the interface is gone");
      ask<msg::done>(self, writer, wanted, "joined again");
      require(net::os::virtual_ips("wgt").size() == 1, "our address again");
    }
    caf::anon_send_exit(writer, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(roles.wg_device, caf::exit_reason::user_shutdown);
    require(net::os::link_exists("wgt"), "actors that end leave the interface");
  });
}

TEST_CASE("the driver's failures come back as the codes they are") {
  LANRAGE_IN_SANDBOX([] {
    caf::actor_system_config config;
    config.set("logger.verbosity", caf::atom("quiet"));
    caf::actor_system system{config};
    const auto options = options_for("wgt", new_key(), 50001);
    auto driver = actors::spawn_wg_driver(system, options);
    {
      caf::scoped_actor self{system};
      const auto failing = [&](const auto& question, auto answer) {
        std::optional<net::errc> code;
        self->request(driver, 20s, question)
            .receive([](const decltype(answer)&) {},
                     [&](caf::error& failed) { code = msg::from_caf(failed).code; });
        return code;
      };
      require(failing(msg::observe_device{}, msg::device_state{}) == net::errc::wg_unavailable,
              "nothing to observe yet");
      require(failing(msg::apply_changes{{{}}}, msg::done{}) == net::errc::wg_unavailable,
              "nothing to change yet");
      std::filesystem::permissions(options.key_file, std::filesystem::perms{0644});
      require(failing(msg::ensure_device{}, msg::device_state{}) == net::errc::bad_config,
              "a readable key file");
    }
    caf::anon_send_exit(driver, caf::exit_reason::user_shutdown);
  });
}
