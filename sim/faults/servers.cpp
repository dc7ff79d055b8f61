#include "net/keys.hpp"
#include "sim/faults/part.hpp"

#include <algorithm>
#include <array>

/// F25, F26, F28, F31 and F33: relays and the control server that go, come and lie.
namespace lanrage::sim::faults {
namespace {

using namespace std::chrono_literals;

/// A restart with another address: so long the machine is away.
constexpr duration reboot = 2s;

class server_part final : public part {
 public:
  using part::part;

  bool does(int id) const override {
    static constexpr std::array<int, 5> all{25, 26, 28, 31, 33};
    return std::find(all.begin(), all.end(), id) != all.end();
  }

  void begin(active& what) override {
    if (what.what.kind == 31) {
      lies_.push_back(&what);
      return publish(&what);
    }
    for (const auto& each : what.on) {
      if (each.what == scenario::kind::relay) begin_at(what, each.number);
      if (each.what == scenario::kind::control) control_down(what, true);
    }
  }

  void end(active& what) override {
    if (std::erase(lies_, &what) > 0) return publish(nullptr);
    for (const auto& each : what.on) {
      if (each.what == scenario::kind::control) control_down(what, false);
      if (each.what == scenario::kind::relay && what.what.kind == 26)
        relay_down(each.number, false);
    }
  }

 private:
  relay_site& site(std::uint32_t which) { return in_.where().relay(in_.stage().relay_at(which)); }

  void begin_at(active& what, std::uint32_t which) {
    auto& relay = site(which);
    switch (what.what.kind) {
    case 25:
      relay.kill();
      in_.after(reboot, [this, which] {
        in_.where().readdress(in_.stage().relay_at(which));
        if (down(which) == 0) site(which).start();
        publish(nullptr);
      });
      return in_.fired(what);
    case 26:
      relay_down(which, true);
      return in_.fired(what);
    case 28:
      if (!relay.running()) return;
      relay.kill();
      relay.start(false);
      return in_.fired(what);
    default:
      return;
    }
  }

  int& down(std::uint32_t which) {
    if (down_.size() <= which) down_.resize(which + 1);
    return down_[which];
  }
  /// Two faults may have it down; it is up when both have ended.
  void relay_down(std::uint32_t which, bool off) {
    down(which) += off ? 1 : -1;
    auto& relay = site(which);
    if (off)
      relay.kill();
    else if (down(which) == 0 && !relay.running())
      relay.start();
  }

  void control_down(active& what, bool off) {
    control_downs_ += off ? 1 : -1;
    auto& server = in_.where().control();
    if (off) {
      server.stop();
      in_.fired(what);
    } else if (control_downs_ == 0 && !server.running()) {
      server.start();
      publish(nullptr);
    }
  }

  /// The list as it is, with the lies that hold now.
  void publish(const active* newly) {
    auto list = in_.where().relay_list();
    for (const auto* each : lies_) {
      const auto how = each->argument("how");
      for (const auto& on : each->on) {
        const auto info = site(on.number).info();
        const auto at = std::find_if(list.begin(), list.end(),
                                     [&](const auto& known) { return known.name == info.name; });
        if (at == list.end()) continue;
        if (how == 0) *at = dead(info);
        if (how == 1 && list.size() < net::relays_max) list.push_back(info);
        if (how == 2) list.erase(at);
      }
    }
    in_.where().control().set_relays(std::move(list));
    if (newly) in_.fired(*newly);
  }

  /// The relay's name and key at an address where nothing is.
  static net::relay_info dead(net::relay_info of) {
    constexpr std::uint32_t nobody = 0xcb007101; // 203.0.113.1 (RFC 5737: for documents)
    of.address.address = net::ip_address::v4(nobody);
    return of;
  }

  std::vector<const active*> lies_;
  std::vector<int> down_;
  int control_downs_ = 0;
};

} // namespace

std::unique_ptr<part> make_server_part(context& in) {
  return std::make_unique<server_part>(in);
}

} // namespace lanrage::sim::faults
