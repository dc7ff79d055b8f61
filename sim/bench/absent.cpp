#include "sim/bench/absent.hpp"

#include "config/defaults.hpp"
#include "net/control/invite.hpp"
#include "net/control/sealing.hpp"
#include "net/crypto.hpp"
#include "net/random.hpp"

#include <memory>
#include <stdexcept>
#include <string>

namespace lanrage::sim {

namespace {

namespace control = net::control;
using namespace std::chrono_literals;

/// The daemon is the last member of every party.
constexpr std::uint32_t per_party = config::defaults::control_members_per_party_max - 1;
constexpr duration next_comes_after = 20ms; ///< few are there at once: each hears of all others
constexpr duration all_left_after = 10s;
constexpr duration configured_within = 120s;

std::string party_name(std::size_t number) {
  return "party" + std::to_string(number);
}

} // namespace

absent_members::absent_members(absent_settings settings)
    : settings_(settings), world_([&] {
        world_settings out;
        out.seed = settings.seed;
        return out;
      }()),
      daemon_(world_.add_member("here")), elsewhere_(world_.node(world_.add_member("elsewhere"))),
      random_(net::seeded_random(settings.seed, "absent members")) {
  world_.add_relay("relay1");
  for (std::uint32_t first = 0; first < settings_.members; first += per_party)
    parties_.push_back(net::generate_secret<net::party_secret>(random_));
}

void absent_members::come_and_go() {
  for (std::uint32_t i = 0; i < settings_.members; ++i)
    world_.plan().after(i * next_comes_after, [this, i] { one(i); });
  world_.run_for(settings_.members * next_comes_after + all_left_after);
  if (published_ != settings_.members)
    throw std::runtime_error("only " + std::to_string(published_) + " members came");
}

void absent_members::one(std::uint32_t number) {
  const auto in = number / per_party;
  const auto& secret = parties_[in];
  const auto key = net::generate_x25519<net::wg_private_key>(random_);
  const auto sign_key = net::sign_key_of(key);
  net::peer_record record;
  record.party = net::id_of(secret);
  record.id = *net::peer_id::parse("m" + std::to_string(number));
  record.key = net::public_key(key);
  record.sign_key = net::public_key(sign_key);
  record.version = 1;
  msg::control_open wanted;
  wanted.server = world_.control().line();
  wanted.parties.push_back({record.party, record.id, net::verifier_of(secret), std::nullopt});
  if (number % per_party == 0) wanted.parties.front().create = party_name(in);
  const auto connection = std::make_shared<std::uint64_t>();
  *connection = world_.control().open(
      elsewhere_, key, wanted,
      [this, connection, record, sign_key, secret](const control_news& news) mutable {
        const auto* up = std::get_if<msg::link_opened>(&news);
        if (!up || up->welcome.parties.empty()) return;
        record.address = up->welcome.parties.front().address;
        // After this word, whose listener must not go meanwhile.
        world_.plan().after({}, [this, connection = *connection, record, sign_key, secret] {
          publish(connection, record, sign_key, secret);
        });
      });
}

void absent_members::publish(std::uint64_t connection, const net::peer_record& record,
                             const net::sign_private_key& sign_key,
                             const net::party_secret& secret) {
  world_.control().say(connection, control::publish_request{
                                       record.party, record.id, record.version,
                                       control::seal_record(record, sign_key, secret, random_)});
  world_.control().close(connection);
  ++published_;
}

duration absent_members::configure() {
  const auto begun = world_.now();
  world_.start(daemon_);
  for (std::size_t i = 0; i < parties_.size(); ++i) {
    const auto joined = world_.join_party(
        daemon_, control::reveal({world_.control().line(), party_name(i), parties_[i]}));
    if (!joined) throw std::runtime_error("no party: " + net::to_string(joined.error()));
  }
  const auto known = [this] {
    const auto seen = world_.on(daemon_).observe();
    return seen && seen->seen.peers.size() == settings_.members;
  };
  if (!world_.run_until(known, configured_within, 100ms))
    throw std::runtime_error("not everybody is configured after two minutes");
  return world_.now() - begun;
}

std::size_t absent_members::connections() {
  return world_.status(daemon_).peers.size();
}

} // namespace lanrage::sim
