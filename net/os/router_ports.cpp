#include "net/os/router_ports.hpp"

#include "net/os/descriptor.hpp"
#include "net/os/socket_address.hpp"

#include <arpa/inet.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>
#include <natpmp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <future>
#include <memory>

namespace lanrage::net::os {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;
using clock = std::chrono::steady_clock;

constexpr auto first_wait = 250ms; // RFC 6886 3.1
constexpr const char* description = "lanrage";
constexpr int upnp_conflict = 718;  // ConflictInMappingEntry
constexpr int upnp_permanent = 725; // OnlyPermanentLeasesSupported
constexpr int upnp_searches = 4;    // upnpDiscover's kinds of routers, waited for one after another
constexpr unsigned char multicast_hops = 2; // UPnP Device Architecture 1.0, 1.2.2

milliseconds until(clock::time_point deadline) {
  return std::max(std::chrono::ceil<milliseconds>(deadline - clock::now()), milliseconds{0});
}

bool readable(int fd, milliseconds wait) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, static_cast<int>(wait.count())) == 1;
}

/// libnatpmp's handle; it finds the default router.
struct natpmp_session {
  natpmp_t handle{};
  bool open = initnatpmp(&handle, 0, 0) == 0;
  ~natpmp_session() {
    if (open) closenatpmp(&handle);
  }
  natpmp_session() = default;
  natpmp_session(const natpmp_session&) = delete;
  natpmp_session& operator=(const natpmp_session&) = delete;

  /// The answer to the request sent last.
  std::optional<natpmpresp_t> answer(clock::time_point deadline) {
    natpmpresp_t out{};
    for (;;) {
      timeval wait{};
      if (getnatpmprequesttimeout(&handle, &wait) != 0) return std::nullopt;
      const auto next = seconds{wait.tv_sec} + std::chrono::microseconds{wait.tv_usec};
      const auto most = std::min(std::chrono::ceil<milliseconds>(next), until(deadline));
      readable(handle.s, std::max(most, milliseconds{0}));
      const int said = readnatpmpresponseorretry(&handle, &out);
      if (said == 0) return out;
      if (said != NATPMP_TRYAGAIN || clock::now() >= deadline) return std::nullopt;
    }
  }
};

struct upnp_list_deleter {
  void operator()(UPNPDev* list) const { freeUPNPDevlist(list); }
};

/// A router that speaks UPnP, with our address towards it.
class upnp_router {
 public:
  explicit upnp_router(milliseconds patience) {
    int failed = 0;
    const std::unique_ptr<UPNPDev, upnp_list_deleter> found{
        upnpDiscover(static_cast<int>(patience.count()) / upnp_searches, nullptr, nullptr,
                     UPNP_LOCAL_PORT_ANY, 0, multicast_hops, &failed)};
    if (!found) return;
    const int kind =
        UPNP_GetValidIGD(found.get(), &urls_, &data_, own_.data(), static_cast<int>(own_.size()));
    filled_ = kind != 0;
    usable_ = kind == 1;
  }
  ~upnp_router() {
    if (filled_) FreeUPNPUrls(&urls_);
  }
  upnp_router(const upnp_router&) = delete;
  upnp_router& operator=(const upnp_router&) = delete;

  bool usable() const { return usable_; }
  int add(std::uint16_t outside, std::uint16_t inside, seconds lease) {
    return UPNP_AddPortMapping(urls_.controlURL, service(), std::to_string(outside).c_str(),
                               std::to_string(inside).c_str(), own_.data(), description, "UDP",
                               nullptr, std::to_string(lease.count()).c_str());
  }
  void remove(std::uint16_t outside) {
    UPNP_DeletePortMapping(urls_.controlURL, service(), std::to_string(outside).c_str(), "UDP",
                           nullptr);
  }
  std::optional<ip_address> public_address() {
    std::array<char, 64> text{};
    if (UPNP_GetExternalIPAddress(urls_.controlURL, service(), text.data()) != 0)
      return std::nullopt;
    return ip_address::parse(text.data());
  }

 private:
  const char* service() const { return data_.first.servicetype; }

  UPNPUrls urls_{};
  IGDdatas data_{};
  std::array<char, 64> own_{};
  bool filled_ = false;
  bool usable_ = false;
};

} // namespace

// The other port: any unprivileged one that is not the next machine's as well.
router_ports::router_ports(std::uint16_t port, const pcp::nonce& nonce)
    : port_{port}, another_{static_cast<std::uint16_t>(1'024 + ((nonce[0] << 8) | nonce[1]) %
                                                                   (65'536 - 1'024))},
      nonce_{nonce} {}

