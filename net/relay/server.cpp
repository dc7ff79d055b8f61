#include "net/relay/server.hpp"

#include "net/os/files.hpp"
#include "net/relay/disk_worker.hpp"
#include "net/relay/udp_batch.hpp"

#include <spdlog/spdlog.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <list>

namespace lanrage::net::relay {

namespace defaults = config::defaults;
using namespace std::chrono_literals;

namespace {

constexpr auto tick_every = 100ms;
/// Batches taken from one socket before the next has its turn.
constexpr int batches_per_turn = 4;
/// Members written to a snapshot between two turns of the loop.
constexpr std::size_t snapshot_slice = 128;

constexpr std::size_t state_octets_max = 256u << 20; // far above a full table's snapshot
constexpr unsigned public_mode = 0644;

instant read_clocks() {
  return {std::chrono::steady_clock::now(),
          std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())};
}

std::vector<endpoint> any_address() {
  return {{ip_address::v4(0), defaults::relay_port}, {ip_address{}, defaults::relay_port}};
}

/// A socket of the relay with what is about to leave through it.
struct outlet {
  udp_socket socket;
  send_batch sending;
};

} // namespace

struct server::impl {
  impl(const config::relay_settings& s, const relay_private_key& key,
       const token_public_key& tokens)
      : settings(s), core(key, tokens, limits_of(s), os_random()) {}

  result<void> listen();
  result<void> listen_for_tests(const endpoint& other);
  result<void> watch();
  void restore();
  void loop();
  bool drain(std::uint32_t at, instant now);
  void dispatch(const verdict& what);
  outlet* outlet_for(const verdict& what);
  void flush_all();
  void tick(instant now);
  void snapshot_in_slices(instant now);
  void save_finally();
  void write_counters();
  void log_counters();
  std::filesystem::path file(const char* name) const { return settings.state_dir / name; }

  config::relay_settings settings;
  os::descriptor claimed; ///< no other process is in our state folder
  relay_core core;
  std::list<outlet> outlets; // addresses of members must stay: iovecs point into them
  std::vector<outlet*> by_number;
  receive_batch receiving;
  std::array<bytes, batch_size> answers; // the core keeps an answer only until its next call
  std::size_t answers_used = 0;
  os::descriptor poll;
  os::descriptor wake;
  std::atomic<bool> stopping{false};
  std::atomic<bool> report_wanted{false};

  steady_time next_tick{};
  steady_time next_save{};
  steady_time next_report{};
  steady_time next_log{};
  std::optional<snapshot_writer> saving;
  counters logged;
  mutable std::mutex published_mutex;
  counters published;
  disk_worker disk; // last: its jobs end before anything else goes
};

result<void> server::impl::listen() {
  for (const auto& where : settings.listen.empty() ? any_address() : settings.listen) {
    auto opened = udp_socket::open(where, defaults::relay_socket_buffer);
    // "All addresses" of a family that the machine does not have are none.
    if (!opened && where.address.is_unspecified() && opened.error().code == errc::unreachable) {
      spdlog::info("relay {}: no {} here", settings.name, where.address.is_v4() ? "IPv4" : "IPv6");
      continue;
    }
    if (!opened) return opened.error();
    outlets.push_back({std::move(*opened), {}});
    by_number.push_back(&outlets.back());
  }
  if (outlets.empty()) return fail(errc::unreachable, "neither IPv4 nor IPv6 to listen on");
  return settings.stun_alternate ? listen_for_tests(*settings.stun_alternate) : result<void>{};
}

/// The three more sockets of RFC 5780, from which members are answered that ask for it.
result<void> server::impl::listen_for_tests(const endpoint& other) {
  const auto main = std::find_if(by_number.begin(), by_number.end(), [&](const outlet* o) {
    const auto& here = o->socket.local;
    return here.address.is_v4() == other.address.is_v4() && !here.address.is_unspecified();
  });
  if (main == by_number.end())
    return fail(errc::bad_config, "stun_alternate needs an address of its family in listen");
  const auto own = (*main)->socket.local;
  stun_places places;
  places.all[0] = {static_cast<std::uint32_t>(main - by_number.begin()) + 1, own};
  for (const std::size_t number : {1u, 2u, 3u}) {
    const endpoint where{(number & 2u) != 0 ? other.address : own.address,
                         (number & 1u) != 0 ? other.port : own.port};
    if (own.address == other.address && number >= 2) {
      places.all[number] = places.all[number & 1u];
      continue;
    }
    auto opened = udp_socket::open(where, defaults::relay_socket_buffer);
    if (!opened) return opened.error();
    outlets.push_back({std::move(*opened), {}});
    by_number.push_back(&outlets.back());
    places.all[number] = {static_cast<std::uint32_t>(by_number.size()), where};
  }
  core.use_stun_places(places);
  return {};
}

