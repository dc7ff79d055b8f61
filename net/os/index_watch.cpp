#include "net/os/index_watch.hpp"

#include "net/os/descriptor.hpp"
#include "net/os/udp_filter.hpp"
#include "net/wg_packet.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <vector>

namespace lanrage::net::os {

namespace {

namespace asio = boost::asio;

constexpr std::uint32_t data_message = 0x04000000; ///< WireGuard's type 4 and three zeros
constexpr std::size_t payload_head = 8;            ///< type and receiver index
constexpr std::size_t ip6_octets = 40;
constexpr std::size_t udp_octets = 8;

/// Builds a filter whose tests all have to hold.
class all_of_these {
 public:
  void load(int code, std::uint32_t operand) { add(code, operand); }
  /// What was loaded last must be this.
  void is(std::uint32_t value) {
    tests_.push_back(program_.size());
    program_.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 0, value});
  }
  std::vector<sock_filter> take() {
    add(BPF_RET | BPF_K, 0xffffffff);
    for (const auto at : tests_)
      program_[at].jf = static_cast<std::uint8_t>(program_.size() - at - 1);
    add(BPF_RET | BPF_K, 0);
    return std::move(program_);
  }

 private:
  void add(int code, std::uint32_t operand) {
    program_.push_back({static_cast<std::uint16_t>(code), 0, 0, operand});
  }
  std::vector<sock_filter> program_;
  std::vector<std::size_t> tests_;
};

std::uint32_t word_of(const std::array<std::uint8_t, 16>& octets, std::size_t at) {
  return byte_reader{byte_view{octets}.subspan(at, 4)}.u32();
}

/// WireGuard's data packets that leave for this address, from the IP header on.
std::vector<sock_filter> outgoing_data(std::uint16_t port, const endpoint& to) {
  constexpr int word = BPF_LD | BPF_W | BPF_ABS;
  constexpr int half = BPF_LD | BPF_H;
  constexpr int octet = BPF_LD | BPF_B | BPF_ABS;
  all_of_these out;
  out.load(word, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE));
  out.is(PACKET_OUTGOING);
  out.load(octet, 0);
  out.load(BPF_ALU | BPF_AND | BPF_K, 0xf0);
  if (to.address.is_v4()) {
    out.is(0x40);
    out.load(octet, 9);
    out.is(IPPROTO_UDP);
    out.load(word, 16);
    out.is(to.address.to_v4());
    out.load(BPF_LDX | BPF_B | BPF_MSH, 0);
  } else {
    out.is(0x60);
    out.load(octet, 6);
    out.is(IPPROTO_UDP);
    for (std::uint32_t at = 0; at < 16; at += 4) {
      out.load(word, 24 + at);
      out.is(word_of(to.address.octets(), at));
    }
    out.load(BPF_LDX | BPF_W | BPF_IMM, ip6_octets);
  }
  out.load(half | BPF_IND, 0);
  out.is(port);
  out.load(half | BPF_IND, 2);
  out.is(to.port);
  out.load(BPF_LD | BPF_W | BPF_IND, udp_octets);
  out.is(data_message);
  return out.take();
}

class watch : public std::enable_shared_from_this<watch> {
 public:
  using handler = std::function<void(result<session_index>)>;
  watch(asio::io_context& context, handler done)
      : socket_(context), timer_(context), done_(std::move(done)) {}

  void start(std::uint16_t port, const endpoint& to, std::chrono::milliseconds timeout) {
    four_ = to.address.is_v4();
    // Silent until the filter is there: protocol 0 receives nothing.
    descriptor fd{::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) return finish(last_error("packet socket"));
    if (const auto filtered = attach_filter(fd.get(), outgoing_data(port, to)); !filtered)
      return finish(filtered.error());
    sockaddr_ll everywhere{};
    everywhere.sll_family = AF_PACKET;
    everywhere.sll_protocol = htons(ETH_P_ALL); // others do not see what leaves
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&everywhere), sizeof everywhere) != 0)
      return finish(last_error("packet socket"));
    socket_.assign(fd.release());
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](auto problem) {
      if (!problem) self->finish(fail(errc::timed_out, "no packet left"));
    });
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](auto problem) {
                         if (!problem) self->read();
                       });
  }

 private:
  void read() {
    std::array<std::uint8_t, 128> buffer;
    const auto size = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (size <= 0) return finish(last_error("packet socket"));
    const std::size_t ip = four_ ? (buffer[0] & 0x0f) * 4u : ip6_octets;
    const auto payload = ip + udp_octets;
    if (payload + payload_head >
        std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(size)))
      return finish(fail(errc::bad_frame));
    const auto index = session_index::from(byte_view{buffer}.subspan(payload + 4, 4));
    finish(*index);
  }

  void finish(result<session_index> what) {
    boost::system::error_code ignored;
    if (socket_.is_open()) socket_.close(ignored);
    timer_.cancel();
    if (const auto tell = std::exchange(done_, {})) tell(std::move(what));
  }

  asio::posix::stream_descriptor socket_;
  asio::steady_timer timer_;
  handler done_;
  bool four_ = true;
};

} // namespace

void watch_index(asio::io_context& context, std::uint16_t port, const endpoint& to,
                 std::chrono::milliseconds timeout,
                 std::function<void(result<session_index>)> done) {
  const auto one = std::make_shared<watch>(context, std::move(done));
  asio::post(context, [one, port, to, timeout] { one->start(port, to, timeout); });
}

} // namespace lanrage::net::os
