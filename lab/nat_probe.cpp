#include "lab/nat_probe.hpp"

#include "lab/failure.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <random>

namespace lanrage::lab {

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

sockaddr_in make_address(const std::string& address, std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &a.sin_addr) != 1)
    throw failure("not an IPv4 address: " + address);
  return a;
}

/// Which of the server's other sockets shall answer.
enum class change : std::uint8_t { nothing = 0, port = 1, address_and_port = 3 };

/// Question and answer. The answer's address and port are what the server saw (network order).
struct message {
  std::uint64_t nonce;
  std::uint32_t address;
  std::uint16_t port;
  change what;
  std::uint8_t is_answer;
};
static_assert(sizeof(message) == 16);

std::uint64_t fresh_nonce() {
  static std::mt19937_64 generator{std::random_device{}()};
  return generator();
}

std::optional<message> read_message(const std::string& bytes) {
  message m{};
  if (bytes.size() != sizeof m) return std::nullopt;
  std::memcpy(&m, bytes.data(), sizeof m);
  return m;
}

std::string write_message(const message& m) {
  return {reinterpret_cast<const char*>(&m), sizeof m};
}

using mapping = public_mapping;

/// Asks twice at most.
std::optional<mapping> ask(udp_socket& from, const std::string& address, std::uint16_t port,
                           change what, std::chrono::milliseconds patience) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    message question{fresh_nonce(), 0, 0, what, 0};
    from.send(address, port, write_message(question));
    const auto deadline = clock_type::now() + patience;
    while (auto got = from.receive(deadline)) {
      auto answer = read_message(got->payload);
      if (!answer || answer->is_answer == 0 || answer->nonce != question.nonce) continue;
      char text[INET_ADDRSTRLEN] = {};
      ::inet_ntop(AF_INET, &answer->address, text, sizeof text);
      return mapping{text, ntohs(answer->port)};
    }
  }
  return std::nullopt;
}

/// Both sides send to each other's public address, so that both filters are open.
bool probe_hairpin(const host& at, udp_socket& a, const mapping& a_public,
                   const nat_probe_server& server, std::chrono::milliseconds patience) {
  udp_socket b{at};
  auto b_public = ask(b, server.first_address(), server.first_port, change::nothing, patience);
  if (!b_public) return false;
  for (int attempt = 0; attempt < 3; ++attempt) {
    a.send(b_public->address, b_public->port, "hairpin a");
    b.send(a_public.address, a_public.port, "hairpin b");
    const auto deadline = clock_type::now() + patience;
    while (auto got = a.receive(deadline))
      if (got->payload == "hairpin b") return got->address == b_public->address;
  }
  return false;
}

} // namespace

std::string_view to_string(dependence d) {
  constexpr std::array<std::string_view, 3> words{"endpoint-independent", "address-dependent",
                                                  "address-and-port-dependent"};
  return words[std::size_t(d)];
}

udp_socket::udp_socket(const host& at, std::uint16_t port, const std::string& address) {
  in_netns(at.net_ns(), [&] {
    fd_ = unique_fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    auto local = make_address(address, port);
    if (!fd_ || ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&local), sizeof local) != 0)
      throw_errno("open a UDP socket");
    socklen_t size = sizeof local;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&local), &size);
    port_ = ntohs(local.sin_port);
  });
}

void udp_socket::send(const std::string& address, std::uint16_t port, const std::string& payload) {
  auto to = make_address(address, port);
  // A refusal (an ICMP error of an earlier packet) is what some of these tests are about.
  ::sendto(fd_.get(), payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&to),
           sizeof to);
}

std::optional<udp_socket::datagram> udp_socket::receive(clock_type::time_point deadline) {
  for (;;) {
    char buffer[2048];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    auto n =
        ::recvfrom(fd_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (n >= 0) {
      char text[INET_ADDRSTRLEN] = {};
      ::inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
      return datagram{text, ntohs(from.sin_port), std::string(buffer, std::size_t(n))};
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_type::now());
    if (left <= 0ms) return std::nullopt;
    pollfd p{fd_.get(), POLLIN, 0};
    ::poll(&p, 1, int(left.count()));
  }
}

nat_probe_server::nat_probe_server(const host& at)
    : addresses_(at.addresses().begin(), at.addresses().begin() + 2) {
  in_netns(at.net_ns(), [&] {
    for (const auto& address : addresses_)
      for (auto port : {first_port, second_port}) {
        sockets_.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        auto local = make_address(address, port);
        if (::bind(sockets_.back().get(), reinterpret_cast<sockaddr*>(&local), sizeof local) != 0)
          throw_errno("bind the NAT probe server");
      }
  });
  thread_ = std::thread{[this] { run(); }};
}

nat_probe_server::~nat_probe_server() {
  stopping_ = true;
  thread_.join();
}

void nat_probe_server::run() {
  while (!stopping_) {
    std::vector<pollfd> fds;
    for (const auto& s : sockets_)
      fds.push_back({s.get(), POLLIN, 0});
    ::poll(fds.data(), fds.size(), 20);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      message m{};
      sockaddr_in from{};
      socklen_t size = sizeof from;
      auto n = ::recvfrom(fds[i].fd, &m, sizeof m, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (n != ssize_t(sizeof m) || m.is_answer != 0) continue;
      m.is_answer = 1;
      m.address = from.sin_addr.s_addr;
      m.port = from.sin_port;
      const auto by = i ^ (std::size_t(m.what) & 3u); // bit 0 the port, bit 1 the address
      ::sendto(fds[by].fd, &m, sizeof m, 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }
}

std::optional<public_mapping> ask_mapping(udp_socket& from, const nat_probe_server& server,
                                          std::chrono::milliseconds patience) {
  return ask(from, server.first_address(), server.first_port, change::nothing, patience);
}

nat_behaviour probe_nat(const host& from, const nat_probe_server& server,
                        std::chrono::milliseconds patience) {
  nat_behaviour seen;
  udp_socket s{from};
  const auto &one = server.first_address(), &two = server.second_address();
  const auto p1 = server.first_port, p2 = server.second_port;
  auto first = ask(s, one, p1, change::nothing, patience);
  if (!first) return seen;
  seen.udp_works = true;
  seen.mapped = first->text();
  seen.port_preserved = first->port == s.port();
  // Filtering first, while nothing but one:p1 was ever asked (RFC 5780 section 4.4).
  if (ask(s, one, p1, change::address_and_port, patience))
    seen.filtering = dependence::endpoint_independent;
  else if (ask(s, one, p1, change::port, patience))
    seen.filtering = dependence::address_dependent;
  else
    seen.filtering = dependence::address_and_port_dependent;
  auto second = ask(s, two, p1, change::nothing, patience);
  auto third = ask(s, two, p2, change::nothing, patience);
  if (!second || !third) throw failure("the NAT probe server stopped answering");
  seen.port_step = int{second->port} - int{first->port};
  if (second == first)
    seen.mapping = dependence::endpoint_independent;
  else
    seen.mapping =
        third == second ? dependence::address_dependent : dependence::address_and_port_dependent;
  seen.hairpin = probe_hairpin(from, s, *first, server, patience);
  return seen;
}

} // namespace lanrage::lab
