#include "net/os/port_rewrites.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::os;

TEST_CASE("rewrites are one transaction that replaces our table, named after WireGuard's port") {
  const auto text = port_rewrite_rules(51'820, {{*endpoint::parse("203.0.113.9:40000"), 61'007},
                                                {*endpoint::parse("192.0.2.1:7"), 61'008}});
  CHECK(text ==
        "add table ip lanrage_51820; delete table ip lanrage_51820;"
        " add table ip lanrage_51820;"
        " add chain ip lanrage_51820 out { type filter hook output priority -150; };"
        " add chain ip lanrage_51820 in { type filter hook prerouting priority -350; };"
        " add rule ip lanrage_51820 out ip daddr 203.0.113.9 udp sport 51820 udp dport 40000"
        " udp sport set 61007;"
        " add rule ip lanrage_51820 in ip saddr 203.0.113.9 udp sport 40000 udp dport 61007"
        " udp dport set 51820;"
        " add rule ip lanrage_51820 out ip daddr 192.0.2.1 udp sport 51820 udp dport 7"
        " udp sport set 61008;"
        " add rule ip lanrage_51820 in ip saddr 192.0.2.1 udp sport 7 udp dport 61008"
        " udp dport set 51820;");
}

TEST_CASE("without rewrites there is no table") {
  CHECK(port_rewrite_rules(4'444, {}) ==
        "add table ip lanrage_4444; delete table ip lanrage_4444;");
}
