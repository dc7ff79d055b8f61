#pragma once

#include "net/control/login.hpp"
#include "net/control/protocol.hpp"
#include "net/control/sealing.hpp"
#include "net/crypto.hpp"
#include "net/random.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

/// A failed CHECK(result) tells the error.
namespace Catch {
template <class T>
struct StringMaker<boost::system::result<T, lanrage::net::error>> {
  static std::string convert(const boost::system::result<T, lanrage::net::error>& what) {
    return what ? "a value" : to_string(what.error());
  }
};
} // namespace Catch

/// Members and parties for the tests of the control plane.
namespace lanrage::test {

/// Reproducible octets: a member of a given number always has the same keys.
inline net::random_source seeded(std::uint64_t seed) {
  return net::seeded_random(seed, "control tests");
}

struct test_party {
  std::string name;
  net::party_secret secret;
  net::party_id id;

  explicit test_party(std::string called = "lan night")
      : name(std::move(called)),
        secret(net::generate_secret<net::party_secret>(seeded(std::hash<std::string>{}(name)))),
        id(net::id_of(secret)) {}
};

struct test_member {
  net::peer_id id;
  net::wg_private_key key;
  net::wg_public_key pub;

  explicit test_member(const std::string& name, std::uint64_t seed = 0)
      : id(*net::peer_id::parse(name)), key(net::generate_x25519<net::wg_private_key>(seeded(
                                            seed != 0 ? seed : std::hash<std::string>{}(name)))),
        pub(net::public_key(key)) {}

  net::control::membership in(const test_party& party, bool create = false) const {
    net::control::membership out{party.id, id, net::verifier_of(party.secret), std::nullopt};
    if (create) out.create = party.name;
    return out;
  }
  net::peer_record record(const test_party& party, std::uint64_t version,
                          net::virtual_ip address = {}) const {
    net::peer_record out;
    out.party = party.id;
    out.id = id;
    out.key = pub;
    out.sign_key = net::public_key(net::sign_key_of(key));
    out.address = address.leased() ? address : net::virtual_ip::derive(id, 0);
    out.version = version;
    out.nat = {true, net::nat_behavior::endpoint_independent, net::nat_behavior::unknown};
    out.candidates = {
        {net::candidate_kind::host, *net::endpoint::parse("192.168.1.2:51820")},
        {net::candidate_kind::server_reflexive, *net::endpoint::parse("[2001:db8::7]:4000")}};
    out.relays = {{net::relay_id{{1, 2, 3, 4, 5, 6, 7, 8}}, std::chrono::microseconds{15'000}}};
    return out;
  }
  net::bytes seal(const net::peer_record& record, const test_party& party) const {
    return net::control::seal_record(record, net::sign_key_of(key), party.secret, net::os_random());
  }
  net::control::sealed_record envelope(const net::peer_record& record,
                                       const test_party& party) const {
    return {pub, record.id, record.version, true, seal(record, party)};
  }
};

/// A directory that goes with the test.
struct scratch {
  std::filesystem::path path;
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "lanrage-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path = name;
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() { std::filesystem::remove_all(path); }
};

} // namespace lanrage::test