result<void> server::impl::watch() {
  poll.reset(::epoll_create1(EPOLL_CLOEXEC));
  wake.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!poll || !wake) return os::last_error("cannot wait for datagrams");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = static_cast<std::uint32_t>(by_number.size());
  bool added = ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, wake.get(), &event) == 0;
  for (std::uint32_t i = 0; i < by_number.size(); ++i) {
    event.data.u32 = i;
    const int fd = by_number[i]->socket.fd.get();
    added = added && ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  }
  if (!added) return os::last_error("cannot wait for datagrams");
  return {};
}

/// A state that cannot be used is not fatal: members register again within a round trip.
void server::impl::restore() {
  const auto saved = os::read_file(file("relay.state"), state_octets_max);
  if (!saved) return spdlog::warn("relay {}: {}", settings.name, to_string(saved.error()));
  if (!*saved) return;
  const auto done = core.restore(as_bytes(**saved), read_clocks());
  if (!done) return spdlog::warn("relay {}: {}", settings.name, to_string(done.error()));
  spdlog::info("relay {}: goes on with {} members and {} routes", settings.name,
               core.count().members, core.count().routes);
  // Cookies may be honoured once: a crash from here on must not find them again.
  const auto without = core.snapshot(read_clocks(), false);
  if (const auto kept = os::replace_file(file("relay.state"), without); !kept)
    spdlog::error("relay {}: {}", settings.name, to_string(kept.error()));
}

void server::impl::loop() {
  std::array<epoll_event, 16> events{};
  const auto wake_number = static_cast<std::uint32_t>(by_number.size());
  while (!stopping.load(std::memory_order_relaxed)) {
    const auto wait = saving ? 0 : static_cast<int>(tick_every / 1ms);
    const int ready = ::epoll_wait(poll.get(), events.data(), events.size(), wait);
    if (ready < 0 && errno != EINTR) throw failure{os::last_error("waiting for datagrams")};
    auto now = read_clocks();
    for (int i = 0; i < ready; ++i) {
      const auto number = events[static_cast<std::size_t>(i)].data.u32;
      if (number == wake_number) {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(wake.get(), &count, sizeof count);
        continue;
      }
      for (int turn = 0; turn < batches_per_turn && drain(number, now); ++turn)
        now = read_clocks();
    }
    if (now.steady >= next_tick) tick(now);
    if (saving) snapshot_in_slices(now);
    if (report_wanted.exchange(false)) write_counters();
  }
}

/// Takes one batch from a socket; true when there may be more.
bool server::impl::drain(std::uint32_t at, instant now) {
  const auto count = receiving.receive(by_number[at]->socket.fd.get());
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto datagram = receiving.datagram(i))
      dispatch(core.receive(*datagram, {receiving.from(i), at + 1}, now));
    else
      ++core.count().truncated;
  }
  flush_all();
  return count == batch_size;
}

/// Queues what goes out. Forwarded octets stay in the receive buffers until they are flushed.
void server::impl::dispatch(const verdict& what) {
  if (what.what == verdict::action::drop) return;
  auto* out = outlet_for(what);
  if (!out) {
    ++core.count().send_failed;
    return;
  }
  auto payload = what.payload;
  if (what.what == verdict::action::answer) {
    auto& kept = answers[answers_used++];
    kept.assign(payload.begin(), payload.end());
    payload = kept;
  }
  out->sending.add(what.to, payload); // a batch in is at most a batch out: never full
}

outlet* server::impl::outlet_for(const verdict& what) {
  const auto fits = [&](const outlet& o) {
    return o.socket.local.address.is_v4() == what.to.address.is_v4();
  };
  if (what.via > 0 && what.via <= by_number.size() && fits(*by_number[what.via - 1]))
    return by_number[what.via - 1];
  for (auto& o : outlets)
    if (fits(o)) return &o;
  return nullptr;
}

void server::impl::flush_all() {
  for (auto& o : outlets) {
    const auto done = o.sending.flush(o.socket.fd.get());
    core.count().send_failed += done.failed;
    core.count().send_congested += done.congested;
  }
  answers_used = 0;
}

