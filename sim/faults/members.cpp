#include "sim/faults/part.hpp"

#include <algorithm>
#include <array>
#include <map>

/// F42 to F48, F52, F56 and F60 to F65: a member's operating system, its WireGuard and its disk.
namespace lanrage::sim::faults {
namespace {

class member_part final : public part, private machine_faults {
 public:
  using part::part;
  ~member_part() override {
    for (auto* each : hooked_)
      each->faults = nullptr;
  }

  bool does(int id) const override {
    return (id >= 42 && id <= 48) || id == 52 || id == 56 || (id >= 60 && id <= 65);
  }

  void begin(active& what) override {
    for (const auto& each : what.on) {
      auto& host = machine_of(each.number);
      if (std::find(hooked_.begin(), hooked_.end(), &host) == hooked_.end())
        hooked_.push_back(&host);
      host.faults = this;
      begin_at(what, each.number, host);
    }
    if (!what.of->instant) now_.push_back({&what, in_.random(what, "calls")});
  }
  void end(active& what) override {
    std::erase_if(now_, [&](const entry& each) { return each.of == &what; });
    for (const auto& each : what.on)
      end_at(what, each.number, machine_of(each.number));
  }

 private:
  struct entry {
    active* of = nullptr;
    stream random;
  };

  machine& machine_of(std::uint32_t who) { return in_.where().on(in_.stage().member_at(who)); }

  /// The faults of that kind that hold on this machine now.
  template <class Deed>
  void each_on(const machine& on, int id, Deed deed) {
    for (auto& it : now_) {
      if (it.of->what.kind != id) continue;
      for (const auto& each : it.of->on)
        if (&machine_of(each.number) == &on) deed(it);
    }
  }

  // --- calls about WireGuard ---------------------------------------------------------------------

  void touched(const entry& it, const machine& on) {
    in_.fired(*it.of);
    in_.where().device_touched(member_id{on.number()});
  }

  void failed(const entry& it, const machine& on) {
    in_.fired(*it.of);
    in_.where().device_failed(member_id{on.number()});
  }

  duration slower(const machine& on, device_call) override {
    duration out{};
    each_on(on, 43, [&](entry& it) {
      out += it.of->time("by");
      touched(it, on);
    });
    return out;
  }

  std::optional<net::error> refuses(const machine& on, device_call call) override {
    std::optional<net::error> out;
    each_on(on, 42, [&](entry& it) {
      const auto only = it.of->argument("call");
      if (only != 0 && only != static_cast<std::int64_t>(call) + 1) return;
      if (out || !it.random.chance_ppm(it.of->share("share"))) return;
      static const std::array<net::error, 4> errors{
          net::fail(net::errc::wg_refused, "device or resource busy"),
          net::fail(net::errc::wg_unavailable, "no such device"),
          net::fail(net::errc::not_permitted, "operation not permitted"),
          net::fail(net::errc::wg_refused, "no space left on device")};
      out = errors.at(static_cast<std::size_t>(it.of->argument("how")));
      in_.note(*it.of, on.name() + ": " + net::to_string(*out));
      failed(it, on);
    });
    return out;
  }

  std::optional<net::error> loses_answer(const machine& on, device_call call) override {
    std::optional<net::error> out;
    if (call == device_call::observe) return out;
    each_on(on, 45, [&](entry& it) {
      if (out || !it.random.chance_ppm(it.of->share("share"))) return;
      out = net::fail(net::errc::timed_out, "the answer of the call did not come");
      in_.note(*it.of, on.name() + ": done, and said to have failed");
      failed(it, on);
    });
    return out;
  }

  void on_dump(const machine& on, net::wg::observation& seen) override {
    each_on(on, 44, [&](entry& it) {
      const auto before = seen.peers.size();
      std::erase_if(seen.peers,
                    [&](const auto&) { return it.random.chance_ppm(it.of->share("share")); });
      if (seen.peers.size() < before) touched(it, on);
    });
  }

  // --- the disk ----------------------------------------------------------------------------------

  std::optional<net::error> on_store(const machine& on, const std::string& name) override {
    std::optional<net::error> out;
    const auto fail = [&](entry& it, const char* why) {
      if (out) return;
      out = net::fail(net::errc::bad_state, name + ": " + why);
      in_.note(*it.of, on.name() + ' ' + name + ": " + why);
      in_.fired(*it.of);
    };
    each_on(on, 60, [&](entry& it) { fail(it, "no space left on device"); });
    each_on(on, 64, [&](entry& it) { fail(it, "read-only file system"); });
    each_on(on, 61, [&](entry& it) {
      if (it.random.chance_ppm(it.of->share("share"))) fail(it, "short write");
    });
    // Stored, and gone again when power fails in the end.
    each_on(on, 62, [&](entry& it) { in_.fired(*it.of); });
    return out;
  }

  void begin_at(active& what, std::uint32_t who, machine& host) {
    switch (what.what.kind) {
    case 46:
    case 47:
    case 48:
      return outside(what, who, 0);
    case 52:
      in_.stage().kill(who);
      if (!what.flag("memory")) forget(who, host);
      return in_.fired(what);
    case 56:
      host.set_wall_offset(host.wall_offset() + step_of(what));
      host.addresses_changed();
      return in_.fired(what);
    case 62:
      saved_[{what.number, who}] = host.documents;
      return;
    case 63:
    case 65:
      return restart_with(what, who, host);
    default:
      return;
    }
  }

