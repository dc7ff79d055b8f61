#include "actors/daemon/daemon.hpp"

#include "actors/daemon/identity.hpp"
#include "actors/daemon/local_api_actor.hpp"
#include "actors/daemon/local_server.hpp"
#include "actors/daemon/service.hpp"
#include "actors/drivers/control_link_driver.hpp"
#include "actors/drivers/port_driver.hpp"
#include "actors/drivers/prober_driver.hpp"
#include "actors/drivers/route_watch_driver.hpp"
#include "actors/drivers/store_driver.hpp"
#include "actors/drivers/wg_driver.hpp"
#include "actors/wiring.hpp"
#include "net/os/io_thread.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/send.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <future>
#include <mutex>

namespace lanrage::actors {

namespace asio = boost::asio;

namespace {

constexpr std::size_t document_octets_max = 64 * 1024 * 1024;
/// The daemon's rates are tiny; idle wake-ups are what counts on a laptop.
constexpr std::size_t worker_threads = 2;
/// Messages an actor may handle before it lets others run.
constexpr std::size_t messages_per_turn = 100;

msg::unix_ms now_unix() {
  return std::chrono::duration_cast<msg::unix_ms>(
      std::chrono::system_clock::now().time_since_epoch());
}

struct actor_settings : caf::actor_system_config {
  actor_settings() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", worker_threads);
    set("scheduler.max-throughput", messages_per_turn);
    set("logger.verbosity", caf::atom("quiet"));
  }
};

int give_up(const net::error& why) {
  spdlog::critical("daemon: {}", net::to_string(why));
  std::fprintf(stderr, "lanrage daemon: %s\n", net::to_string(why).c_str());
  return 1;
}

void set_log_level(config::log_level level) {
  using spdlog::level::level_enum;
  static constexpr level_enum levels[] = {spdlog::level::trace, spdlog::level::debug,
                                          spdlog::level::info, spdlog::level::warn,
                                          spdlog::level::err};
  spdlog::set_level(levels[static_cast<std::size_t>(level)]);
  spdlog::flush_on(spdlog::level::info);
}

net::result<std::map<std::string, std::string>>
load_documents(const std::filesystem::path& folder) {
  std::map<std::string, std::string> out;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator{folder, failed}) {
    if (entry.path().extension() != ".json") continue;
    auto text = read_file(entry.path(), document_octets_max);
    if (!text) return text.error();
    out.emplace(entry.path().filename().string(), std::move(*text));
  }
  if (failed) return net::fail(net::errc::bad_state, folder.string() + ": " + failed.message());
  return out;
}

std::uint64_t draw_seed(const net::random_source& random) {
  std::array<std::uint8_t, 8> raw{};
  random(raw);
  net::byte_reader in{raw};
  return in.u64();
}

driver_factories real_drivers(caf::actor_system& system, asio::io_context& io,
                              const config::daemon_settings& settings,
                              const net::wg_private_key& key,
                              const std::filesystem::path& key_file) {
  driver_factories out;
  net::os::wg_interface_options device;
  device.name = settings.interface;
  device.own = net::public_key(key);
  device.key_file = key_file;
  device.listen_port = settings.listen_port;
  device.fwmark = settings.fwmark;
  device.mtu = settings.mtu;
  net::os::raw_port_options port;
  port.port = settings.listen_port;
  port.mark = settings.fwmark;
  port.tunnel = settings.interface;

  out.port = [&system, &io, port,
              memory = std::make_shared<port_memory>()](const msg::roles& roles) {
    return spawn_port_driver(system, roles, io, port, memory);
  };
  out.prober = [&system, &io, name = settings.interface](const msg::roles&) {
    return spawn_prober_driver(system, io, name);
  };
  out.route_watch = [&system, &io, name = settings.interface,
                     memory = std::make_shared<route_watch_memory>()](const msg::roles&) {
    return spawn_route_watch_driver(system, io, name, memory);
  };
  out.wg_device = [&system, device](const msg::roles&) { return spawn_wg_driver(system, device); };
  out.control_link = [&system, &io, key,
                      started = std::make_shared<bool>(false)](const msg::roles& roles) {
    return spawn_control_link_driver(system, roles, io, key, std::exchange(*started, true));
  };
  out.store = [&system, folder = settings.state_dir](const msg::roles&) {
    return spawn_store_driver(system, folder);
  };
  return out;
}

