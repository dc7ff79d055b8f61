#include "lab/delay_switch.hpp"

#include "lab/failure.hpp"
#include "lab/stamped.hpp"
#include "net/random.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <ctime>
#include <map>

namespace lanrage::lab {

namespace {

using namespace std::chrono_literals;
using ns = std::chrono::nanoseconds;

// struct virtio_net_hdr; its kernel header is not C++ (a field is called "class").
constexpr std::size_t offload_header = 10;
constexpr std::size_t largest_frame = offload_header + ETH_HLEN + 65536 + 64;
constexpr std::size_t most_bytes_queued = 256u << 20;
constexpr std::size_t most_addresses = 4096;
constexpr int socket_buffer = 8 << 20;
constexpr int burst = 64;

ns read_clock(clockid_t id) {
  timespec t{};
  ::clock_gettime(id, &t);
  return std::chrono::seconds{t.tv_sec} + ns{t.tv_nsec};
}

using mac_address = std::array<std::uint8_t, ETH_ALEN>;

struct queued_frame {
  ns due;
  std::uint64_t order; // frames due at the same instant leave in the order they came
  std::size_t from, to;
  std::vector<char> bytes;
};

bool later(const queued_frame& a, const queued_frame& b) {
  return a.due != b.due ? a.due > b.due : a.order > b.order;
}

unique_fd open_port(const std::string& interface) {
  unique_fd fd{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) throw_errno("open a packet socket");
  int on = 1;
  auto set = [&](int level, int option, int value) {
    return ::setsockopt(fd.get(), level, option, &value, sizeof value);
  };
  if (set(SOL_PACKET, PACKET_VNET_HDR, on) != 0) throw_errno("PACKET_VNET_HDR");
  if (set(SOL_PACKET, 23 /* PACKET_IGNORE_OUTGOING */, on) != 0)
    throw_errno("PACKET_IGNORE_OUTGOING");
  stamp_packets(fd.get());
  set(SOL_SOCKET, SO_RCVBUFFORCE, socket_buffer);
  set(SOL_SOCKET, SO_SNDBUFFORCE, socket_buffer);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = int(::if_nametoindex(interface.c_str()));
  if (address.sll_ifindex == 0) throw_errno("no interface " + interface);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw_errno("bind to " + interface);
  return fd;
}

} // namespace

struct delay_switch::engine {
  explicit engine(std::uint64_t seed) : stream(seed) {}

  std::vector<unique_fd> ports;
  std::vector<queued_frame> queue; // a heap, earliest due in front
  std::vector<std::vector<char>> spare;
  std::map<mac_address, std::size_t> learned;
  std::uint64_t order = 0;
  net::splitmix64 stream;
  std::size_t bytes_queued = 0;
  std::vector<port_settings> settings; // copies for this round
  std::map<port_pair, port_settings> between;
  switch_counters counters;
  std::vector<char> buffer = std::vector<char>(largest_frame);
  std::atomic<bool> stopping{false};

  /// Uniform in [0, 1).
  double random() { return double(stream.next() >> 11) * 0x1p-53; }

  ns draw_delay(const port_settings& p) {
    auto jitter = std::chrono::duration<double, std::micro>{double(p.jitter.count())};
    auto drawn = p.jitter > 0us ? jitter * (2 * random() - 1) : jitter * 0;
    return std::max<ns>(0ns, p.delay + std::chrono::duration_cast<ns>(drawn));
  }

  bool passes(const port_settings& p) {
    if (p.blocked) {
      ++counters.blocked;
      return false;
    }
    if (p.loss > 0 && random() < p.loss) {
      ++counters.lost;
      return false;
    }
    return true;
  }

  void enqueue(std::size_t from, std::size_t to, std::size_t size, ns arrived, ns in_delay) {
    if (!passes(settings[to])) return;
    if (const auto more = between.find(pair_of(from, to)); more != between.end()) {
      if (!passes(more->second)) return;
      in_delay += draw_delay(more->second);
    }
    if (bytes_queued + size > most_bytes_queued) {
      ++counters.dropped;
      return;
    }
    std::vector<char> bytes;
    if (!spare.empty()) {
      bytes = std::move(spare.back());
      spare.pop_back();
    }
    bytes.assign(buffer.begin(), buffer.begin() + std::ptrdiff_t(size));
    bytes_queued += size;
    queue.push_back(
        {arrived + in_delay + draw_delay(settings[to]), ++order, from, to, std::move(bytes)});
    std::push_heap(queue.begin(), queue.end(), later);
  }

  void accept(std::size_t from, std::size_t size, ns arrived) {
    constexpr auto ethernet = offload_header;
    if (size < ethernet + ETH_HLEN) return;
    mac_address to, source;
    std::memcpy(to.data(), buffer.data() + ethernet, ETH_ALEN);
    std::memcpy(source.data(), buffer.data() + ethernet + ETH_ALEN, ETH_ALEN);
    if (!passes(settings[from])) return;
    if ((source[0] & 1) == 0 && (learned.size() < most_addresses || learned.contains(source)))
      learned[source] = from;
    auto delay = draw_delay(settings[from]);
    auto known = (to[0] & 1) == 0 ? learned.find(to) : learned.end();
    if (known != learned.end()) {
      if (known->second != from) enqueue(from, known->second, size, arrived, delay);
      return;
    }
    for (std::size_t p = 0; p < ports.size(); ++p)
      if (p != from) enqueue(from, p, size, arrived, delay);
  }

