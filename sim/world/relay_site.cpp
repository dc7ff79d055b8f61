#include "sim/world/relay_site.hpp"

#include "config/defaults.hpp"
#include "net/relay/server.hpp"

namespace lanrage::sim {

namespace {
constexpr duration relay_tick_every = std::chrono::milliseconds{250};
} // namespace

relay_site::relay_site(std::uint64_t seed, std::string name, node_id node, std::uint16_t port,
                       duration unix_epoch, const net::token_public_key& tokens, fabric& net,
                       agenda& time)
    : seed_(seed), name_(std::move(name)), node_(node), port_(port), unix_epoch_(unix_epoch),
      key_(net::generate_x25519<net::relay_private_key>(
          net::seeded_random(seed, "relay key/" + name_))),
      tokens_(tokens), net_(net), time_(time) {
  start(false);
}

net::relay_info relay_site::info() const {
  const auto& own = net_.addresses(node_);
  net::relay_info out{net::public_key(key_), name_, {own.front(), port_}, {}};
  if (own.size() > 1) out.address6 = net::endpoint{own.back(), port_};
  out.tls = net::relay_tls{config::defaults::control_port, {}, {}};
  return out;
}

net::relay::instant relay_site::instant() const {
  const auto unix_now = unix_epoch_ + time_.now().time_since_epoch();
  return {time_.now(),
          net::relay::unix_time{std::chrono::duration_cast<std::chrono::milliseconds>(unix_now)}};
}

void relay_site::start(bool with_state) {
  const auto stream_name = "relay/" + name_ + '/' + std::to_string(++incarnation_);
  core_ = std::make_unique<net::relay::relay_core>(key_, tokens_, net::relay::limits_of({}),
                                                   net::seeded_random(seed_, stream_name));
  if (with_state && !saved_.empty()) (void)core_->restore(saved_, instant());
  tick(incarnation_);
}

void relay_site::kill() {
  core_.reset();
  ++incarnation_;
  if (killed) killed();
}

void relay_site::tick(std::uint64_t incarnation) {
  if (incarnation != incarnation_) return;
  core_->tick(instant());
  if (time_.now() - saved_at_ >= config::defaults::relay_saved_every) save();
  time_.after(relay_tick_every, [this, incarnation] { tick(incarnation); });
}

void relay_site::save() {
  saved_at_ = time_.now();
  saved_ = core_->snapshot(instant(), false);
}

std::string_view relay_site::datagram(const packet& arrived) {
  if (!core_) return "the relay does not run";
  if (arrived.to.port != port_) return "no such port";
  return perform(core_->receive(arrived.data, {arrived.from, 0}, instant()));
}

std::string_view relay_site::streamed(const net::endpoint& flow, net::byte_view datagram) {
  if (!core_) return "the relay does not run";
  return perform(core_->receive(datagram, {flow, net::relay::via_stream}, instant()));
}

void relay_site::flow_closed(const net::endpoint& flow) {
  if (core_) core_->flow_closed(flow);
}

std::string_view relay_site::perform(const net::relay::verdict& what) {
  if (what.what == net::relay::verdict::action::drop) return "the relay knows no way";
  if (net::relay::is_flow(what.to)) {
    if (!to_stream) return "the stream is closed";
    to_stream(net::relay::flow_number(what.to), what.payload);
  } else if (!net_.send(node_, port_, what.to, what.payload, time_.now())) {
    return "the relay's machine is off";
  }
  return what.what == net::relay::verdict::action::answer ? "the relay refused it" : "";
}

} // namespace lanrage::sim
