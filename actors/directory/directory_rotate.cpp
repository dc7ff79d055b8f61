#include "actors/directory/directory_core.hpp"

#include <utility>

/// Our own key is replaced (docs/wire-control.md, "Replacing a key").
namespace lanrage::actors {

namespace control = net::control;

bool directory_core::changing() const {
  return change_ && net::public_key(change_->from) == own_;
}

void directory_core::rotate(directory_request id, const msg::rotate_key&, time at, effects& out) {
  const auto refuse = [&](net::error why) { out.answers.push_back({id, std::move(why)}); };
  if (changing())
    return refuse(net::fail(net::errc::already_exists, "the key is being replaced already"));
  if (parties_.empty())
    return refuse(net::fail(net::errc::party_not_found, "nobody knows this machine's key"));
  if (link_ != link::up)
    return refuse(why_down_.value_or(
        net::fail(net::errc::control_unreachable, "not connected to the control server now")));
  if (!server_rotates_)
    return refuse(net::fail(net::errc::control_refused, "the control server is too old for it"));
  change_ = control::key_change{settings_.key,
                                net::generate_x25519<net::wg_private_key>(settings_.secrets)};
  change_kept_ = false;
  rotating_ = waiting_rotation{id, at.now + config::defaults::control_confirm_deadline};
  save_now(out);
}

/// Now a crash can do no harm: whichever key the server knows, both are here, and a login as the
/// new one with the word of the old one holds in either case.
void directory_core::saved(time at, effects& out) {
  if (!changing() || std::exchange(change_kept_, true)) return;
  if (!parties_.empty()) open(at, out);
}

/// The server knows only the new key from here on, so nothing more is said as the old one.
void directory_core::key_taken(effects& out) {
  link_ = link::idle;
  out.link.emplace_back(msg::control_close{});
  const auto key = net::public_key(change_->to);
  out.log.push_back("the control server has taken the new key " + to_string(key));
  answer_rotating(msg::key_rotated{key}, out);
  out.rotated = change_->to;
}

/// A login as our next key failed. With some answers it has not taken the place of ours, and never
/// will; with all others it may have, so that is tried again.
bool directory_core::key_refused(const net::error& why, time at, effects& out) {
  const bool final = why.code == net::errc::name_taken || why.code == net::errc::bad_login ||
                     why.code == net::errc::control_refused;
  if (!changing() || !change_kept_ || !final) return false;
  out.log.push_back("the key stays as it is: " + net::to_string(why));
  change_.reset();
  save_now(out);
  answer_rotating(why, out);
  open(at, out);
  return true;
}

void directory_core::answer_rotating(std::variant<msg::key_rotated, net::error> what,
                                     effects& out) {
  const auto user = std::exchange(rotating_, std::nullopt);
  if (!user) return;
  std::visit([&](auto& value) { out.answers.push_back({user->id, std::move(value)}); }, what);
}

void directory_core::expire_rotating(time at, effects& out) {
  if (rotating_ && at.now >= rotating_->until)
    answer_rotating(net::fail(net::errc::timed_out,
                              "the control server; the key is replaced as soon as it answers"),
                    out);
}

// --- of others ----------------------------------------------------------------------------------

void directory_core::note_key(party& in, const net::peer_record& record, effects& out) {
  if (in.last_keys.size() >= control::record_pins_max) in.last_keys.clear();
  const auto [known, first] = in.last_keys.try_emplace(record.id, record.key);
  if (first || known->second == record.key) return;
  const auto former = std::exchange(known->second, record.key);
  if (!in.book.replaced(former, record.key)) {
    out.log.push_back(record.id.str() + " comes with another key than before and without the word "
                                        "of the old one: another installation, or somebody else");
    return;
  }
  out.log.push_back(record.id.str() + " has a new key, by the word of its old one");
  // The server has said so, too, or will.
  if (in.extras.erase(former) != 0) tell(out, msg::peer_gone{record.party, former});
}

} // namespace lanrage::actors
