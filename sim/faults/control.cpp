#include "net/control/invite.hpp"
#include "net/control/overloaded.hpp"
#include "net/crypto.hpp"
#include "net/random.hpp"
#include "sim/faults/part.hpp"

#include <algorithm>
#include <deque>
#include <map>

/// F34 to F41, and F71: what the control server says, and who comes to it.
namespace lanrage::sim::faults {
namespace {

namespace control = net::control;
using namespace std::chrono_literals;

/// Between two looks whether a member can join again.
constexpr duration patience = 5s;
constexpr std::size_t messages_kept = 64; ///< by a server that lies

class control_part final : public part, private control_faults {
 public:
  explicit control_part(context& in) : part(in) {}
  ~control_part() override { in_.where().control().use(nullptr); }

  bool does(int id) const override { return (id >= 34 && id <= 41) || id == 71; }

  void prepare(active& what) override {
    entries_.push_back({&what, in_.random(what, "news"), {}, {}, {}});
    // What a server said first must have been heard.
    in_.where().control().use(this);
  }

  void begin(active& what) override {
    for (auto& it : entries_)
      if (it.of == &what) begin_at(it);
  }
  void end(active& what) override {
    for (auto& it : entries_)
      if (it.of == &what) end_at(it);
  }

 private:
  struct stranger {
    std::uint64_t connection = 0;
    std::vector<net::party_id> parties;
  };
  struct entry {
    active* of = nullptr;
    stream random;
    std::vector<stranger> strangers;
    std::map<std::pair<net::party_id, net::wg_public_key>, control::sealed_record> first;
    std::deque<control::server_message> said; ///< F71: to anybody
  };

  bool about(const entry& it, node_id member) {
    return std::any_of(it.of->on.begin(), it.of->on.end(), [&](const scenario::thing& each) {
      return in_.stage().node_at(each) == member;
    });
  }

  void begin_at(entry& it) {
    const auto& what = *it.of;
    switch (what.what.kind) {
    case 36:
      for (const auto& each : what.on) {
        in_.stage().leave(each.number);
        in_.fired(what);
      }
      return;
    case 37:
      for (const auto& each : what.on)
        in_.stage().rotate(each.number, [this, &what] { in_.fired(what); });
      return;
    case 38:
      for (const auto& each : what.on)
        come(it, in_.where().name(in_.stage().member_at(each.number)));
      return;
    case 40:
      for (std::int64_t i = 1; i <= what.argument("count"); ++i)
        come(it, "stranger-" + std::to_string(what.number) + '-' + std::to_string(i));
      return;
    default:
      return;
    }
  }

  void end_at(entry& it) {
    if (it.of->what.kind == 36)
      for (const auto& each : it.of->on)
        join_again(each.number);
    for (const auto& who : it.strangers) {
      auto& server = in_.where().control();
      for (const auto& party : who.parties)
        server.say(who.connection, control::leave_request{party});
      server.close(who.connection);
    }
    it.strangers.clear();
  }

  void join_again(std::uint32_t who) {
    if (in_.where().running(in_.stage().member_at(who))) return in_.stage().join(who);
    in_.after(patience, [this, who] { join_again(who); });
  }

  /// Somebody with the invite, who publishes nothing and speaks to nobody.
  void come(entry& it, const std::string& name) {
    const auto invites = in_.stage().invites();
    msg::control_open wanted;
    const auto id = net::peer_id::parse(name);
    if (invites.empty() || !id) return;
    stranger made;
    for (const auto& text : invites) {
      const auto invite = control::parse_invite(text);
      if (!invite) continue;
      wanted.server = invite->server;
      const auto party = net::id_of(invite->secret);
      made.parties.push_back(party);
      wanted.parties.push_back({party, *id, net::verifier_of(invite->secret), std::nullopt});
    }
    const auto key = net::generate_x25519<net::wg_private_key>(
        net::seeded_random(in_.seed(), "stranger/" + std::to_string(++strangers_)));
    auto& w = in_.where();
    made.connection = w.control().open(w.control_node(), key, wanted, [](const control_news&) {});
    it.strangers.push_back(made);
    in_.fired(*it.of);
  }

  // --- what is said ------------------------------------------------------------------------------

