#include "lab/capture.hpp"

#include "lab/failure.hpp"
#include "lab/netns.hpp"
#include "lab/stamped.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <vector>

namespace lanrage::lab {

namespace {

constexpr std::uint8_t udp_protocol = 17;
constexpr std::size_t udp_header = 8;

std::uint32_t read_be32(std::span<const std::uint8_t> b, std::size_t at) {
  return std::uint32_t{b[at]} << 24 | std::uint32_t{b[at + 1]} << 16 |
         std::uint32_t{b[at + 2]} << 8 | b[at + 3];
}

unsigned read_be16(std::span<const std::uint8_t> b, std::size_t at) {
  return unsigned{b[at]} << 8 | b[at + 1];
}

std::string endpoint_text(std::span<const std::uint8_t> address, unsigned port) {
  char text[INET6_ADDRSTRLEN] = {};
  const bool ipv6 = address.size() == 16;
  ::inet_ntop(ipv6 ? AF_INET6 : AF_INET, address.data(), text, sizeof text);
  return (ipv6 ? "[" + std::string{text} + "]" : std::string{text}) + ":" + std::to_string(port);
}

} // namespace

std::string_view to_string(payload_class c) {
  constexpr std::array<std::string_view, 7> words{
      "wg-initiation", "wg-response", "wg-cookie", "wg-data", "stun", "lanrage", "other"};
  return words[std::size_t(c)];
}

payload_class classify(std::span<const std::uint8_t> p) {
  using enum payload_class;
  if (p.size() < 8) return other;
  // WireGuard first: its random index may look like STUN's cookie, its type word cannot.
  const auto type = read_be32(p, 0);
  if (type == 0x01000000u && p.size() == 148) return wg_initiation;
  if (type == 0x02000000u && p.size() == 92) return wg_response;
  if (type == 0x03000000u && p.size() == 64) return wg_cookie;
  if (type == 0x04000000u && p.size() >= 32) return wg_data;
  if (type == 0x4c4e5201u) return lanrage;
  if ((p[0] & 0xc0) == 0 && p.size() >= 20 && read_be32(p, 4) == 0x2112a442u) return stun;
  return other;
}

capture::capture(int net_ns, const std::string& interface)
    : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  in_netns(net_ns, [&] {
    // Protocol 0 hears nothing until bound, so nothing of another interface slips in.
    socket_ = unique_fd{::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!socket_) throw_errno("open a packet socket");
    int buffer = 8 << 20;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    if (!interface.empty()) {
      address.sll_ifindex = int(::if_nametoindex(interface.c_str()));
      if (address.sll_ifindex == 0) throw_errno("no interface " + interface);
    }
    loopback_ = int(::if_nametoindex("lo"));
    stamp_packets(socket_.get());
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw_errno("bind a packet socket");
  });
  sigset_t all, before; // signals belong to the runner's own threads
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { run(); }};
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

capture::~capture() {
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void capture::run() {
  std::vector<std::uint8_t> buffer(65536 + 64);
  for (;;) {
    pollfd fds[2] = {{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    ::poll(fds, 2, -1);
    if (fds[1].revents != 0) return;
    sockaddr_ll from{};
    const auto got =
        receive_stamped(socket_.get(), buffer.data(), buffer.size(), &from, sizeof from);
    if (!got || from.sll_ifindex == loopback_) continue;
    const auto protocol = ntohs(from.sll_protocol);
    if (protocol == ETH_P_IP || protocol == ETH_P_IPV6)
      take({buffer.data(), got->size}, std::chrono::steady_clock::now() - got->age,
           protocol == ETH_P_IPV6, from.sll_pkttype == PACKET_OUTGOING);
  }
}

void capture::take(std::span<const std::uint8_t> p, std::chrono::steady_clock::time_point at,
                   bool ipv6, bool outgoing) {
  if (p.size() < (ipv6 ? 40u : 20u)) return;
  const std::size_t header = ipv6 ? 40 : std::size_t(p[0] & 0xf) * 4;
  if (p[ipv6 ? 6 : 9] != udp_protocol || p.size() < header + udp_header) return;
  if (!ipv6 && (read_be16(p, 6) & 0x1fff) != 0) return; // a later fragment has no UDP header
  const std::size_t source = ipv6 ? 8 : 12, length = ipv6 ? 16 : 4;
  auto payload = p.subspan(header + udp_header);
  flow f{endpoint_text(p.subspan(source, length), read_be16(p, header)),
         endpoint_text(p.subspan(source + length, length), read_be16(p, header + 2)),
         classify(payload), outgoing};
  {
    std::lock_guard lock{mutex_};
    auto& c = flows_[f];
    if (c.packets == 0) c.first = at;
    ++c.packets;
    c.bytes += payload.size();
    c.last = at;
  }
  changed_.notify_all();
}

flows capture::seen() const {
  std::lock_guard lock{mutex_};
  return flows_;
}

std::uint64_t capture::count(const std::function<bool(const flow&)>& wanted) const {
  std::uint64_t packets = 0;
  for (const auto& [f, c] : seen())
    if (wanted(f)) packets += c.packets;
  return packets;
}

void capture::clear() {
  std::lock_guard lock{mutex_};
  flows_.clear();
}

bool capture::wait_until(std::chrono::steady_clock::time_point deadline,
                         const std::function<bool(const flows&)>& holds) const {
  std::unique_lock lock{mutex_};
  return changed_.wait_until(lock, deadline, [&] { return holds(flows_); });
}

} // namespace lanrage::lab
