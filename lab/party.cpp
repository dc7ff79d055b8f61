#include "lab/party.hpp"

#include "lab/failure.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <deque>
#include <fstream>
#include <thread>

namespace lanrage::lab {

namespace {

using namespace std::chrono_literals;

constexpr auto ready_limit = 10s;
constexpr auto stop_grace = 3s;
constexpr auto status_interval = 50ms;
constexpr const char* party_name = "demo";
constexpr const char* relay_port = ":51820";
constexpr const char* alternate_port = ":51821";
constexpr std::uint16_t tls_port = 443;

topology plan(const party_options& options) {
  topology t;
  t.publics = {{"control"}};
  for (unsigned r = 1; r <= options.relays; ++r)
    t.publics.push_back({"relay" + std::to_string(r), 2});
  for (const auto& c : options.carriers) {
    site_spec carrier{c.name, c.nat};
    carrier.carrier = true;
    t.sites.push_back(carrier);
  }
  for (const auto& m : options.members) {
    if (!m.with.empty()) continue;
    site_spec site{m.name, m.nat, {m.name}};
    site.behind = m.behind;
    site.ipv4 = m.ipv4;
    site.ipv6 = m.ipv6;
    for (const auto& other : options.members)
      if (other.with == m.name) site.hosts.push_back(other.name);
    t.sites.push_back(site);
  }
  t.one_way_delay = options.one_way_delay;
  t.ipv6 = options.ipv6;
  t.public_network = options.public_network;
  return t;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!fd || ::write(fd.get(), text.data(), text.size()) != ssize_t(text.size()))
    throw_errno("write " + path.string());
}

/// Whether somebody listens on this Unix socket.
bool answers(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof address.sun_path)
    throw failure("path too long: " + path.string());
  std::strcpy(address.sun_path, path.c_str());
  unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

} // namespace

std::vector<party_member> demo_members() {
  nat_settings port_restricted, symmetric;
  port_restricted.type = nat_type::port_restricted;
  symmetric.type = nat_type::symmetric;
  return {{"p1", port_restricted}, {"p2", port_restricted}, {"p3", symmetric}};
}

party::party(party_options options) : options_(std::move(options)), lab_(plan(options_)) {
  options_.progress("laboratory: " + std::to_string(netns_names(lab_.prefix()).size()) +
                    " network namespaces " + lab_.prefix() + "*");
  prepare_keys();
  for (const auto& [name, entry] : relays_) {
    write_settings_file(name, words::relay_settings(lab_.at(name).root() / "state", entry,
                                                    token_key_, options_.log_level));
    start(name);
  }
  prepare_control();
  start("control");
  options_.progress("servers: control and " + std::to_string(relays_.size()) + " relays");
  for (const auto& m : options_.members) {
    const auto& root = lab_.at(m.name).root();
    write_settings_file(m.name,
                        words::daemon_settings(m.name, root / "state", socket(m.name),
                                               options_.check_interval, options_.log_level,
                                               options_.auto_connect, options_.birthday_probing));
    if (options_.state_octets != 0) prepare_disk(m.name);
    start(m.name);
    options_.progress("member " + m.name + " behind a " + std::string{to_string(m.nat.type)} +
                      " NAT");
  }
}

party::~party() = default;

std::string party::name() {
  return party_name;
}

/// Control must know the relays' keys and pins, and the relays the control server's: keys are made
/// here, and each relay says its pin when it is ready.
void party::prepare_keys() {
  const auto place = [&](const std::string& machine, const char* file,
                         const words::relay_identity& identity) {
    const auto state = lab_.at(machine).root() / "state";
    std::filesystem::create_directories(state);
    write_file(state / file, identity.file_text);
  };
  const auto token = words::make_token_identity();
  token_key_ = token.public_key;
  place("control", "token.key", token);
  for (unsigned r = 1; r <= options_.relays; ++r) {
    auto name = "relay" + std::to_string(r);
    auto identity = words::make_relay_identity();
    place(name, "relay.key", identity);
    const auto& addresses = lab_.at(name).addresses();
    auto& entry = relays_[name] = {name, identity.public_key, addresses[0] + relay_port, "",
                                   addresses[1] + alternate_port};
    if (options_.ipv6) entry.address6 = "[" + lab_.at(name).address6() + "]" + relay_port;
    entry.tls_listen = (options_.ipv6 ? "[::]:" : addresses[0] + ":") + std::to_string(tls_port);
    entry.tls_port = tls_port;
  }
}

