#include "net/crypto.hpp"
#include "net/frames.hpp"
#include "net/os/socket_address.hpp"
#include "net/relay/server.hpp"
#include "net/relay/udp_batch.hpp"
#include "net/wg_packet.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

/// What forwarding one packet costs: the real server on loopback, between real sockets, for one
/// flow and for a hundred. Prints CPU time of the relay's own thread per forwarded packet (the
/// generator's and the sink's are not in it) and, from memory, the core's part alone.

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::relay;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t packet_octets = 128;

struct flow {
  wg_private_key secret = generate_x25519<wg_private_key>(os_random());
  wg_public_key key = public_key(secret);
  udp_socket socket = udp_socket::open(*endpoint::parse("127.0.0.1:0"), 4 << 20).value();
};

session_index numbered(std::uint32_t n) {
  byte_writer out;
  return *session_index::from(out.u32(n).view());
}

bytes data_packet(const session_index& to) {
  return byte_writer{}.u8(4).zeros(3).raw(to.view()).zeros(packet_octets - 8).take();
}

bytes ask(const udp_socket& from, const endpoint& relay, const bytes& what) {
  const auto to = os::to_socket_address(relay);
  ::sendto(from.fd.get(), what.data(), what.size(), 0, to.data(), to.size);
  pollfd waiting{from.fd.get(), POLLIN, 0};
  if (::poll(&waiting, 1, 100) <= 0) return {};
  bytes out(2048);
  const auto size = ::recv(from.fd.get(), out.data(), out.size(), 0);
  out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return out;
}

registration registration_of(const flow& f, const relay_id& relay, const token_private_key& signer,
                             const cookie& value, std::uint64_t time) {
  relay_token token;
  token.member = f.key;
  token.relay = relay;
  token.expires_unix_s = 4'000'000'000;
  token.rate_kbit_s = 4'000'000'000;
  return {f.key, value, time, {encode(sign(token, signer))}, {}};
}

/// Registers every flow, each with a claimed route to the next one.
bool prepare(std::vector<flow>& flows, const server& relay, const endpoint& at,
             const token_private_key& signer) {
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const auto said = decode_challenge(ask(flows[i].socket, at, encode(hello{flows[i].key})));
    if (!said) return false;
    auto r = registration_of(flows[i], relay.id(), signer, said->value, said->time_unix_ms);
    const auto to = flows[(i + 1) % flows.size()].key;
    r.routes.push_back({numbered(static_cast<std::uint32_t>(i)), hash_of(to)});
    const auto key = *relay_key(flows[i].secret, relay.public_key());
    // The relay rations proofs per source and drops what is over: asked again until answered.
    int left = 20;
    while (left > 0 && !decode_registered(ask(flows[i].socket, at, encode(r, key)), key)) {
      --left;
      ++r.timestamp;
    }
    if (left == 0) return false;
  }
  return true;
}

