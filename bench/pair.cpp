#include "bench/pair.hpp"

#include "lab/failure.hpp"
#include "lab/ping_stream.hpp"

#include <boost/json.hpp>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

namespace lanrage::bench {

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr auto ping_interval = 5ms;
constexpr auto look_every = 10ms;
constexpr auto answer_limit = 15s;
constexpr auto settle_limit = 45s;
constexpr auto stop_grace = 5s;
/// A direct answer is below this; a relayed one takes 4 times the one-way delay.
constexpr auto direct_below = one_way * 3;
constexpr const char* interface_name = "lanrage0";

std::string text_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

bool is_named(pid_t pid, const std::string& name) {
  return text_of("/proc/" + std::to_string(pid) + "/comm") == name + "\n";
}

/// Leaves the membership only: what a machine knows that joined while nobody else was there.
void forget_members(const fs::path& state) {
  fs::remove(state / "peers.json");
  fs::remove(state / "relays.json");
  const auto file = state / "directory.json";
  auto document = boost::json::parse(text_of(file)).as_object();
  for (auto& party : document.at("parties").as_array())
    party.as_object().at("members").as_array().clear();
  std::ofstream{file} << boost::json::serialize(document);
}

void disconnect(const lab::party& p, const std::string& member, const std::string& other) {
  if (!p.ask(member, lab::words::disconnect(other)).ok())
    throw lab::failure(member + ": disconnect failed\n" + p.log_end(member, 15));
  p.await(
      other, member, [](const lab::peer_view& v) { return !v.connected(); }, settle_limit);
  std::this_thread::sleep_for(1s);
}

times read_times(const std::vector<lab::ping_record>& records, lab::ping_time begin) {
  times out;
  const auto sooner = [&](std::optional<seconds_f>& best, const lab::ping_record& r) {
    const seconds_f at = r.sent + *r.rtt - begin;
    if (!best || at < *best) best = at;
  };
  for (const auto& r : records) {
    // What was sent before came back over the past's tunnel.
    if (!r.rtt || r.sent < begin) continue;
    sooner(out.first, r);
    if (*r.rtt < direct_below) sooner(out.direct, r);
  }
  return out;
}

} // namespace

times first_answers(int net_ns, const std::string& to, bool direct_wanted,
                    std::chrono::milliseconds limit, const std::function<void()>& begin) {
  lab::ping_stream pings{net_ns, to, ping_interval};
  const auto start = clock_type::now();
  begin();
  times seen;
  do {
    std::this_thread::sleep_for(look_every);
    seen = read_times(pings.records(), start);
  } while ((!seen.first || (direct_wanted && !seen.direct)) && clock_type::now() < start + limit);
  return read_times(pings.finish(200ms), start);
}

void remove_interface(const lab::host& at, const std::string& interface) {
  at.run({"ip", "link", "del", "dev", interface}); // none: also well
  const auto deadline = clock_type::now() + 5s;
  for (bool any = true; any;) {
    any = false;
    for (const auto pid : at.processes())
      if (is_named(pid, "wireguard-go")) any = true;
    if (any && clock_type::now() > deadline)
      throw lab::failure(at.name() + ": wireguard-go outlives its interface");
    if (any) std::this_thread::sleep_for(look_every);
  }
  fs::remove(at.run_path("wireguard/" + interface + ".sock"));
}

