#include "bench/scale.hpp"

#include "lab/failure.hpp"
#include "net/control/client.hpp"
#include "net/control/sealing.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace lanrage::bench {

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
namespace asio = boost::asio;
namespace control = net::control;
namespace fs = std::filesystem;

/// A little below what the server lets one source connect per second; slower while more logins
/// than this are under way.
constexpr auto login_every = 25ms;
constexpr unsigned logins_at_once = 8;
constexpr auto all_joined_limit = 300s;
constexpr auto configured_limit = 120s;
/// After the last peer was configured: until first failures are over and slow retries began.
constexpr auto settle = 20s;
constexpr auto product_check_interval = 30s;
constexpr const char* interface_name = "lanrage0";

std::string text_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// The party as its first member knows it.
struct party_key {
  control::server_line server;
  net::party_secret secret;
};

party_key read_party(const fs::path& directory_file) {
  const auto document = boost::json::parse(text_of(directory_file)).as_object();
  const auto line = document.at("server").as_string();
  const auto& party = document.at("parties").as_array().at(0).as_object();
  const auto raw = net::from_base64(std::string{party.at("secret").as_string()});
  if (!raw || raw->size() != net::party_secret::size) throw lab::failure("no party secret");
  std::array<std::uint8_t, net::party_secret::size> octets{};
  std::copy(raw->begin(), raw->end(), octets.begin());
  return {control::parse_server_line({line.data(), line.size()}).value(),
          net::party_secret{octets}};
}

/// Members by the real protocol: each logs in once with a key of its own, publishes a record
/// without candidates and leaves the control server. They stay members, offline.
class crowd {
 public:
  crowd(party_key party, unsigned count) : party_(std::move(party)), wanted_(count) {}

  /// Runs in the network it is called from; returns how many are members now.
  unsigned join() {
    asio::steady_timer limit{io_, all_joined_limit};
    limit.async_wait([this](auto error) {
      if (!error) io_.stop();
    });
    next();
    while (done_ < wanted_ && !io_.stopped())
      io_.run_one();
    return published_;
  }

 private:
  void next() {
    if (started_ == wanted_) return;
    if (started_ - done_ < logins_at_once) one(started_++);
    pace_.expires_after(login_every);
    pace_.async_wait([this](auto error) {
      if (!error) next();
    });
  }

  void one(unsigned number) {
    const auto key = net::generate_x25519<net::wg_private_key>(net::os_random());
    const auto id = *net::peer_id::parse("m" + std::to_string(number));
    const auto party = net::id_of(party_.secret);
    control::client_events events;
    const auto slot = clients_.size();
    events.opened = [] {};
    events.round_trip = [](auto) {};
    events.message = [this, key, id, party, slot](const control::server_message& said) {
      if (const auto* hello = std::get_if<control::welcome>(&said)) {
        if (hello->parties.empty()) return clients_[slot]->close();
        publish(*clients_[slot], key, id, party, hello->parties.front().address);
      } else if (const auto* refused = std::get_if<control::request_refused>(&said)) {
        std::fprintf(stderr, "refused: %s\n", net::to_string(refused->why).c_str());
        --published_;
      }
    };
    events.closed = [this, slot](const net::error& why) {
      if (why.code != net::errc::closed)
        std::fprintf(stderr, "login: %s\n", net::to_string(why).c_str());
      clients_[slot].reset();
      ++done_;
    };
    clients_.push_back(control::client::open(
        io_,
        control::default_client_options(
            party_.server, key, {{party, id, net::verifier_of(party_.secret), std::nullopt}}),
        std::move(events)));
  }

  void publish(control::client& via, const net::wg_private_key& key, const net::peer_id& id,
               const net::party_id& party, const net::virtual_ip& address) {
    net::peer_record record;
    record.party = party;
    record.id = id;
    record.key = net::public_key(key);
    record.sign_key = net::public_key(net::sign_key_of(key));
    record.address = address;
    record.version = 1;
    via.send(control::publish_request{
        party, id, record.version,
        net::control::seal_record(record, net::sign_key_of(key), party_.secret, net::os_random())});
    ++published_;
    via.close();
  }

  party_key party_;
  unsigned wanted_, started_ = 0, done_ = 0, published_ = 0;
  asio::io_context io_;
  asio::steady_timer pace_{io_};
  std::vector<std::shared_ptr<control::client>> clients_;
};

