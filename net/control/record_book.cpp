#include "net/control/record_book.hpp"

#include "net/control/sealing.hpp"

#include <set>

namespace lanrage::net::control {

record_book::record_book(party_id party, party_secret secret) : party_(party), secret_(secret) {}

const record_book::pin* record_book::former_of(const peer_record& record) const {
  if (!record.replaces) return nullptr;
  const auto found = pins_.find(record.replaces->key);
  return found == pins_.end() ? nullptr : &found->second;
}

result<void> record_book::check_succession(const peer_record& record) const {
  if (const auto own = pins_.find(record.key); own != pins_.end() && own->second.replaced_by)
    return fail(errc::bad_signature, record.id.str() + " has another key since");
  const auto* former = former_of(record);
  if (former == nullptr) return {};
  // Whoever has the old key, too, is too late.
  const bool taken = former->replaced_by && *former->replaced_by != record.key;
  if (taken || record.replaces->key == record.key || !succeeds(record, former->sign_key))
    return fail(errc::bad_signature,
                record.id.str() + " takes the place of a key that did not say so");
  return {};
}

result<void> record_book::check(const peer_record& record) const {
  const auto known = pins_.find(record.key);
  if (known == pins_.end()) {
    if (pins_.size() >= record_pins_max) return fail(errc::limit_reached, "members of the party");
  } else {
    if (known->second.sign_key != record.sign_key)
      return fail(errc::bad_signature, record.id.str() + " came with another signature key before");
    if (record.version < known->second.version)
      return fail(errc::stale_version, "the record of " + record.id.str());
  }
  if (const auto fair = check_succession(record); !fair) return fair;
  const auto* former = former_of(record);
  for (const auto& [key, other] : entries_) {
    if (key == record.key || (former != nullptr && key == record.replaces->key)) continue;
    if (other.record.address == record.address)
      return fail(errc::address_clash, record.id.str() + " claims " + to_string(record.address) +
                                           " of " + other.record.id.str());
    if (other.record.id == record.id)
      return fail(errc::name_taken, "two members call themselves " + record.id.str());
  }
  return {};
}

result<record_book::novelty> record_book::accept(const sealed_record& envelope) {
  auto record = open_record(envelope, party_, secret_);
  if (!record) return record.error();
  if (const auto allowed = check(*record); !allowed) return allowed.error();
  const auto present = entries_.find(record->key);
  if (present != entries_.end() && present->second.record.version == record->version) {
    if (present->second.record != *record)
      return fail(errc::stale_version, "two records of one version: " + record->id.str());
    if (present->second.online == envelope.online) return novelty::unchanged;
  }
  if (former_of(*record) != nullptr) {
    pins_[record->replaces->key].replaced_by = record->key;
    entries_.erase(record->replaces->key);
  }
  pins_[record->key] = {record->sign_key, record->version};
  entries_[record->key] = {std::move(*record), envelope.online};
  return novelty::changed;
}

std::vector<record_book::refusal> record_book::replace(const std::vector<sealed_record>& all) {
  std::set<wg_public_key> present;
  for (const auto& envelope : all)
    present.insert(envelope.key);
  std::erase_if(entries_, [&](const auto& each) { return !present.contains(each.first); });
  std::vector<refusal> refused;
  for (const auto& envelope : all)
    if (const auto taken = accept(envelope); !taken) refused.push_back({envelope, taken.error()});
  return refused;
}

void record_book::restore(const peer_record& record) {
  pins_[record.key] = {record.sign_key, record.version};
  entries_[record.key].record = record;
}

bool record_book::set_online(const wg_public_key& key, bool online) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.online == online) return false;
  found->second.online = online;
  return true;
}

void record_book::all_offline() {
  for (auto& [key, each] : entries_)
    each.online = false;
}

bool record_book::forget(const wg_public_key& key) {
  return entries_.erase(key) != 0;
}

bool record_book::replaced(const wg_public_key& former, const wg_public_key& by) const {
  const auto found = pins_.find(former);
  return found != pins_.end() && found->second.replaced_by == by;
}

const record_book::entry* record_book::find(const wg_public_key& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

const record_book::entry* record_book::find(const peer_id& id) const {
  for (const auto& [key, each] : entries_)
    if (each.record.id == id) return &each;
  return nullptr;
}

} // namespace lanrage::net::control
