#include "net/relay/server_outlets.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace lanrage::net::relay {

namespace defaults = config::defaults;

namespace {

std::vector<endpoint> any_address() {
  return {{ip_address::v4(0), defaults::relay_port}, {ip_address{}, defaults::relay_port}};
}

} // namespace

void relay_outlets::add(udp_socket socket) {
  all_.push_back({std::move(socket), {}});
  by_number_.push_back(&all_.back());
}

result<std::optional<stun_places>> relay_outlets::open(const config::relay_settings& settings) {
  for (const auto& where : settings.listen.empty() ? any_address() : settings.listen) {
    auto opened = udp_socket::open(where, defaults::relay_socket_buffer);
    // "All addresses" of a family that the machine does not have are none.
    if (!opened && where.address.is_unspecified() && opened.error().code == errc::unreachable) {
      spdlog::info("relay {}: no {} here", settings.name, where.address.is_v4() ? "IPv4" : "IPv6");
      continue;
    }
    if (!opened) return opened.error();
    add(std::move(*opened));
  }
  if (all_.empty()) return fail(errc::unreachable, "neither IPv4 nor IPv6 to listen on");
  if (!settings.stun_alternate) return std::optional<stun_places>{};
  const auto places = open_for_tests(*settings.stun_alternate);
  if (!places) return places.error();
  return std::optional{*places};
}

/// The three more sockets of RFC 5780, from which members are answered that ask for it.
result<stun_places> relay_outlets::open_for_tests(const endpoint& other) {
  const auto main = std::find_if(by_number_.begin(), by_number_.end(), [&](const outlet* o) {
    const auto& here = o->socket.local;
    return here.address.is_v4() == other.address.is_v4() && !here.address.is_unspecified();
  });
  if (main == by_number_.end())
    return fail(errc::bad_config, "stun_alternate needs an address of its family in listen");
  const auto own = (*main)->socket.local;
  stun_places places;
  places.all[0] = {static_cast<std::uint32_t>(main - by_number_.begin()) + 1, own};
  for (const std::size_t number : {1u, 2u, 3u}) {
    const endpoint where{(number & 2u) != 0 ? other.address : own.address,
                         (number & 1u) != 0 ? other.port : own.port};
    if (own.address == other.address && number >= 2) {
      places.all[number] = places.all[number & 1u];
      continue;
    }
    auto opened = udp_socket::open(where, defaults::relay_socket_buffer);
    if (!opened) return opened.error();
    add(std::move(*opened));
    places.all[number] = {static_cast<std::uint32_t>(by_number_.size()), where};
  }
  return places;
}

/// Queues what goes out. Forwarded octets stay in the receive buffers until they are flushed.
void relay_outlets::dispatch(const verdict& what, counters& count) {
  if (what.what == verdict::action::drop) return;
  if (is_flow(what.to))
    return flows_->send(what.to, what.payload, std::chrono::steady_clock::now());
  auto* out = outlet_for(what);
  if (!out) {
    ++count.send_failed;
    return;
  }
  auto payload = what.payload;
  if (what.what == verdict::action::answer) {
    auto& kept = answers_[answers_used_++];
    kept.assign(payload.begin(), payload.end());
    payload = kept;
  }
  out->sending.add(what.to, payload); // a batch in is at most a batch out: never full
}

relay_outlets::outlet* relay_outlets::outlet_for(const verdict& what) {
  const auto fits = [&](const outlet& o) {
    return o.socket.local.address.is_v4() == what.to.address.is_v4();
  };
  if (what.via > 0 && what.via <= by_number_.size() && fits(*by_number_[what.via - 1]))
    return by_number_[what.via - 1];
  for (auto& o : all_)
    if (fits(o)) return &o;
  return nullptr;
}

void relay_outlets::flush(counters& count) {
  for (auto& o : all_) {
    const auto done = o.sending.flush(o.socket.fd.get());
    count.send_failed += done.failed;
    count.send_congested += done.congested;
  }
  answers_used_ = 0;
}

} // namespace lanrage::net::relay
