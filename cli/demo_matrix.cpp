#include "cli/demo.hpp"
#include "lab/demo_report.hpp"
#include "lab/failure.hpp"
#include "lab/nat_matrix.hpp"
#include "lab/party.hpp"

#include <algorithm>
#include <functional>
#include <future>
#include <iostream>
#include <optional>
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
/// So long a relayed pair is watched before it counts as relayed: the whole first punch.
constexpr auto relay_watched = 4s;
/// Every NAT is known by then: the filtering test takes 1.4 s.
constexpr auto classified_limit = 10s;

/// A pair to connect: `a` and `b` are members, the rest is the cell's.
struct matrix_task {
  std::string a, b;
  matrix_cell cell;
  bool private_path = false; ///< the endpoint must be one of the network's own addresses
};

std::string member_name(std::size_t nat, const char* which) {
  return "m" + std::to_string(nat) + which;
}

/// Two members behind each NAT of the matrix, and those of the cells that no pair of NATs makes.
lab::party_options make_options(const demo_options& options) {
  lab::party_options o;
  o.binary = options.binary;
  o.one_way_delay = options.one_way_delay;
  o.auto_connect = false;
  const auto nats = lab::matrix_nats();
  for (std::size_t i = 0; i < nats.size(); ++i)
    for (const char* which : {"a", "b"})
      o.members.push_back({member_name(i, which), nats[i]});
  lab::nat_settings cone, symmetric, plain;
  cone.type = lab::nat_type::full_cone;
  cone.hairpin = true;
  symmetric.type = lab::nat_type::symmetric;
  o.carriers = {{"turns", cone}, {"draws", symmetric}, {"plain", plain}};
  o.members.push_back({"same1", plain, "", ""});
  o.members.push_back({"same2", plain, "", "same1"});
  o.members.push_back({"home1", plain, "turns", ""});
  o.members.push_back({"home2", plain, "turns", ""});
  o.members.push_back({"home3", plain, "draws", ""});
  o.members.push_back({"home4", plain, "plain", ""});
  o.members.push_back({"home5", plain, "plain", ""});
  return o;
}

constexpr std::size_t port_restricted = 3; ///< in matrix_nats()

std::vector<matrix_task> more_tasks() {
  const auto other = member_name(port_restricted, "b");
  const std::string carrier = "port-restricted behind a carrier's ";
  return {
      {"same1", "same2", {"one network, port-restricted", "", "", "direct"}, true},
      {"home1", other, {carrier + "full cone", "port-restricted", "", "direct"}},
      {"home3", other, {carrier + "symmetric", "port-restricted", "", "relay"}},
      {"home1", "home2", {"two homes behind one carrier that hairpins", "", "", "direct"}},
      {"home4", "home5", {"two homes behind one carrier that does not", "", "", "relay"}},
  };
}

/// Connects one pair and watches what becomes of it.
void run_task(const party& p, matrix_task& task) {
  auto& cell = task.cell;
  const auto from = clock_type::now();
  try {
    p.ask_to_connect(task.b, task.a);
    if (cell.expected.empty()) {
      p.ask_to_connect(task.a, task.b);
    } else {
      p.connect(task.a, task.b);
      cell.connect = clock_type::now() - from;
    }
    const bool direct = cell.expected == "direct";
    const auto view = p.await(
        task.a, task.b, [&](const lab::peer_view& v) { return v.connected() && v.direct(); },
        direct ? std::chrono::milliseconds{direct_limit} : relay_watched);
    if (!view || !view->connected()) return;
    cell.strategy = view->strategy;
    if (view->direct()) cell.direct = clock_type::now() - from;
    if (task.private_path && !view->endpoint.starts_with("10."))
      cell.problem = "went through " + view->endpoint;
  } catch (const lab::failure& e) {
    cell.problem = e.what();
  }
}

/// Pairs that share no member do not disturb each other.
void run_round(const party& p, std::vector<matrix_task>& tasks) {
  std::vector<std::future<void>> running;
  for (auto& task : tasks)
    running.push_back(std::async(std::launch::async, [&] { run_task(p, task); }));
  for (auto& each : running)
    each.get();
}

/// Names the NATs whose public port is the host's own, or that nobody saw.
std::string check_mapped_ports(const party& p) {
  std::string wrong;
  const auto nats = lab::matrix_nats();
  const auto deadline = clock_type::now() + classified_limit;
  for (std::size_t i = 0; i < nats.size(); ++i) {
    if (nats[i].type == lab::nat_type::open || nats[i].type == lab::nat_type::udp_blocked) continue;
    for (const char* which : {"a", "b"}) {
      const auto name = member_name(i, which);
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
      tasks.push_back({member_name(a, "a"),
                       member_name(b, "b"),
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
  auto more = more_tasks();
  run_round(*p, more);
  for (const auto& task : more)
    result.more.push_back(task.cell);
  if (!options.logs.empty()) p->save_logs(options.logs);
  p->stop_all();
  p.reset();
  std::cout << (options.json ? to_json(result) + "\n" : to_text(result)) << std::flush;
  return result.ok() ? 0 : 1;
}

} // namespace lanrage::cli
