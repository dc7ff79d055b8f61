#include "net/relay/server.hpp"

#include "net/os/counters_file.hpp"
#include "net/os/disk_worker.hpp"
#include "net/os/files.hpp"
#include "net/relay/server_listener.hpp"
#include "net/relay/server_outlets.hpp"
#include "net/relay/server_stream.hpp"

#include <spdlog/spdlog.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace lanrage::net::relay {

namespace defaults = config::defaults;
using namespace std::chrono_literals;

namespace {

constexpr auto tick_every = 100ms;
constexpr auto sweep_every = 1s; ///< of streams that nobody registered over
/// Batches taken from one socket before the next has its turn.
constexpr int batches_per_turn = 4;
/// Members written to a snapshot between two turns of the loop.
constexpr std::size_t snapshot_slice = 128;

constexpr std::size_t state_octets_max = 256u << 20; // far above a full table's snapshot

std::uint64_t draw_seed() {
  std::array<std::uint8_t, 8> raw{};
  os_random()(raw);
  return byte_reader{raw}.u64();
}

instant read_clocks() {
  return {std::chrono::steady_clock::now(),
          std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())};
}

} // namespace

struct server::impl {
  impl(const config::relay_settings& s, const relay_private_key& key,
       const token_public_key& tokens)
      : settings(s), core(key, tokens, limits_of(s), os_random()),
        flows(std::make_shared<flow_exchange>(default_flow_limits(), draw_seed())), outlets(flows) {
  }

  result<void> offer_tls();
  result<void> watch();
  void restore();
  void loop();
  bool drain(std::uint32_t at, instant now);
  void drain_streams(instant now);
  void tick(instant now);
  void snapshot_in_slices(instant now);
  void save_finally();
  void write_counters();
  void log_counters();
  std::filesystem::path file(const char* name) const { return settings.state_dir / name; }

  config::relay_settings settings;
  os::descriptor claimed; ///< no other process is in our state folder
  relay_core core;
  std::shared_ptr<flow_exchange> flows;
  relay_outlets outlets;
  receive_batch receiving;
  os::descriptor poll;
  os::descriptor wake;
  std::atomic<bool> stopping{false};
  std::atomic<bool> report_wanted{false};

  steady_time next_tick{};
  steady_time next_sweep{};
  steady_time next_save{};
  steady_time next_report{};
  steady_time next_log{};
  std::optional<snapshot_writer> saving;
  counters logged;
  mutable std::mutex published_mutex;
  counters published;
  std::unique_ptr<https_listener> tls;
  certificate_pin tls_pin;
  os::disk_worker disk; // last: its jobs end before anything else goes
};

/// For members whose network blocks UDP, when there is no control server to share a port with.
result<void> server::impl::offer_tls() {
  if (!settings.tls || !settings.tls_listen) return {};
  const auto identity = os::load_tls_identity(file("relay.pem"), os_random());
  if (!identity) return identity.error();
  auto opened =
      https_listener::open(*settings.tls_listen, *identity, make_stream_guest(flows), draw_seed());
  if (!opened) return opened.error();
  tls = std::move(*opened);
  tls_pin = identity->pin;
  return {};
}

result<void> server::impl::watch() {
  poll.reset(::epoll_create1(EPOLL_CLOEXEC));
  wake.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!poll || !wake) return os::last_error("cannot wait for datagrams");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = static_cast<std::uint32_t>(outlets.size());
  bool added = ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, wake.get(), &event) == 0;
  ++event.data.u32;
  added = added && ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, flows->event(), &event) == 0;
  for (std::uint32_t i = 0; i < outlets.size(); ++i) {
    event.data.u32 = i;
    const int fd = outlets.socket(i).fd.get();
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
  const auto wake_number = static_cast<std::uint32_t>(outlets.size());
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
      if (number == wake_number + 1) {
        drain_streams(now);
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
  const auto count = receiving.receive(outlets.socket(at).fd.get());
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto datagram = receiving.datagram(i))
      outlets.dispatch(core.receive(*datagram, {receiving.from(i), at + 1}, now), core.count());
    else
      ++core.count().truncated;
  }
  outlets.flush(core.count());
  return count == batch_size;
}

void server::impl::drain_streams(instant now) {
  const auto arrived = flows->drain();
  std::size_t done = 0;
  for (const auto& [flow, datagram] : arrived.datagrams) {
    outlets.dispatch(core.receive(datagram, {flow, via_stream}, now), core.count());
    if (++done % batch_size == 0) outlets.flush(core.count());
  }
  outlets.flush(core.count());
  for (const auto& flow : arrived.closed)
    core.flow_closed(flow);
}

void server::impl::tick(instant now) {
  next_tick = now.steady + tick_every;
  core.tick(now);
  flows->add_to(core.count());
  {
    const std::lock_guard lock{published_mutex};
    published = core.count();
  }
  if (now.steady >= next_sweep) {
    next_sweep = now.steady + sweep_every;
    flows->sweep([&](const endpoint& flow) { return core.flow_used(flow, now); }, now.steady);
  }
  if (!saving && now.steady >= next_save) {
    next_save = now.steady + defaults::relay_saved_every;
    saving.emplace(core, now, false);
  }
  if (now.steady >= next_report) {
    next_report = now.steady + defaults::counters_written_every;
    write_counters();
  }
  if (now.steady >= next_log) {
    next_log = now.steady + defaults::counters_logged_every;
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
  text += counters_json(core.count(), counter_fields) + "}\n";
  os::write_counters(disk, settings.state_dir, std::move(text), "relay " + settings.name);
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
  auto places = made->outlets.open(settings);
  if (!places) return places.error();
  if (*places) made->core.use_stun_places(**places);
  if (const auto done = made->offer_tls(); !done) return done.error();
  if (const auto done = made->watch(); !done) return done.error();
  made->restore();
  made->published = made->core.count();
  return std::unique_ptr<server>(new server{std::move(made)});
}

void server::run() {
  auto& i = *impl_;
  const auto now = std::chrono::steady_clock::now();
  i.next_save = now + defaults::relay_saved_every;
  i.next_log = now + defaults::counters_logged_every;
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
  for (std::size_t i = 0; i < impl_->outlets.size(); ++i)
    out.push_back(impl_->outlets.socket(i).local);
  return out;
}

const relay_public_key& server::public_key() const {
  return impl_->core.key();
}
relay_id server::id() const {
  return impl_->core.id();
}

relay_info server::info() const {
  const auto& s = impl_->settings;
  const auto here = impl_->outlets.socket(0).local;
  relay_info out{public_key(), s.name, s.public_address.value_or(here), s.public_address6};
  if (impl_->tls) out.tls = tls_at(impl_->tls->listening().port, impl_->tls_pin);
  return out;
}

relay_tls server::tls_at(std::uint16_t port, const certificate_pin& pin) const {
  const auto& s = impl_->settings;
  return {s.tls_public_port.value_or(port), pin, s.tls_name};
}

std::shared_ptr<os::https_guest> server::guest() const {
  return make_stream_guest(impl_->flows);
}

counters server::count() const {
  const std::lock_guard lock{impl_->published_mutex};
  return impl_->published;
}

} // namespace lanrage::net::relay
