#include "cli/failure.hpp"

#include "cli/terminal.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <iostream>
#include <utility>

namespace lanrage::cli {

using net::errc;

failure to_failure(const net::error& error) {
  const auto whole = net::sentence(error.code);
  const auto cut = whole.find("; ");
  failure out{std::string{net::to_string(error.code)}, std::string{whole.substr(0, cut)}, {}};
  if (!error.detail.empty()) out.text += ": " + error.detail;
  if (cut != std::string_view::npos) out.remedy = whole.substr(cut + 2);
  return out;
}

exit_code exit_code_of(std::string_view code) {
  static constexpr std::array<std::pair<errc, exit_code>, 7> special{{
      {errc::peer_not_found, exit_code::not_found},
      {errc::party_not_found, exit_code::not_found},
      {errc::daemon_not_running, exit_code::no_daemon},
      {errc::bad_invite, exit_code::usage},
      {errc::bad_config, exit_code::usage},
      {errc::bad_message, exit_code::usage},
      {errc::bad_key, exit_code::usage},
  }};
  for (const auto& [known, exit] : special)
    if (code == net::to_string(known)) return exit;
  return exit_code::failed;
}

exit_code report(const failure& what, bool json) {
  std::cerr << "lanrage: " << printable(what.text, true) << '\n';
  if (!what.remedy.empty()) std::cerr << "  " << printable(what.remedy) << '\n';
  if (json) {
    const boost::json::object error{
        {"code", what.code}, {"text", what.text}, {"remedy", what.remedy}};
    std::cout << boost::json::serialize(boost::json::object{{"error", error}}) << '\n';
  }
  return exit_code_of(what.code);
}

} // namespace lanrage::cli
