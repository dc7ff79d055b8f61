#include "cli/demo.hpp"
#include "cli/local_client.hpp"
#include "lab/capture.hpp"
#include "lab/demo_report.hpp"
#include "lab/failure.hpp"
#include "lab/nat_matrix.hpp"
#include "lab/party.hpp"
#include "lab/ping_stream.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <deque>
#include <iostream>
#include <optional>
#include <set>
#include <thread>

namespace lanrage::cli {

namespace {

using namespace std::chrono_literals;
using lab::matrix_cell;
using lab::party;
using lab::party_member;
using clock_type = std::chrono::steady_clock;

/// A direct path that is possible is found by then: the first punch, and the second 15 s later.
constexpr auto direct_limit = 25s;
/// The tunnel answers by then.
constexpr auto connect_limit = 15s;
/// The first punch is over by then.
constexpr auto punch_limit = 2s;
/// So long a relayed pair is watched before it counts as relayed: the whole first punch.
constexpr auto relay_watched = 4s;
/// A pair that is being repaired, as happens on a machine under load, is back by then.
constexpr auto repair_limit = 6s;
/// Between two packets of a pair that may go direct, so that its first direct one is seen at once;
/// and of one that goes through relays, where ten pairs of one member share a TCP connection.
constexpr auto often = 10ms;
constexpr auto seldom = 100ms;
/// Every NAT is known by then: the filtering test takes 1.4 s.
constexpr auto classified_limit = 10s;

/// A pair to connect: `a` and `b` are members, the rest is the cell's.
struct matrix_task {
  std::string a, b;
  matrix_cell cell;
  std::string endpoint{}; ///< what the one in use must begin with
};

lab::party_options make_options(const demo_options& options) {
  lab::party_options o;
  o.binary = options.binary;
  o.one_way_delay = options.one_way_delay;
  o.auto_connect = false;
  o.ipv6 = true;
  o.members = lab::matrix_members();
  o.carriers = lab::matrix_carriers();
  return o;
}

/// A pair that was told to connect.
struct running {
  running(matrix_task& what, int net_ns, const char* interface)
      : task(what), at_a(net_ns, interface) {}
  matrix_task& task;
  std::optional<lab::ping_stream> traffic{}; ///< into the tunnel before it is there, as a user's
  lab::capture at_a;
  clock_type::time_point from{};
};

/// Asks by the socket itself: the command line would take as long as the connection.
boost::json::object tell(const party& p, const std::string& who, const boost::json::object& request,
                         std::chrono::milliseconds within) {
  auto daemon = local_client::open(p.lab().at(who).run_path("lanrage/lanrage.sock"));
  if (const auto* failed = std::get_if<failure>(&daemon)) throw lab::failure(failed->text);
  const auto said = std::get<local_client>(daemon).ask(request, within);
  if (const auto* failed = std::get_if<failure>(&said))
    throw lab::failure(who + ": " + failed->text);
  return std::get<boost::json::object>(said);
}

void tell_to_connect(const party& p, const std::string& who, const std::string& whom,
                     std::chrono::milliseconds wait) {
  tell(p, who,
       {{"op", "connect"}, {"peer", whom}, {"wait_ms", static_cast<std::int64_t>(wait.count())}},
       wait + 5s);
}

/// Both sides within a millisecond, as when a party comes up. Returns when the tunnel answers.
void begin(const party& p, running& pair) {
  auto& task = pair.task;
  try {
    pair.traffic.emplace(p.lab().at(task.a).net_ns(), p.virtual_ip(task.b),
                         task.cell.expected == "direct" ? often : seldom);
    pair.from = clock_type::now();
    tell_to_connect(p, task.b, task.a, 0ms);
    tell_to_connect(p, task.a, task.b, task.cell.expected.empty() ? 0ms : connect_limit);
    if (task.cell.expected.empty()) return;
    task.cell.connect = clock_type::now() - pair.from;
  } catch (const lab::failure& e) {
    task.cell.problem = e.what();
  }
}

/// When a member's first WireGuard data came in by a relay, and when by none.
struct first_data {
  std::optional<clock_type::time_point> relayed, direct;
};

first_data first_data_of(const lab::flows& seen, const party& p) {
  first_data out;
  for (const auto& [f, count] : seen) {
    if (f.outgoing || f.what != lab::payload_class::wg_data) continue;
    bool by_relay = false;
    for (unsigned r = 1; r <= p.options().relays; ++r) {
      const auto& relay = p.lab().at("relay" + std::to_string(r));
      by_relay |= f.source.starts_with(relay.address() + ":") ||
                  f.source.starts_with("[" + relay.address6() + "]:");
    }
    auto& first = by_relay ? out.relayed : out.direct;
    first = first ? std::min(*first, count.first) : count.first;
  }
  return out;
}

/// What became of it.
void finish(const party& p, running& pair) {
  auto& task = pair.task;
  auto& cell = task.cell;
  if (!cell.problem.empty()) return;
  const auto limit = pair.from + (cell.expected == "direct" ? direct_limit : relay_watched);
  try {
    auto view = p.await(
        task.a, task.b, [&](const lab::peer_view& v) { return v.connected() && v.direct(); },
        std::max(std::chrono::ceil<std::chrono::milliseconds>(limit - clock_type::now()), 0ms));
    if (cell.connect && !(view && view->connected()))
      view = p.await(
          task.a, task.b, [](const lab::peer_view& v) { return v.connected(); }, repair_limit);
    if (!view || !view->connected()) {
      if (cell.connect) cell.problem = "connected, and no more: " + (view ? view->reason : "gone");
      return;
    }
    cell.strategy = view->strategy;
    const auto first = first_data_of(pair.at_a.seen(), p);
    if (view->direct() && first.direct) cell.direct = *first.direct - pair.from;
    if (first.relayed) cell.relayed = *first.relayed - pair.from;
    if (!view->endpoint.starts_with(task.endpoint)) cell.problem = "went through " + view->endpoint;
    pair.traffic.reset();
    // What they say to each other later would count as the next pair's.
    tell(p, task.a, {{"op", "disconnect"}, {"peer", task.b}}, 5s);
    tell(p, task.b, {{"op", "disconnect"}, {"peer", task.a}}, 5s);
  } catch (const lab::failure& e) {
    cell.problem = e.what();
  }
}

/// One begins after the other, so that the first packets of each are not held back by the others'
/// handshakes; then all are watched.
void run_round(const party& p, std::vector<matrix_task>& tasks) {
  std::deque<running> pairs;
  for (auto& task : tasks) {
    auto& pair = pairs.emplace_back(task, p.lab().at(task.a).net_ns(), "eth0");
    begin(p, pair);
    if (task.cell.expected != "direct") continue;
    pair.at_a.wait_until(clock_type::now() + punch_limit, [&](const auto& seen) {
      return first_data_of(seen, p).direct.has_value();
    });
  }
  for (auto& pair : pairs)
    finish(p, pair);
}

/// In one round nobody is in two pairs: packets are told apart by where they are seen alone.
std::vector<std::vector<matrix_task>> extra_rounds() {
  std::vector<std::vector<matrix_task>> out;
  std::set<std::string> busy;
  for (const auto& [a, b, nat_a, nat_b, expected, endpoint] : lab::matrix_more()) {
    if (out.empty() || busy.contains(a) || busy.contains(b)) {
      out.emplace_back();
      busy.clear();
    }
    busy.insert({a, b});
    out.back().push_back({a, b, {nat_a, nat_b, "", std::string{to_string(expected)}}, endpoint});
  }
  return out;
}

/// Names the NATs whose public port is the host's own, or that nobody saw.
std::string check_mapped_ports(const party& p) {
  std::string wrong;
  const auto nats = lab::matrix_nats();
  const auto deadline = clock_type::now() + classified_limit;
  for (std::size_t i = 0; i < nats.size(); ++i) {
    if (nats[i].type == lab::nat_type::open || nats[i].type == lab::nat_type::udp_blocked) continue;
    for (const char which : {'a', 'b'}) {
      const auto name = lab::matrix_member(i, which);
      std::string mapped;
      while ((mapped = p.status(name).mapped).empty() && clock_type::now() < deadline)
        std::this_thread::sleep_for(100ms);
      if (mapped.empty() || mapped.ends_with(":51820")) wrong += name + ": " + mapped + "; ";
    }
  }
  return wrong;
}

} // namespace

int run_demo_matrix(const demo_options& options) {
  auto& out = options.json ? std::cerr : std::cout;
  auto wanted = make_options(options);
  wanted.progress = [&](const std::string& step) { out << step << std::endl; };
  std::optional<party> p{wanted};
  p->form();
  lab::matrix_result result;
  if (const auto wrong = check_mapped_ports(*p); !wrong.empty())
    throw lab::failure("public ports are not other than the hosts': " + wrong);
  const auto nats = lab::matrix_nats();
  for (const auto& round : lab::matrix_rounds()) {
    std::vector<matrix_task> tasks;
    for (const auto& [a, b] : round)
      tasks.push_back({lab::matrix_member(a, 'a'),
                       lab::matrix_member(b, 'b'),
                       {std::string{to_string(nats[a].type)}, std::string{to_string(nats[b].type)},
                        "", std::string{to_string(lab::matrix_expects(a, b))}}});
    run_round(*p, tasks);
    for (const auto& task : tasks) {
      result.pairs.push_back(task.cell);
      const auto& c = task.cell;
      out << c.nat_a << "/" << c.nat_b << ": " << (c.strategy.empty() ? "none" : c.strategy)
          << (c.wrong() ? "  WRONG" : "") << std::endl;
    }
  }
  for (auto& round : extra_rounds()) {
    run_round(*p, round);
    for (const auto& task : round)
      result.more.push_back(task.cell);
  }
  if (!options.logs.empty()) p->save_logs(options.logs);
  p->stop_all();
  p.reset();
  std::cout << (options.json ? to_json(result) + "\n" : to_text(result)) << std::flush;
  return result.ok() ? 0 : 1;
}

} // namespace lanrage::cli