  void receive(std::size_t from) {
    for (int i = 0; i < burst; ++i) {
      const auto got = receive_stamped(ports[from].get(), buffer.data(), buffer.size());
      if (!got) return;
      ++counters.received;
      accept(from, got->size, read_clock(CLOCK_MONOTONIC) - got->age);
    }
  }

  bool blocked(std::size_t from, std::size_t to) const {
    const auto more = between.find(pair_of(from, to));
    return settings[from].blocked || settings[to].blocked ||
           (more != between.end() && more->second.blocked);
  }

  void send_due() {
    while (!queue.empty()) {
      auto now = read_clock(CLOCK_MONOTONIC);
      if (queue.front().due > now) return;
      std::pop_heap(queue.begin(), queue.end(), later);
      auto frame = std::move(queue.back());
      queue.pop_back();
      bytes_queued -= frame.bytes.size();
      if (blocked(frame.from, frame.to))
        ++counters.blocked;
      else if (::send(ports[frame.to].get(), frame.bytes.data(), frame.bytes.size(), 0) < 0)
        ++counters.dropped;
      else
        ++counters.sent;
      counters.worst_lateness = std::max(counters.worst_lateness, now - frame.due);
      if (spare.size() < 4096) spare.push_back(std::move(frame.bytes));
    }
  }

  /// Waits for frames, the next due time, or the wake descriptor.
  void wait(int wake, std::vector<pollfd>& fds) {
    ns pause = queue.empty() ? 100ms : queue.front().due - read_clock(CLOCK_MONOTONIC);
    pause = std::clamp<ns>(pause, 0ns, 100ms);
    fds.clear();
    for (const auto& p : ports)
      fds.push_back({p.get(), POLLIN, 0});
    fds.push_back({wake, POLLIN, 0});
    timespec t{0, long(pause.count())};
    ::ppoll(fds.data(), fds.size(), &t, nullptr);
    std::uint64_t count;
    [[maybe_unused]] auto drained = ::read(wake, &count, sizeof count);
    for (auto& f : fds) {
      if ((f.revents & POLLERR) == 0) continue;
      int error = 0;
      socklen_t size = sizeof error; // reading the error clears it, else poll would spin
      ::getsockopt(f.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
};

delay_switch::delay_switch(std::vector<std::string> interfaces, options o)
    : interfaces_(std::move(interfaces)), options_(o),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), settings_(interfaces_.size()),
      engine_(std::make_unique<engine>(o.seed)) {
  for (const auto& i : interfaces_)
    engine_->ports.push_back(open_port(i));
}

delay_switch::~delay_switch() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void delay_switch::run() {
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  if (options_.realtime) {
    sched_param priority{};
    priority.sched_priority = 10;
    ::sched_setscheduler(0, SCHED_FIFO, &priority); // without the right to it: normal priority
  }
  std::vector<pollfd> fds;
  while (!engine_->stopping) {
    {
      std::lock_guard lock{mutex_};
      engine_->settings = settings_;
      engine_->between = between_;
      counters_ = engine_->counters;
      running_ = true;
      applied_ = wanted_;
    }
    changed_.notify_all();
    for (std::size_t p = 0; p < engine_->ports.size(); ++p)
      engine_->receive(p);
    engine_->send_due();
    engine_->wait(wake_.get(), fds);
  }
  std::lock_guard lock{mutex_};
  running_ = false;
  changed_.notify_all();
}

void delay_switch::start() {
  // Signals belong to the runner's own threads.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { run(); }};
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void delay_switch::stop() noexcept {
  engine_->stopping = true;
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake_.get(), &one, sizeof one);
}

std::size_t delay_switch::port(const std::string& interface) const {
  auto at = std::find(interfaces_.begin(), interfaces_.end(), interface);
  if (at == interfaces_.end()) throw failure("the switch has no port " + interface);
  return std::size_t(at - interfaces_.begin());
}

void delay_switch::set(std::size_t port, const port_settings& settings) {
  std::unique_lock lock{mutex_};
  settings_.at(port) = settings;
  published(lock);
}

void delay_switch::set_between(std::size_t a, std::size_t b, const port_settings& more) {
  std::unique_lock lock{mutex_};
  between_[pair_of(a, b)] = more;
  published(lock);
}

void delay_switch::published(std::unique_lock<std::mutex>& held) {
  auto mine = ++wanted_;
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake_.get(), &one, sizeof one);
  changed_.wait(held, [&] { return !running_ || applied_ >= mine; });
}

port_settings delay_switch::settings(std::size_t port) const {
  std::lock_guard lock{mutex_};
  return settings_.at(port);
}

switch_counters delay_switch::counters() const {
  std::lock_guard lock{mutex_};
  return counters_;
}

} // namespace lanrage::lab