void party::prepare_control() {
  std::vector<words::relay_entry> entries;
  for (const auto& [name, entry] : relays_)
    entries.push_back(entry);
  const auto& control = lab_.at("control");
  write_settings_file(
      "control", words::control_settings(
                     control.root() / "state", options_.ipv6 ? "[::]" : control.address(),
                     options_.ipv6 ? "control" : control.address(), entries, options_.log_level));
}

void party::prepare_disk(const std::string& member) {
  const auto& at = lab_.at(member);
  const auto mounted = at.run({"mount", "-t", "tmpfs", "-o",
                               "mode=0700,size=" + std::to_string(options_.state_octets), "tmpfs",
                               (at.root() / "state").string()});
  if (!mounted.ok()) throw failure(member + ": mount: " + mounted.err);
}

std::filesystem::path party::socket(const std::string& member) const {
  return lab_.at(member).run_path("lanrage/lanrage.sock");
}

std::filesystem::path party::settings_file(const std::string& machine) const {
  return lab_.at(machine).root() / "lanrage.toml";
}

std::filesystem::path party::log_file(const std::string& machine) const {
  return lab_.at(machine).root() / "log";
}

void party::write_settings_file(const std::string& machine, const std::string& text) const {
  const auto& root = lab_.at(machine).root();
  std::filesystem::create_directories(root / "state");
  std::filesystem::create_directories(root / "run" / "lanrage");
  write_file(settings_file(machine), text);
}

void party::start(const std::string& machine) {
  if (machine == "control")
    start_server(machine, words::run_control(options_.binary, settings_file(machine)));
  else if (relays_.contains(machine))
    start_server(machine, words::run_relay(options_.binary, settings_file(machine)));
  else
    start_daemon(machine);
}

/// A server says one line on standard output when it is ready.
void party::start_server(const std::string& machine, const words::argv& command) {
  process_spec spec;
  spec.argv = command;
  spec.err = to_file{log_file(machine)};
  auto& p = programs_[machine] = lab_.at(machine).start(spec);
  auto ready = p.read_line(clock::now() + ready_limit);
  if (!ready) fail(machine, "did not become ready");
  if (machine != "control") {
    const auto pin = words::read_relay_pin(*ready);
    if (!pin) fail(machine, "said something else than that it is ready: " + *ready);
    relays_.at(machine).tls_pin = *pin;
    return;
  }
  auto control = words::read_control_ready(*ready);
  if (!control) fail(machine, "said something else than its server line: " + *ready);
  control_ = *control;
}

void party::start_daemon(const std::string& member) {
  process_spec spec;
  spec.argv = words::run_daemon(options_.binary, settings_file(member));
  spec.env = options_.environment(lab_.at(member));
  spec.out = spec.err = to_file{log_file(member)};
  auto& p = programs_[member] = lab_.at(member).start(spec);
  auto deadline = clock::now() + ready_limit;
  while (!answers(socket(member))) {
    if (auto ended = p.wait_for(5ms)) fail(member, "daemon ended with " + to_string(*ended));
    if (clock::now() > deadline) fail(member, "daemon does not answer on its socket");
  }
}

void party::fail(const std::string& machine, const std::string& what) const {
  throw failure(machine + ": " + what + "\n" + log_end(machine, 15));
}

command_result party::ask(const std::string& member, const words::argv& arguments,
                          std::chrono::milliseconds limit) const {
  return lab_.at(member).run(words::ask_daemon(options_.binary, socket(member), arguments), limit);
}

void party::create(const std::string& member) {
  auto r = ask(member, words::party_create(party_name, control_.server_line));
  if (!r.ok()) fail(member, "party create: " + to_string(r.status) + ": " + r.err);
  auto invite = words::read_invite(r.out);
  if (!invite) fail(member, "party create gave no invite: " + r.out);
  invite_ = *invite;
  options_.progress(member + " created the party");
}

