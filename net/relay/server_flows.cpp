#include "net/relay/server_flows.hpp"

#include "config/stream_defaults.hpp"
#include "net/relay/flow.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace lanrage::net::relay {

namespace defaults = config::defaults;

namespace {
constexpr std::size_t taken_max = 16; ///< writes between two looks at the queue
} // namespace

flow_limits default_flow_limits() {
  return {defaults::streams_max,
          defaults::streams_per_source_max,
          defaults::relay_arrivals_max,
          defaults::relay_arrivals_per_stream_max,
          defaults::relay_stream_queue_octets,
          defaults::relay_stream_queue_datagrams,
          defaults::stream_queue_age,
          defaults::stream_unused_after};
}

flow_exchange::flow_exchange(const flow_limits& limits, std::uint64_t seed)
    : limits_(limits), hash_(seed), event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

ip_address flow_exchange::network_of(const ip_address& source) {
  if (source.is_v4()) return source;
  auto octets = source.octets();
  std::fill(octets.begin() + 8, octets.end(), std::uint8_t{0});
  return ip_address::v6(octets);
}

void flow_exchange::signal() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = ::write(event_.get(), &one, sizeof one);
}

std::optional<std::uint64_t> flow_exchange::open(const ip_address& source,
                                                 std::function<void()> wake, steady_time now) {
  const std::lock_guard lock{mutex_};
  const auto network = network_of(source);
  const auto from_there = per_source_.find(network);
  if (flows_.size() >= limits_.streams ||
      (from_there != per_source_.end() && from_there->second >= limits_.per_source)) {
    ++count_.streams_full;
    return std::nullopt;
  }
  ++per_source_[network];
  const auto number = ++last_;
  auto& made = flows_[number];
  made.name = flow_endpoint(number, hash_(byte_view{network.octets()}));
  made.source = network;
  made.wake = std::move(wake);
  made.used = now;
  ++count_.streams_opened;
  count_.streams = flows_.size();
  return number;
}

void flow_exchange::put(std::uint64_t number, bytes datagram) {
  const std::lock_guard lock{mutex_};
  const auto found = flows_.find(number);
  if (found == flows_.end()) return;
  auto& from = found->second;
  ++count_.streamed_in;
  if (from.arrived >= limits_.arrivals_per_stream ||
      arrived_.datagrams.size() >= limits_.arrivals) {
    ++count_.streamed_in_lost;
    return;
  }
  ++from.arrived;
  arrived_.datagrams.emplace_back(from.name, std::move(datagram));
  if (arrived_.datagrams.size() == 1) signal();
}

void flow_exchange::drop_oldest(flow& of, steady_time now) {
  while (!of.out.empty() &&
         (of.out.size() > limits_.queue_datagrams || of.out_octets > limits_.queue_octets ||
          now - of.out.front().since > limits_.queue_age)) {
    of.out_octets -= of.out.front().datagram.size();
    of.out.pop_front();
    ++count_.streamed_out_lost;
  }
}

flow_exchange::outgoing flow_exchange::take(std::uint64_t number, steady_time now) {
  const std::lock_guard lock{mutex_};
  const auto found = flows_.find(number);
  if (found == flows_.end()) return {{}, true};
  auto& from = found->second;
  from.woken = false;
  drop_oldest(from, now);
  outgoing out{{}, from.ended};
  while (!from.out.empty() && out.datagrams.size() < taken_max) {
    from.out_octets -= from.out.front().datagram.size();
    out.datagrams.push_back(std::move(from.out.front().datagram));
    from.out.pop_front();
  }
  return out;
}

void flow_exchange::close(std::uint64_t number) {
  const std::lock_guard lock{mutex_};
  const auto found = flows_.find(number);
  if (found == flows_.end()) return;
  const auto source = per_source_.find(found->second.source);
  if (--source->second == 0) per_source_.erase(source);
  arrived_.closed.push_back(found->second.name);
  flows_.erase(found);
  count_.streams = flows_.size();
  signal();
}

void flow_exchange::refused() {
  const std::lock_guard lock{mutex_};
  ++count_.streams_refused;
}

void flow_exchange::ended_bad() {
  const std::lock_guard lock{mutex_};
  ++count_.streams_bad;
}

flow_exchange::arrivals flow_exchange::drain() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
  const std::lock_guard lock{mutex_};
  for (auto& [name, octets] : arrived_.datagrams)
    if (const auto found = flows_.find(flow_number(name)); found != flows_.end())
      found->second.arrived = 0;
  return std::exchange(arrived_, {});
}

void flow_exchange::send(const endpoint& name, byte_view datagram, steady_time now) {
  const std::lock_guard lock{mutex_};
  const auto found = flows_.find(flow_number(name));
  if (found == flows_.end()) return;
  auto& to = found->second;
  ++count_.streamed_out;
  to.out.push_back({{datagram.begin(), datagram.end()}, now});
  to.out_octets += datagram.size();
  drop_oldest(to, now);
  if (!std::exchange(to.woken, true)) to.wake();
}

void flow_exchange::sweep(const std::function<bool(const endpoint&)>& used, steady_time now) {
  const std::lock_guard lock{mutex_};
  for (auto& [number, each] : flows_) {
    if (used(each.name)) each.used = now;
    if (each.ended || now - each.used < limits_.unused_after) continue;
    each.ended = true;
    ++count_.streams_unused;
    if (!std::exchange(each.woken, true)) each.wake();
  }
}

void flow_exchange::add_to(counters& total) const {
  const std::lock_guard lock{mutex_};
  for (const auto field :
       {&counters::streams, &counters::streams_opened, &counters::streams_full,
        &counters::streams_refused, &counters::streams_unused, &counters::streams_bad,
        &counters::streamed_in, &counters::streamed_in_lost, &counters::streamed_out,
        &counters::streamed_out_lost})
    total.*field = count_.*field;
}

} // namespace lanrage::net::relay
