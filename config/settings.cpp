#include "config/settings.hpp"

#include "config/dotted_keys.hpp"
#include "config/keys.hpp"

#include <toml++/toml.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

namespace lanrage::config {
namespace {

constexpr std::size_t file_octets_max = 1024 * 1024;

std::string describe_node(const toml::node& node) {
  switch (node.type()) {
  case toml::node_type::table:
    return "a table";
  case toml::node_type::array:
    return "an array";
  case toml::node_type::floating_point:
    return "a floating-point number";
  case toml::node_type::date:
    return "a date";
  case toml::node_type::time:
    return "a time of day";
  case toml::node_type::date_time:
    return "a date and time";
  default:
    return "something else";
  }
}

value to_value(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* array = node.as_array();
      array && (array->empty() || array->is_homogeneous<std::string>())) {
    std::vector<std::string> texts;
    for (const auto& element : *array)
      texts.push_back(element.as_string()->get());
    return texts;
  }
  return other_value{describe_node(node)};
}

std::string list(const std::vector<std::string_view>& names) {
  std::string out;
  for (const auto name : names)
    out += (out.empty() ? "" : ", ") + std::string{name};
  return out;
}

/// Collects every problem with its place; nothing is given up at the first one.
class reader {
 public:
  reader(std::string_view file_name, settings& into) : file_(file_name), into_(into) {}

  void read(const toml::table& root) {
    for (const auto& [name, node] : root) {
      // Clang 14 captures no structured bindings.
      const auto known = std::find_if(tables().begin(), tables().end(),
                                      [is = name.str()](const table& t) { return t.name == is; });
      if (known == tables().end()) {
        unknown("table or key", name, "the table", table_names());
      } else if (const auto* inside = node.as_table()) {
        read_table(*known, *inside);
      } else {
        problem(node.source(), describe(to_value(node)),
                "the table [" + std::string{known->name} + "]");
      }
    }
    check_relations(root);
  }

  /// One line per problem, in the order of the file.
  std::string problems() {
    std::stable_sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
      return std::pair{a.line, a.column} < std::pair{b.line, b.column};
    });
    std::string out;
    for (const auto& each : found_) {
      if (!out.empty()) out += '\n';
      out += file_ + ':' + std::to_string(each.line) + ':' + std::to_string(each.column) + ": " +
             each.text;
    }
    return out;
  }

  void problem(const toml::source_region& where, const std::string& found,
               const std::string& expected) {
    found_.push_back(
        {where.begin.line, where.begin.column, "found " + found + ", expected " + expected});
  }

 private:
  struct place_and_text {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::string text;
  };

  static std::vector<std::string_view> table_names() {
    std::vector<std::string_view> names;
    for (const auto& each : tables())
      names.push_back(each.name);
    return names;
  }

  void unknown(std::string_view what, const toml::key& name, std::string_view kind,
               const std::vector<std::string_view>& known) {
    std::string expected{kind};
    if (const auto near = nearest(name.str(), known))
      expected += " " + std::string{*near} + " perhaps; there are " + list(known);
    else
      expected += " to be one of " + list(known);
    problem(name.source(), "unknown " + std::string{what} + " " + toml_string(name.str()),
            expected);
  }

  /// One entry of a table; false: no key of that name.
  template <class Target>
  bool read_entry(const std::vector<key<Target>>& keys, const toml::key& name,
                  const toml::node& node, Target& into) {
    const auto known = std::find_if(keys.begin(), keys.end(),
                                    [&](const key<Target>& k) { return k.name == name.str(); });
    if (known == keys.end()) return false;
    const auto given = to_value(node);
    if (!known->read(given, into))
      problem(node.source(), describe(given) + " for " + std::string{known->name}, known->expected);
    return true;
  }

  void read_table(const table& known, const toml::table& inside) {
    for (const auto& [name, node] : inside) {
      if (known.name == "control" && name.str() == "relays") {
        read_relays(node);
      } else if (!read_entry(known.keys, name, node, into_)) {
        std::vector<std::string_view> names;
        for (const auto& each : known.keys)
          names.push_back(each.name);
        if (known.name == "control") names.push_back("relays");
        unknown("key", name, "a key of [" + std::string{known.name} + "],", names);
      }
    }
  }

  void read_relays(const toml::node& node) {
    const std::string expected = "[[control.relays]] tables";
    const auto* entries = node.as_array();
    if (!entries) return problem(node.source(), describe(to_value(node)), expected);
    if (entries->size() > net::relays_max)
      problem(node.source(), std::to_string(entries->size()) + " relays",
              "at most " + std::to_string(net::relays_max));
    for (const auto& entry : *entries) {
      if (const auto* inside = entry.as_table())
        read_relay(*inside);
      else
        problem(entry.source(), describe(to_value(entry)), expected);
    }
  }

  void read_relay(const toml::table& inside) {
    std::vector<std::string_view> names;
    for (const auto& each : relay_entry_keys())
      names.push_back(each.name);
    net::relay_info info;
    for (const auto& [name, node] : inside)
      if (!read_entry(relay_entry_keys(), name, node, info))
        unknown("key", name, "a key of [[control.relays]],", names);
    for (const auto optional : {"address6", "tls_port", "tls_pin", "tls_name"})
      std::erase(names, optional);
    if (info.tls && !(inside.contains("tls_port") && inside.contains("tls_pin")))
      problem(inside.source(), "a part of tls_port and tls_pin", "both, or neither");
    for (const auto name : names)
      if (!inside.contains(name))
        problem(inside.source(), "no " + std::string{name}, "every relay to have " + list(names));
    for (const auto& other : into_.control.relays) {
      if (inside.contains("name") && other.name == info.name)
        problem(inside["name"].node()->source(), "a second relay named " + toml_string(info.name),
                "names that differ");
    }
    into_.control.relays.push_back(std::move(info));
  }

  /// Values that are each possible and impossible together.
  void check_relations(const toml::table& root) {
    const auto& health = into_.daemon.health;
    const auto at = [&](std::string_view wanted, std::string_view other) -> toml::source_region {
      for (const auto name : {wanted, other})
        if (const auto* node = root["health"][name].node()) return node->source();
      return {};
    };
    if (health.check_timeout > health.check_interval)
      problem(at("check_timeout", "check_interval"),
              "check_timeout " + show_duration(health.check_timeout),
              "at most check_interval, " + show_duration(health.check_interval));
    if (health.degraded_above > health.check_timeout)
      problem(at("degraded_above", "check_timeout"),
              "degraded_above " + show_duration(health.degraded_above),
              "at most check_timeout, " + show_duration(health.check_timeout) +
                  " (a later answer is a loss)");
    const auto& alternate = into_.relay.stun_alternate;
    const auto fits = [&](const net::endpoint& one) {
      return one.address.is_v4() == alternate->address.is_v4() && !one.address.is_unspecified() &&
             one.port != alternate->port;
    };
    const auto& listen = into_.relay.listen;
    if (alternate && std::none_of(listen.begin(), listen.end(), fits))
      problem(root["relay"]["stun_alternate"].node()->source(),
              "stun_alternate " + to_string(*alternate),
              "an address of its family in relay.listen (not 0.0.0.0), with another port");
  }

  std::string file_;
  settings& into_;
  std::vector<place_and_text> found_;
};

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