  void end_at(active& what, std::uint32_t who, machine& host) {
    switch (what.what.kind) {
    case 52:
      if (in_.stage().start(who)) join(who);
      return;
    case 56:
      host.set_wall_offset(host.wall_offset() - step_of(what));
      return;
    case 62: {
      // Power fails: what was stored meanwhile had not reached the disk.
      in_.stage().kill(who);
      host.delete_device();
      host.documents = saved_.extract({what.number, who}).mapped();
      in_.where().files_lost(in_.stage().member_at(who));
      in_.fired(what);
      start_or_forget(who, host);
      return;
    }
    default:
      return;
    }
  }

  static duration step_of(const active& what) {
    return what.flag("back") ? -what.time("by") : what.time("by");
  }

  /// The daemon's own files; the party is joined anew.
  void forget(std::uint32_t who, machine& host) {
    host.documents.clear();
    in_.where().files_lost(in_.stage().member_at(who));
  }

  /// Somebody on the machine, or the kernel itself, changes WireGuard behind the daemon's back.
  void outside(active& what, std::uint32_t who, std::int64_t turn) {
    if (turn > 0 && !what.now) return;
    auto& host = machine_of(who);
    if (what.what.kind == 46 && host.wireguard()) {
      host.delete_device();
      in_.note(what, host.name() + " has no interface any more");
      in_.fired(what);
    } else if (what.what.kind != 46 && host.wireguard()) {
      edit(what, who, turn);
    }
    const auto every = what.time("every");
    if (every > duration{})
      in_.after(every, [this, &what, who, turn] { outside(what, who, turn + 1); });
  }

  void edit(active& what, std::uint32_t who, std::int64_t turn) {
    auto& host = machine_of(who);
    auto& device = *host.wireguard();
    const auto seen = device.observe();
    if (seen.peers.empty()) return;
    auto random = in_.random(what, host.name() + '/' + std::to_string(turn));
    const auto& peer = seen.peers[random.below(seen.peers.size())];
    net::wg::change change;
    change.key = peer.key;
    change.kind = net::wg::change_kind::put;
    change.where = peer.where;
    change.keepalive = peer.keepalive;
    if (what.what.kind == 48) {
      if (!peer.where) return;
      change.kind = net::wg::change_kind::endpoint;
      change.where->port = static_cast<std::uint16_t>(1 + random.below(65'535));
    } else if (what.argument("how") == 0) {
      change.kind = net::wg::change_kind::remove;
    } else if (what.argument("how") == 1) {
      change.address = net::virtual_ip::parse("10.66.254.254").value_or(net::virtual_ip{});
    } else {
      change.address = address_in(peer);
      change.keepalive += std::chrono::seconds{7};
    }
    device.apply(change, in_.now());
    in_.where().device_edited(in_.stage().member_at(who), peer.key);
    in_.note(what, host.name() + " has peer " + net::to_string(peer.key) + " changed");
    in_.fired(what);
  }

  static net::virtual_ip address_in(const net::wg::peer_state& peer) {
    if (peer.allowed_ips.empty()) return {};
    const auto text = peer.allowed_ips.front();
    return net::virtual_ip::parse(text.substr(0, text.find('/'))).value_or(net::virtual_ip{});
  }

  void restart_with(active& what, std::uint32_t who, machine& host) {
    static const std::array<std::string, 3> names{"directory.json", "peers.json", "relays.json"};
    const auto& name = names.at(static_cast<std::size_t>(what.argument("document")));
    const auto found = host.documents.find(name);
    if (found == host.documents.end() || found->second.empty())
      return in_.note(what, host.name() + " has no " + name);
    in_.stage().kill(who);
    auto& text = found->second;
    if (what.what.kind == 63) {
      auto random = in_.random(what, host.name());
      auto& octet = text[random.below(text.size())];
      octet = static_cast<char>(octet ^ (1 << random.below(7)));
    } else {
      // The first number 1 that is a version: files of a version that was never released.
      const auto at = std::min(text.find("\"v\":1"), text.find("\"version\":1"));
      const auto digit = at == std::string::npos ? at : text.find('1', at);
      if (digit != std::string::npos) text[digit] = '0';
    }
    in_.where().files_lost(in_.stage().member_at(who));
    in_.note(what, host.name() + " starts with another " + name);
    in_.fired(what);
    start_or_forget(who, host);
  }

  /// The user sees that it is out of the party: its files are gone or damaged, or the disk took
  /// none since it joined. One that is in is told so.
  void join(std::uint32_t who) { in_.stage().join(who); }

  /// What an operator does with a daemon that refuses its files, as its message says.
  void start_or_forget(std::uint32_t who, machine& host) {
    bool on = in_.stage().start(who);
    if (!on) {
      forget(who, host);
      in_.where().note(host.name() + "'s files are put aside");
      on = in_.stage().start(who);
    }
    if (on) join(who);
  }

  std::vector<entry> now_;
  std::vector<machine*> hooked_;
  std::map<std::pair<std::size_t, std::uint32_t>, std::map<std::string, std::string>> saved_;
};

} // namespace

std::unique_ptr<part> make_member_part(context& in) {
  return std::make_unique<member_part>(in);
}

} // namespace lanrage::sim::faults
