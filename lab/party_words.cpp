#include "lab/party_words.hpp"

#include "net/crypto.hpp"
#include "net/keys.hpp"

#include <boost/json.hpp>

namespace lanrage::lab::words {

namespace {

namespace json = boost::json;

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

std::string line(const std::string& key, const std::string& value) {
  return key + " = " + quoted(value) + "\n";
}

std::optional<json::object> parse_object(std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse(json::string_view{text.data(), text.size()}, error);
  if (error || !value.is_object()) return std::nullopt;
  return value.as_object();
}

std::string text_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return std::string{value->as_string()};
}

peer_view peer_of(const json::object& o) {
  peer_view p{text_of(o, "peer_id"),  text_of(o, "virtual_ip"), text_of(o, "endpoint"),
              text_of(o, "strategy"), text_of(o, "status"),     text_of(o, "phase"),
              text_of(o, "relay"),    text_of(o, "reason"),     std::nullopt};
  if (const auto* value = o.if_contains("latency_ms"); value != nullptr && value->is_number())
    p.latency_ms = value->to_number<double>();
  p.transport = text_of(o, "transport");
  return p;
}

} // namespace

std::string control_settings(const fs::path& state, const std::string& address,
                             const std::string& host, const std::vector<relay_entry>& relays,
                             const std::string& log) {
  std::string text = "[control]\n" + line("listen", address + ":8443") + line("public_host", host) +
                     line("state_dir", state.string()) + line("log", log);
  for (const auto& r : relays)
    text += "\n[[control.relays]]\n" + line("name", r.name) + line("key", r.public_key) +
            line("address", r.address) +
            (r.address6.empty() ? std::string{} : line("address6", r.address6)) +
            (r.tls_pin.empty()
                 ? std::string{}
                 : "tls_port = " + std::to_string(r.tls_port) + "\n" + line("tls_pin", r.tls_pin));
  return text;
}

std::string relay_settings(const fs::path& state, const relay_entry& self,
                           const std::string& token_key, const std::string& log) {
  return "[relay]\n" + line("name", self.name) + "listen = [" + quoted(self.address) +
         (self.address6.empty() ? "" : ", " + quoted(self.address6)) + "]\n" +
         line("public_address", self.address) +
         (self.address6.empty() ? "" : line("public_address6", self.address6)) +
         (self.alternate.empty() ? "" : line("stun_alternate", self.alternate)) +
         (self.tls_listen.empty() ? "" : line("tls_listen", self.tls_listen)) +
         line("state_dir", state.string()) + line("token_key", token_key) + line("log", log);
}

std::string daemon_settings(const std::string& name, const fs::path& state, const fs::path& socket,
                            std::chrono::milliseconds check_interval, const std::string& log,
                            bool auto_connect, bool birthday_probing) {
  return "[daemon]\n" + line("name", name) + line("state_dir", state.string()) +
         line("socket", socket.string()) + line("socket_group", "root") + line("log", log) +
         (auto_connect ? "" : "auto_connect = false\n") +
         (birthday_probing ? "birthday_probing = true\n" : "") + "\n[health]\n" +
         line("check_interval", std::to_string(check_interval.count()) + "ms");
}

relay_identity make_relay_identity() {
  auto key = net::generate_x25519<net::relay_private_key>(net::os_random());
  return {net::to_base64(key.reveal()) + "\n", net::to_string(net::public_key(key))};
}

relay_identity make_token_identity() {
  auto key = net::generate_secret<net::token_private_key>(net::os_random());
  return {net::to_base64(key.reveal()) + "\n", net::to_string(net::public_key(key))};
}

argv run_control(const fs::path& binary, const fs::path& settings) {
  return {binary.string(), "control", "--config", settings.string(), "--json"};
}
argv run_relay(const fs::path& binary, const fs::path& settings) {
  return {binary.string(), "relay", "--config", settings.string(), "--json"};
}
argv run_daemon(const fs::path& binary, const fs::path& settings) {
  return {binary.string(), "daemon", "--config", settings.string()};
}
argv ask_daemon(const fs::path& binary, const fs::path& socket, const argv& arguments) {
  argv all{binary.string(), "--socket", socket.string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}
argv party_create(const std::string& party, const std::string& server_line) {
  return {"party", "create", party, "--server", server_line, "--json"};
}
argv party_join(const std::string& invite) {
  return {"party", "join", invite, "--json"};
}
argv connect(const std::string& peer) {
  return {"connect", peer};
}
argv disconnect(const std::string& peer) {
  return {"disconnect", peer};
}
argv status() {
  return {"status", "--json"};
}
argv status(const std::string& peer) {
  return {"status", peer, "--json"};
}

std::optional<control_ready> read_control_ready(std::string_view text) {
  auto object = parse_object(text);
  if (!object) return std::nullopt;
  control_ready ready{text_of(*object, "server_line"), text_of(*object, "token_key")};
  if (ready.server_line.empty() || ready.token_key.empty()) return std::nullopt;
  return ready;
}

std::optional<std::string> read_relay_pin(std::string_view text) {
  const auto object = parse_object(text);
  if (!object || text_of(*object, "relay") != "ready") return std::nullopt;
  const auto* tls = object->if_contains("tls");
  return tls != nullptr && tls->is_object() ? text_of(tls->as_object(), "pin") : std::string{};
}

std::optional<std::string> read_invite(std::string_view text) {
  auto object = parse_object(text);
  auto invite = object ? text_of(*object, "invite") : std::string{};
  return invite.empty() ? std::nullopt : std::optional{invite};
}

std::optional<status_view> read_status(std::string_view text) {
  auto object = parse_object(text);
  if (!object) return std::nullopt;
  status_view view;
  if (const auto* self = object->if_contains("self"); self != nullptr && self->is_object())
    view.virtual_ip = text_of(self->as_object(), "virtual_ip");
  if (const auto* self = object->if_contains("self"); self != nullptr && self->is_object())
    if (const auto* nat = self->as_object().if_contains("nat");
        nat != nullptr && nat->is_object()) {
      view.nat = text_of(nat->as_object(), "type");
      view.mapped = text_of(nat->as_object(), "mapped");
    }
  const auto* peers = object->if_contains("peers");
  if (peers == nullptr || !peers->is_array()) return std::nullopt;
  for (const auto& peer : peers->as_array())
    if (peer.is_object()) view.peers.push_back(peer_of(peer.as_object()));
  return view;
}

std::optional<peer_view> read_peer(std::string_view text) {
  auto object = parse_object(text);
  if (!object) return std::nullopt;
  // `status PEER` prints the peer itself; the daemon's reply wraps it.
  if (const auto* peer = object->if_contains("peer"); peer != nullptr && peer->is_object())
    return peer_of(peer->as_object());
  if (!object->contains("peer_id")) return std::nullopt;
  return peer_of(*object);
}

} // namespace lanrage::lab::words
