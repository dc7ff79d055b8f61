#include "sim/scenario/book.hpp"

#include <algorithm>
#include <functional>
#include <map>

/// [[event]]: what happens when.
namespace lanrage::sim::scenario {
namespace {

using namespace std::chrono_literals;

using maybe_action = std::optional<action>;
using event_reader = maybe_action (*)(book&, fields&, duration at);

std::vector<thing> who(book& all, fields& in, std::initializer_list<kind> kinds) {
  in.need("who", "whom it happens to");
  return all.things(in, "who", kinds);
}
std::vector<std::uint32_t> members(book& all, fields& in) {
  in.need("who", "the members it happens to");
  return all.members(in, "who");
}
std::uint32_t member(book& all, fields& in, std::string_view key) {
  in.need(key, "a member");
  return all.one(in, key, kind::member).value_or(0);
}
std::uint32_t party(book& all, fields& in) {
  in.need("party", "which party");
  return all.party(in, "party").value_or(0);
}

maybe_action read_start(book& all, fields& in, duration) {
  deed::start out{who(all, in, {kind::member, kind::relay, kind::control}), true};
  if (const auto keeps = in.flag("memory")) {
    out.with_memory = *keeps;
    if (std::any_of(out.who.begin(), out.who.end(),
                    [](const thing& each) { return each.what == kind::member; }))
      in.wrong(*in.take("memory"), "memory for a member", "it for relays and control only");
  }
  return out;
}
maybe_action read_kill(book& all, fields& in, duration) {
  return deed::kill{who(all, in, {kind::member, kind::relay, kind::control})};
}

maybe_action read_partition(book& all, fields& in, duration) {
  deed::partition out;
  if (!in.need("groups", "an array of groups, each an array of names")) return out;
  const auto& node = *in.take("groups");
  const auto* groups = node.as_array();
  if (!groups || groups->empty() || groups->size() > 64) {
    in.wrong(node, describe(node) + " for groups",
             "an array of 1 to 64 groups, each an array of names");
    return out;
  }
  std::vector<thing> seen;
  for (const auto& group : *groups) {
    const auto* names = group.as_array();
    if (!names) {
      in.wrong(group, describe(group) + " in groups", "an array of names");
      continue;
    }
    auto& members_of_it = out.groups.emplace_back();
    for (const auto& each : *names) {
      const auto* text = each.as_string();
      if (!text) {
        in.wrong(each, describe(each) + " in a group", "a name");
        continue;
      }
      const auto found =
          all.find({text->get(), &each}, {kind::member, kind::nat, kind::relay, kind::control});
      if (found) members_of_it.push_back(*found);
      if (found) seen.push_back(*found);
    }
  }
  std::sort(seen.begin(), seen.end());
  if (std::adjacent_find(seen.begin(), seen.end()) != seen.end())
    in.wrong(node, "a name twice in groups", "each name in one group");
  return out;
}
maybe_action read_heal(book&, fields&, duration) {
  return deed::heal{};
}

maybe_action read_move(book& all, fields& in, duration) {
  deed::move out{member(all, in, "who"), std::nullopt};
  if (!in.need("behind", "a nat, or \"internet\"")) return out;
  const auto* text = in.take("behind")->as_string();
  if (!text || text->get() != "internet") out.behind = all.one(in, "behind", kind::nat);
  return out;
}
maybe_action read_rebind(book& all, fields& in, duration) {
  in.need("who", "a nat");
  const auto which = all.one(in, "who", kind::nat);
  if (which && *which < all.into.nats.size() && all.into.nats[*which].behind)
    in.wrong(*in.take("who"), "a nat behind another one", "one that stands on the internet");
  return deed::rebind{which.value_or(0)};
}
maybe_action read_udp(book& all, fields& in, duration) {
  in.need("who", "a nat");
  in.need("blocked", "true or false");
  const auto which = all.one(in, "who", kind::nat).value_or(0);
  return deed::block_udp{which, in.flag("blocked").value_or(true)};
}
maybe_action read_delete(book& all, fields& in, duration) {
  return deed::delete_interface{member(all, in, "who")};
}
maybe_action read_link(book& all, fields& in, duration) {
  if (!in.has("between") && !in.has("among"))
    all.wrongs.add(in.where(), "a link event without between and among", "one of them");
  return deed::change_link{{read_between(all, in), read_link_change(all, in)}};
}
maybe_action read_scale(book& all, fields& in, duration) {
  in.need("by", "how much of the delay remains, such as \"300%\"");
  const auto by = in.parts("by", 1'000 * unscaled).value_or(unscaled);
  if (!in.has("between") && !in.has("among")) return deed::scale_all{by};
  link_change change;
  change.scale_ppm = by;
  return deed::change_link{{read_between(all, in), change}};
}
maybe_action read_join(book& all, fields& in, duration at) {
  deed::join out{members(all, in), party(all, in)};
  if (out.party < all.into.parties.size() && all.into.parties[out.party].at > at)
    in.wrong(*in.take("party"), "a party that is made later", "one that exists by then");
  return out;
}
maybe_action read_leave(book& all, fields& in, duration) {
  return deed::leave{members(all, in), party(all, in)};
}

/// Two different members.
template <class Deed>
maybe_action read_two(book& all, fields& in, duration) {
  const Deed out{member(all, in, "from"), member(all, in, "to")};
  if (out.from == out.to && in.has("from") && in.has("to") && !all.wrongs.any())
    in.wrong(*in.take("to"), "a member and itself", "two members");
  return out;
}

maybe_action read_ping(book& all, fields& in, duration at) {
  stream_entry out;
  out.at = at;
  const auto number = static_cast<std::uint32_t>(all.into.streams.size());
  if (in.need("name", "a name for the stream")) {
    if (const auto name = in.text("name", "a name")) out.name = *name;
    all.define_stream({out.name, in.take("name")});
  }
  out.from = member(all, in, "from");
  out.to = member(all, in, "to");
  if (out.from == out.to && !all.wrongs.any())
    in.wrong(*in.take("to"), "a member and itself", "two members");
  out.gap = in.time("gap", 1ms, 1h).value_or(1s);
  in.exclude("count", "for");
  const auto most = static_cast<std::int64_t>(limits::pings);
  if (const auto count = in.number("count", 1, most))
    out.count = static_cast<std::uint64_t>(*count);
  if (const auto span = in.time("for", 1ms, limits::until)) {
    const auto count = std::max<std::int64_t>(1, *span / out.gap);
    if (count > most)
      in.wrong(*in.take("for"), "more than " + std::to_string(most) + " pings",
               "a longer gap or a shorter time");
    out.count = static_cast<std::uint64_t>(std::min(count, most));
  }
  if (!in.has("count") && !in.has("for"))
    all.wrongs.add(in.where(), "a ping stream without count and for", "one of them");
  all.into.streams.push_back(std::move(out));
  return deed::pings{number};
}

maybe_action read_suspend(book& all, fields& in, duration) {
  return deed::suspend{members(all, in)};
}
maybe_action read_resume(book& all, fields& in, duration) {
  return deed::resume{members(all, in)};
}
maybe_action read_disk(book& all, fields& in, duration) {
  deed::disk out{member(all, in, "who"), true};
  in.need("full", "true or false");
  out.full = in.flag("full").value_or(true);
  return out;
}

const std::vector<std::pair<std::string_view, event_reader>>& readers() {
  static const std::vector<std::pair<std::string_view, event_reader>> all{
      {"start", read_start},
      {"kill", read_kill},
      {"partition", read_partition},
      {"heal", read_heal},
      {"move", read_move},
      {"rebind", read_rebind},
      {"udp", read_udp},
      {"delete-interface", read_delete},
      {"link", read_link},
      {"scale", read_scale},
      {"join", read_join},
      {"leave", read_leave},
      {"connect", read_two<deed::connect>},
      {"disconnect", read_two<deed::disconnect>},
      {"ping", read_ping},
      {"suspend", read_suspend},
      {"resume", read_resume},
      {"disk", read_disk},
  };
  return all;
}

void read_event(book& all, const toml::table& table) {
  fields in{table, "[[event]]", all.wrongs};
  in.need("at", "when it happens");
  in.need("do", "what happens");
  event out;
  out.where = in.where();
  out.at = in.time("at", 0s, all.into.until).value_or(0s);
  std::vector<std::string_view> words;
  for (const auto& [word, read] : readers())
    words.push_back(word);
  const auto which = in.word("do", words);
  if (!which) return; // which keys it may have is not known
  auto what = readers()[*which].second(all, in, out.at);
  in.finish();
  if (!what) return;
  out.what = std::move(*what);
  all.into.events.push_back(std::move(out));
}

} // namespace

void read_events(book& all, const toml::node& node) {
  for (const auto* table : tables_of(node, "[[event]]", limits::events, all.wrongs))
    read_event(all, *table);
}

} // namespace lanrage::sim::scenario