std::vector<router_port> router_ports::map(seconds lifetime, milliseconds patience) {
  const auto start = [&](auto way) {
    return std::async(std::launch::async,
                      [this, way, lifetime, patience] { return (this->*way)(lifetime, patience); });
  };
  std::array ways{start(&router_ports::by_pcp), start(&router_ports::by_natpmp),
                  start(&router_ports::by_upnp)};
  granted_.clear();
  for (auto& way : ways)
    if (const auto port = way.get(); port && port->outside.valid()) granted_.push_back(*port);
  return granted_;
}

void router_ports::unmap(milliseconds patience) {
  for (const auto& each : granted_) {
    if (each.protocol == "PCP") (void)by_pcp(0s, patience);
    if (each.protocol == "NAT-PMP") (void)by_natpmp(0s, patience);
    if (each.protocol != "UPnP") continue;
    if (upnp_router router{patience}; router.usable()) router.remove(each.outside.port);
  }
  granted_.clear();
}

std::optional<router_port> router_ports::by_pcp(seconds lifetime, milliseconds patience) const {
  const natpmp_session route; // only for the router's address
  if (!route.open) return std::nullopt;
  const endpoint router{ip_address::v4(ntohl(route.handle.gateway)), pcp::server_port};
  const descriptor fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const auto where = to_socket_address(router);
  if (!fd || ::connect(fd.get(), where.data(), where.size) != 0) return std::nullopt;
  socket_address own;
  own.size = sizeof own.storage;
  if (::getsockname(fd.get(), own.data(), &own.size) != 0) return std::nullopt;
  const auto client = from_socket_address(own.data());
  if (!client) return std::nullopt;
  const auto request = pcp::encode({nonce_, client->address, port_, port_, lifetime});
  const auto deadline = clock::now() + patience;
  for (auto wait = milliseconds{first_wait}; clock::now() < deadline; wait *= 2) {
    if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return std::nullopt;
    if (!readable(fd.get(), std::min(wait, until(deadline)))) continue;
    std::array<std::uint8_t, 1'100> buffer; // RFC 6887 7: the largest message
    const auto size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) return std::nullopt; // nobody listens there
    const auto said = pcp::decode(byte_view{buffer}.first(static_cast<std::size_t>(size)));
    if (!said || said->id != nonce_ || said->internal_port != port_) continue;
    if (said->result != 0) return std::nullopt;
    return router_port{"PCP", said->outside, said->lifetime};
  }
  return std::nullopt;
}

std::optional<router_port> router_ports::by_natpmp(seconds lifetime, milliseconds patience) const {
  natpmp_session session;
  if (!session.open) return std::nullopt;
  const auto deadline = clock::now() + patience;
  if (sendpublicaddressrequest(&session.handle) < 0) return std::nullopt;
  const auto address = session.answer(deadline);
  if (!address || address->type != NATPMP_RESPTYPE_PUBLICADDRESS) return std::nullopt;
  const auto wanted = lifetime == 0s ? std::uint16_t{0} : port_; // RFC 6886 3.4
  if (sendnewportmappingrequest(&session.handle, NATPMP_PROTOCOL_UDP, port_, wanted,
                                static_cast<std::uint32_t>(lifetime.count())) < 0)
    return std::nullopt;
  const auto mapped = session.answer(deadline);
  if (!mapped || mapped->type != NATPMP_RESPTYPE_UDPPORTMAPPING) return std::nullopt;
  return router_port{"NAT-PMP",
                     {ip_address::v4(ntohl(address->pnu.publicaddress.addr.s_addr)),
                      mapped->pnu.newportmapping.mappedpublicport},
                     seconds{mapped->pnu.newportmapping.lifetime}};
}

std::optional<router_port> router_ports::by_upnp(seconds lifetime, milliseconds patience) const {
  upnp_router router{patience};
  if (!router.usable()) return std::nullopt;
  auto outside = port_;
  auto lease = lifetime;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const int said = router.add(outside, port_, lease);
    if (said == upnp_conflict)
      outside = another_;
    else if (said == upnp_permanent)
      lease = 0s;
    else if (said != 0)
      return std::nullopt;
    else if (const auto address = router.public_address())
      return router_port{"UPnP", {*address, outside}, lifetime};
    else
      break;
  }
  return std::nullopt;
}

} // namespace lanrage::net::os
