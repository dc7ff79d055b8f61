#include "net/wg/commands.hpp"
#include "net/wg/dump.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace std::chrono_literals;

namespace {

wg_public_key key_of(std::uint32_t number) {
  wg_public_key key;
  for (int i = 0; i < 4; ++i)
    key.octets[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return key;
}

virtual_ip address_of(std::uint32_t number) {
  return *virtual_ip::parse("10.66." + std::to_string(number / 256) + "." +
                            std::to_string(number % 256));
}

wg::change put(std::uint32_t number, const char* where = nullptr, std::chrono::seconds every = 0s) {
  return {wg::change_kind::put, key_of(number), address_of(number),
          where ? endpoint::parse(where) : std::nullopt, every};
}

wg::observation seeing(std::uint32_t number, const char* where, std::chrono::seconds every) {
  wg::observation seen;
  seen.peers.push_back({key_of(number),
                        where ? endpoint::parse(where) : std::nullopt,
                        {wg::allowed_ip(address_of(number))},
                        {},
                        0,
                        0,
                        every});
  return seen;
}

std::string joined(const std::vector<wg::arguments>& calls) {
  std::string out;
  for (const auto& call : calls) {
    if (!out.empty()) out += " ; ";
    for (std::size_t i = 0; i < call.size(); ++i)
      out += (i ? " " : "") + call[i];
  }
  return out;
}

std::string k(std::uint32_t number) {
  return to_string(key_of(number));
}

} // namespace

TEST_CASE("a new peer is named with everything it has and nothing it has not") {
  CHECK(joined(wg::wg_set_calls("if0", {put(5, "1.2.3.4:6", 25s), put(7)}, {})) ==
        "wg set if0 peer " + k(5) +
            " allowed-ips 10.66.0.5/32 endpoint 1.2.3.4:6 persistent-keepalive 25 peer " + k(7) +
            " allowed-ips 10.66.0.7/32");
}

TEST_CASE("only what differs from the observation is written") {
  const auto seen = seeing(5, "1.2.3.4:6", 25s);
  const std::string head = "wg set if0 peer " + k(5);
  CHECK(wg::wg_set_calls("if0", {put(5, "1.2.3.4:6", 25s)}, seen).empty());
  CHECK(wg::wg_set_calls("if0", {put(5, nullptr, 25s)}, seen).empty());
  CHECK(joined(wg::wg_set_calls("if0", {put(5, "1.2.3.4:7", 25s)}, seen)) ==
        head + " endpoint 1.2.3.4:7");
  CHECK(joined(wg::wg_set_calls("if0", {put(5, nullptr, 0s)}, seen)) ==
        head + " persistent-keepalive 0");
  auto other_address = put(5, nullptr, 25s);
  other_address.address = address_of(9);
  CHECK(joined(wg::wg_set_calls("if0", {other_address}, seen)) ==
        head + " allowed-ips 10.66.0.9/32");
}

TEST_CASE("an endpoint change or a removal never makes a peer") {
  const auto where = endpoint::parse("1.2.3.4:6");
  CHECK(
      wg::wg_set_calls("if0", {{wg::change_kind::endpoint, key_of(5), {}, where, {}}}, {}).empty());
  CHECK(wg::wg_set_calls("if0", {{wg::change_kind::remove, key_of(5), {}, {}, {}}}, {}).empty());
  const auto seen = seeing(5, nullptr, 0s);
  CHECK(joined(wg::wg_set_calls("if0", {{wg::change_kind::endpoint, key_of(5), {}, where, {}}},
                                seen)) == "wg set if0 peer " + k(5) + " endpoint 1.2.3.4:6");
}

TEST_CASE("remove and add in one call writes the peer anew in full") {
  const auto seen = seeing(5, "1.2.3.4:6", 25s);
  CHECK(joined(wg::wg_set_calls(
            "if0", {{wg::change_kind::remove, key_of(5), {}, {}, {}}, put(5, "1.2.3.4:6", 25s)},
            seen)) == "wg set if0 peer " + k(5) + " remove peer " + k(5) +
                          " allowed-ips 10.66.0.5/32 endpoint 1.2.3.4:6 persistent-keepalive 25");
}

TEST_CASE("a thousand peers take two calls, each within its bound") {
  std::vector<wg::change> changes;
  for (std::uint32_t i = 2; i < 1002; ++i)
    changes.push_back(put(i, "203.0.113.255:51820", 25s));
  const auto calls = wg::wg_set_calls("lanrage0", changes, {});
  CHECK(calls.size() == 2);
  std::size_t named = 0;
  for (const auto& call : calls) {
    std::size_t octets = 0;
    for (const auto& word : call)
      octets += word.size() + 1 + sizeof(char*);
    CHECK(octets <= wg::call_octets_max);
    named += static_cast<std::size_t>(std::count(call.begin(), call.end(), "peer"));
  }
  CHECK(named == 1000);
}

TEST_CASE("a bound below one peer still makes progress, one peer a call") {
  CHECK(wg::wg_set_calls("if0", {put(5), put(6), put(7)}, {}, 1).size() == 3);
}