/// Resolved once: by a signal (no error) or by the root's end (its error).
class ending {
 public:
  void resolve(std::optional<net::error> why) {
    std::call_once(once_, [&] { promise_.set_value(std::move(why)); });
  }
  std::optional<net::error> wait() { return promise_.get_future().get(); }

 private:
  std::once_flag once_;
  std::promise<std::optional<net::error>> promise_;
};

/// Tells systemd that the io thread still turns.
class watchdog {
 public:
  explicit watchdog(asio::io_context& io) : timer_(io), every_(watchdog_interval()) {
    if (every_) tick();
  }

 private:
  void tick() {
    notify_service_manager("WATCHDOG=1");
    timer_.expires_after(*every_);
    timer_.async_wait([this](boost::system::error_code failed) {
      if (!failed) tick();
    });
  }

  asio::steady_timer timer_;
  std::optional<std::chrono::milliseconds> every_;
};

/// Everything between a running io thread and its end.
int serve(const config::daemon_settings& settings, const net::wg_private_key& key,
          const std::filesystem::path& key_file, std::map<std::string, std::string> documents,
          net::os::io_thread& io) {
  auto opened = local_server::open(io.context(), settings.socket, settings.socket_group);
  if (!opened) return give_up(opened.error());
  const std::shared_ptr<local_server> socket{std::move(*opened)};
  if (const auto dropped = drop_capabilities(); !dropped)
    spdlog::warn("daemon: capabilities are kept: {}", net::to_string(dropped.error()));

  ending end;
  actor_settings actor_config;
  caf::actor_system system{actor_config};
  system.await_actors_before_shutdown(true);

  mesh_settings wanted;
  wanted.daemon = settings;
  wanted.key = key;
  wanted.random = net::os_random();
  wanted.seed = settings.seed ? *settings.seed : draw_seed(wanted.random);
  wanted.wall = now_unix;
  wanted.documents = std::move(documents);
  spdlog::info("daemon: {} as {}, seed {}", LANRAGE_VERSION, settings.name.str(), wanted.seed);
  const local_api_settings api{{settings.interface, settings.listen_port, now_unix()}, now_unix};
  auto started = start_mesh(
      system, wanted, real_drivers(system, io.context(), settings, key, key_file),
      {{"local api",
        [&system, api, socket](const msg::roles& roles) {
          return caf::actor_cast<caf::actor>(spawn_local_api(system, roles, api, socket));
        }}},
      [&end](const std::string& role, const std::string& cause) {
        end.resolve(net::fail(net::errc::internal, role + ": " + cause));
      });
  if (!started) return give_up(started.error());

  asio::signal_set signals{io.context(), SIGTERM, SIGINT};
  signals.async_wait([&end](boost::system::error_code failed, int number) {
    if (failed) return;
    spdlog::info("daemon: signal {}, stopping; WireGuard stays as it is", number);
    end.resolve(std::nullopt);
  });
  watchdog alive{io.context()};
  notify_service_manager("READY=1");
  const auto why = end.wait();
  notify_service_manager("STOPPING=1");

  socket->attach({});
  caf::anon_send_exit(started->root, caf::exit_reason::user_shutdown);
  *started = {};
  system.await_all_actors_done();
  return why ? give_up(*why) : 0;
}

} // namespace

int run_daemon(const config::daemon_settings& settings) {
  set_log_level(settings.log);
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto ready = prepare_folder(settings.state_dir); !ready) return give_up(ready.error());
  const auto key_file = settings.state_dir / "wireguard.key";
  const auto key = load_or_make_key(key_file, net::os_random());
  if (!key) return give_up(key.error());
  auto documents = load_documents(settings.state_dir);
  if (!documents) return give_up(documents.error());

  // Outlives the actor system: its sockets are closed by their drivers first.
  net::os::io_thread io{[](const std::exception& defect) {
    spdlog::error("io thread: {}", defect.what());
  }};
  const int code = serve(settings, *key, key_file, std::move(*documents), io);
  io.stop();
  return code;
}

} // namespace lanrage::actors