std::chrono::nanoseconds cpu_of(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

void through_server(std::size_t count, std::chrono::seconds time) {
  const auto state = std::filesystem::temp_directory_path() / "relay-bench";
  std::filesystem::remove_all(state);
  const auto control = generate_secret<token_private_key>(os_random());
  config::relay_settings settings;
  settings.state_dir = state;
  settings.listen = {*endpoint::parse("127.0.0.1:0")};
  auto relay = server::open(settings, public_key(control)).value();
  clockid_t clock{};
  std::thread relaying{[&] { relay->run(); }};
  ::pthread_getcpuclockid(relaying.native_handle(), &clock);
  const auto at = relay->local_endpoints().front();
  std::vector<flow> flows(count + 1);
  if (prepare(flows, *relay, at, control)) {
    const auto before = relay->count();
    const auto cpu = cpu_of(clock);
    const auto end = std::chrono::steady_clock::now() + time;
    send_batch out;
    receive_batch in;
    std::vector<bytes> packets;
    for (std::uint32_t i = 0; i < count; ++i)
      packets.push_back(data_packet(numbered(i)));
    std::uint64_t arrived = 0;
    for (std::size_t i = 0; std::chrono::steady_clock::now() < end; i = (i + 1) % count) {
      while (!out.full())
        out.add(at, packets[i]);
      out.flush(flows[i].socket.fd.get());
      // Waits for what it sent, so that nothing is dropped and the relay sees full batches.
      const int sink = flows[(i + 1) % flows.size()].socket.fd.get();
      for (std::size_t got = 0; got < batch_size;) {
        pollfd waiting{sink, POLLIN, 0};
        if (::poll(&waiting, 1, 20) <= 0) break;
        const auto now = in.receive(sink);
        got += now;
        arrived += now;
      }
    }
    const auto spent = cpu_of(clock) - cpu;
    relay->stop();
    relaying.join();
    const auto forwarded = relay->count().forwarded - before.forwarded;
    std::printf(
        "server, %3zu flows: %6lld ns CPU per forwarded packet, %llu forwarded, "
        "%llu arrived, %lld packets/s\n",
        count, static_cast<long long>(spent.count() / std::max<std::uint64_t>(forwarded, 1)),
        static_cast<unsigned long long>(forwarded), static_cast<unsigned long long>(arrived),
        static_cast<long long>(arrived / static_cast<std::uint64_t>(time.count())));
  } else {
    std::printf("server, %3zu flows: registration failed\n", count);
  }
  if (relaying.joinable()) {
    relay->stop();
    relaying.join();
  }
  relay.reset(); // its disk thread writes until here
  std::filesystem::remove_all(state);
}

/// The core alone, with as many members as asked, each sending to the next.
void through_core(std::size_t count, std::size_t packets) {
  const auto own = generate_x25519<relay_private_key>(os_random());
  const auto control = generate_secret<token_private_key>(os_random());
  auto limits = limits_of({});
  limits.proofs_per_source_s = 1'000'000'000;
  limits.members_per_party = count;
  relay_core core{own, public_key(control), limits, os_random()};
  instant now{steady_time{} + 1h, unix_time{1'800'000'000'000ms}};
  std::vector<endpoint> at;
  std::vector<wg_public_key> keys;
  std::vector<shared_key> macs;
  for (std::size_t i = 0; i < count; ++i) {
    const auto secret = generate_x25519<wg_private_key>(os_random());
    keys.push_back(public_key(secret));
    macs.push_back(*relay_key(secret, core.key()));
    at.push_back({ip_address::v4(0x0a000001 + static_cast<std::uint32_t>(i)), 51820});
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto said =
        decode_challenge(core.receive(encode(hello{keys[i]}), {at[i], 0}, now).payload).value();
    relay_token token;
    token.member = keys[i];
    token.relay = core.id();
    token.expires_unix_s = 4'000'000'000;
    token.rate_kbit_s = 4'000'000'000;
    const registration r{keys[i],
                         said.value,
                         said.time_unix_ms,
                         {encode(sign(token, control))},
                         {{numbered(1), hash_of(keys[(i + 1) % count])}}};
    core.receive(encode(r, macs[i]), {at[i], 0}, now);
  }
  const auto packet = data_packet(numbered(1));
  const auto begin = std::chrono::steady_clock::now();
  std::size_t forwarded = 0;
  for (std::size_t i = 0; i < packets; ++i) {
    // A stride that visits all members in an order no cache can guess.
    const auto from = (i * 7'919) % count;
    now.steady += 1us;
    if (core.receive(packet, {at[from], 0}, now).what == verdict::action::forward) ++forwarded;
  }
  const auto spent = std::chrono::steady_clock::now() - begin;
  std::printf("core, %5zu members: %4lld ns per packet (%zu of %zu forwarded)\n", count,
              static_cast<long long>(std::chrono::nanoseconds{spent}.count()) /
                  static_cast<long long>(packets),
              forwarded, packets);
}

} // namespace

int main() {
  through_core(2, 2'000'000);
  through_core(2'000, 2'000'000);
  through_core(20'000, 2'000'000);
  through_server(1, 2s);
  through_server(100, 2s);
}
