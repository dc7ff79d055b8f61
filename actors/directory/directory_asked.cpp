#include "actors/directory/directory_core.hpp"

#include <utility>

/// What others ask of a directory_core, answered at once.
namespace lanrage::actors {

namespace control = net::control;

directory_core::party* directory_core::find_party(const std::string& name) {
  return const_cast<party*>(std::as_const(*this).find_party(name));
}

const directory_core::party* directory_core::find_party(const std::string& name) const {
  // A name has no '=', an id ends with one.
  for (const auto& [id, each] : parties_)
    if (!each.leaving && (each.name == name || to_string(id) == name)) return &each;
  return nullptr;
}

msg::party_info directory_core::info_of(const net::party_id& id, const party& in) const {
  const auto& all = in.book.entries();
  const std::size_t others = all.size() - all.count(own_);
  return {id, in.name, others + 1, in.joined, server_ ? control::host_and_port(*server_) : ""};
}

msg::known_peer directory_core::known(const party& in, const net::wg_public_key& key) const {
  const auto* entry = in.book.find(key);
  const bool near = lan_.near(entry->record.party, key) != nullptr;
  return {entry->record, entry->online || near, in.extras.at(key).heard, in.present || near, near};
}

msg::party_credential directory_core::credential_of(const net::party_id& id,
                                                    const party& in) const {
  // A member may make its party again: the server lost its store, or nobody else was left.
  const auto create = in.may_create && !in.leaving ? std::optional{in.name} : std::nullopt;
  return {id, in.as, net::verifier_of(in.secret), create};
}

net::result<msg::known_peer> directory_core::find(const msg::find_peer& wanted) const {
  const auto* only = wanted.party ? find_party(*wanted.party) : nullptr;
  if (wanted.party && only == nullptr) return net::fail(net::errc::party_not_found, *wanted.party);
  std::optional<msg::known_peer> found;
  std::string where;
  bool several = false;
  for (const auto& [id, in] : parties_) {
    if (in.leaving || (only != nullptr && only != &in)) continue;
    const auto* entry = in.book.find(wanted.id);
    if (entry == nullptr || entry->record.key == own_) continue;
    where += (where.empty() ? "" : ", ") + in.name;
    several = several || (found && found->record.key != entry->record.key);
    const auto here = known(in, entry->record.key);
    if (!found || (here.online && !found->online)) found = here;
  }
  if (several)
    return net::fail(net::errc::peer_not_found, wanted.id.str() + " is another member in each of " +
                                                    where + "; say which with --party");
  if (!found) return net::fail(net::errc::peer_not_found, wanted.id.str());
  return *std::move(found);
}

std::vector<msg::known_peer> directory_core::peers() const {
  std::vector<msg::known_peer> out;
  for (const auto& [id, in] : parties_) {
    if (in.leaving) continue;
    for (const auto& [key, entry] : in.book.entries())
      if (key != own_) out.push_back(known(in, key));
  }
  return out;
}

std::vector<msg::party_info> directory_core::parties() const {
  std::vector<msg::party_info> out;
  for (const auto& [id, in] : parties_)
    if (!in.leaving && !in.user) out.push_back(info_of(id, in));
  return out;
}

msg::invitation directory_core::invitation_to(const net::party_id& id, const party& in) const {
  return {info_of(id, in), control::reveal({*server_, in.name, in.secret})};
}

net::result<msg::invitation> directory_core::invite(const msg::party_invite& wanted) const {
  const auto* in = find_party(wanted.party);
  if (in == nullptr || in->user) return net::fail(net::errc::party_not_found, wanted.party);
  return invitation_to(net::id_of(in->secret), *in);
}

std::vector<msg::directory_event> directory_core::snapshot(time) const {
  std::vector<msg::directory_event> out;
  out.push_back({interface()});
  out.push_back({relays_event()});
  out.push_back({msg::control_state{link_ == link::up, why_down_, delay_}});
  if (lan_told_) out.push_back({*lan_told_});
  auto all = peers();
  // First, as one that came may have the address of one that went.
  msg::members_listed listed;
  for (const auto& peer : all)
    listed.members.emplace(peer.record.key, peer.record.party);
  out.push_back({std::move(listed)});
  for (auto& peer : all)
    out.push_back({msg::peer_known{std::move(peer)}});
  return out;
}

} // namespace lanrage::actors
