#include "actors/daemon/daemon.hpp"

#include "actors/daemon/local_api_actor.hpp"
#include "actors/daemon/local_server.hpp"
#include "actors/daemon/service.hpp"
#include "actors/directory/directory_document.hpp"
#include "actors/drivers/control_link_driver.hpp"
#include "actors/drivers/lan_driver.hpp"
#include "actors/drivers/port_driver.hpp"
#include "actors/drivers/port_mapper_driver.hpp"
#include "actors/drivers/prober_driver.hpp"
#include "actors/drivers/relay_streams_driver.hpp"
#include "actors/drivers/route_watch_driver.hpp"
#include "actors/drivers/store_driver.hpp"
#include "actors/drivers/wg_driver.hpp"
#include "actors/wiring.hpp"
#include "config/lan_defaults.hpp"
#include "net/lan_frame.hpp"
#include "net/os/files.hpp"
#include "net/os/io_thread.hpp"
#include "net/os/log.hpp"
#include "net/os/port_rewrites.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/send.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include <malloc.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

namespace lanrage::actors {

namespace asio = boost::asio;

namespace {

constexpr std::size_t document_octets_max = 64 * 1024 * 1024;
/// The daemon's rates are tiny; idle wake-ups are what counts on a laptop.
constexpr std::size_t worker_threads = 2;
/// From the last answer to the end of who gave it.
constexpr std::chrono::milliseconds farewell{20};
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
                              const std::optional<net::wg_public_key>& former,
                              const std::filesystem::path& key_file) {
  driver_factories out;
  net::os::wg_interface_options device;
  device.name = settings.interface;
  device.own = net::public_key(key);
  device.key_file = key_file;
  device.listen_port = settings.listen_port;
  device.fwmark = settings.fwmark;
  device.mtu = settings.mtu;
  device.former = former;
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
  out.streams = [&system, &io, port = settings.listen_port, mark = settings.fwmark,
                 started = std::make_shared<bool>(false)](const msg::roles& roles) {
    return spawn_relay_streams_driver(system, roles, io, port, mark, std::exchange(*started, true));
  };
  out.store = [&system, folder = settings.state_dir](const msg::roles&) {
    return spawn_store_driver(system, folder);
  };
  return out;
}

/// Why the actors ended: a signal (nothing), the root's end (its error), or another key to go on
/// with.
using end_reason = std::variant<std::monostate, net::error, net::wg_private_key>;

/// The first reason counts, until it is taken.
class ending {
 public:
  void resolve(end_reason why) {
    const std::lock_guard lock{mutex_};
    if (!why_) why_ = std::move(why);
    resolved_.notify_one();
  }
  end_reason wait() {
    std::unique_lock lock{mutex_};
    resolved_.wait(lock, [this] { return why_.has_value(); });
    return *std::exchange(why_, std::nullopt);
  }
  /// What ended actors said last is not about those that follow; a signal is.
  void forget_actors() {
    const std::lock_guard lock{mutex_};
    if (why_ && !std::holds_alternative<std::monostate>(*why_)) why_.reset();
  }

