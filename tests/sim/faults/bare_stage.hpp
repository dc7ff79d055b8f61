#pragma once

#include "config/defaults.hpp"
#include "net/stun.hpp"
#include "sim/faults/engine.hpp"
#include "sim/faults/read_plan.hpp"
#include "sim/world.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

/// A world without daemons, in which one fault happens to packets that the test sends.
namespace lanrage::test {

using namespace std::chrono_literals;

class bare_stage final : private sim::faults::surroundings {
 public:
  using machine_ref = sim::machine&;
  struct arrival {
    std::size_t number = 0; ///< of the packet sent
    sim::duration at{};
    net::bytes data;
    net::endpoint from;
  };

  /// relay1, alice on the internet, bob behind bob-nat; the fault is of a plan's text.
  explicit bare_stage(const std::string& fault) : text_(scenario_text) {
    relay_ = w.add_relay("relay1");
    nat_ = w.add_nat("bob-nat", sim::port_restricted());
    alice_ = w.add_member("alice");
    bob_ = w.add_member("bob", nat_);
    w.log().to([this](std::string_view line) { log += line; });
    const auto script = sim::scenario::parse(text_, "bare.toml");
    if (!script) FAIL(script.error().lines.front());
    script_ = *script;
    const auto plan = sim::faults::parse_plan("[[fault]]\n" + fault, "plan.toml", script_);
    if (!plan) FAIL(plan.error().lines.front());
    plan_ = *plan;
    sim::faults::surroundings& around = *this;
    engine_ = std::make_unique<sim::faults::engine>(plan_, script_, around, 1, 1h);
    for (const auto who : {alice_, bob_})
      w.on(who).hooks.frame = [this](const sim::packet& what) { heard(what); };
  }

  /// The relay sends alice `count` STUN answers, one every `gap`, from `begin` on.
  void relay_to_alice(int count, sim::duration begin = 10s, sim::duration gap = 10ms) {
    stream(w.node(relay_), w.node(alice_), count, begin, gap);
  }
  /// The same the other way round, which nobody answers.
  void alice_to_relay(int count, sim::duration begin = 10s, sim::duration gap = 10ms) {
    stream(w.node(alice_), w.node(relay_), count, begin, gap);
  }
  void send(sim::node_id from, sim::node_id to, const net::bytes& data) {
    const auto address = w.net().addresses(w.net().face_of(to)).front();
    w.net().send(from, port, {address, port}, data, w.now());
  }
  void run(sim::duration until) { w.run_until(sim::time_point{until}); }

  std::uint64_t dropped() {
    return w.net().count().dropped[static_cast<std::size_t>(sim::drop_cause::fault)];
  }
  std::size_t lines(const std::string& part) const {
    std::size_t out = 0;
    for (auto at = log.find(part); at != std::string::npos; at = log.find(part, at + 1))
      ++out;
    return out;
  }
  std::uint64_t fired() const { return engine_->seen().result().front().fired; }
  machine_ref alice_machine() { return w.on(alice_); }
  sim::member_id alice_id() const { return alice_; }
  sim::member_id bob_id() const { return bob_; }
  sim::relay_site& relay_site() { return w.relay(relay_); }
  sim::node_id relay() { return w.node(relay_); }
  sim::node_id alice() { return w.node(alice_); }
  sim::node_id bob() { return w.node(bob_); }
  sim::node_id box() const { return nat_; }
  static constexpr sim::duration usual = 10ms; ///< from one to the next on the internet

  std::string log;
  std::vector<arrival> got;
  std::vector<sim::duration> sent;  ///< by number
  std::vector<std::string> calls;   ///< of the stage, each with its ms: "11000 kill"
  std::vector<std::string> invited; ///< what the stage says of parties
  bool refuses_start = false;
  sim::world w;

 private:
  static constexpr std::uint16_t port = config::defaults::listen_port;
  static constexpr const char* scenario_text = "description = \"Bare.\"\nuntil = \"1h\"\n"
                                               "[[relay]]\nname = \"relay1\"\n"
                                               "[[nat]]\nname = \"bob-nat\"\n"
                                               "[[member]]\nname = \"alice\"\n"
                                               "[[member]]\nname = \"bob\"\nbehind = \"bob-nat\"\n";

  void stream(sim::node_id from, sim::node_id to, int count, sim::duration begin,
              sim::duration gap) {
    for (int i = 0; i < count; ++i)
      w.plan().at(sim::time_point{begin + i * gap}, [this, from, to] {
        net::stun::transaction_id id{};
        const auto number = sent.size();
        id[0] = static_cast<std::uint8_t>(number >> 8);
        id[1] = static_cast<std::uint8_t>(number);
        sent.push_back(w.now().time_since_epoch());
        send(from, to, net::stun::binding_success(id, {net::ip_address::v4(1), 7'000}));
      });
  }
  void heard(const sim::packet& what) {
    constexpr std::size_t id_at = 8;
    std::size_t number = 0;
    if (what.data.size() > id_at + 1)
      number = static_cast<std::size_t>(what.data[id_at]) << 8 | what.data[id_at + 1];
    got.push_back({number, w.now().time_since_epoch(), what.data, what.from});
  }

  // What faults need of a stage.
  sim::world& where() override { return w; }
  sim::node_id node_at(const sim::scenario::thing& what) override {
    switch (what.what) {
    case sim::scenario::kind::member:
      return w.node(member_at(what.number));
    case sim::scenario::kind::nat:
      return nat_;
    case sim::scenario::kind::relay:
      return w.node(relay_);
    case sim::scenario::kind::control:
      break;
    }
    return w.control_node();
  }
  sim::member_id member_at(std::uint32_t who) override { return who == 0 ? alice_ : bob_; }
  sim::relay_number relay_at(std::uint32_t) override { return relay_; }
  void called(const std::string& what) {
    calls.push_back(std::to_string(w.now().time_since_epoch() / 1ms) + ' ' + what);
  }
  bool start(std::uint32_t) override {
    called("start");
    return !refuses_start;
  }
  void kill(std::uint32_t) override { called("kill"); }
  void suspend(std::uint32_t, bool off) override { called(off ? "suspend" : "resume"); }
  void leave(std::uint32_t) override { called("leave"); }
  void join(std::uint32_t) override { called("join"); }
  void rotate(std::uint32_t, std::function<void()> done) override {
    called("rotate");
    done();
  }
  std::vector<std::string> invites() override { return invited; }

  std::string text_;
  sim::scenario::script script_;
  sim::faults::plan plan_;
  sim::relay_number relay_{};
  sim::node_id nat_ = 0;
  sim::member_id alice_{};
  sim::member_id bob_{};
  std::unique_ptr<sim::faults::engine> engine_; ///< ends before the world
};

} // namespace lanrage::test
