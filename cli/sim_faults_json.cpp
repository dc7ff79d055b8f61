#include "cli/sim_faults_json.hpp"

#include <boost/json/object.hpp>

namespace lanrage::cli {
namespace {

namespace json = boost::json;
using sim::faults::seen_kind;

std::optional<std::uint64_t> count_at(const json::object& in, const char* name) {
  const auto* value = in.if_contains(name);
  if (!value || !value->is_number()) return std::nullopt;
  if (value->is_uint64()) return value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0)
    return static_cast<std::uint64_t>(value->get_int64());
  return std::nullopt;
}

std::optional<seen_kind> kind_of(const json::value& from) {
  if (!from.is_object()) return std::nullopt;
  const auto& object = from.get_object();
  const auto id = count_at(object, "id");
  const auto planned = count_at(object, "planned");
  const auto fired = count_at(object, "fired");
  const auto* all = object.if_contains("states");
  if (!id || *id == 0 || *id > sim::faults::last_id || !planned || !fired || !all ||
      !all->is_object())
    return std::nullopt;
  seen_kind out;
  out.kind = static_cast<int>(*id);
  out.planned = *planned;
  out.fired = *fired;
  std::size_t known = 0;
  for (std::size_t i = 0; i < sim::faults::states; ++i) {
    if (!all->get_object().contains(sim::faults::state_name(i))) continue;
    const auto moments = count_at(all->get_object(), sim::faults::state_name(i));
    if (!moments) return std::nullopt;
    out.in[i] = *moments;
    ++known;
  }
  return known == all->get_object().size() ? std::optional{out} : std::nullopt;
}

} // namespace

json::array faults_json(const std::vector<seen_kind>& of) {
  json::array out;
  for (const auto& each : of) {
    json::object in;
    for (std::size_t i = 0; i < sim::faults::states; ++i)
      if (each.in[i] > 0) in[sim::faults::state_name(i)] = each.in[i];
    const auto* known = sim::faults::find_kind(each.kind);
    out.push_back(json::object{{"id", each.kind},
                               {"name", known ? known->name : ""},
                               {"planned", each.planned},
                               {"fired", each.fired},
                               {"states", std::move(in)}});
  }
  return out;
}

std::optional<std::vector<seen_kind>> faults_of(const json::value& from) {
  if (!from.is_array()) return std::nullopt;
  std::vector<seen_kind> out;
  for (const auto& each : from.get_array()) {
    const auto got = kind_of(each);
    if (!got || (!out.empty() && out.back().kind >= got->kind)) return std::nullopt;
    out.push_back(*got);
  }
  return out;
}

} // namespace lanrage::cli