  std::vector<duration> on_news(node_id member, control_news& news) override {
    std::vector<duration> out{duration{}};
    auto* said = std::get_if<control::server_message>(&news);
    for (auto& it : entries_) {
      if (!about(it, member)) continue;
      const auto& what = *it.of;
      if (what.what.kind == 34 && said) stale(it, *said);
      if (!what.now) continue;
      if (what.what.kind == 39 && said && it.random.chance_ppm(what.share("share")))
        wrong_party(what, *said);
      if (what.what.kind == 41) {
        out.front() += what.time("by");
        in_.fired(what);
      }
      if (what.what.kind == 35 && it.random.chance_ppm(what.share("share"))) {
        const auto by = it.random.up_to(what.time("by")) + duration{1};
        if (it.random.below(2) == 0)
          out.push_back(out.front() + by);
        else
          out.front() += by;
        in_.fired(what);
      }
    }
    return out;
  }

  /// F71. Neither an address nor that somebody is gone: of these the server is the one who knows
  /// (docs/wire-control.md, "a server that lies").
  std::vector<control_news> behind(node_id member, const control_news& news) override {
    std::vector<control_news> out;
    const auto* said = std::get_if<control::server_message>(&news);
    for (auto& it : entries_) {
      const auto& what = *it.of;
      if (what.what.kind != 71 || !said) continue;
      if (is_news(*said)) {
        it.said.push_back(*said);
        if (it.said.size() > messages_kept) it.said.pop_front();
      }
      if (!what.now || !about(it, member) || it.said.empty() ||
          !it.random.chance_ppm(what.share("share")))
        continue;
      out.emplace_back(lie(it));
      in_.fired(what);
    }
    return out;
  }

  static bool is_news(const control::server_message& said) {
    return std::holds_alternative<control::record_changed>(said) ||
           std::holds_alternative<control::presence_changed>(said) ||
           std::holds_alternative<control::signal_arrived>(said);
  }

  control::server_message lie(entry& it) {
    enum class how : std::int64_t { replay, forge, swap, misname, presence };
    const auto any = [&]() -> const control::server_message& {
      return it.said[it.random.below(it.said.size())];
    };
    auto out = any();
    auto* record = std::get_if<control::record_changed>(&out);
    auto* signal = std::get_if<control::signal_arrived>(&out);
    auto* sealed = record ? &record->record.sealed : signal ? &signal->sealed : nullptr;
    auto& w = in_.where();
    const member_id somebody{static_cast<std::uint32_t>(it.random.below(w.member_count()))};
    switch (static_cast<how>(it.of->argument("how"))) {
    case how::forge:
      if (record) ++record->record.version;
      if (sealed && !sealed->empty())
        (*sealed)[it.random.below(sealed->size())] ^=
            static_cast<std::uint8_t>(1U << it.random.below(8));
      break;
    case how::swap: {
      const auto other = any();
      const auto* theirs = std::get_if<control::record_changed>(&other);
      if (record && theirs) record->record.sealed = theirs->record.sealed;
      break;
    }
    case how::misname:
      if (record) record->record.key = w.key(somebody);
      if (signal) signal->from = w.key(somebody);
      break;
    case how::presence:
      if (record) record->record.online = !record->record.online;
      if (auto* there = std::get_if<control::presence_changed>(&out))
        there->online = !there->online;
      break;
    case how::replay:
      break;
    }
    return out;
  }

  void stale(entry& it, control::server_message& said) {
    const auto replace = [&](const net::party_id& party, control::sealed_record& record) {
      const auto [known, fresh] = it.first.emplace(std::pair{party, record.key}, record);
      if (fresh || !it.of->now || known->second.version == record.version) return;
      record = known->second;
      in_.fired(*it.of);
    };
    const auto all = [&](const net::party_id& party, std::vector<control::sealed_record>& records) {
      for (auto& each : records)
        replace(party, each);
    };
    if (auto* hello = std::get_if<control::welcome>(&said))
      for (auto& view : hello->parties)
        all(view.party, view.records);
    if (auto* more = std::get_if<control::party_records>(&said)) all(more->party, more->records);
    if (auto* joined = std::get_if<control::party_joined>(&said))
      all(joined->view.party, joined->view.records);
    if (auto* changed = std::get_if<control::record_changed>(&said))
      replace(changed->party, changed->record);
  }

  void wrong_party(const active& what, control::server_message& said) {
    bool did = false;
    std::visit(
        [&](auto& each) {
          if constexpr (requires { each.party.octets; }) {
            each.party.octets[0] ^= 0xff;
            did = true;
          }
        },
        said);
    if (did) in_.fired(what);
  }

  std::vector<entry> entries_;
  std::uint64_t strangers_ = 0;
};

} // namespace

std::unique_ptr<part> make_control_part(context& in) {
  return std::make_unique<control_part>(in);
}

} // namespace lanrage::sim::faults
