// The same steps with the fake WireGuard and with wireguard-go: what can be seen must be the same.

#include "lab/laboratory.hpp"
#include "sim/world/agenda.hpp"
#include "sim/world/fake_wireguard.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <future>
#include <set>
#include <sstream>

using namespace lanrage;
using namespace std::chrono_literals;

namespace {

enum side : std::size_t { left, right };

/// Two WireGuards that reach each other, each with the other as its only possible peer.
class rig {
 public:
  virtual ~rig() = default;
  virtual void put(side at, bool located, std::chrono::seconds keepalive) = 0;
  virtual void remove(side at) = 0;
  /// The peer may use another inner address than the one it has.
  virtual void misplace(side at) = 0;
  /// From now on its packets come from, and have to go to, this port.
  virtual void use_port(side at, std::uint16_t port) = 0;
  /// One echo of 84 octets.
  virtual bool ping(side from, std::chrono::milliseconds within) = 0;
  /// One of each side, begun at once: whether both were answered.
  virtual bool ping_both(std::chrono::milliseconds within) = 0;
  virtual void wait(std::chrono::milliseconds span) = 0;
  struct facts {
    std::uint16_t endpoint = 0; ///< its port; 0: none
    bool handshake = false;
    std::uint64_t rx = 0;
    std::uint64_t tx = 0;
  };
  virtual facts look(side at) = 0;
};

/// What was seen, line by line.
std::vector<std::string> transcript(rig& r) {
  std::vector<std::string> out;
  const auto ping = [&](const std::string& what, std::chrono::milliseconds within) {
    out.push_back(what + (r.ping(left, within) ? ": answered" : ": lost"));
  };
  const auto look = [&](const std::string& what, side at) {
    const auto f = r.look(at);
    out.push_back(what + ": endpoint " + std::to_string(f.endpoint) + " handshake " +
                  std::to_string(f.handshake) + " rx " + std::to_string(f.rx) + " tx " +
                  std::to_string(f.tx));
  };
  ping("without a peer", 500ms);
  r.put(left, true, 0s);
  ping("to one who does not know us", 1s);
  look("after one initiation", left);
  r.put(right, false, 0s);
  ping("before the next attempt", 1s);
  ping("after the next attempt", 7s);
  look("the initiator", left);
  look("the silent responder", right);

  r.remove(left);
  r.put(left, true, 0s);
  ping("removed and added", 1s);
  look("the responder to a new handshake", right);

  r.remove(left);
  r.remove(right);
  r.put(right, false, 0s);
  r.put(left, false, 0s);
  ping("nowhere to go", 500ms);
  r.put(left, true, 0s);
  ping("the attempt is spent", 3s);
  ping("the next attempt", 4s);

  r.remove(left);
  r.remove(right);
  r.put(right, false, 0s);
  r.put(left, true, 25s);
  r.wait(500ms);
  look("a keepalive begins by itself", left);
  look("and is heard", right);

  r.use_port(left, 51'821);
  ping("from another port", 1s);
  look("it is followed there", right);
  r.use_port(right, 51'821);
  ping("to where nobody is any more", 500ms);
  out.push_back(r.ping(right, 1s) ? "it roamed and spoke: answered" : "it roamed and spoke: lost");
  look("and is followed, too", left);
  r.use_port(left, 51'820);
  r.use_port(right, 51'820);

  r.remove(left);
  r.remove(right);
  r.put(left, true, 0s);
  r.misplace(right);
  ping("with an inner address that is not its own", 1s);
  look("which is counted and dropped", right);
  out.push_back(r.ping(right, 500ms) ? "to nobody's address: answered"
                                     : "to nobody's address: lost");

  r.remove(left);
  r.remove(right);
  r.put(left, true, 0s);
  r.put(right, true, 0s);
  // Initiations that cross undo each other. The next ones, 5 s on, cross again where the jitter of
  // both sides differs by less than the way takes: one time in eleven.
  out.push_back(r.ping_both(30s) ? "both begin at once: answered" : "both begin at once: lost");
  out.push_back(r.ping_both(1s) ? "and go on: answered" : "and go on: lost");
  return out;
}

/// The same over the age at which keys are made anew.
std::vector<std::string> old_keys(rig& r) {
  std::vector<std::string> out;
  const auto note = [&](const std::string& what) {
    const auto f = r.look(left);
    out.push_back(what + ": rx " + std::to_string(f.rx) + " tx " + std::to_string(f.tx));
  };
  r.put(right, false, 0s);
  r.put(left, true, 0s);
  out.push_back(r.ping(left, 1s) ? "answered" : "lost");
  r.wait(115s);
  note("young keys");
  out.push_back(r.ping(left, 1s) ? "answered" : "lost");
  r.wait(8s);
  note("two minutes old");
  out.push_back(r.ping(left, 1s) ? "answered" : "lost");
  r.wait(1s);
  note("made anew by the one that made the first");
  return out;
}

// --- the fake -----------------------------------------------------------------------------------

class fake_rig final : public rig {
 public:
  fake_rig() : ends_{end{*this, left}, end{*this, right}} {}

  void put(side at, bool located, std::chrono::seconds keepalive) override {
    const auto& other = ends_[1 - at];
    ends_[at].wg.apply({net::wg::change_kind::put, other.key, other.inner,
                        located ? std::optional{other.where} : std::nullopt, keepalive},
                       time_.now());
  }
  void remove(side at) override {
    ends_[at].wg.apply({net::wg::change_kind::remove, ends_[1 - at].key, {}, {}, {}}, time_.now());
  }
  void misplace(side at) override {
    ends_[at].wg.apply({net::wg::change_kind::put, ends_[1 - at].key,
                        *net::virtual_ip::parse("10.66.0.99"), std::nullopt, 0s},
                       time_.now());
  }
  void use_port(side at, std::uint16_t port) override { ends_[at].where.port = port; }
  bool ping(side from, std::chrono::milliseconds within) override {
    return answered({send(from)}, within);
  }
  bool ping_both(std::chrono::milliseconds within) override {
    return answered({send(left), send(right)}, within);
  }
  void wait(std::chrono::milliseconds span) override {
    const auto until = time_.now() + span;
    while (time_.next() <= until)
      time_.perform(time_.take().token);
    time_.advance_to(until);
  }
  facts look(side at) override {
    const auto seen = ends_[at].wg.observe();
    const auto& p = seen.peers.at(0);
    return {p.where ? p.where->port : std::uint16_t{0}, p.latest_handshake.has_value(), p.rx, p.tx};
  }

 private:
  /// Its token; 0: nobody has that address.
  std::uint64_t send(side from) {
    const auto token = ++last_;
    const sim::inner_packet asked{ends_[from].inner, ends_[1 - from].inner, false, token, 84};
    return ends_[from].wg.send(asked, time_.now()) ? token : 0;
  }
  bool answered(std::initializer_list<std::uint64_t> all, std::chrono::milliseconds within) {
    const auto is = [this](std::uint64_t token) { return answered_.contains(token); };
    const auto done = [&] { return std::all_of(all.begin(), all.end(), is); };
    if (std::count(all.begin(), all.end(), 0u) != 0) return false;
    const auto until = time_.now() + within;
    while (!done() && time_.next() <= until)
      time_.perform(time_.take().token);
    if (!done()) time_.advance_to(until);
    return done();
  }

  struct end final : sim::wg_surroundings {
    end(fake_rig& in, side number)
        : rig_(in),
          key(key_of(number)), where{net::ip_address::v4(0xc6120001u +
                                                         static_cast<std::uint32_t>(number)),
                                     51820},
          inner(*net::virtual_ip::parse("10.66.0." + std::to_string(11 + number))),
          wg(key, 51820, 1'769'688'000s, sim::stream{1, std::to_string(number)}, *this) {
      wg.set_address(inner);
    }
    end(end&&) = delete;
    static net::wg_public_key key_of(std::size_t number) {
      net::wg_public_key out;
      out.octets[0] = static_cast<std::uint8_t>(1 + number);
      return out;
    }
    void transmit(const net::endpoint& to, net::byte_view data) override {
      rig_.time_.after(15ms, [this, to, copy = net::bytes{data.begin(), data.end()}] {
        for (auto& each : rig_.ends_)
          if (each.where == to) each.wg.datagram(where, copy, rig_.time_.now());
      });
    }
    void receive(const sim::inner_packet& p) override {
      if (p.reply)
        rig_.answered_.insert(p.token);
      else
        wg.send({p.to, p.from, true, p.token, p.octets}, rig_.time_.now());
    }
    void wake_at(sim::time_point when, std::uint64_t token) override {
      rig_.time_.at(when, [this, token] { wg.wake(token, rig_.time_.now()); });
    }

    fake_rig& rig_;
    net::wg_public_key key;
    net::endpoint where;
    net::virtual_ip inner;
    sim::fake_wireguard wg;
  };

  sim::agenda time_;
  std::uint64_t last_ = 0;
  std::set<std::uint64_t> answered_;
  std::array<end, 2> ends_;
};

// --- wireguard-go -------------------------------------------------------------------------------

lab::topology two_machines() {
  lab::topology out;
  out.publics = {{"left"}, {"right"}};
  out.one_way_delay = 15ms;
  return out;
}

class real_rig final : public rig {
 public:
  real_rig() : lab_(two_machines()) {
    for (const auto at : {left, right})
      start(at);
  }

  void put(side at, bool located, std::chrono::seconds keepalive) override {
    const auto other = static_cast<side>(1 - at);
    std::vector<std::string> words{
        "wg", "set", "wg0", "peer", keys_[other], "allowed-ips", inner(other) + "/32"};
    if (located) words.insert(words.end(), {"endpoint", host(other).address() + ":51820"});
    words.insert(words.end(), {"persistent-keepalive", std::to_string(keepalive.count())});
    must(at, std::move(words));
  }
  void remove(side at) override { must(at, {"wg", "set", "wg0", "peer", keys_[1 - at], "remove"}); }
  void misplace(side at) override {
    must(at, {"wg", "set", "wg0", "peer", keys_[1 - at], "allowed-ips", "10.66.0.99/32"});
  }
  void use_port(side at, std::uint16_t port) override {
    must(at, {"wg", "set", "wg0", "listen-port", std::to_string(port)});
  }
  bool ping_both(std::chrono::milliseconds within) override {
    auto other = std::async(std::launch::async, [&] { return ping(right, within); });
    const bool one = ping(left, within);
    return other.get() && one;
  }
  bool ping(side from, std::chrono::milliseconds within) override {
    std::ostringstream seconds;
    seconds << static_cast<double>(within.count()) / 1'000.0;
    const auto other = static_cast<side>(1 - from);
    return host(from)
        .run({"ping", "-n", "-c", "1", "-s", "56", "-W", seconds.str(), inner(other)}, within + 5s)
        .ok();
  }
  void wait(std::chrono::milliseconds span) override {
    ::poll(nullptr, 0, static_cast<int>(span.count()));
  }
  facts look(side at) override {
    // The second line: public-key preshared-key endpoint allowed-ips handshake rx tx keepalive.
    std::istringstream dump{must(at, {"wg", "show", "wg0", "dump"})};
    std::string line;
    std::getline(dump, line);
    std::string key, preshared, endpoint, allowed;
    std::uint64_t handshake = 0, rx = 0, tx = 0;
    dump >> key >> preshared >> endpoint >> allowed >> handshake >> rx >> tx;
    const auto colon = endpoint.rfind(':');
    const auto port = colon == endpoint.npos ? 0 : std::stoi(endpoint.substr(colon + 1));
    return {static_cast<std::uint16_t>(port), handshake != 0, rx, tx};
  }

 private:
  static std::string inner(side at) { return "10.66.0." + std::to_string(11 + at); }
  const lab::host& host(side at) const { return lab_.at(at == left ? "left" : "right"); }
  std::string must(side at, std::vector<std::string> argv) {
    argv.insert(argv.begin(), {"env", "--chdir=" + host(at).root().string()});
    const auto done = host(at).run(argv);
    INFO(argv[2] << ": " << done.err);
    REQUIRE(done.ok());
    return done.out;
  }
  void start(side at) {
    must(at, {"sh", "-c", "umask 077; wg genkey > key"});
    keys_[at] = must(at, {"sh", "-c", "wg pubkey < key"});
    keys_[at].pop_back();
    lab::process_spec spec;
    spec.argv = {"wireguard-go", "-f", "wg0"};
    spec.out = spec.err = lab::to_file{host(at).root() / "wireguard.log"};
    processes_[at] = host(at).start(spec);
    const auto deadline = lab::process::clock::now() + 5s;
    while (!std::filesystem::exists(host(at).run_path("wireguard/wg0.sock"))) {
      REQUIRE(lab::process::clock::now() < deadline);
      ::poll(nullptr, 0, 5);
    }
    must(at, {"wg", "set", "wg0", "listen-port", "51820", "private-key", "key"});
    must(at, {"ip", "address", "add", inner(at) + "/24", "dev", "wg0"});
    must(at, {"ip", "link", "set", "dev", "wg0", "mtu", "1380", "up"});
  }

  lab::laboratory lab_;
  std::array<std::string, 2> keys_;
  std::array<lab::process, 2> processes_;
};

} // namespace

TEST_CASE("the fake WireGuard does what wireguard-go does, step by step", "[patient]") {
  fake_rig fake;
  const auto expected = transcript(fake);
  for (const auto& line : expected)
    UNSCOPED_INFO(line);
  REQUIRE(expected.size() == 24);
  if (lab::skipped(lab::wireguard_unavailable_reason())) return;
  real_rig real;
  CHECK(transcript(real) == expected);
}

TEST_CASE("the fake WireGuard makes new keys when wireguard-go does", "[patient]") {
  fake_rig fake;
  const auto expected = old_keys(fake);
  for (const auto& line : expected)
    UNSCOPED_INFO(line);
  if (lab::skipped(lab::wireguard_unavailable_reason()) ||
      lab::skipped(lab::unless_full("takes two minutes")))
    return;
  real_rig real;
  CHECK(old_keys(real) == expected);
}
