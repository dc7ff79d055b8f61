#include "config/keys.hpp"

#include <string>

namespace lanrage::config {
namespace {

std::string comment(std::string_view text) {
  std::string out = "# ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "# ";
  }
  return out + '\n';
}

template <class Target>
std::string entry(const key<Target>& each) {
  return comment(each.help) + comment("Expected: " + each.expected + '.') + '#' +
         std::string{each.name} + " = " + each.shown + '\n';
}

} // namespace

std::string example_text() {
  std::string out =
      "# Settings of lanrage. The place of this file is " + std::string{defaults::config_file} +
      ", or what --config says.\n"
      "# Everything has a default: a line that begins with # and a key shows it (or a\n"
      "# sample, where the default is to be absent).\n";
  for (const auto& table : tables()) {
    out += "\n# " + std::string{table.help} + "\n[" + std::string{table.name} + "]\n";
    for (const auto& each : table.keys)
      out += '\n' + entry(each);
  }
  out += "\n# Relays the members are told of, beside the one of `lanrage serve`. Once per relay:\n"
         "#[[control.relays]]\n";
  for (const auto& each : relay_entry_keys())
    out += '\n' + entry(each);
  return out;
}

} // namespace lanrage::config
