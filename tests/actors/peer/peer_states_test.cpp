// Every event in every state, held against transitions.txt beside this file.
#include "actors/peer/peer_connection.hpp"
#include "tests/support/core_rules.hpp"
#include "tests/support/driven_core.hpp"
#include "tests/support/places.hpp"

#include <boost/core/demangle.hpp>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

using namespace lanrage;
using namespace lanrage::test;
using lanrage::msg::phase;
using role = driven_core::role;

namespace {

/// Something that happens to a core. It may first let time pass while the core stays in its state;
/// absent when it never comes to that there.
struct occasion {
  std::string name;
  std::function<std::optional<actors::event>(driven_core&)> event;
};
using occasions = std::vector<occasion>;

template <class Event>
occasion given(std::string name, Event what) {
  return {std::move(name), [what](driven_core&) { return actors::event{what}; }};
}

constexpr std::uint32_t later_move = 4'000'000'000;

// --- from outside, and late ----------------------------------------------------------------------

occasions news_of_paths(const driven_core& d) {
  const auto number = d.core.saved().epoch;
  const auto news = [&](const std::string& name, msg::path_news what, std::uint32_t epoch) {
    return given("path_event: " + name,
                 msg::path_event{d.other().key, epoch, what, d.straight(), 30ms, true});
  };
  return {news("proven", msg::path_news::proven, number),
          news("nominated", msg::path_news::nominated, number),
          news("failed", msg::path_news::failed, number),
          news("proven, of another attempt", msg::path_news::proven, number + 17),
          news("checked, nobody asked", msg::path_news::checked, 999'999),
          news("asked, no move", msg::path_news::asked, 0),
          news("asked, a later move", msg::path_news::asked, later_move)};
}

occasions news_of_wireguard(const driven_core& d) {
  msg::wg_signal lost;
  lost.key = d.other().key;
  lost.session_lost = true;
  msg::wg_signal roamed;
  roamed.key = d.other().key;
  roamed.roamed = true;
  roamed.where = at("203.0.113.99:9");
  return {given("wg_signal: session lost", lost), given("wg_signal: roamed", roamed)};
}

occasions words_of_the_peer(const driven_core& d) {
  const auto said = [&](net::signal_kind kind) {
    auto out = d.offer();
    out.kind = kind;
    return given("peer_signal: " + std::string{to_string(kind)}, out);
  };
  return {said(net::signal_kind::offer), given("peer_signal: offer, not ready", d.offer(false)),
          said(net::signal_kind::punch), said(net::signal_kind::reset),
          said(net::signal_kind::bye)};
}

/// Answers that nobody waits for, a wake of an earlier state.
occasions late_answers(const msg::known_peer& found) {
  const actors::ticket stale{999'999};
  const auto report = [&](const std::string& name, actors::probe_outcome how) {
    return given("tunnel_report, late: " + name, actors::tunnel_report{stale, how, 1ms});
  };
  return {given("record_found, late", actors::record_found{stale, found}),
          given("record_found, late: not found",
                actors::record_found{stale, net::fail(net::errc::peer_not_found)}),
          given("relays_ranked, late", actors::relays_ranked{stale, {relay2()}}),
          given("relay_prepared, late", actors::relay_prepared{stale, true}),
          given("index_learned, late: none", actors::index_learned{stale, std::nullopt}),
          given("write_done, late", actors::write_done{stale, std::nullopt}),
          given("write_done, late: refused", actors::write_done{stale, net::errc::wg_refused}),
          given("move_done, late: landed", actors::move_done{stale, true}),
          given("move_done, late: not landed", actors::move_done{stale, false}),
          report("answered", actors::probe_outcome::answered),
          report("lost", actors::probe_outcome::lost),
          report("unmeasured", actors::probe_outcome::unmeasured),
          given("wake, late", actors::wake{0})};
}

occasions unasked(const driven_core& d) {
  auto newer = d.other();
  newer.version = 2;
  newer.candidates = {candidate_at(at("203.0.113.5:5"))};
  occasions out{given("started", actors::started{}),
                given("peer_known: online", msg::peer_known{{newer, true, {}}}),
                given("peer_known: offline", msg::peer_known{{newer, false, {}, true}}),
                given("record_gone", actors::record_gone{}),
                given("own_paths", msg::own_paths{{}, {candidate_at(at("198.51.100.50:50"))}}),
                given("own_legs", msg::own_legs{{{relay_number(2), 1ms}}}),
                given("own_legs: none", msg::own_legs{}),
                given("control_state: up", msg::control_state{true, std::nullopt, 5ms}),
                given("network_changed", msg::network_changed{}),
                given("user_connect", actors::user_connect{}),
                given("close_peer: tell", msg::close_peer{true}),
                given("close_peer", msg::close_peer{false})};
  for (const auto& more : {words_of_the_peer(d), news_of_paths(d), news_of_wireguard(d),
                           late_answers({newer, true, {}})})
    out.insert(out.end(), more.begin(), more.end());
  return out;
}

// --- awaited -------------------------------------------------------------------------------------

/// Lets the core wake in its state until it waits for that.
template <class Awaited>
auto comes_to_wait(driven_core& d, Awaited awaited) {
  for (int wakes = 0; wakes < 100 && !awaited(d); ++wakes) {
    auto ahead = d;
    if (!ahead.core.wake_at() || (ahead.wake(), ahead.phase() != d.phase())) break;
    d.wake();
  }
  return awaited(d);
}

template <class... Requests, class Answer>
occasion answered(std::string name, Answer answer) {
  return {std::move(name), [answer](driven_core& d) -> std::optional<actors::event> {
            const auto asked = comes_to_wait(
                d, [](const driven_core& x) { return x.template awaited<Requests...>(); });
            if (!asked) return std::nullopt;
            auto now = answer;
            now.asked = *asked;
            return now;
          }};
}

std::optional<actors::event> last_probe_lost(driven_core& d) {
  const auto where = d.phase();
  const auto probing = [](const driven_core& x) { return x.awaited<msg::probe_tunnel>(); };
  if (!comes_to_wait(d, probing)) return std::nullopt;
  for (const auto end = msg::time_point{d.now + 1s};
       d.core.wake_at() && d.core.wake_at()->at < end;)
    d.wake();
  const auto last = probing(d);
  for (const auto& e : actors::effects{d.open})
    if (std::holds_alternative<msg::probe_tunnel>(e.what) && e.asked != *last) d.lose(e.asked);
  if (d.phase() != where) return std::nullopt;
  return actors::tunnel_report{*last, actors::probe_outcome::lost, {}};
}

std::optional<actors::event> path_checked(driven_core& d) {
  const auto check =
      comes_to_wait(d, [](const driven_core& x) { return x.said<msg::check_path>(); });
  if (!check) return std::nullopt;
  return msg::path_event{d.other().key, check->number, msg::path_news::checked, check->where, 40ms};
}

std::optional<actors::event> move_asked(driven_core& d) {
  const auto check = d.said<msg::check_path>();
  if (!check || check->move == 0) return std::nullopt;
  return msg::path_event{d.other().key, check->move, msg::path_news::asked, check->where};
}

std::optional<actors::event> due(driven_core& d) {
  const auto next = d.core.wake_at();
  if (!next) return std::nullopt;
  d.now = std::max(d.now, std::chrono::nanoseconds{next->at.time_since_epoch()});
  return actors::wake{next->epoch};
}

/// Nothing is answered any more: the wake that ends the state.
std::optional<actors::event> deadline(driven_core& d) {
  auto ahead = d;
  int wakes = 0;
  for (; ahead.core.wake_at() && ahead.phase() == d.phase() && wakes < 500; ++wakes)
    ahead.wake();
  if (ahead.phase() == d.phase()) return std::nullopt;
  while (--wakes > 0)
    d.wake();
  return due(d);
}

occasions awaited(const driven_core& d) {
  using namespace actors;
  const msg::known_peer found{d.other(), true, {}};
  const auto report = [](const std::string& name, probe_outcome how, std::chrono::nanoseconds rtt) {
    return answered<msg::probe_tunnel>("tunnel_report: " + name, tunnel_report{{}, how, rtt});
  };
  return {
      answered<msg::find_peer>("record_found", record_found{{}, found}),
      answered<msg::find_peer>("record_found: not found",
                               record_found{{}, net::fail(net::errc::peer_not_found)}),
      answered<msg::find_peer>("record_found: directory away",
                               record_found{{}, net::fail(net::errc::closed)}),
      answered<msg::rank_relays>("relays_ranked", relays_ranked{{}, {relay2()}}),
      answered<msg::rank_relays>("relays_ranked: none", relays_ranked{}),
      answered<msg::prepare_relay>("relay_prepared", relay_prepared{{}, true}),
      answered<msg::prepare_relay>("relay_prepared: refused", relay_prepared{}),
      answered<msg::learn_index>("index_learned", index_learned{{}, net::session_index{}}),
      answered<msg::learn_index>("index_learned: none", index_learned{}),
      answered<msg::set_peer, msg::reset_peer, msg::remove_peer>("write_done", write_done{}),
      answered<msg::set_peer, msg::reset_peer, msg::remove_peer>(
          "write_done: refused", write_done{{}, net::errc::wg_refused}),
      answered<msg::assert_endpoint>("move_done: landed", move_done{{}, true}),
      answered<msg::assert_endpoint>("move_done: not landed", move_done{}),
      report("fast", probe_outcome::answered, 50ms),
      report("slow", probe_outcome::answered, 250ms),
      report("lost", probe_outcome::lost, {}),
      report("unmeasured", probe_outcome::unmeasured, {}),
      {"tunnel_report: the last one, lost", last_probe_lost},
      {"path_event: checked", path_checked},
      {"path_event: asked, this move", move_asked},
      {"wake, due", due},
      {"wake, the last one here", deadline},
  };
}

// --- where it may happen -------------------------------------------------------------------------

struct situation {
  std::string name;
  role who{};
  std::function<void(driven_core&)> reach;
};

bool exists(role who, phase where) {
  return who == role::initiator ||
         (where != phase::configuring && where != phase::trialling); // the initiator decides
}

std::vector<situation> situations() {
  std::vector<situation> out;
  for (const auto who : {role::initiator, role::responder}) {
    const std::string whose = who == role::initiator ? "initiator" : "responder";
    for (std::size_t i = 0; i < msg::phase_count; ++i) {
      const phase where{static_cast<std::uint8_t>(i)};
      if (exists(who, where))
        out.push_back({whose + ", " + std::string{to_string(where)}, who,
                       [where](driven_core& d) { d.reach(where); }});
    }
    out.push_back({whose + ", closing, removed", who, [](driven_core& d) {
                     d.close();
                     d.give(actors::write_done{d.ticket_of<msg::remove_peer>(), std::nullopt});
                   }});
    out.push_back({whose + ", connected, moving to the direct path", who,
                   [](driven_core& d) { d.move_straight(); }});
    out.push_back({whose + ", connected, direct", who, [](driven_core& d) { d.go_straight(); }});
  }
  return out;
}

// --- the table -----------------------------------------------------------------------------------

/// "find_peer, send_signal(offer)"
std::string words(const actors::effects& all) {
  std::string out;
  for (const auto& e : all) {
    auto name = std::visit(
        [](const auto& what) { return boost::core::demangle(typeid(what).name()); }, e.what);
    name = name.substr(name.rfind(':') + 1);
    if (const auto* signal = std::get_if<msg::send_signal>(&e.what))
      name += "(" + std::string{to_string(signal->signal.kind)} + ")";
    out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

using kinds = std::set<std::size_t>; ///< alternatives of actors::event

/// What this occasion leads to, one line; empty when it never comes.
std::string outcome(const situation& s, const occasion& what, kinds& seen) {
  driven_core d{s.who};
  s.reach(d);
  const auto before = d.phase();
  const auto event = what.event(d);
  if (!event) return {};
  seen.insert(event->index());
  INFO(what.name << " in " << s.name);
  REQUIRE(d.phase() == before);
  REQUIRE_NOTHROW(d.give(*event));
  const msg::wg_peer silent{d.other().key, d.other().address, std::nullopt, false};
  const auto broken = broken_rule(d.core, before, d.last, d.clock(), silent);
  INFO(broken.value_or(""));
  CHECK_FALSE(broken);
  auto line = "  " + what.name;
  line.resize(42, ' ');
  if (d.phase() == before && d.last.empty()) return line + "-\n";
  line += to_string(d.phase());
  if (const auto how = d.view().how) line += " " + std::string{to_string(*how)};
  return line + (d.last.empty() ? "" : ": ") + words(d.last) + "\n";
}

std::string file_text(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// Where two tables differ first, for people.
std::string difference(const std::string& expected, const std::string& found) {
  std::istringstream a{expected}, b{found};
  std::string in, line, other;
  for (int number = 1;; ++number) {
    const bool more = static_cast<bool>(std::getline(a, line));
    if (!std::getline(b, other) && !more) return {};
    if (line != other)
      return "transitions.txt:" + std::to_string(number) + " (" + in + ")\n- " + line + "\n+ " +
             other;
    if (!line.starts_with(' ') && !line.empty()) in = line;
  }
}

} // namespace

TEST_CASE("every event leads in every state where the table says; LANRAGE_UPDATE=1 writes it") {
  std::string table;
  kinds unasked_for, waited_for;
  std::size_t pairs = 0;
  for (const auto& s : situations()) {
    driven_core pattern{s.who};
    s.reach(pattern);
    table += (table.empty() ? "" : "\n") + s.name + "\n";
    for (const auto& each : unasked(pattern)) {
      table += outcome(s, each, unasked_for);
      ++pairs;
    }
    for (const auto& each : awaited(pattern))
      table += outcome(s, each, waited_for);
  }
  CHECK(unasked_for.size() == actors::event_count); // a new event stands in the table, too
  CHECK(waited_for.size() == 9);                    // as does every answer that was waited for
  CHECK(pairs == 39 * 24);
  const auto path = std::string{places::source} + "/tests/actors/peer/transitions.txt";
  if (std::getenv("LANRAGE_UPDATE")) std::ofstream{path} << table;
  CHECK(difference(file_text(path), table) == "");
}
