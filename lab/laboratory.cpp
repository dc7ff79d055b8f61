#include "lab/laboratory.hpp"

#include "lab/failure.hpp"

#include <algorithm>
#include <fstream>
#include <random>
#include <set>

namespace lanrage::lab {

namespace {

using std::string;

constexpr unsigned first_public = 10;
constexpr unsigned first_box = 100;
constexpr unsigned first_open = 170;
constexpr unsigned most_sites = 60;
constexpr const char* switch_name = "switch";

string public_ipv6(unsigned n) {
  return "2001:db8::" + std::to_string(n);
}
string lan_ipv4(unsigned site, unsigned n) {
  return "10." + std::to_string(site) + ".0." + std::to_string(n);
}
string lan_ipv6(unsigned site, unsigned n) {
  return "2001:db8:" + std::to_string(site) + "::" + std::to_string(n);
}

string box_name(const string& site) {
  return "nat-" + site;
}

/// Set before any interface exists, so that "default" holds for all of them.
std::vector<kernel_setting> machine_settings(bool ipv6) {
  const string no_ipv6 = ipv6 ? "0" : "1";
  return {{"net/ipv6/conf/all/disable_ipv6", no_ipv6, true},
          {"net/ipv6/conf/default/disable_ipv6", no_ipv6, true},
          {"net/ipv6/conf/all/accept_dad", "0", true},
          {"net/ipv6/conf/default/accept_dad", "0", true},
          {"net/ipv4/conf/all/rp_filter", "0"},
          {"net/ipv4/conf/default/rp_filter", "0"}};
}

std::vector<kernel_setting> box_settings(bool ipv6) {
  auto settings = machine_settings(ipv6);
  settings.insert(settings.end(),
                  {{"net/ipv4/ip_forward", "1"},
                   {"net/ipv6/conf/all/forwarding", "1", true},
                   {"net/ipv4/conf/all/send_redirects", "0"},
                   {"net/ipv4/conf/default/send_redirects", "0"},
                   // Else frames bridged inside the network would be translated as well.
                   {"net/bridge/bridge-nf-call-iptables", "0", true},
                   {"net/bridge/bridge-nf-call-ip6tables", "0", true}});
  return settings;
}

} // namespace

string laboratory::public_ipv4(unsigned n) const {
  return plan_.public_network + '.' + std::to_string(n);
}

laboratory::laboratory(topology wanted) : plan_(std::move(wanted)) {
  for (auto& s : plan_.sites)
    if (s.hosts.empty() && !s.carrier) s.hosts = {s.name};
  check_names();
  for (const auto& s : plan_.sites)
    add_site(s);
  make_namespaces();
  unsigned address = first_public;
  for (const auto& p : plan_.publics) {
    configure_public(p, address);
    address += p.addresses;
  }
  for (const auto& s : sites_)
    configure_site(s);
  write_names();
  std::vector<string> ports;
  for (const auto& p : plan_.publics)
    ports.push_back(p.name);
  for (const auto& s : sites_)
    if (s.spec.behind.empty()) ports.push_back(s.port);
  in_netns(public_ns_.fd(), [&] {
    switch_ =
        std::make_unique<delay_switch>(ports, delay_switch::options{plan_.realtime_switch, 1});
  });
  port_settings link;
  link.delay = plan_.one_way_delay / 2;
  for (std::size_t p = 0; p < ports.size(); ++p)
    switch_->set(p, link);
  switch_->start();
}

laboratory::~laboratory() {
  tear_down();
}

void laboratory::tear_down() noexcept {
  switch_.reset();
  hosts_.clear();
  public_ns_ = {};
  estate_.release();
}

void laboratory::add_site(const site_spec& spec) {
  const auto number = static_cast<unsigned>(sites_.size()) + 1;
  const auto address = public_ipv4(first_box + number);
  if (spec.behind.empty()) {
    sites_.push_back({spec, number, address, address, spec.name});
    return;
  }
  const auto outer = site_of(spec.behind);
  if (!outer.spec.carrier || (plan_.ipv6 && spec.ipv6) || spec.nat.type == nat_type::open)
    throw failure(spec.name + " cannot be behind " + spec.behind);
  sites_.push_back(
      {spec, number, outer.public_address, lan_ipv4(outer.number, first_box + number), outer.port});
}

void laboratory::check_names() const {
  std::set<string> seen{switch_name};
  auto check = [&](const string& name, bool is_new) {
    bool proper =
        !name.empty() && name.size() <= 12 && std::all_of(name.begin(), name.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        });
    if (!proper) throw failure("not a name for a machine: '" + name + "'");
    if (is_new && !seen.insert(name).second) throw failure("two machines are called " + name);
  };
  for (const auto& p : plan_.publics)
    check(p.name, true);
  for (const auto& s : plan_.sites) {
    check(s.name, std::find(s.hosts.begin(), s.hosts.end(), s.name) == s.hosts.end());
    if (!seen.insert(box_name(s.name)).second) throw failure("two machines are nat-" + s.name);
    for (const auto& h : s.hosts)
      check(h, true);
  }
  if (plan_.sites.size() > most_sites) throw failure("too many sites");
}

