#include "net/os/icmp_prober.hpp"

#include "net/os/descriptor.hpp"
#include "net/os/inet_checksum.hpp"
#include "net/os/socket_address.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <linux/icmp.h>
#include <netinet/ip.h>

#include <map>
#include <set>

namespace lanrage::net::os {

namespace {

namespace asio = boost::asio;
using stream = asio::posix::stream_descriptor;
using clock = std::chrono::steady_clock;

constexpr std::uint8_t echo_request = 8;
constexpr std::uint8_t echo_reply = 0;
constexpr std::size_t echo_octets = 16; // header 8, nonce 8
constexpr std::size_t under_way_max = 0x10000;
/// Room for the answers to thousands of probes sent at once; an answer takes 0.8 KiB of it.
constexpr int buffer_octets = 4 * 1'024 * 1'024;
constexpr int answers_per_turn = 256;
/// A kernel timestamp further back than this is a clock that was set, not a queue.
constexpr std::chrono::seconds queue_max{1};

result<descriptor> open_socket(const std::string& interface) {
  descriptor out{::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP)};
  if (!out) return last_error("ICMP socket");
  const icmp_filter only_replies{~(1u << echo_reply)};
  if (::setsockopt(out.get(), SOL_RAW, ICMP_FILTER, &only_replies, sizeof only_replies) != 0)
    return last_error("ICMP_FILTER");
  if (::setsockopt(out.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_octets, sizeof buffer_octets) !=
      0)
    ::setsockopt(out.get(), SOL_SOCKET, SO_RCVBUF, &buffer_octets, sizeof buffer_octets);
  const int on = 1;
  if (::setsockopt(out.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0)
    return last_error("SO_TIMESTAMPNS");
  if (!interface.empty() && ::setsockopt(out.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                                         static_cast<socklen_t>(interface.size())) != 0)
    return last_error("bind to " + interface);
  return out;
}

/// How long ago the kernel stamped this datagram: time it waited for us, not on the way.
clock::duration waited(msghdr& header) {
  for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS) continue;
    timespec stamp{}, now{};
    std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto ago = std::chrono::seconds{now.tv_sec - stamp.tv_sec} +
                     std::chrono::nanoseconds{now.tv_nsec - stamp.tv_nsec};
    if (ago >= clock::duration::zero() && ago < queue_max) return ago;
  }
  return clock::duration::zero();
}

bytes echo(std::uint16_t id, std::uint16_t sequence, std::uint64_t nonce) {
  byte_writer out;
  out.u8(echo_request).u8(0).u16(0).u16(id).u16(sequence).u64(nonce);
  auto packet = out.take();
  const auto sum = inet_checksum({packet});
  packet[2] = static_cast<std::uint8_t>(sum >> 8);
  packet[3] = static_cast<std::uint8_t>(sum);
  return packet;
}

} // namespace

