#include "actors/hard_pair.hpp"
#include "actors/nat/gather.hpp"

#include <algorithm>
#include <array>

/// What the own NAT measures say for birthday probing (docs/decisions/0023).
namespace lanrage::actors {

/// Nothing while an easier way may work: a port that the router forwards, or one to predict.
std::optional<net::birthday_offer> gather::birthday_offer(const msg::own_paths& own) const {
  const auto& more = own.details;
  const auto side = side_of(own.nat);
  if (!birthday_ || !more.mapped || !more.port_mapped.empty() || side == hard_side::none)
    return std::nullopt;
  const bool symmetric = side == hard_side::symmetric;
  if (symmetric && more.port_delta != 0) return std::nullopt;
  return net::birthday_offer{symmetric, *more.mapped, network_, 0};
}

/// An attempt that was in vain on the last network may succeed on this one.
void gather::another_network() {
  if (!birthday_) return;
  std::array<std::uint8_t, 4> raw{};
  random_(raw);
  net::byte_reader in{raw};
  network_ = std::max(in.u32(), 1u);
}

} // namespace lanrage::actors