void party::join(const std::string& member) {
  auto r = ask(member, words::party_join(invite_));
  if (!r.ok()) fail(member, "party join: " + to_string(r.status) + ": " + r.err);
  options_.progress(member + " joined");
}

void party::form() {
  for (const auto& m : options_.members)
    if (&m == &options_.members.front())
      create(m.name);
    else
      join(m.name);
}

void party::connect(const std::string& member, const std::string& peer) const {
  auto r = ask(member, words::connect(peer));
  if (!r.ok())
    fail(member, "connect " + peer + ": " +
                     (r.timed_out ? "no answer in time" : to_string(r.status)) + ": " + r.err);
}

void party::ask_to_connect(const std::string& member, const std::string& peer) const {
  auto arguments = words::connect(peer);
  arguments.insert(arguments.end(), {"--wait", "0s"});
  const auto r = ask(member, arguments);
  if (!r.ok()) fail(member, "connect " + peer + ": " + to_string(r.status) + ": " + r.err);
}

status_view party::status(const std::string& member) const {
  auto r = ask(member, words::status());
  auto view = r.ok() ? words::read_status(r.out) : std::nullopt;
  if (!view) fail(member, "status: " + to_string(r.status) + ": " + r.out + r.err);
  return *view;
}

std::optional<peer_view> party::status(const std::string& member, const std::string& peer) const {
  for (const auto& p : status(member).peers)
    if (p.peer_id == peer) return p;
  return std::nullopt;
}

std::optional<peer_view> party::await(const std::string& member, const std::string& peer,
                                      const std::function<bool(const peer_view&)>& wanted,
                                      std::chrono::milliseconds limit) const {
  auto deadline = clock::now() + limit;
  for (;;) {
    auto seen = status(member, peer);
    if ((seen && wanted(*seen)) || clock::now() >= deadline) return seen;
    std::this_thread::sleep_for(status_interval);
  }
}

std::string party::virtual_ip(const std::string& member) const {
  auto address = status(member).virtual_ip;
  if (address.empty()) fail(member, "has no address in the party");
  return address;
}

process& party::program(const std::string& machine) {
  auto found = programs_.find(machine);
  if (found == programs_.end()) throw failure("nothing was started on " + machine);
  return found->second;
}

void party::kill(const std::string& machine) {
  auto& p = program(machine);
  p.signal(SIGKILL);
  if (!p.wait_for(ready_limit)) fail(machine, "does not die");
}

void party::lose_memory(const std::string& member) const {
  // From within: the disk may be one that only the machine sees.
  const auto state = (lab_.at(member).root() / "state").string();
  const auto done = lab_.at(member).run({"find", state, "-name", "*.json", "-delete"});
  if (!done.ok()) throw failure(member + ": find: " + done.err);
}

void party::stop_all() {
  for (const auto& m : options_.members)
    if (programs_.contains(m.name)) program(m.name).signal(SIGTERM);
  for (const auto& m : options_.members)
    if (programs_.contains(m.name)) program(m.name).stop(stop_grace);
  for (auto& [name, p] : programs_)
    p.signal(SIGTERM);
  for (auto& [name, p] : programs_)
    p.stop(stop_grace);
}

std::string party::log_end(const std::string& machine, std::size_t lines) const {
  std::ifstream in{log_file(machine)};
  std::deque<std::string> last;
  for (std::string text; std::getline(in, text);) {
    last.push_back(text);
    if (last.size() > lines) last.pop_front();
  }
  std::string all;
  for (const auto& text : last)
    all += "  " + machine + "| " + text + "\n";
  return all;
}

void party::save_logs(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  for (const auto& [machine, p] : programs_) {
    std::error_code ignored; // a machine that logged nothing has no file
    std::filesystem::copy_file(log_file(machine), folder / (machine + ".log"),
                               std::filesystem::copy_options::overwrite_existing, ignored);
  }
}

} // namespace lanrage::lab
