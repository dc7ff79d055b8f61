#include "tests/soak/strangers.hpp"

#include "lab/failure.hpp"
#include "lab/netns.hpp"
#include "net/random.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>

namespace lanrage::soak {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

sockaddr_in address_of(const std::string& address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &out.sin_addr) != 1)
    throw lab::failure("no IPv4 address: " + address);
  return out;
}

int connected(int type, const std::string& address, std::uint16_t port) {
  const auto to = address_of(address, port);
  const int fd = ::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) lab::throw_errno("socket");
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS) {
    const auto why = errno;
    ::close(fd);
    errno = why;
    lab::throw_errno("connect to " + address);
  }
  return fd;
}

constexpr std::size_t datagram_max = 1'400;
/// First octets of WireGuard's four messages, of a STUN request, of our frames, of an old DTLS.
constexpr std::array<std::array<std::uint8_t, 4>, 7> greetings{{{1, 0, 0, 0},
                                                                {2, 0, 0, 0},
                                                                {3, 0, 0, 0},
                                                                {4, 0, 0, 0},
                                                                {0, 1, 0, 0},
                                                                {'L', 'R', 1, 1},
                                                                {22, 254, 253, 0}}};

} // namespace

junk::junk(int net_ns, std::vector<place> to, std::int64_t rate, std::uint64_t seed) {
  lab::in_netns(net_ns, [&] {
    for (const auto& each : to)
      sockets_.push_back(connected(SOCK_DGRAM, each.address, each.port));
  });
  thread_ = std::thread{[this, rate, seed] { run(rate, seed); }};
}

junk::~junk() {
  stopping_ = true;
  thread_.join();
  for (const int fd : sockets_)
    ::close(fd);
}

void junk::run(std::int64_t rate, std::uint64_t seed) {
  constexpr auto turn = 5ms;
  net::splitmix64 random{seed};
  std::array<std::uint8_t, datagram_max> bytes{};
  const auto began = clock::now();
  for (std::int64_t done = 0; !stopping_;) {
    const auto due =
        rate * std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began).count() /
        1'000;
    for (; done < due && !stopping_; ++done) {
      const auto word = random.next();
      const std::size_t size = word % (datagram_max + 1);
      for (std::size_t i = 0; i < size; i += 97) // new every time, without drawing each octet
        bytes[i] = static_cast<std::uint8_t>(random.next());
      if (const auto which = (word >> 32) % (2 * greetings.size()); which < greetings.size())
        std::copy(greetings[which].begin(), greetings[which].end(), bytes.begin());
      for (const int fd : sockets_) // a full buffer or a refusal is the network's business
        if (::send(fd, bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) ++sent_;
    }
    ::poll(nullptr, 0, static_cast<int>(turn.count()));
  }
}

half_open::half_open(int net_ns, const std::string& address, std::uint16_t port,
                     std::int64_t count) {
  lab::in_netns(net_ns, [&] {
    for (std::int64_t i = 0; i < count; ++i)
      sockets_.push_back(connected(SOCK_STREAM, address, port));
  });
  thread_ = std::thread{[this] { run(); }};
}

half_open::~half_open() {
  stopping_ = true;
  thread_.join();
  for (const int fd : sockets_)
    ::close(fd);
}

/// The beginning of a TLS record with a long ClientHello, one octet after another, for ever.
void half_open::run() {
  constexpr std::array<std::uint8_t, 6> greeting{22, 3, 1, 2, 0, 1};
  auto next = clock::now();
  for (std::size_t round = 0; !stopping_;) {
    if (clock::now() >= next) {
      next += 1s;
      for (std::size_t i = 0; i < sockets_.size(); i += 2) {
        const std::uint8_t octet = round < greeting.size() ? greeting[round] : 0;
        if (::send(sockets_[i], &octet, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1) ++said_;
      }
      ++round;
    }
    ::poll(nullptr, 0, 20);
  }
}

} // namespace lanrage::soak