class icmp_prober::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(asio::io_context& context, std::string interface, random_source random)
      : context_(context), socket_(context), timer_(context), interface_(std::move(interface)),
        random_(std::move(random)) {
    id_ = static_cast<std::uint16_t>(draw());
    sequence_ = static_cast<std::uint16_t>(draw());
  }

  void post_probe(const virtual_ip& to, std::chrono::milliseconds timeout, on_answer answer) {
    asio::post(context_, [self = shared_from_this(), to, timeout, answer = std::move(answer)] {
      self->begin(to, timeout, answer);
    });
  }

  void post_close() {
    asio::post(context_, [self = shared_from_this()] { self->close(); });
  }

 private:
  struct waiting {
    ip_address to;
    std::uint64_t nonce = 0;
    clock::time_point sent;
    clock::time_point deadline;
    on_answer answer;
  };

  std::uint64_t draw() {
    std::array<std::uint8_t, 8> raw{};
    random_(raw);
    return byte_reader{raw}.u64();
  }

  void begin(const virtual_ip& to, std::chrono::milliseconds timeout, const on_answer& answer) {
    if (closed_) return answer(fail(errc::closed));
    if (under_way_.size() >= under_way_max) return answer(fail(errc::limit_reached, "probes"));
    if (const auto ready = ensure_open(); !ready) return answer(ready.error());
    while (under_way_.contains(sequence_))
      ++sequence_;
    waiting probe{to.address(), draw(), clock::now(), {}, answer};
    auto sent = send(probe);
    if (!sent && sent.error().code == errc::unreachable) {
      // Also what a socket says whose interface was deleted and made anew.
      reopen();
      if ((sent = ensure_open())) sent = send(probe);
    }
    if (!sent) return answer(sent.error());
    probe.deadline = probe.sent + timeout;
    deadlines_.emplace(probe.deadline, sequence_);
    under_way_.emplace(sequence_++, std::move(probe));
    arm();
  }

  result<void> send(waiting& probe) {
    const auto packet = echo(id_, sequence_, probe.nonce);
    auto remote = to_socket_address({probe.to, 0});
    probe.sent = clock::now();
    if (::sendto(socket_.native_handle(), packet.data(), packet.size(), MSG_DONTWAIT, remote.data(),
                 remote.size) < 0)
      return last_error("probe " + to_string(probe.to));
    return {};
  }

  result<void> ensure_open() {
    if (socket_.is_open()) return {};
    auto opened = open_socket(interface_);
    if (!opened) return opened.error();
    socket_.assign(opened->release());
    wait();
    return {};
  }

  void reopen() {
    boost::system::error_code ignored;
    if (socket_.is_open()) socket_.close(ignored);
  }

  void wait() {
    socket_.async_wait(stream::wait_read, [self = shared_from_this()](auto problem) {
      if (self->closed_ || problem == asio::error::operation_aborted) return;
      if (problem) return self->reopen();
      for (int i = 0; i < answers_per_turn && self->socket_.is_open(); ++i)
        if (!self->receive()) break;
      if (self->socket_.is_open()) self->wait();
    });
  }

  /// Takes one packet; false when there was none.
  bool receive() {
    std::array<std::uint8_t, 128> buffer; // IP header with options, and the echo
    alignas(cmsghdr) std::array<char, 128> control;
    sockaddr_in from{};
    iovec vector{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof from;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const auto size = ::recvmsg(socket_.native_handle(), &header, MSG_DONTWAIT);
    if (size < 0) return false;
    const auto arrived = clock::now() - waited(header);
    const auto packet = byte_view{buffer}.first(static_cast<std::size_t>(size));
    if ((header.msg_flags & MSG_TRUNC) == 0) match(packet, from_in(from.sin_addr), arrived);
    return true;
  }

  void match(byte_view packet, const ip_address& from, clock::time_point arrived) {
    const std::size_t ip_header = packet.empty() ? 0 : (packet[0] & 0x0f) * 4u;
    if (ip_header < sizeof(iphdr) || packet.size() != ip_header + echo_octets) return;
    byte_reader in{packet.subspan(ip_header)};
    const auto type = in.u8();
    in.take(3); // code and checksum; the tunnel's own authentication covers the packet
    const auto id = in.u16();
    const auto found = under_way_.find(in.u16());
    if (type != echo_reply || id != id_ || found == under_way_.end()) return;
    if (in.u64() != found->second.nonce || from != found->second.to) return;
    const auto took = std::max(arrived - found->second.sent, clock::duration::zero());
    finish(found, std::chrono::nanoseconds{took});
  }

  using place = std::map<std::uint16_t, waiting>::iterator;
  void finish(place found, result<std::chrono::nanoseconds> how) {
    const auto answer = std::move(found->second.answer);
    deadlines_.erase({found->second.deadline, found->first});
    under_way_.erase(found);
    answer(std::move(how));
  }

  void arm() {
    if (deadlines_.empty() || armed_for_ == deadlines_.begin()->first) return;
    armed_for_ = deadlines_.begin()->first;
    timer_.expires_at(*armed_for_);
    timer_.async_wait([self = shared_from_this()](auto problem) {
      if (problem || self->closed_) return;
      self->armed_for_.reset();
      self->expire();
      self->arm();
    });
  }

  void expire() {
    // An answer that is already in the socket is no loss, however late we look.
    while (socket_.is_open() && receive()) {
    }
    const auto now = clock::now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now)
      finish(under_way_.find(deadlines_.begin()->second), fail(errc::timed_out));
  }

  void close() {
    closed_ = true;
    timer_.cancel();
    reopen();
    while (!under_way_.empty())
      finish(under_way_.begin(), fail(errc::closed));
  }

  asio::io_context& context_;
  stream socket_;
  asio::steady_timer timer_;
  const std::string interface_;
  const random_source random_;
  std::map<std::uint16_t, waiting> under_way_;
  std::set<std::pair<clock::time_point, std::uint16_t>> deadlines_;
  std::optional<clock::time_point> armed_for_;
  std::uint16_t id_ = 0;
  std::uint16_t sequence_ = 0;
  bool closed_ = false;
};

icmp_prober::icmp_prober(asio::io_context& context, std::string interface, random_source random)
    : impl_(std::make_shared<impl>(context, std::move(interface), std::move(random))) {}

icmp_prober::~icmp_prober() {
  impl_->post_close();
}

void icmp_prober::probe(const virtual_ip& to, std::chrono::milliseconds timeout, on_answer answer) {
  impl_->post_probe(to, timeout, std::move(answer));
}

} // namespace lanrage::net::os
