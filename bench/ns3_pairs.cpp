#include "bench/ns3_pairs.hpp"

#include <ns3/core-module.h>
#include <ns3/internet-module.h>
#include <ns3/network-module.h>
#include <ns3/point-to-point-module.h>
#include <ns3/traffic-control-module.h>

#include <ctime>
#include <memory>
#include <vector>

namespace lanrage::bench {

namespace {

constexpr std::uint16_t echo_port = 7;
constexpr std::uint32_t payload_octets = 64;

/// As sim::delay_of_link.
ns3::Time delay_of_link(std::uint64_t number) {
  return ns3::MicroSeconds(1'000 + (number * 2'654'435'761u >> 7) % 79'000);
}

/// Asks once a second, until the time is over.
class pinger {
 public:
  pinger(ns3::Ptr<ns3::Node> on, ns3::Ipv4Address whom, ns3::Time until)
      : socket_(ns3::Socket::CreateSocket(on, ns3::UdpSocketFactory::GetTypeId())),
        whom_(whom, echo_port), until_(until) {
    socket_->Bind();
    socket_->SetRecvCallback(ns3::MakeCallback(&pinger::answered, this));
  }
  void ask() {
    socket_->SendTo(ns3::Create<ns3::Packet>(payload_octets), 0, whom_);
    if (ns3::Simulator::Now() + ns3::Seconds(1) < until_)
      ns3::Simulator::Schedule(ns3::Seconds(1), &pinger::ask, this);
  }
  std::uint64_t answers() const { return answers_; }

 private:
  void answered(ns3::Ptr<ns3::Socket> from) {
    while (from->Recv())
      ++answers_;
  }
  ns3::Ptr<ns3::Socket> socket_;
  ns3::InetSocketAddress whom_;
  ns3::Time until_;
  std::uint64_t answers_ = 0;
};

void echo(ns3::Ptr<ns3::Socket> socket) {
  ns3::Address from;
  while (const auto packet = socket->RecvFrom(from))
    socket->SendTo(packet, 0, from);
}

ns3::Ptr<ns3::Socket> add_echo(ns3::Ptr<ns3::Node> on) {
  auto socket = ns3::Socket::CreateSocket(on, ns3::UdpSocketFactory::GetTypeId());
  socket->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), echo_port));
  socket->SetRecvCallback(ns3::MakeCallback(&echo));
  return socket;
}

} // namespace

ns3_figures run_ns3_pairs(std::uint32_t nodes, std::uint32_t virtual_s, bool queues) {
  const auto until = ns3::Seconds(virtual_s);
  ns3::NodeContainer all;
  all.Create(nodes);
  ns3::InternetStackHelper stack;
  stack.SetRoutingHelper(ns3::Ipv4StaticRoutingHelper{});
  stack.Install(all);
  ns3::PointToPointHelper links;
  links.SetDeviceAttribute("DataRate", ns3::StringValue("1Gbps"));
  ns3::Ipv4AddressHelper addresses;
  addresses.SetBase("10.0.0.0", "255.255.255.252");
  std::vector<ns3::Ptr<ns3::Socket>> echoes;
  std::vector<std::unique_ptr<pinger>> pingers;
  for (std::uint32_t k = 0; k + 1 < nodes; k += 2) {
    links.SetChannelAttribute("Delay", ns3::TimeValue(delay_of_link(k / 2)));
    const auto devices = links.Install(all.Get(k), all.Get(k + 1));
    const auto faces = addresses.Assign(devices);
    addresses.NewNetwork();
    if (!queues) ns3::TrafficControlHelper().Uninstall(devices);
    echoes.push_back(add_echo(all.Get(k + 1)));
    pingers.push_back(std::make_unique<pinger>(all.Get(k), faces.GetAddress(1), until));
    // Spread over the first second.
    const auto start = ns3::MicroSeconds(std::uint64_t{k} * 7'919 % 1'000'000);
    ns3::Simulator::ScheduleWithContext(k, start, &pinger::ask, pingers.back().get());
  }
  ns3::Simulator::Stop(until + ns3::Seconds(2));
  const auto begun = std::clock();
  ns3::Simulator::Run();
  ns3_figures out;
  out.cpu_s = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  out.events = ns3::Simulator::GetEventCount();
  for (const auto& each : pingers)
    out.round_trips += each->answers();
  pingers.clear();
  echoes.clear();
  ns3::Simulator::Destroy();
  return out;
}

} // namespace lanrage::bench