void server::impl::tick(instant now) {
  next_tick = now.steady + tick_every;
  core.tick(now);
  {
    const std::lock_guard lock{published_mutex};
    published = core.count();
  }
  if (!saving && now.steady >= next_save) {
    next_save = now.steady + defaults::relay_saved_every;
    saving.emplace(core, now, false);
  }
  if (now.steady >= next_report) {
    next_report = now.steady + defaults::relay_report_every;
    write_counters();
  }
  if (now.steady >= next_log) {
    next_log = now.steady + defaults::relay_log_every;
    log_counters();
  }
}

void server::impl::snapshot_in_slices(instant) {
  if (!saving->step(core, snapshot_slice)) return;
  auto body = std::make_shared<bytes>(saving->take());
  saving.reset();
  const auto to = file("relay.state");
  const bool accepted = disk.post([body, to, name = settings.name] {
    if (const auto done = os::replace_file(to, sealed_snapshot(std::move(*body))); !done)
      spdlog::error("relay {}: {}", name, to_string(done.error()));
  });
  if (!accepted) spdlog::warn("relay {}: the disk does not keep up", settings.name);
}

/// The one snapshot that keeps the cookies: nothing is received after it.
void server::impl::save_finally() {
  const auto to = file("relay.state");
  const auto last = core.snapshot(read_clocks(), true);
  // By the same thread as the earlier ones, so that none of them comes after it.
  auto saved = [to, last, name = settings.name] {
    if (const auto done = os::replace_file(to, last); !done)
      spdlog::error("relay {}: {}", name, to_string(done.error()));
  };
  while (!disk.post(saved))
    std::this_thread::yield();
}

void server::impl::write_counters() {
  std::string text = R"({"id":")" + to_string(core.id()) + R"(","counters":)";
  text += to_json(core.count()) + "}\n";
  disk.post([text, to = file("counters.json"), name = settings.name] {
    if (const auto done = os::replace_file(to, as_bytes(text), public_mode); !done)
      spdlog::error("relay {}: {}", name, to_string(done.error()));
  });
}

void server::impl::log_counters() {
  const auto& c = core.count();
  if (c.datagrams == logged.datagrams) return;
  spdlog::info("relay {}: {} members in {} parties, {} routes; since the last line {} in, {} "
               "forwarded ({} KiB), {} answered, {} over a rate, {} refused",
               settings.name, c.members, c.parties, c.routes, c.datagrams - logged.datagrams,
               c.forwarded - logged.forwarded,
               (c.forwarded_octets - logged.forwarded_octets) / 1024, c.answered - logged.answered,
               c.rate_sender + c.rate_receiver - logged.rate_sender - logged.rate_receiver,
               c.refusals - logged.refusals);
  logged = c;
}

server::server(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
server::~server() = default;

result<std::unique_ptr<server>> server::open(const config::relay_settings& settings,
                                             const token_public_key& tokens) {
  auto claimed = os::claim(settings.state_dir, "relay.lock");
  if (!claimed) return claimed.error();
  const auto key = os::load_or_make_key(settings.state_dir / "relay.key",
                                        generate_x25519<relay_private_key>(os_random()));
  if (!key) return key.error();
  auto made = std::make_unique<impl>(settings, *key, tokens);
  made->claimed = std::move(*claimed);
  if (const auto done = made->listen(); !done) return done.error();
  if (const auto done = made->watch(); !done) return done.error();
  made->restore();
  made->published = made->core.count();
  return std::unique_ptr<server>(new server{std::move(made)});
}

void server::run() {
  auto& i = *impl_;
  const auto now = std::chrono::steady_clock::now();
  i.next_save = now + defaults::relay_saved_every;
  i.next_log = now + defaults::relay_log_every;
  i.loop();
  {
    const std::lock_guard lock{i.published_mutex};
    i.published = i.core.count();
  }
  i.log_counters();
  i.write_counters();
  i.save_finally();
}

void server::stop() {
  impl_->stopping.store(true);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = ::write(impl_->wake.get(), &one, sizeof one);
}

void server::report() {
  impl_->report_wanted.store(true);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = ::write(impl_->wake.get(), &one, sizeof one);
}

std::vector<endpoint> server::local_endpoints() const {
  std::vector<endpoint> out;
  for (const auto* o : impl_->by_number)
    out.push_back(o->socket.local);
  return out;
}

const relay_public_key& server::public_key() const {
  return impl_->core.key();
}
relay_id server::id() const {
  return impl_->core.id();
}

relay_info server::info() const {
  const auto here = impl_->by_number.front()->socket.local;
  return {public_key(), impl_->settings.name, impl_->settings.public_address.value_or(here),
          impl_->settings.public_address6};
}

counters server::count() const {
  const std::lock_guard lock{impl_->published_mutex};
  return impl_->published;
}

} // namespace lanrage::net::relay
