#pragma once

#include "net/control/registry.hpp"

#include <utility>

/// The inside of the registry; only registry*.cpp include it.
namespace lanrage::net::control {

/// One event at work: the registry, the moment, and the effects so far.
class registry::run {
 public:
  run(registry& in, moment at) : r_(in), at_(at) {}

  effects take() { return std::move(out_); }

  void open(session_id id, const login& request, const channel_binding& binding);
  void handle(session_id id, session& s, const client_message& message);
  void refuse(session_id to, error why, request_kind about, std::optional<party_id> party) {
    send(to, request_refused{std::move(why), about, party});
  }
  bool within_rate(session_id id, session& s);
  void close(session_id id);
  void renew_tokens(session_id id, session& s);
  void relays_changed_for_all();
  void end(session_id id, error why) {
    close(id);
    out_.emplace_back(end_session{id, std::move(why)});
  }

 private:
  using records = std::vector<sealed_record>;

  void store(change what) { out_.emplace_back(save{std::move(what)}); }
  void send(session_id to, server_message message) {
    out_.emplace_back(send_message{{to}, std::move(message)});
  }
  void send_to_party(const party_id& id, const wg_public_key& except, server_message message);
  const session* online(const party_id& id, const wg_public_key& key) const;

  /// What the replaced key has goes to the new one. False when there is nothing to do: it has been
  /// done, or the old key is no member.
  bool rotate(const wg_public_key& from, const login& to);
  result<void> join(session& s, const join_request& request);
  result<void> check_join(const session& s, const join_request& request, const party* known) const;
  result<void> ensure_member(const session& s, const join_request& request);
  result<virtual_ip> lease(const peer_id& name) const;
  result<void> claim_name(const party_id& id, party& in, const wg_public_key& key,
                          const peer_id& name);
  result<void> leave(session_id id, session& s, const leave_request& request);
  result<void> forget(session_id id, const session& s, const forget_request& request);
  /// Takes a member out of a party, with its lease when that was its last one.
  void remove(const party_id& id, const wg_public_key& key);
  result<void> publish(session& s, const publish_request& request);
  result<void> signal(session& s, const signal_request& request);
  void joined(session_id id, session& s, const join_request& request);
  /// The parties of the session that a newer login of the same key ends.
  std::set<party_id> end_older(const wg_public_key& key);

  party_view view_of(const party_id& id, const wg_public_key& key) const;
  records records_of(const party_id& id) const;
  /// Moves into `view` what fits into `budget`; the rest goes out later as party_records.
  records fill(party_view& view, records all, std::size_t& budget) const;
  void send_rest(session_id to, const party_id& id, records rest);
  void tokens_for(const wg_public_key& key, const party_id& id, std::vector<bytes>& out) const;
  std::vector<bytes> all_tokens(session& s) const;
  void announce(const party_id& id, const wg_public_key& key, bool is_online);

  registry& r_;
  moment at_;
  effects out_;
};

} // namespace lanrage::net::control
