#include "sim/world/machine.hpp"

#include "config/lan_defaults.hpp"
#include "net/frames.hpp"

#include <algorithm>

namespace lanrage::sim {

namespace {

constexpr std::uint16_t wg_port = config::defaults::listen_port;
constexpr std::uint32_t loopback = 0x7f000001;
constexpr std::uint16_t first_ephemeral_port = 40'000;
/// The upper bits of a wake's token say for which device it is.
constexpr int device_shift = 56;
constexpr std::uint64_t wake_mask = (std::uint64_t{1} << device_shift) - 1;

net::error no_device() {
  return net::fail(net::errc::wg_unavailable, "there is no such interface");
}

} // namespace

machine::machine(std::uint32_t number, std::string name, node_id node,
                 const net::wg_public_key& own, std::uint64_t seed, duration unix_epoch,
                 fabric& net, agenda& time, machine_observer& observer)
    : number_(number), name_(std::move(name)), node_(node), own_(own), seed_(seed),
      unix_epoch_(unix_epoch), net_(net), time_(time), observer_(observer) {}

// --- network -------------------------------------------------------------------------------------

/// The port that packets of WireGuard's port leave from.
std::uint16_t machine::source_towards(const net::endpoint& to) const {
  for (const auto& each : rewrites_)
    if (each.peer == to) return each.port;
  return wg_port;
}

std::optional<packet> machine::rewritten(const packet& arrived) const {
  for (const auto& each : rewrites_) {
    if (each.peer != arrived.from || each.port != arrived.to.port) continue;
    auto out = arrived;
    out.to.port = wg_port;
    return out;
  }
  return std::nullopt;
}

std::string_view machine::datagram(const packet& as_sent) {
  const auto changed = rewritten(as_sent);
  const auto& arrived = changed ? *changed : as_sent;
  if (arrived.to.port == config::defaults::lan_port) {
    if (!hooks.lan) return "no such port";
    hooks.lan(arrived);
    return {};
  }
  const bool spare =
      arrived.to.port >= config::defaults::spare_port_first &&
      arrived.to.port - config::defaults::spare_port_first < config::defaults::spare_ports;
  if (arrived.to.port != wg_port && !spare) return "no such port";
  switch (net::classify(arrived.data)) {
  case net::datagram_class::wireguard:
    if (!device_ || spare) return "no interface";
    device_->datagram(arrived.from, arrived.data, time_.now());
    break;
  case net::datagram_class::stun:
  case net::datagram_class::probe:
  case net::datagram_class::relay:
    if (hooks.frame) hooks.frame(arrived);
    break;
  case net::datagram_class::other:
    break;
  }
  return {};
}

net::endpoint machine::add_stream(std::function<void(net::byte_view)> out) {
  if (stream_port_ < first_ephemeral_port) stream_port_ = first_ephemeral_port; // first, and round
  const net::endpoint at{net::ip_address::v4(loopback), stream_port_++};
  streams_[at] = std::move(out);
  streams_ever_.insert(at);
  return at;
}

std::string_view machine::streamed(const net::endpoint& at, net::byte_view data) {
  packet arrived;
  arrived.from = at;
  arrived.to = {at.address, wg_port};
  arrived.data.assign(data.begin(), data.end());
  return datagram(arrived);
}

/// What goes to the loopback interface does not leave the machine. False: nobody is there.
bool machine::by_stream(const net::endpoint& to, net::byte_view data) {
  const auto found = streams_.find(to);
  if (found == streams_.end()) return false;
  found->second(data);
  return true;
}

void machine::send_frame(const net::endpoint& to, net::byte_view data, std::uint16_t from_port) {
  if (to.address.is_loopback()) return void(by_stream(to, data));
  const auto source = from_port == 0 ? source_towards(to) : from_port;
  net_.send(node_, source, to, data, time_.now());
}

void machine::send_lan(const std::optional<net::ip_address>& to, net::byte_view data) {
  constexpr auto port = config::defaults::lan_port;
  if (!has_lan()) return;
  if (to)
    net_.send(node_, port, {*to, port}, data, time_.now());
  else
    net_.send_to_neighbours(node_, port, data, time_.now());
}

std::vector<net::ip_address> machine::addresses() const {
  auto out = net_.addresses(node_);
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<net::session_index> machine::session_towards(const net::endpoint& where) const {
  return device_ ? device_->session_towards(where) : std::nullopt;
}

bool machine::echo(net::virtual_ip to, std::uint64_t token, std::uint16_t octets) {
  if (!device_ || !device_->address().leased()) return false;
  const inner_packet asked{device_->address(), to, false, token, octets};
  observer_.on_echo_asked(number_, asked);
  return device_->send(asked, time_.now());
}

std::optional<std::uint64_t> machine::probe(net::virtual_ip to, std::uint16_t octets) {
  const auto token = ++probes_;
  if (!echo(to, token, octets)) return std::nullopt;
  return token;
}

// --- WireGuard's interface -----------------------------------------------------------------------

net::result<msg::device_state> machine::ensure(net::virtual_ip address) {
  const bool created = !device_;
  if (created) {
    ++devices_;
    wg_surroundings& around = *this;
    device_ = std::make_unique<fake_wireguard>(
        own_, wg_port, unix_epoch_ + wall_offset_,
        stream{seed_, "wireguard/" + name_ + '/' + std::to_string(devices_)}, around);
    observer_.on_device(number_, true);
  }
  if (address.leased()) device_->set_address(address);
  return msg::device_state{device_->observe(), created};
}

net::result<msg::device_state> machine::observe() const {
  if (!device_) return no_device();
  msg::device_state out{device_->observe(), false};
  if (faults) faults->on_dump(*this, out.seen);
  return out;
}

net::result<msg::done> machine::apply(const std::vector<net::wg::change>& changes) {
  if (!device_) return no_device();
  observer_.on_changes(number_, changes);
  for (const auto& change : changes)
    device_->apply(change, time_.now());
  return msg::done{};
}

net::result<msg::done> machine::remove(const std::set<net::wg_public_key>& peers) {
  if (!device_) return msg::done{};
  const auto there = device_->observe().peers;
  if (std::all_of(there.begin(), there.end(),
                  [&](const auto& peer) { return peers.contains(peer.key); })) {
    delete_device();
    return msg::done{};
  }
  for (const auto& key : peers)
    device_->apply({net::wg::change_kind::remove, key, {}, {}, {}}, time_.now());
  device_->set_address({});
  return msg::done{};
}

void machine::delete_device() {
  if (!device_) return;
  device_->discard_waiting();
  device_.reset();
  observer_.on_device(number_, false);
}

std::optional<net::error> machine::next_failure(device_call call) {
  if (faults)
    if (auto why = faults->refuses(*this, call)) return why;
  auto& waiting = behavior.failures[static_cast<std::size_t>(call)];
  if (waiting.empty()) return std::nullopt;
  auto out = std::move(waiting.front());
  waiting.pop_front();
  return out;
}

void machine::rekey(const net::wg_public_key& own) {
  own_ = own;
  delete_device();
}

void machine::set_wall_offset(duration ahead) {
  wall_offset_ = ahead;
  if (device_) device_->set_unix_epoch(unix_epoch_ + ahead);
}

void machine::wake(std::uint64_t token) {
  if (!device_ || token >> device_shift != (devices_ & 0xff)) return;
  device_->wake(token & wake_mask, time_.now());
}

// --- what WireGuard does -------------------------------------------------------------------------

void machine::transmit(const net::endpoint& to, net::byte_view datagram) {
  if (to.address.is_loopback() ? by_stream(to, datagram)
                               : net_.send(node_, source_towards(to), to, datagram, time_.now()))
    return;
  if (const auto echo = fake_wireguard::echo_in(datagram))
    observer_.on_echo_lost(number_, *echo,
                           to.address.is_loopback()
                               ? "the stream is closed"
                               : "the machine is off, or has no such address family");
}

void machine::receive(const inner_packet& inner) {
  observer_.on_decrypted(number_, inner);
  if (inner.to != device_->address())
    return observer_.on_echo_lost(number_, key_of(inner), "not the machine's address");
  if (!inner.reply) {
    observer_.on_echo_request(number_, inner);
    device_->send({inner.to, inner.from, true, inner.token, inner.octets}, time_.now());
    return;
  }
  observer_.on_echo_answered(number_, inner);
  if (inner.token & user_echo)
    observer_.on_echo(number_, inner.token);
  else if (hooks.echo)
    hooks.echo(inner.token);
}

void machine::wake_at(time_point when, std::uint64_t token) {
  const auto device = static_cast<std::uint64_t>(devices_ & 0xff) << device_shift;
  time_.queue().push(when, event_kind::wg_wake, number_, device | (token & wake_mask));
}

void machine::dropped(wg_drop cause, const inner_packet* inner) {
  observer_.on_wg_drop(number_, cause, inner);
}

void machine::waiting(const inner_packet& inner, bool begins) {
  observer_.on_waiting(number_, inner, begins);
}

void machine::discarded(const inner_packet& inner) {
  observer_.on_echo_lost(number_, key_of(inner), "its WireGuard peer was removed");
}

void machine::handshake_done(const net::wg_public_key& peer) {
  observer_.on_handshake(number_, peer);
}

} // namespace lanrage::sim
