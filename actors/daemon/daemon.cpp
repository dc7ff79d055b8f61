#include "actors/daemon/daemon.hpp"

#include "actors/daemon/local_api_actor.hpp"
#include "actors/daemon/local_server.hpp"
#include "actors/daemon/service.hpp"
#include "actors/drivers/control_link_driver.hpp"
#include "actors/drivers/lan_driver.hpp"
#include "actors/drivers/port_driver.hpp"
#include "actors/drivers/port_mapper_driver.hpp"
#include "actors/drivers/prober_driver.hpp"
#include "actors/drivers/route_watch_driver.hpp"
#include "actors/drivers/store_driver.hpp"
#include "actors/drivers/wg_driver.hpp"
#include "actors/wiring.hpp"
#include "config/lan_defaults.hpp"
#include "net/lan_frame.hpp"
#include "net/os/files.hpp"
#include "net/os/io_thread.hpp"
#include "net/os/log.hpp"

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

net::result<std::map<std::string, std::string>>
load_documents(const std::filesystem::path& folder) {
  std::map<std::string, std::string> out;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator{folder, failed}) {
    if (entry.path().extension() != ".json") continue;
    auto text = net::os::read_file(entry.path(), document_octets_max);
    if (!text) return text.error();
    if (*text) out.emplace(entry.path().filename().string(), std::move(**text));
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

net::os::lan_socket_options lan_options(const config::daemon_settings& settings) {
  net::os::lan_socket_options out;
  out.port = config::defaults::lan_port;
  out.group_v4 = *net::ip_address::parse(net::lan_group_v4);
  out.group_v6 = *net::ip_address::parse(net::lan_group_v6);
  out.tunnel = settings.interface;
  out.avoid = settings.lan.avoid;
  return out;
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
  port.spare = {config::defaults::spare_port_first, config::defaults::spare_ports};

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
  if (settings.lan.enabled)
    out.lan = [&system, &io, lan = lan_options(settings),
               memory = std::make_shared<lan_memory>()](const msg::roles& roles) {
      return spawn_lan_driver(system, roles, io, lan, memory);
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

/// What the daemon owes whoever runs it, on the io thread: it ends on SIGTERM and SIGINT, reloads
/// on SIGHUP, and tells systemd that the io thread still turns. Keeps itself alive until `stop`.
class attendant : public std::enable_shared_from_this<attendant> {
 public:
  attendant(asio::io_context& io, std::shared_ptr<ending> end, config::daemon_settings running,
            settings_source read_again)
      : io_(io), end_(std::move(end)), running_(std::move(running)),
        read_again_(std::move(read_again)), every_(watchdog_interval()) {}

  void start() {
    wait_for_end();
    wait_for_hangup();
    if (every_) live();
  }
  void stop() {
    asio::post(io_, [self = shared_from_this()] {
      self->endings_.cancel();
      self->hangups_.cancel();
      self->timer_.cancel();
    });
  }

 private:
  void wait_for_end() {
    endings_.async_wait([self = shared_from_this()](boost::system::error_code failed, int number) {
      if (failed) return;
      spdlog::info("daemon: signal {}, stopping; WireGuard stays as it is", number);
      self->end_->resolve(std::nullopt);
    });
  }
  void wait_for_hangup() {
    hangups_.async_wait([self = shared_from_this()](boost::system::error_code failed, int) {
      if (failed) return;
      notify_reloading();
      reload_settings(self->running_, self->read_again_);
      notify_service_manager("READY=1");
      self->wait_for_hangup();
    });
  }
  void live() {
    notify_service_manager("WATCHDOG=1");
    timer_.expires_after(*every_);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code failed) {
      if (!failed) self->live();
    });
  }

  asio::io_context& io_;
  const std::shared_ptr<ending> end_;
  config::daemon_settings running_;
  const settings_source read_again_;
  asio::signal_set endings_{io_, SIGTERM, SIGINT};
  asio::signal_set hangups_{io_, SIGHUP};
  asio::steady_timer timer_{io_};
  const std::optional<std::chrono::milliseconds> every_;
};

/// Everything between a running io thread and its end.
net::result<void> serve(const config::daemon_settings& settings, const settings_source& read_again,
                        const net::wg_private_key& key, const std::filesystem::path& key_file,
                        std::map<std::string, std::string> documents, net::os::io_thread& io) {
  auto opened = local_server::open(io.context(), settings.socket, settings.socket_group);
  if (!opened) return opened.error();
  const std::shared_ptr<local_server> socket{std::move(*opened)};
  if (const auto dropped = drop_capabilities(); !dropped)
    spdlog::warn("daemon: capabilities are kept: {}", net::to_string(dropped.error()));

  const auto end = std::make_shared<ending>();
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
  std::vector<extra_role> extras{{"local api", [&system, api, socket](const msg::roles& roles) {
                                    return caf::actor_cast<caf::actor>(
                                        spawn_local_api(system, roles, api, socket));
                                  }}};
  if (settings.port_mapping)
    extras.push_back({"port mapper", [&system, settings, key](const msg::roles& roles) {
                        return caf::actor_cast<caf::actor>(
                            spawn_port_mapper_driver(system, roles, settings.listen_port, key));
                      }});
  auto started =
      start_mesh(system, wanted, real_drivers(system, io.context(), settings, key, key_file),
                 std::move(extras), [end](const std::string& role, const std::string& cause) {
                   end->resolve(net::fail(net::errc::internal, role + ": " + cause));
                 });
  if (!started) return started.error();

  const auto attending = std::make_shared<attendant>(io.context(), end, settings, read_again);
  attending->start();
  notify_service_manager("READY=1");
  const auto why = end->wait();
  notify_service_manager("STOPPING=1");
  attending->stop();

  socket->attach({});
  caf::anon_send_exit(started->root, caf::exit_reason::user_shutdown);
  *started = {};
  system.await_all_actors_done();
  if (why) return *why;
  return {};
}

} // namespace

net::result<void> run_daemon(const config::daemon_settings& settings,
                             const settings_source& read_again) {
  net::os::log_to_stderr(settings.log);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN); // until there is something to reload
  const auto claimed = net::os::claim(settings.state_dir, "daemon.lock");
  if (!claimed) return claimed.error();
  const auto key_file = settings.state_dir / "wireguard.key";
  const auto key = net::os::load_or_make_key(
      key_file, net::generate_x25519<net::wg_private_key>(net::os_random()));
  if (!key) return key.error();
  auto documents = load_documents(settings.state_dir);
  if (!documents) return documents.error();

  // Outlives the actor system: its sockets are closed by their drivers first.
  net::os::io_thread io{
      [](const std::exception& defect) { spdlog::error("io thread: {}", defect.what()); }};
  const auto ended = serve(settings, read_again, *key, key_file, std::move(*documents), io);
  io.stop();
  return ended;
}

} // namespace lanrage::actors