/// All namespaces and all links, in two calls.
void laboratory::make_namespaces() {
  string add = "netns add " + ns_name(switch_name) + "\n";
  for (const auto& p : plan_.publics)
    add += "netns add " + ns_name(p.name) + "\n";
  for (const auto& s : sites_) {
    add += "netns add " + ns_name(box_name(s.spec.name)) + "\n";
    for (const auto& h : s.spec.hosts)
      add += "netns add " + ns_name(h) + "\n";
  }
  ip_batch(add);
  public_ns_ = netns{ns_name(switch_name)};
  // The switch's side of every link must not say a word of its own.
  write_settings(public_ns_.fd(), machine_settings(false));

  string links, up;
  auto connect = [&](const string& a, const string& a_if, const string& b, const string& b_if) {
    links += "link add name " + a_if + " netns " + ns_name(a) + " type veth peer name " + b_if +
             " netns " + ns_name(b) + "\n";
  };
  for (const auto& p : plan_.publics) {
    make_host(p.name, {}, {});
    write_settings(at(p.name).net_ns(), machine_settings(plan_.ipv6));
    connect(p.name, "eth0", switch_name, p.name);
    up += "link set dev " + p.name + " up\n";
  }
  for (const auto& s : sites_) {
    make_host(box_name(s.spec.name), {}, {});
    write_settings(at(box_name(s.spec.name)).net_ns(), box_settings(plan_.ipv6));
    if (s.spec.behind.empty()) {
      connect(box_name(s.spec.name), wan_interface, switch_name, s.port);
      up += "link set dev " + s.port + " up\n";
    } else {
      connect(box_name(s.spec.name), wan_interface, box_name(s.spec.behind), "l-" + s.spec.name);
    }
    for (const auto& h : s.spec.hosts) {
      make_host(h, {}, {});
      write_settings(at(h).net_ns(), machine_settings(plan_.ipv6));
      connect(h, "eth0", box_name(s.spec.name), "l-" + h);
    }
  }
  ip_batch(links);
  ip_batch(up, ns_name(switch_name));
}

void laboratory::make_host(const string& name, std::vector<string> addresses, string address6) {
  auto root = estate_.folder() / name;
  std::filesystem::create_directories(root / "run");
  host h{name, netns{ns_name(name)}, estate_.pid_ns(), root};
  h.addresses_ = std::move(addresses);
  h.address6_ = std::move(address6);
  hosts_.emplace(name, std::move(h));
}

string laboratory::ipv6_routes(unsigned except_site) const {
  string lines;
  if (!plan_.ipv6) return lines;
  for (const auto& s : sites_)
    if (s.number != except_site && s.spec.ipv6)
      lines += "route add " + lan_ipv6(s.number, 0) + "/64 via " +
               public_ipv6(first_box + s.number) + "\n";
  return lines;
}

void laboratory::configure_public(const public_spec& spec, unsigned first_address) {
  auto& h = hosts_.at(spec.name);
  string lines = "link set dev lo up\nlink set dev eth0 up\n";
  for (unsigned n = 0; n < spec.addresses; ++n) {
    h.addresses_.push_back(public_ipv4(first_address + n));
    lines += "addr add " + h.addresses_.back() + "/24 dev eth0\n";
  }
  if (plan_.ipv6) {
    h.address6_ = public_ipv6(first_address);
    lines += "addr add " + h.address6_ + "/64 dev eth0 nodad\n";
  }
  ip_batch(lines + ipv6_routes(0), ns_name(spec.name));
  public_addresses_[spec.name] = h.address();
}

void laboratory::configure_site(const site& s) {
  const auto box = box_name(s.spec.name);
  string lines =
      "link set dev lo up\nlink add name lan type bridge mcast_snooping 0\nlink set dev lan up\n"
      "link set dev wan up\naddr add " +
      lan_ipv4(s.number, 1) + "/24 dev lan\naddr add " + s.wan_address + "/24 dev wan\n";
  if (!s.spec.behind.empty())
    lines += "route add default via " + lan_ipv4(site_of(s.spec.behind).number, 1) + "\n";
  const bool ipv6 = plan_.ipv6 && s.spec.ipv6;
  if (ipv6)
    lines += "addr add " + lan_ipv6(s.number, 1) + "/64 dev lan nodad\naddr add " +
             public_ipv6(first_box + s.number) + "/64 dev wan nodad\n";
  for (const auto& h : s.spec.hosts)
    lines += "link set dev l-" + h + " master lan up\n";
  for (const auto& inner : sites_)
    if (inner.spec.behind == s.spec.name)
      lines += "link set dev l-" + inner.spec.name + " master lan up\n";
  ip_batch(ipv6 ? lines + ipv6_routes(s.number) : lines, ns_name(box));
  hosts_.at(box).addresses_ = {s.wan_address};
  public_addresses_[box] = public_addresses_[s.spec.name] = s.public_address;
  configure_hosts(s);
  if (s.spec.nat.type == nat_type::open) route_open_hosts(s, true);
  apply_nat(at(box).network(), s.spec.nat, s.wan_address);
}