/// Both depend on other settings or on the machine, so the table of keys cannot say them.
void fill_in(settings& out) {
  if (out.daemon.name.empty()) out.daemon.name = name_from_host(host_name());
  if (out.control.public_host.empty() && !out.control.listen.address.is_unspecified())
    out.control.public_host = to_string(out.control.listen.address);
}

} // namespace

net::result<settings> parse(std::string_view text, std::string_view file_name) {
  settings out = default_settings();
  reader all{file_name, out};
  const auto deep = overlong_key(text);
  if (deep) {
    const toml::source_position at{deep->line, deep->column};
    all.problem({at, at, nullptr}, "a key of more parts",
                "at most " + std::to_string(dotted_parts_max) + " parts with dots between");
  }
  try {
    if (!deep) all.read(toml::parse(text, file_name));
  } catch (const toml::parse_error& error) {
    all.problem(error.source(), "no TOML (" + std::string{error.description()} + ")",
                "the syntax of TOML 1.0");
  }
  if (auto problems = all.problems(); !problems.empty())
    return net::fail(net::errc::bad_config, std::move(problems));
  fill_in(out);
  return out;
}

net::result<settings> load(const std::filesystem::path& file) {
  std::error_code failed;
  const auto status = std::filesystem::status(file, failed);
  if (!std::filesystem::exists(status) && status.type() != std::filesystem::file_type::none) {
    if (file == std::filesystem::path{defaults::config_file}) return parse("", file.string());
    return net::fail(net::errc::bad_config, file.string() + ": no such file");
  }
  if (!std::filesystem::is_regular_file(status))
    return net::fail(net::errc::bad_config,
                     file.string() + ": " + (failed ? failed.message() : "not a file"));
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  if (!in || !(text << in.rdbuf() || in.peek() == std::ifstream::traits_type::eof()))
    return net::fail(net::errc::bad_config, file.string() + ": cannot be read");
  if (text.view().size() > file_octets_max)
    return net::fail(net::errc::bad_config, file.string() + ": larger than 1 MiB");
  return parse(text.view(), file.string());
}

} // namespace lanrage::config