/// A `wg` that counts: writes its first two arguments to a file and becomes the real one.
class wg_counter {
 public:
  explicit wg_counter(const fs::path& folder) : folder_(folder) {
    const auto real = lab::find_program("wg");
    if (!real) throw lab::failure("no wg");
    fs::create_directories(folder_);
    std::ofstream{folder_ / "wg"} << "#!/bin/sh\necho \"$1\" >> " << (folder_ / "calls").string()
                                  << "\nexec " << real->string() << " \"$@\"\n";
    ::chmod((folder_ / "wg").c_str(), 0755);
    before_ =
        std::getenv("PATH") != nullptr ? std::getenv("PATH") : "/usr/bin:/bin:/usr/sbin:/sbin";
    ::setenv("PATH", (folder_.string() + ":" + before_).c_str(), 1);
  }
  ~wg_counter() {
    ::setenv("PATH", before_.c_str(), 1);
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  wg_counter(const wg_counter&) = delete;
  wg_counter& operator=(const wg_counter&) = delete;
  /// Since it was made, by the whole laboratory.
  long calls() const {
    const auto text = text_of(folder_ / "calls");
    return std::count(text.begin(), text.end(), '\n');
  }

 private:
  fs::path folder_;
  std::string before_;
};

double cpu_of(pid_t pid) {
  const auto text = text_of("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream fields{text.substr(text.rfind(')') + 2)};
  std::vector<std::string> all{std::istream_iterator<std::string>{fields}, {}};
  if (all.size() < 13) throw lab::failure("no /proc/PID/stat");
  // Fields 14 and 15 of proc(5): user and system time; the third is the first after the name.
  return (std::stod(all[11]) + std::stod(all[12])) / double(::sysconf(_SC_CLK_TCK));
}

double resident_mb(pid_t pid) {
  std::istringstream in{text_of("/proc/" + std::to_string(pid) + "/statm")};
  double size = 0, resident = 0;
  in >> size >> resident;
  return resident * double(::sysconf(_SC_PAGESIZE)) / 1e6;
}

pid_t wireguard_go(const lab::host& at) {
  for (const auto pid : at.processes())
    if (text_of("/proc/" + std::to_string(pid) + "/comm") == "wireguard-go\n") return pid;
  return -1;
}

unsigned configured(const lab::host& at) {
  // Not through the counter: its folder is of our environment, and so is this path.
  const auto said = at.run({"/usr/bin/wg", "show", interface_name, "peers"}).out;
  return unsigned(std::count(said.begin(), said.end(), '\n'));
}

void print_cost(const options& wanted, lab::party& p, const std::string& what) {
  const auto daemon = p.program("p1").pid();
  const auto go = wireguard_go(p.lab().at("p1"));
  const auto before = cpu_of(daemon), go_before = go > 0 ? cpu_of(go) : 0;
  const auto begin = clock_type::now();
  std::this_thread::sleep_for(wanted.cpu_window);
  const seconds_f spent = clock_type::now() - begin;
  std::printf("%-42s %8.3f s CPU a minute %7.1f MB resident (wireguard-go: %.3f s, %.1f MB)\n",
              what.c_str(), (cpu_of(daemon) - before) * 60 / spent.count(), resident_mb(daemon),
              go > 0 ? (cpu_of(go) - go_before) * 60 / spent.count() : 0,
              go > 0 ? resident_mb(go) : 0);
  std::fflush(stdout);
}

/// Waits until WireGuard knows so many; returns how long it took.
seconds_f await_configured(const lab::host& at, unsigned count) {
  const auto begin = clock_type::now();
  while (configured(at) < count) {
    if (clock_type::now() - begin > configured_limit)
      throw lab::failure("only " + std::to_string(configured(at)) + " of " + std::to_string(count) +
                         " peers are configured");
    std::this_thread::sleep_for(100ms);
  }
  return clock_type::now() - begin;
}

void measure(const options& wanted, lab::party& p, const wg_counter& wg) {
  const auto& p1 = p.lab().at("p1");
  p.form();
  const auto up = p.await(
      "p1", "p2", [](const lab::peer_view& v) { return v.connected() && v.direct(); }, 30s);
  if (!up || !up->connected()) throw lab::failure("p1 and p2 do not connect");
  std::this_thread::sleep_for(settle);
  print_cost(wanted, p, "1 peer, connected");

  crowd members{read_party(p1.root() / "state/directory.json"), wanted.peers - 1};
  auto calls = wg.calls();
  unsigned joined = 0;
  auto begin = clock_type::now();
  lab::in_netns(p.lab().at("control").net_ns(), [&] { joined = members.join(); });
  const seconds_f joining = clock_type::now() - begin;
  await_configured(p1, joined + 1);
  std::printf("%u members joined in %.1f s; configuring them one by one as they came: %ld wg calls "
              "by two daemons\n",
              joined, joining.count(), wg.calls() - calls);
  std::this_thread::sleep_for(settle);
  print_cost(wanted, p, std::to_string(joined + 1) + " peers, 1 connected, the rest offline");

  // All at once: a daemon that starts, its WireGuard gone; p2 stays what it is.
  p.program("p1").stop(5s);
  remove_interface(p1, interface_name);
  const auto idle = wg.calls();
  std::this_thread::sleep_for(5s);
  const auto p2_alone = wg.calls() - idle;
  calls = wg.calls();
  begin = clock_type::now();
  p.start("p1");
  await_configured(p1, joined + 1);
  const seconds_f took = clock_type::now() - begin;
  std::printf(
      "%u peers after a start without an interface: configured after %.2f s with %ld wg calls"
      " (the other daemon alone: %ld in 5 s)\n",
      joined + 1, took.count(), wg.calls() - calls, p2_alone);
  std::this_thread::sleep_for(settle);
  print_cost(wanted, p, "the same, after that start");
}

} // namespace

void scale_part(const options& wanted) {
  std::printf("\nCost of one daemon (check interval 30 s; window %lld s)\n",
              static_cast<long long>(wanted.cpu_window.count()));
  const wg_counter wg{fs::temp_directory_path() / ("lanrage-bench-" + std::to_string(::getpid()))};
  lab::party_options o;
  o.binary = wanted.binary;
  o.members = {{"p1", {}}, {"p2", {}}};
  o.one_way_delay = one_way;
  o.check_interval = product_check_interval;
  o.log_level = wanted.log_level;
  lab::party p{o};
  try {
    measure(wanted, p, wg);
  } catch (...) {
    if (!wanted.logs.empty()) p.save_logs(wanted.logs / "scale");
    throw;
  }
  if (!wanted.logs.empty()) p.save_logs(wanted.logs / "scale");
}

} // namespace lanrage::bench
