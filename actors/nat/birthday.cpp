#include "actors/nat/birthday.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace defaults = config::defaults;

namespace {

constexpr std::uint32_t first_guess = 1'024; ///< NATs give out no lower ones
constexpr std::uint32_t guessable = 65'536 - first_guess;

/// Different ones, in random order; a port that was drawn before makes room for the next free one.
std::vector<std::uint16_t> draw_ports(const net::random_source& random) {
  std::vector<std::uint8_t> raw(std::size_t{4} * defaults::birthday_probes_max);
  random(raw);
  net::byte_reader in{raw};
  std::vector<bool> taken(guessable);
  std::vector<std::uint16_t> out;
  for (int i = 0; i < defaults::birthday_probes_max; ++i) {
    auto at = in.u32() % guessable;
    while (taken[at])
      at = (at + 1) % guessable;
    taken[at] = true;
    out.push_back(static_cast<std::uint16_t>(first_guess + at));
  }
  return out;
}

std::vector<std::uint16_t> spare_ports() {
  std::vector<std::uint16_t> out;
  for (int i = 0; i < defaults::birthday_sources; ++i)
    out.push_back(static_cast<std::uint16_t>(defaults::spare_port_first + i));
  return out;
}

} // namespace

birthday_attempt::birthday_attempt(const msg::birthday_plan& plan, time_point now,
                                   const net::random_source& random)
    : plan_{plan}, next_{plan.guess ? now + defaults::birthday_lead : now},
      until_{now + defaults::birthday_deadline}, ports_{plan.guess ? draw_ports(random)
                                                                   : spare_ports()} {}

std::vector<birthday_attempt::shot> birthday_attempt::due(time_point now) {
  std::vector<shot> out;
  if (stopped_ || now < next_) return out;
  while (out.size() < defaults::birthday_burst && sent_ < ports_.size()) {
    const auto port = ports_[sent_++];
    out.push_back(plan_.guess ? shot{{plan_.peer.address, port}, 0} : shot{plan_.peer, port});
  }
  next_ = now + defaults::birthday_gap;
  return out;
}

std::optional<birthday_attempt::time_point> birthday_attempt::next() const {
  if (stopped_ || sent_ == ports_.size()) return std::nullopt;
  return next_;
}

void birthday_attempt::guessed(const net::endpoint& to, const net::probe_transaction& id,
                               time_point now) {
  open_.push_back({to.port, id, now});
}

std::optional<birthday_attempt::time_point>
birthday_attempt::take(const net::endpoint& from, const net::probe_transaction& id) {
  if (from.address != plan_.peer.address) return std::nullopt;
  const auto at = std::find_if(open_.begin(), open_.end(), [&](const guess& each) {
    return each.port == from.port && each.id == id;
  });
  if (at == open_.end()) return std::nullopt;
  const auto sent = at->sent;
  open_.erase(at);
  return sent;
}

bool birthday_attempt::met(std::uint16_t port) {
  const bool ours = std::find(ports_.begin(), ports_.end(), port) != ports_.end();
  if (plan_.guess || !ours || (found_ && *found_ != port)) return false;
  found_ = port;
  stopped_ = true;
  return true;
}

} // namespace lanrage::actors