samples hand_configured(const options& wanted) {
  lab::topology t;
  lab::nat_settings keeps_port;
  keeps_port.type = lab::nat_type::port_restricted_preserving;
  t.publics = {{"server"}};
  t.sites = {{"p1", keeps_port, {}}, {"p2", keeps_port, {}}};
  t.one_way_delay = one_way;
  lab::laboratory lab{t};
  const auto in = [&](const std::string& name, const std::string& script) {
    lab::process_spec spec;
    spec.argv = {"sh", "-ec", "cd " + lab.at(name).root().string() + "; umask 077; " + script};
    return lab::must_run(spec, lab.at(name).where());
  };
  for (const std::string name : {"p1", "p2"})
    in(name, "wg genkey > key");
  const auto start = [&](const std::string& name, const std::string& other) {
    const auto key = in(other, "wg pubkey < key");
    const std::string own = name == "p1" ? "10.66.0.1" : "10.66.0.2";
    const std::string theirs = name == "p1" ? "10.66.0.2" : "10.66.0.1";
    return "wireguard-go wg0 >/dev/null 2>&1; wg set wg0 listen-port 51820 private-key key peer " +
           key.substr(0, key.find('\n')) + " allowed-ips " + theirs + "/32 endpoint " +
           lab.public_address(other) + ":51820 persistent-keepalive 25; ip address add " + own +
           "/24 dev wg0; ip link set dev wg0 mtu 1380 up";
  };
  in("p1", start("p1", "p2"));
  const auto command = start("p2", "p1");
  samples out;
  for (unsigned run = 0; run < wanted.runs; ++run) {
    // Its port is known beforehand but its network must not be: the same as for a cold daemon.
    lab.flush("p2");
    out.add(first_answers(lab.at("p2").net_ns(), "10.66.0.1", true, answer_limit,
                          [&] { in("p2", command); }));
    remove_interface(lab.at("p2"), "wg0");
    // p1 would start a handshake of its own for the old session; away for good, it would not.
    remove_interface(lab.at("p1"), "wg0");
    in("p1", start("p1", "p2"));
    std::this_thread::sleep_for(1s);
  }
  return out;
}

cold_samples cold_starts(lab::party& p, const std::string& member, const std::string& other,
                         bool direct_wanted, unsigned runs) {
  const auto& host = p.lab().at(member);
  const auto target = p.virtual_ip(other);
  cold_samples out;
  for (unsigned run = 0; run < 2 * runs; ++run) {
    const bool cold = run % 2 == 0;
    p.program(member).stop(stop_grace);
    remove_interface(host, interface_name);
    p.lab().flush(member);
    if (cold) forget_members(host.root() / "state");
    // The other end has given up, as it has for a machine that was off for long.
    const auto seen = p.await(
        other, member, [](const lab::peer_view& v) { return v.status == "failed"; }, settle_limit);
    if (!seen || seen->status != "failed")
      throw lab::failure(other + " does not notice that " + member + " is gone");
    std::ofstream{p.log_file(member), std::ios::app} << "=== " << (cold ? "cold" : "remembered")
                                                     << " start " << run / 2 << "\n";
    const auto seen_times =
        first_answers(host.net_ns(), target, direct_wanted, answer_limit, [&] { p.start(member); });
    (cold ? out.cold : out.remembered).add(seen_times);
    std::fprintf(stderr, "%s %s: first %.3f direct %.3f\n", member.c_str(),
                 cold ? "cold" : "remembered", seen_times.first.value_or(seconds_f{-1}).count(),
                 seen_times.direct.value_or(seconds_f{-1}).count());
    // Long enough for what was learned to be saved.
    p.await(
        member, other, [](const lab::peer_view& v) { return v.connected(); }, settle_limit);
    std::this_thread::sleep_for(3s);
  }
  return out;
}

samples warm_connects(lab::party& p, const std::string& member, const std::string& other,
                      bool direct_wanted, unsigned runs) {
  const auto target = p.virtual_ip(other);
  samples out;
  for (unsigned run = 0; run < runs; ++run) {
    disconnect(p, member, other);
    const auto seen = first_answers(p.lab().at(member).net_ns(), target, direct_wanted,
                                    answer_limit, [&] { p.connect(member, other); });
    out.add(seen);
    std::fprintf(stderr, "%s warm: first %.3f direct %.3f\n", member.c_str(),
                 seen.first.value_or(seconds_f{-1}).count(),
                 seen.direct.value_or(seconds_f{-1}).count());
    std::this_thread::sleep_for(1s);
  }
  return out;
}

sample quiet_connects(lab::party& p, const std::string& member, const std::string& other,
                      unsigned runs) {
  sample out;
  for (unsigned run = 0; run < runs; ++run) {
    disconnect(p, member, other);
    const auto begin = clock_type::now();
    p.connect(member, other);
    out.add(clock_type::now() - begin);
    std::fprintf(stderr, "%s quiet: %.3f\n", member.c_str(), out.values.back());
    std::this_thread::sleep_for(1s);
  }
  return out;
}

} // namespace lanrage::bench
