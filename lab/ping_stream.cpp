#include "lab/ping_stream.hpp"

#include "lab/failure.hpp"
#include "lab/netns.hpp"
#include "lab/stamped.hpp"
#include "lab/unique_fd.hpp"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <random>

namespace lanrage::lab {

namespace {

using namespace std::chrono_literals;
using ns = std::chrono::nanoseconds;
using clock_type = std::chrono::steady_clock;

/// Body of an echo request after its 8 byte header; the cookie tells streams apart.
struct echo_body {
  std::uint64_t cookie;
  std::uint64_t index;
  char padding[40] = {};
};
constexpr std::size_t echo_header = 8;
constexpr std::size_t echo_size = echo_header + sizeof(echo_body);

std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += std::uint32_t(bytes[i] << 8 | bytes[i + 1]);
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return std::uint16_t(~sum);
}

} // namespace

std::size_t lost_between(std::span<const ping_record> records, ping_time from, ping_time to) {
  return std::size_t(std::count_if(records.begin(), records.end(), [&](const ping_record& r) {
    return r.sent >= from && r.sent < to && !r.rtt;
  }));
}

std::optional<ns> outage_after(std::span<const ping_record> records, ping_time event) {
  std::optional<ping_time> recovered; // first answered after the last lost
  bool any = false, any_lost = false;
  for (const auto& r : records) {
    if (r.sent < event) continue;
    any = true;
    if (!r.rtt) {
      any_lost = true;
      recovered.reset();
    } else if (!recovered) {
      recovered = r.sent;
    }
  }
  if (!any || !recovered) return std::nullopt;
  return any_lost ? std::optional<ns>{*recovered - event} : std::optional<ns>{0ns};
}

std::optional<ns> median_rtt(std::span<const ping_record> records, ping_time from, ping_time to) {
  std::vector<ns> times;
  for (const auto& r : records)
    if (r.rtt && r.sent >= from && r.sent < to) times.push_back(*r.rtt);
  if (times.empty()) return std::nullopt;
  auto middle = times.begin() + std::ptrdiff_t(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

struct ping_stream::wire {
  unique_fd socket;
  sockaddr_storage to{};
  socklen_t to_size = 0;
  bool ipv6 = false;
  std::uint64_t cookie = 0;

  void send(std::uint64_t index) {
    std::array<std::uint8_t, echo_size> packet{};
    echo_body body{cookie, index};
    packet[0] = ipv6 ? std::uint8_t{ICMP6_ECHO_REQUEST} : std::uint8_t{ICMP_ECHO};
    const std::uint16_t id = htons(std::uint16_t(cookie)), number = htons(std::uint16_t(index));
    std::memcpy(&packet[4], &id, 2);
    std::memcpy(&packet[6], &number, 2);
    std::memcpy(&packet[echo_header], &body, sizeof body);
    if (!ipv6) { // for IPv6 the kernel does it
      auto sum = htons(internet_checksum(packet));
      std::memcpy(&packet[2], &sum, 2);
    }
    // A refusal shows as an unanswered request.
    ::sendto(socket.get(), packet.data(), packet.size(), MSG_DONTWAIT,
             reinterpret_cast<const sockaddr*>(&to), to_size);
  }

  struct echo {
    std::uint64_t index;
    ping_time arrived;
  };
  /// Next waiting answer of this stream; nullopt when none waits.
  std::optional<echo> receive() {
    for (;;) {
      std::array<std::uint8_t, 2048> packet;
      const auto got = receive_stamped(socket.get(), packet.data(), packet.size());
      if (!got) return std::nullopt;
      const auto size = got->size;
      const auto arrived = clock_type::now() - got->age;
      std::size_t at = ipv6 ? 0 : std::size_t(packet[0] & 0xf) * 4; // IPv4 comes with its header
      if (size < at + echo_size) continue;
      const std::uint8_t reply =
          ipv6 ? std::uint8_t{ICMP6_ECHO_REPLY} : std::uint8_t{ICMP_ECHOREPLY};
      echo_body body;
      std::memcpy(&body, &packet[at + echo_header], sizeof body);
      if (packet[at] == reply && body.cookie == cookie) return echo{body.index, arrived};
    }
  }
};

ping_stream::ping_stream(int net_ns, const std::string& to, std::chrono::microseconds interval)
    : interval_(interval), wire_(std::make_unique<wire>()) {
  open(net_ns, to);
  sigset_t all, before; // signals belong to the runner's own threads
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { run(); }};
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ping_stream::open(int net_ns, const std::string& to) {
  auto& v4 = reinterpret_cast<sockaddr_in&>(wire_->to);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(wire_->to);
  if (::inet_pton(AF_INET, to.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    wire_->to_size = sizeof v4;
  } else if (::inet_pton(AF_INET6, to.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    wire_->to_size = sizeof v6;
    wire_->ipv6 = true;
  } else {
    throw failure("not an address: " + to);
  }
  std::random_device random;
  wire_->cookie = std::uint64_t{random()} << 32 | random();
  in_netns(net_ns, [&] {
    wire_->socket = unique_fd{::socket(wire_->ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
                                       wire_->ipv6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP})};
    if (!wire_->socket) throw_errno("open an ICMP socket");
  });
  const int buffer = 4 << 20;
  stamp_packets(wire_->socket.get());
  ::setsockopt(wire_->socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
}

ping_stream::~ping_stream() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void ping_stream::run() {
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  auto next = clock_type::now();
  while (!stopping_) {
    auto now = clock_type::now();
    if (sending_ && now >= next) {
      std::uint64_t index;
      {
        std::lock_guard lock{mutex_};
        index = records_.size();
        records_.push_back({clock_type::now(), std::nullopt});
      }
      wire_->send(index);
      next += interval_;
      continue; // late by more than an interval: catch up, the rate is fixed
    }
    auto pause = std::clamp<ns>(sending_ ? ns{next - now} : ns{20ms}, 0ns, 20ms);
    timespec t{0, long(pause.count())};
    pollfd p{wire_->socket.get(), POLLIN, 0};
    ::ppoll(&p, 1, &t, nullptr);
    while (auto echo = wire_->receive()) {
      std::lock_guard lock{mutex_};
      if (echo->index >= records_.size()) continue;
      auto& record = records_[echo->index];
      if (!record.rtt) record.rtt = echo->arrived - record.sent;
      answered_.notify_all();
    }
  }
}

std::vector<ping_record> ping_stream::finish(std::chrono::milliseconds patience) {
  sending_ = false;
  {
    std::unique_lock lock{mutex_};
    answered_.wait_for(lock, patience, [&] {
      return std::all_of(records_.begin(), records_.end(),
                         [](const auto& r) { return bool(r.rtt); });
    });
  }
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  return records();
}

std::vector<ping_record> ping_stream::records() const {
  std::lock_guard lock{mutex_};
  return records_;
}

std::optional<ping_time> ping_stream::wait_answer(ping_time from, ping_time deadline) const {
  std::optional<ping_time> answer;
  std::unique_lock lock{mutex_};
  answered_.wait_until(lock, deadline, [&] {
    for (auto r = records_.rbegin(); r != records_.rend() && r->sent >= from; ++r)
      if (r->rtt) answer = r->sent + *r->rtt; // ends on the earliest request
    return answer.has_value();
  });
  return answer;
}

} // namespace lanrage::lab
