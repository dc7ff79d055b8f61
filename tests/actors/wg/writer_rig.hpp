#pragma once

#include "actors/wg/writer_core.hpp"
#include "tests/actors/wg/wg_keys.hpp"

#include <catch2/catch.hpp>

#include <functional>

namespace lanrage::test {

using namespace std::chrono_literals;
using namespace lanrage::actors;
using net::errc;

inline const auto old_path = at("192.0.2.1:1");
inline const auto new_path = at("192.0.2.2:2");

/// The core with a WireGuard in memory that answers after `delay`, on a clock of its own.
struct rig {
  writer_records records;
  fake_wireguard device;
  std::chrono::nanoseconds delay = 1ms;
  std::function<void()> on_apply = [] {};
  net::error ensure_failure{errc::internal, ""};
  bool ensure_fails = false;
  bool remove_fails = false;
  bool loses_answers = false; ///< of calls that change something: made, and nobody hears of it
  int ensures = 0;
  int removals = 0;
  int looks = 0;
  std::set<net::wg_public_key> removed; ///< the peers that the last removal named

  msg::time_point now{};
  writer_core core{records, {}};
  std::map<request_id, writer_answer> answers;
  std::vector<msg::wg_signal> signals;
  std::vector<net::wg_public_key> shaken; ///< handshakes of peers that nobody watches
  request_id last = 0;

  explicit rig(writer_records known = {}, fake_wireguard there = {})
      : records(std::move(known)), device(std::move(there)) {
    if (!records.interface) records.interface = {true, {}};
    call([this](auto& out) { core.start(now, out); });
    run(10ms);
  }

  template <class Order>
  request_id ask(const Order& order) {
    const auto id = ++last;
    call([&](auto& out) { core.request(id, order, now, out); });
    return id;
  }
  void watch(std::uint32_t number, bool eager = false) {
    call([&](auto& out) { core.watch({wg_key(number), eager}, now, out); });
  }

  void call(const std::function<void(writer_effects&)>& event) {
    writer_effects out;
    event(out);
    for (auto& effect : out)
      take(effect);
  }

  void take(writer_effect& effect) {
    if (auto* question = std::get_if<device_question>(&effect)) {
      REQUIRE(!pending.has_value()); // one thing at a time
      pending = {now + delay, std::move(*question)};
    } else if (auto* answer = std::get_if<writer_answer>(&effect)) {
      REQUIRE(answers.emplace(answer->request, *answer).second); // never twice
    } else if (auto* signal = std::get_if<msg::wg_signal>(&effect)) {
      signals.push_back(*signal);
    } else if (auto* seen = std::get_if<msg::handshake_seen>(&effect)) {
      shaken.push_back(seen->key);
    }
  }

  net::result<msg::device_state> ensure() {
    ++ensures;
    if (ensure_fails) return ensure_failure;
    const bool created = device.gone;
    if (created) device.now = {};
    device.gone = false;
    return msg::device_state{device.now, created};
  }

  net::result<msg::device_state> look() {
    ++looks;
    if (device.gone) return net::fail(errc::wg_unavailable, "gone");
    return msg::device_state{device.now, false};
  }

  net::result<msg::done> remove(const msg::remove_device& order) {
    ++removals;
    removed = order.peers;
    if (remove_fails) return net::fail(errc::wg_refused, "busy");
    device.gone = true;
    device.now = {};
    return msg::done{};
  }

  void answer(const device_question& question, writer_effects& out) {
    if (std::holds_alternative<msg::ensure_device>(question)) {
      core.device_ensured(ensure(), now, out);
    } else if (std::holds_alternative<msg::observe_device>(question)) {
      core.device_observed(look(), now, out);
    } else if (const auto* order = std::get_if<msg::remove_device>(&question)) {
      core.device_removed(remove(*order), now, out);
    } else if (device.gone) {
      core.device_applied(net::fail(errc::wg_unavailable, "gone"), now, out);
    } else {
      const bool done = device.apply(std::get<msg::apply_changes>(question).changes);
      on_apply();
      if (loses_answers)
        return core.device_applied(net::fail(errc::timed_out, "no answer"), now, out);
      core.device_applied(done ? net::result<msg::done>{msg::done{}}
                               : net::fail(errc::wg_refused, "poison"),
                          now, out);
    }
  }

  void run(std::chrono::nanoseconds duration) {
    const auto end = now + duration;
    for (int steps = 0; steps < 100'000; ++steps) {
      const auto due = core.deadline();
      const auto next = pending ? std::optional{pending->first} : due;
      if (!next || *next > end) {
        now = end;
        return;
      }
      now = std::max(now, *next);
      if (pending) {
        const auto question = std::exchange(pending, std::nullopt)->second;
        call([&](auto& out) { answer(question, out); });
      } else {
        call([&](auto& out) { core.tick(now, out); });
      }
    }
    FAIL("the core never rests");
  }

  std::optional<errc> error_of(request_id id) {
    const auto at = answers.find(id);
    if (at == answers.end()) return std::nullopt;
    const auto* failed = std::get_if<net::error>(&at->second.what);
    return failed ? std::optional{failed->code} : std::nullopt;
  }
  bool done(request_id id) {
    const auto at = answers.find(id);
    return at != answers.end() && std::holds_alternative<msg::done>(at->second.what);
  }
  bool applied(request_id id) {
    const auto at = answers.find(id);
    return at != answers.end() && std::holds_alternative<msg::peer_applied>(at->second.what);
  }
  std::optional<bool> landed(request_id id) {
    const auto at = answers.find(id);
    if (at == answers.end()) return std::nullopt;
    const auto* report = std::get_if<msg::assert_report>(&at->second.what);
    return report ? std::optional{report->landed} : std::nullopt;
  }

  std::optional<std::pair<msg::time_point, device_question>> pending;
};

inline msg::wg_peer peer(std::uint32_t number, std::optional<net::endpoint> where = {},
                         bool keepalive = false) {
  return {wg_key(number), address_of(number), where, keepalive};
}

} // namespace lanrage::test