void laboratory::configure_hosts(const site& s) {
  unsigned n = 1;
  for (const auto& name : s.spec.hosts) {
    ++n;
    auto& h = hosts_.at(name);
    public_addresses_[name] = s.public_address;
    string own = "link set dev lo up\nlink set dev eth0 up\n";
    if (s.spec.ipv4) {
      h.addresses_ = {lan_ipv4(s.number, n)};
      own += "addr add " + h.address() + "/24 dev eth0\nroute add default via " +
             lan_ipv4(s.number, 1) + "\n";
    }
    if (plan_.ipv6 && s.spec.ipv6) {
      h.address6_ = lan_ipv6(s.number, n);
      own += "addr add " + h.address6_ + "/64 dev eth0 nodad\nroute add default via " +
             lan_ipv6(s.number, 1) + "\n";
    }
    ip_batch(own, ns_name(name));
  }
}

/// The public machines' names, for all: /etc/hosts is a view of each machine's own file.
void laboratory::write_names() const {
  string lines = "127.0.0.1 localhost\n::1 localhost\n";
  for (const auto& p : plan_.publics) {
    const auto& h = hosts_.at(p.name);
    lines += h.address() + " " + p.name + "\n";
    if (!h.address6().empty()) lines += h.address6() + " " + p.name + "\n";
  }
  for (const auto& [name, h] : hosts_)
    std::ofstream{h.root() / "hosts"} << lines;
}

/// Gives each machine of a site a public address of its own, routed through its box, or takes it.
void laboratory::route_open_hosts(const site& s, bool open) {
  const auto box = box_name(s.spec.name);
  const string what = open ? "add" : "del";
  if (open)
    write_settings(at(box).net_ns(), {{"net/ipv4/conf/wan/proxy_arp", "1"},
                                      // Else every answer to ARP waits 0 to 0.8 s.
                                      {"net/ipv4/neigh/wan/proxy_delay", "0"}});
  string routes;
  unsigned address = first_open + s.number - 1;
  for (const auto& name : s.spec.hosts) {
    auto& h = hosts_.at(name);
    const auto own = public_ipv4(address);
    routes += "route " + what + " " + own + "/32 dev lan\n";
    const auto gateway = "route replace default via " + lan_ipv4(s.number, 1);
    if (open) {
      ip_batch("addr add " + own + "/32 dev eth0\n" + gateway + " src " + own + "\n",
               ns_name(name));
      h.addresses_.insert(h.addresses_.begin(), own);
    } else {
      ip_batch(gateway + "\naddr del " + own + "/32 dev eth0\n", ns_name(name));
      h.addresses_.erase(h.addresses_.begin());
    }
    public_addresses_[name] = open ? own : s.public_address;
    address += most_sites; // the first machine of every site, then the second ...
    if (address > 254 && name != s.spec.hosts.back())
      throw failure("too many machines in open site " + s.spec.name);
  }
  ip_batch(routes, ns_name(box));
}

const host& laboratory::at(const string& name) const {
  auto found = hosts_.find(name);
  if (found == hosts_.end()) throw failure("the laboratory has no machine " + name);
  return found->second;
}

const string& laboratory::public_address(const string& name) const {
  at(name);
  return public_addresses_.at(name);
}

laboratory::site& laboratory::site_of(const string& name) {
  for (auto& s : sites_) {
    const auto& hosts = s.spec.hosts;
    if (s.spec.name == name || box_name(s.spec.name) == name ||
        std::find(hosts.begin(), hosts.end(), name) != hosts.end())
      return s;
  }
  throw failure("the laboratory has no site " + name);
}

const laboratory::site& laboratory::site_of(const string& name) const {
  return const_cast<laboratory*>(this)->site_of(name);
}

string laboratory::port_of(const string& name) const {
  for (const auto& p : plan_.publics)
    if (p.name == name) return name;
  return site_of(name).port;
}

port_settings laboratory::link(const string& name) const {
  return switch_->settings(switch_->port(port_of(name)));
}

void laboratory::set_link(const string& name, const port_settings& settings) {
  switch_->set(switch_->port(port_of(name)), settings);
}

void laboratory::set_between(const string& a, const string& b, const port_settings& more) {
  switch_->set_between(switch_->port(port_of(a)), switch_->port(port_of(b)), more);
}

void laboratory::block(const string& name, bool blocked) {
  auto settings = link(name);
  settings.blocked = blocked;
  set_link(name, settings);
}

const nat_settings& laboratory::nat(const string& name) const {
  return site_of(name).spec.nat;
}

void laboratory::set_nat(const string& name, const nat_settings& settings) {
  auto& s = site_of(name);
  const bool was_open = s.spec.nat.type == nat_type::open;
  const bool open = settings.type == nat_type::open;
  if (was_open != open) route_open_hosts(s, open);
  s.spec.nat = settings;
  apply_nat(at(box_name(s.spec.name)).network(), settings, s.wan_address);
}

void laboratory::rebind(const string& name) {
  auto settings = nat(name);
  settings.seed = std::random_device{}();
  set_nat(name, settings);
}

void laboratory::flush(const string& name) {
  set_nat(name, nat(name));
}

} // namespace lanrage::lab
