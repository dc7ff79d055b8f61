#include "actors/daemon/local_request.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace lanrage::actors::local {

namespace json = boost::json;

namespace {

constexpr std::size_t depth_max = 4;
constexpr std::chrono::milliseconds wait_max{600'000};

net::error malformed(std::string what) {
  return net::fail(net::errc::bad_message, std::move(what));
}

/// Reads the fields of one request; the first problem sticks.
class fields {
 public:
  explicit fields(const json::object& from) : from_(from) {}

  void allow(std::span<const std::string_view> names) {
    for (const auto& entry : from_)
      if (entry.key() != "op" &&
          std::find(names.begin(), names.end(), std::string_view{entry.key()}) == names.end())
        problem("unknown field \"" + std::string{entry.key()} + "\"");
  }
  std::optional<std::string> text(std::string_view name, bool required) {
    const auto* value = from_.if_contains(name);
    if (value == nullptr || value->is_null()) {
      if (required) problem("field \"" + std::string{name} + "\" is missing");
      return std::nullopt;
    }
    if (!value->is_string()) {
      problem("field \"" + std::string{name} + "\" must be a text");
      return std::nullopt;
    }
    return std::string{value->get_string()};
  }
  std::optional<net::peer_id> peer(bool required) {
    const auto name = text("peer", required);
    if (!name) return std::nullopt;
    const auto id = net::peer_id::parse(*name);
    if (!id)
      problem("\"" + *name + "\" is no peer name: 1 to 32 of a-z, 0-9 and '-', no '-' at the ends");
    return id;
  }
  std::chrono::milliseconds wait(std::chrono::milliseconds otherwise) {
    const auto* value = from_.if_contains("wait_ms");
    if (value == nullptr) return otherwise;
    boost::system::error_code failed;
    const auto count = value->to_number<std::int64_t>(failed);
    if (failed || count < 0 || count > wait_max.count())
      problem("field \"wait_ms\" must be a number from 0 to " + std::to_string(wait_max.count()));
    return std::chrono::milliseconds{failed ? 0 : count};
  }

  const std::optional<net::error>& failed() const { return failed_; }

 private:
  void problem(std::string what) {
    if (!failed_) failed_ = malformed(std::move(what));
  }

  const json::object& from_;
  std::optional<net::error> failed_;
};

using reader = request (*)(fields&);

struct operation {
  std::string_view name;
  std::array<std::string_view, 3> allowed;
  reader read;
};

const std::array<operation, 13> operations{{
    {"ping", {}, [](fields&) -> request { return ping{}; }},
    {"status",
     {"peer", "party"},
     [](fields& in) -> request {
       const auto id = in.peer(false);
       return status{id, in.text("party", false)};
     }},
    {"connect",
     {"peer", "party", "wait_ms"},
     [](fields& in) -> request {
       const auto id = in.peer(true).value_or(net::peer_id{});
       const auto party = in.text("party", false);
       return connect{{party, id}, in.wait(connect{}.wait)};
     }},
    {"disconnect",
     {"peer", "party"},
     [](fields& in) -> request {
       const auto id = in.peer(true).value_or(net::peer_id{});
       return disconnect{{in.text("party", false), id}};
     }},
    {"explain",
     {"peer", "party"},
     [](fields& in) -> request {
       const auto id = in.peer(true).value_or(net::peer_id{});
       return explain{{in.text("party", false), id}};
     }},
    {"party_create",
     {"name", "server"},
     [](fields& in) -> request {
       return party_create{
           {in.text("name", true).value_or(""), in.text("server", true).value_or("")}};
     }},
    {"party_join",
     {"invite"},
     [](fields& in) -> request { return party_join{{in.text("invite", true).value_or("")}}; }},
    {"party_invite",
     {"party"},
     [](fields& in) -> request { return party_invite{{in.text("party", true).value_or("")}}; }},
    {"party_leave",
     {"party"},
     [](fields& in) -> request { return party_leave{{in.text("party", true).value_or("")}}; }},
    {"party_forget",
     {"peer", "party"},
     [](fields& in) -> request {
       const auto id = in.peer(true).value_or(net::peer_id{});
       return party_forget{{in.text("party", false), id}};
     }},
    {"party_list", {}, [](fields&) -> request { return party_list{}; }},
    {"key_rotate", {}, [](fields&) -> request { return key_rotate{}; }},
    {"watch", {}, [](fields&) -> request { return watch{}; }},
}};

} // namespace

net::result<request> parse(std::string_view line) {
  json::parse_options limits;
  limits.max_depth = depth_max;
  boost::system::error_code failed;
  const auto value = json::parse(line, failed, {}, limits);
  if (failed) return malformed("not a JSON object: " + failed.message());
  const auto* object = value.if_object();
  if (object == nullptr) return malformed("not a JSON object");
  const auto* op = object->if_contains("op");
  if (op == nullptr || !op->is_string()) return malformed("field \"op\" is missing");
  const std::string_view wanted{op->get_string()};
  for (const auto& known : operations) {
    if (known.name != wanted) continue;
    fields in{*object};
    in.allow(known.allowed);
    auto out = known.read(in);
    if (in.failed()) return *in.failed();
    return out;
  }
  return malformed("unknown op \"" + std::string{wanted} + "\"");
}

} // namespace lanrage::actors::local
