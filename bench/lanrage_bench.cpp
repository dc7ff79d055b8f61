#include "bench/pair.hpp"
#include "bench/paths.hpp"
#include "bench/scale.hpp"
#include "lab/failure.hpp"
#include "net/record.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

/// What users wait for and what a daemon costs, beside what others need: docs/benchmarks.md.

using namespace lanrage;
using namespace lanrage::bench;

namespace {

/// For the pair to connect at all.
constexpr std::chrono::seconds first_limit{30};

constexpr const char* usage =
    "lanrage_bench [--runs N] [--only hand|cone|symmetric|warm|paths|scale] [--binary FILE]\n"
    "              (paths in halves: relayed, direct)\n"
    "              [--peers N] [--cpu-seconds N] [--log LEVEL] [--logs FOLDER]\n";

lab::party_options pair_of(const options& wanted, lab::nat_type second) {
  lab::party_options o;
  o.binary = wanted.binary;
  lab::nat_settings one, two;
  one.type = lab::nat_type::port_restricted;
  two.type = second;
  o.members = {{"p1", one}, {"p2", two}};
  o.one_way_delay = one_way;
  o.log_level = wanted.log_level;
  return o;
}

/// Which end it is: exactly one of two starts WireGuard's handshake, the one with the smaller key.
std::string role(const lab::party& p, const std::string& member) {
  const auto key_of = [&](const std::string& name) {
    const auto said = p.lab().at(name).run({"wg", "show", "lanrage0", "public-key"}).out;
    return net::wg_public_key::parse(said.substr(0, said.find('\n'))).value();
  };
  const auto* other = member == "p1" ? "p2" : "p1";
  return net::is_initiator(key_of(member), key_of(other)) ? "initiator" : "responder";
}

void pair_part(const options& wanted, lab::nat_type second, const std::string& name,
               bool direct_wanted, const samples& limit) {
  lab::party p{pair_of(wanted, second)};
  try {
    p.form();
    const auto up = p.await(
        "p1", "p2", [](const lab::peer_view& v) { return v.connected(); }, first_limit);
    if (!up || !up->connected()) throw lab::failure("p1 and p2 do not connect");
    const auto rows = [&](const std::string& what, const samples& s,
                          std::optional<double> first_aim = {},
                          std::optional<double> direct_aim = {}) {
      print_row(name + ", " + what + ": first ping", s.first, &limit.first, first_aim);
      if (direct_wanted)
        print_row(name + ", " + what + ": first direct ping", s.direct, &limit.first, direct_aim);
    };
    const bool cold_wanted = wanted.only != "warm";
    for (const auto& [member, other] : {std::pair{"p2", "p1"}, std::pair{"p1", "p2"}}) {
      if (!cold_wanted) continue;
      const auto s = cold_starts(p, member, other, direct_wanted, wanted.runs);
      rows(role(p, member) + " cold", s.cold, aims::cold_first, aims::cold_direct);
      rows(role(p, member) + " remembered", s.remembered, aims::remembered_first);
    }
    for (const auto& [member, other] : {std::pair{"p2", "p1"}, std::pair{"p1", "p2"}})
      print_row(name + ", " + role(p, member) + " connects, no traffic: command",
                quiet_connects(p, member, other, wanted.runs), &limit.first);
    for (const auto& [member, other] : {std::pair{"p2", "p1"}, std::pair{"p1", "p2"}}) {
      const auto s = warm_connects(p, member, other, direct_wanted, wanted.runs);
      rows(role(p, member) + " connects under pings", s);
      if (direct_wanted)
        std::printf("%-58s relay %.3f, direct %.3f of %zu runs\n",
                    "  95 % of them have the first packet within",
                    s.first.at_percent(95).value_or(-1), s.direct.at_percent(95).value_or(-1),
                    s.direct.values.size() + s.direct.missing);
    }
  } catch (...) {
    if (!wanted.logs.empty()) p.save_logs(wanted.logs / name);
    throw;
  }
  if (!wanted.logs.empty()) p.save_logs(wanted.logs / name);
}

bool read_options(int argc, char** argv, options& out) {
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return false;
    const std::string key = argv[i], value = argv[i + 1];
    const auto number = static_cast<unsigned>(std::strtoul(value.c_str(), nullptr, 10));
    if (key == "--runs" && number > 0)
      out.runs = number;
    else if (key == "--only")
      out.only = value;
    else if (key == "--binary")
      out.binary = value;
    else if (key == "--peers" && number > 0)
      out.peers = number;
    else if (key == "--cpu-seconds" && number > 0)
      out.cpu_window = std::chrono::seconds{number};
    else if (key == "--log")
      out.log_level = value;
    else if (key == "--logs")
      out.logs = value;
    else
      return false;
  }
  return true;
}

int measure(const options& wanted) {
  samples limit;
  std::printf("\n%-58s %-44s %s\n", "seconds", "median (min-max)", "x WireGuard");
  if (wanted.wants("hand") || wanted.wants("cone") || wanted.wants("symmetric") ||
      wanted.wants("warm")) {
    limit = hand_configured(wanted);
    print_row("WireGuard configured by hand: first ping", limit.first, &limit.first);
    print_row("WireGuard configured by hand: first direct ping", limit.direct, &limit.first);
  }
  if (wanted.wants("cone") || wanted.wants("warm"))
    pair_part(wanted, lab::nat_type::port_restricted, "cone-cone", true, limit);
  if (wanted.wants("symmetric") || wanted.wants("warm"))
    pair_part(wanted, lab::nat_type::symmetric, "cone-symmetric", false, limit);
  if (!limit.first.values.empty()) print_peers(limit.first);
  if (wanted.wants("paths") || wanted.only == "relayed" || wanted.only == "direct")
    paths_part(wanted);
  if (wanted.wants("scale")) scale_part(wanted);
  return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) {
  options wanted;
  wanted.binary = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "lanrage";
  if (!read_options(argc, argv, wanted)) {
    std::fputs(usage, stderr);
    return 2;
  }
  wanted.binary = std::filesystem::absolute(wanted.binary);
  if (const auto reason = lab::wireguard_unavailable_reason()) {
    std::fprintf(stderr, "lanrage_bench: %s\n", reason->c_str());
    return EXIT_FAILURE;
  }
  std::string command;
  for (int i = 0; i < argc; ++i)
    command += (i > 0 ? " " : "") + std::string{argv[i]};
  print_machine(command, wanted.binary.string());
  try {
    return measure(wanted);
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "lanrage_bench: %s\n", e.what());
    return EXIT_FAILURE;
  }
}
