#include "config/defaults.hpp"
#include "sim/scenario/book.hpp"

#include <algorithm>

/// What there is: [world], [health], [traces], [[nat]], [[relay]], [[member]].
namespace lanrage::sim::scenario {
namespace {

using namespace std::chrono_literals;
using net::nat_behavior;

const std::vector<std::string_view> class_names{
    "full-cone", "address-restricted",   "port-restricted",
    "symmetric", "symmetric-sequential", "udp-blocked"};

nat_settings nat_class(std::size_t which) {
  switch (which) {
  case 0:
    return full_cone();
  case 1:
    return address_restricted();
  case 2:
    return port_restricted();
  case 3:
    return symmetric();
  case 4:
    return symmetric_sequential();
  default:
    return udp_blocked();
  }
}

void read_behavior(fields& in, std::string_view key, nat_behavior& into) {
  static const std::vector<std::string_view> words{"endpoint-independent", "address-dependent",
                                                   "address-and-port-dependent"};
  static constexpr std::array<nat_behavior, 3> values{nat_behavior::endpoint_independent,
                                                      nat_behavior::address_dependent,
                                                      nat_behavior::address_and_port_dependent};
  if (const auto word = in.word(key, words)) into = values[*word];
}

void read_flag(fields& in, std::string_view key, bool& into) {
  if (const auto flag = in.flag(key)) into = *flag;
}

template <class Duration>
void read_whole(fields& in, std::string_view key, duration least, duration most, Duration& into) {
  const auto given = in.time(key, least, most);
  if (!given) return;
  const auto whole = std::chrono::duration_cast<Duration>(*given);
  if (whole == *given)
    into = whole;
  else
    in.wrong(*in.take(key), Duration::period::den == 1 ? "whole seconds" : "whole milliseconds");
}

/// A class by name, and what differs from it in the terms of RFC 4787.
nat_settings read_nat_how(fields& in) {
  nat_settings out;
  if (const auto which = in.word("class", class_names)) out = nat_class(*which);
  read_behavior(in, "mapping", out.mapping);
  read_behavior(in, "filtering", out.filtering);
  read_flag(in, "preserve_ports", out.preserve_ports);
  read_flag(in, "sequential", out.sequential);
  read_flag(in, "refresh_inbound", out.refresh_inbound);
  read_flag(in, "hairpin", out.hairpin);
  read_flag(in, "blocks_udp", out.blocks_udp);
  read_flag(in, "ipv6_open", out.ipv6_open);
  read_flag(in, "remembers_refused", out.remembers_refused);
  read_whole(in, "lifetime", 1s, 24h, out.lifetime);
  read_whole(in, "refused_lifetime", 1s, 24h, out.refused_lifetime);
  if (const auto port = in.number("first_port", 1, 65'535))
    out.first_port = static_cast<std::uint16_t>(*port);
  if (const auto port = in.number("last_port", 1, 65'535))
    out.last_port = static_cast<std::uint16_t>(*port);
  if (out.first_port > out.last_port)
    in.wrong(*in.take(in.has("first_port") ? "first_port" : "last_port"),
             "first_port above last_port", "at least one port");
  return out;
}

void read_nat(book& all, const toml::table& table) {
  fields in{table, "[[nat]]", all.wrongs};
  const auto number = static_cast<std::uint32_t>(all.into.nats.size());
  nat_entry out;
  if (const auto name = in.text("name", "a name")) out.name = *name;
  out.how = read_nat_how(in);
  out.behind = all.one(in, "behind", kind::nat);
  if (in.need("name", "every box to have a name"))
    all.define({out.name, in.take("name")}, {kind::nat, number});
  in.finish();
  all.into.nats.push_back(std::move(out));
}

void read_families(fields& in, families& into) {
  read_flag(in, "ipv4", into.ipv4);
  read_flag(in, "ipv6", into.ipv6);
  if (!into.ipv4 && !into.ipv6)
    in.wrong(*in.take("ipv4"), "ipv4 = false without ipv6 = true", "a machine with an address");
}

void read_relay(book& all, const toml::table& table) {
  fields in{table, "[[relay]]", all.wrongs};
  const auto number = static_cast<std::uint32_t>(all.into.relays.size());
  relay_entry out;
  if (const auto name = in.text("name", "a name")) out.name = *name;
  read_families(in, out.has);
  if (in.need("name", "every relay to have a name"))
    all.define({out.name, in.take("name")}, {kind::relay, number});
  in.finish();
  all.into.relays.push_back(std::move(out));
}

void add_member(book& all, member_entry who, const std::optional<nat_settings>& own_box,
                const toml::node& where) {
  const auto number = static_cast<std::uint32_t>(all.into.members.size());
  all.define({who.name, &where}, {kind::member, number});
  if (own_box) {
    const auto box = static_cast<std::uint32_t>(all.into.nats.size());
    all.define({who.name + "-nat", &where}, {kind::nat, box});
    all.into.nats.push_back({who.name + "-nat", *own_box, who.behind});
    who.behind = box;
  }
  all.into.members.push_back(std::move(who));
}

void read_member(book& all, const toml::table& table, const config::health_settings& health) {
  fields in{table, "[[member]]", all.wrongs};
  member_entry out;
  out.health = health;
  if (const auto name = in.text("name", "a name")) out.name = *name;
  out.behind = all.one(in, "behind", kind::nat);
  std::optional<nat_settings> own_box;
  if (const auto which = in.word("nat", class_names)) own_box = nat_class(*which);
  read_families(in, out.has);
  read_flag(in, "auto_connect", out.auto_connect);
  if (const auto start = in.time("start", 0s, all.into.until)) out.start = *start;
  const auto gap = in.time("start_gap", 0s, 1h).value_or(0s);
  read_health(in, out.health);
  const auto count = in.number("count", 1, static_cast<std::int64_t>(limits::members)).value_or(1);
  if (in.need("name", "every member to have a name")) {
    const auto& where = *in.take("name");
    if (all.into.members.size() + static_cast<std::size_t>(count) > limits::members) {
      in.wrong(where, "more members", "at most " + std::to_string(limits::members));
    } else if (!in.has("count")) {
      add_member(all, out, own_box, where);
    } else {
      const auto stem = out.name;
      const auto most = std::min<std::int64_t>(count, all.count.value_or(UINT32_MAX));
      for (std::int64_t i = 1; i <= most; ++i, out.start += gap) {
        out.name = stem + std::to_string(i);
        add_member(all, out, own_box, where);
      }
    }
  }
  in.finish();
}

void read_traces(book& all, const toml::node& node) {
  const auto* table = node.as_table();
  if (!table || table->size() > limits::traces)
    return all.wrongs.add(place_of(node.source()), table ? "too many traces" : describe(node),
                          "a table [traces] of names and files, at most " +
                              std::to_string(limits::traces));
  for (const auto& [name, path] : *table) {
    const auto where = place_of(path.source());
    const auto* text = path.as_string();
    const bool good = text && !text->get().empty() && text->get().size() <= 4'096 &&
                      text->get().find('\0') == std::string::npos;
    if (!good) {
      all.wrongs.add(where, describe(path),
                     "the path of a trace, counted from the scenario's folder");
      continue;
    }
    const std::string key{name.str()};
    all.define_trace(key, where);
    all.into.traces.push_back({key, text->get(), where});
  }
}

void read_settings(book& all, const toml::node& node) {
  const auto* table = node.as_table();
  if (!table) return all.wrongs.add(place_of(node.source()), describe(node), "the table [world]");
  fields in{*table, "[world]", all.wrongs};
  if (const auto d = in.time("internet_delay", 0s, limits::delay)) all.into.internet_delay = *d;
  if (const auto d = in.time("lan_delay", 0s, limits::delay)) all.into.lan_delay = *d;
  read_flag(in, "log_packets", all.into.log_packets);
  in.finish();
}

} // namespace

void read_health(fields& in, config::health_settings& into) {
  read_whole(in, "check_interval", 100ms, 1h, into.check_interval);
  read_whole(in, "check_timeout", 10ms, 1min, into.check_timeout);
  read_whole(in, "degraded_above", 1ms, 1min, into.degraded_above);
  const auto* at = in.take("check_timeout");
  if (!at) at = in.take("check_interval");
  if (at && into.check_timeout > into.check_interval)
    in.wrong(*at, "check_timeout above check_interval", "at most check_interval");
  if (!in.has("degraded_above") && !in.has("check_timeout")) return;
  if (into.degraded_above > into.check_timeout)
    in.wrong(*in.take(in.has("degraded_above") ? "degraded_above" : "check_timeout"),
             "degraded_above above check_timeout", "at most check_timeout: a later answer is lost");
}

void read_world(book& all, const toml::table& root, fields& top) {
  if (const auto* node = top.take("world")) read_settings(all, *node);
  config::health_settings health;
  if (const auto* node = top.take("health")) {
    if (const auto* table = node->as_table()) {
      fields in{*table, "[health]", all.wrongs};
      read_health(in, health);
      in.finish();
    } else {
      top.wrong(*node, "the table [health]");
    }
  }
  if (const auto* node = top.take("traces")) read_traces(all, *node);
  if (const auto* node = top.take("nat"))
    for (const auto* table : tables_of(*node, "[[nat]]", limits::nats, all.wrongs))
      read_nat(all, *table);
  if (const auto* node = top.take("relay"))
    for (const auto* table : tables_of(*node, "[[relay]]", net::relays_max, all.wrongs))
      read_relay(all, *table);
  if (const auto* node = top.take("member"))
    for (const auto* table : tables_of(*node, "[[member]]", limits::members, all.wrongs))
      read_member(all, *table, health);
  if (all.into.members.empty() && !all.wrongs.any())
    all.wrongs.add(place_of(root.source()), "no [[member]]", "at least one member");
}

} // namespace lanrage::sim::scenario
