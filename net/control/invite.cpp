#include "net/control/invite.hpp"

#include "net/control/base64url.hpp"

#include <boost/url/src.hpp> // the one place that compiles Boost.URL

#include <algorithm>
#include <map>

namespace lanrage::net::control {
namespace {

constexpr std::size_t line_max = 1024;
constexpr std::string_view line_start = "lanrage://";

error bad(std::string detail) {
  return fail(errc::bad_invite, std::move(detail));
}

using parameters = std::map<std::string, std::string, std::less<>>;

struct parsed_url {
  std::string host;
  std::uint16_t port = 0;
  parameters params;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr std::size_t host_name_max = 253; // RFC 1035, 2.3.4, as text

/// What DNS can have, and '_'. A URL's host may be anything else, escaped.
bool host_name(std::string_view name) {
  return name.size() <= host_name_max && std::all_of(name.begin(), name.end(), [](char c) {
           return letter_or_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

result<std::string> host_of(const boost::urls::url_view& url) {
  switch (url.host_type()) {
  case boost::urls::host_type::name:
  case boost::urls::host_type::ipv4:
  case boost::urls::host_type::ipv6: {
    std::string host = url.host_address();
    if (host.empty()) return bad("the host is missing");
    if (url.host_type() == boost::urls::host_type::name && !host_name(host))
      return bad("the host is no host name");
    return host;
  }
  default:
    return bad("the host must be a name, an IPv4 address or an IPv6 address in brackets");
  }
}

result<parsed_url> read_url(std::string_view text, std::initializer_list<std::string_view> known) {
  text = trimmed(text);
  if (text.empty()) return bad("it is empty");
  if (text.size() > line_max) return bad("it is longer than 1024 characters");
  // Before the parser: Boost.URL 1.81 asserts on some texts that are no URL of ours anyway.
  constexpr auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!text.starts_with(line_start)) return bad("it must start with lanrage://");
  if (!std::all_of(text.begin(), text.end(), printable))
    return bad("it has characters that no URL has");
  const auto url = boost::urls::parse_uri({text.data(), text.size()});
  if (!url) return bad("it is no URL: " + url.error().message());
  if (url->has_userinfo()) return bad("unexpected user name before the host");
  if (url->has_fragment()) return bad("unexpected '#'");
  if (const std::string path = url->path(); !path.empty() && path != "/")
    return bad("unexpected path '" + path + "'");

  parsed_url out;
  auto host = host_of(*url);
  if (!host) return host.error();
  out.host = *host;
  out.port = url->port_number();
  if (out.port == 0) return bad("the port is missing or no port number");
  for (const auto param : url->params()) {
    if (std::find(known.begin(), known.end(), param.key) == known.end())
      return bad("unknown parameter '" + std::string{param.key} + "'");
    if (!out.params.emplace(param.key, param.value).second)
      return bad("parameter '" + std::string{param.key} + "' occurs twice");
  }
  for (const auto name : known)
    if (!out.params.contains(name)) return bad("parameter '" + std::string{name} + "' is missing");
  return out;
}

template <class Octets>
result<Octets> octets_of(const parameters& params, std::string_view name) {
  const auto value = parse_base64url<Octets>(params.find(name)->second);
  if (!value)
    return bad("parameter '" + std::string{name} + "' must be " + std::to_string(Octets::size) +
               " octets in base64url");
  return *value;
}

result<server_line> server_of(const parsed_url& url) {
  const auto pin = octets_of<certificate_pin>(url.params, "pin");
  if (!pin) return pin.error();
  const auto key = octets_of<login_public_key>(url.params, "key");
  if (!key) return key.error();
  return server_line{url.host, url.port, *pin, *key};
}

} // namespace

bool valid_party_name(std::string_view name) {
  if (name.empty() || name.size() > 32 || name.front() == ' ' || name.back() == ' ') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return letter_or_digit(c) || c == ' ' || c == '-' || c == '_' || c == '.';
  });
}

result<server_line> parse_server_line(std::string_view text) {
  const auto url = read_url(text, {"pin", "key"});
  if (!url) return url.error();
  return server_of(*url);
}

result<invite> parse_invite(std::string_view text) {
  const auto url = read_url(text, {"pin", "key", "party", "secret"});
  if (!url) return url.error();
  const auto server = server_of(*url);
  if (!server) return server.error();
  const auto secret = octets_of<party_secret>(url->params, "secret");
  if (!secret) return secret.error();
  const auto& party = url->params.find("party")->second;
  if (!valid_party_name(party)) return bad("'" + party + "' is no party name");
  return invite{*server, party, *secret};
}

std::string host_and_port(const server_line& line) {
  const bool ipv6 = line.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + line.host + "]" : line.host) + ":" + std::to_string(line.port);
}

std::string to_string(const server_line& line) {
  return "lanrage://" + host_and_port(line) + "/?pin=" + to_base64url(line.pin.view()) +
         "&key=" + to_base64url(line.key.view());
}

std::string reveal(const invite& line) {
  std::string party;
  for (const auto c : line.party) { // of a valid name only the space needs escaping
    if (c == ' ')
      party += "%20";
    else
      party.push_back(c);
  }
  return to_string(line.server) + "&party=" + party +
         "&secret=" + to_base64url(line.secret.reveal());
}

} // namespace lanrage::net::control