 private:
  std::mutex mutex_;
  std::condition_variable resolved_;
  std::optional<end_reason> why_;
};

/// The user who asked for a new key hears that it is there before all ends.
void resolve_with_key(asio::io_context& io, const std::shared_ptr<ending>& end,
                      const net::wg_private_key& next) {
  asio::post(io, [&io, end, next] {
    auto timer = std::make_shared<asio::steady_timer>(io, farewell);
    timer->async_wait([timer, end, next](boost::system::error_code) { end->resolve(next); });
  });
}

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
      self->end_->resolve({});
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

/// What stays the same when the actors begin anew.
struct surroundings {
  const config::daemon_settings& settings;
  const std::filesystem::path& key_file;
  net::os::io_thread& io;
  const std::shared_ptr<local_server>& socket;
  const std::shared_ptr<ending>& end;
};

/// The actors, from their start to their end.
end_reason run_actors(const surroundings& in, const net::wg_private_key& key,
                      std::map<std::string, std::string> documents) {
  const auto& settings = in.settings;
  const auto& socket = in.socket;
  const auto& end = in.end;
  auto& io = in.io.context();
  actor_settings actor_config;
  caf::actor_system system{actor_config};
  system.await_actors_before_shutdown(true);

  mesh_settings wanted;
  wanted.daemon = settings;
  wanted.key = key;
  wanted.random = net::os_random();
  wanted.seed = settings.seed ? *settings.seed : draw_seed(wanted.random);
  wanted.wall = now_unix;
  wanted.on_rotated = [&io, end](const net::wg_private_key& next) {
    resolve_with_key(io, end, next);
  };
  std::optional<net::wg_public_key> former;
  if (const auto found = documents.find(std::string{directory_document_name});
      found != documents.end())
    former = former_key(found->second, net::public_key(key));
  wanted.documents = std::move(documents);
  // Of paths that a killed daemon found: the actors begin without any.
  net::os::remove_port_rewrites(settings.listen_port);
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
      start_mesh(system, wanted, real_drivers(system, io, settings, key, former, in.key_file),
                 std::move(extras), [end](const std::string& role, const std::string& cause) {
                   end->resolve(net::fail(net::errc::internal, role + ": " + cause));
                 });
  if (!started) return started.error();
  wanted.documents = {}; // read: what is worth keeping of a thousand peers is in the actors

  notify_service_manager("READY=1");
  auto why = end->wait();
  if (!std::holds_alternative<net::wg_private_key>(why)) notify_service_manager("STOPPING=1");

  socket->attach({});
  caf::anon_send_exit(started->root, caf::exit_reason::user_shutdown);
  *started = {};
  system.await_all_actors_done();
  if (settings.birthday_probing) net::os::remove_port_rewrites(settings.listen_port);
  end->forget_actors();
  return why;
}

/// Anew with every key, until the daemon is to end.
net::result<void> run_with_keys(const surroundings& in, net::wg_private_key key) {
  for (;;) {
    auto documents = load_documents(in.settings.state_dir);
    if (!documents) return documents.error();
    const auto ended = run_actors(in, key, std::move(*documents));
    if (const auto* why = std::get_if<net::error>(&ended)) return *why;
    const auto* next = std::get_if<net::wg_private_key>(&ended);
    if (next == nullptr) return {};
    // Until this is done, the directory's document has both keys and says what to do.
    const auto text = net::to_base64(next->reveal()) + "\n";
    if (const auto kept = net::os::replace_file(in.key_file, net::as_bytes(text)); !kept)
      return kept.error();
    key = *next;
    spdlog::info("daemon: begins anew with the key {}", net::to_string(net::public_key(key)));
  }
}

/// Everything between a running io thread and its end.
net::result<void> serve(const config::daemon_settings& settings, const settings_source& read_again,
                        net::os::io_thread& io) {
  const auto key_file = settings.state_dir / "wireguard.key";
  const auto key = net::os::load_or_make_key(
      key_file, net::generate_x25519<net::wg_private_key>(net::os_random()));
  if (!key) return key.error();
  auto opened = local_server::open(io.context(), settings.socket, settings.socket_group);
  if (!opened) return opened.error();
  const std::shared_ptr<local_server> socket{std::move(*opened)};
  if (const auto dropped = drop_capabilities(); !dropped)
    spdlog::warn("daemon: capabilities are kept: {}", net::to_string(dropped.error()));
  const auto end = std::make_shared<ending>();
  const auto attending = std::make_shared<attendant>(io.context(), end, settings, read_again);
  attending->start();
  const auto ended = run_with_keys({settings, key_file, io, socket, end}, *key);
  attending->stop();
  return ended;
}

/// Before there is a second thread. A heap for each of them keeps what the start of many peers left
/// free there; and a text of all peers, which is made and let go at every save, belongs into none.
void save_memory() {
  constexpr int own_pages_from = 128 * 1024; // octets; the default only rises with what was freed
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, own_pages_from);
}

} // namespace

net::result<void> run_daemon(const config::daemon_settings& settings,
                             const settings_source& read_again) {
  net::os::log_to_stderr(settings.log);
  save_memory();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN); // until there is something to reload
  const auto claimed = net::os::claim(settings.state_dir, "daemon.lock");
  if (!claimed) return claimed.error();

  // Outlives the actor system: its sockets are closed by their drivers first.
  net::os::io_thread io{
      [](const std::exception& defect) { spdlog::error("io thread: {}", defect.what()); }};
  const auto ended = serve(settings, read_again, io);
  io.stop();
  return ended;
}

} // namespace lanrage::actors
