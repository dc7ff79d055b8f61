#include "net/keys.hpp"
#include "tests/net/octets.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::test;

TEST_CASE("base64 follows RFC 4648 section 10") {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    CHECK(to_base64(as_bytes(plain)) == text);
    const auto view = as_bytes(plain);
    CHECK(from_base64(text) == bytes(view.begin(), view.end()));
  }
}

TEST_CASE("base64 that is not canonical is refused") {
  for (const std::string_view text :
       {"Z", "Zg", "Zg=", "Zg===", "=Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm8=Zm8=", " Zg==",
        "Zg==\n", "Zm 9", "Zm9v\n", "Zm-_", "Zm9vZg== ", "\tm9v", "----"}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text));
  }
  CHECK_FALSE(from_base64(std::string_view{"Zm9\0", 4}));
}

TEST_CASE("a key reads its own text and no other length") {
  const std::string text = "msGHLpmZlK5SPWFllQujwfExj+N0NxlF2Gq2MagC+Xg=";
  const auto key = wg_public_key::parse(text);
  REQUIRE(key);
  CHECK(to_string(*key) == text);
  CHECK(to_hex(key->view()) == alice_public);
  CHECK_FALSE(wg_public_key::parse("Zm9v"));
  CHECK_FALSE(wg_public_key::parse(text + "Zm9v"));
  CHECK_FALSE(wg_public_key::from(bytes(31)));
}

TEST_CASE("keys order as unsigned octets") {
  wg_public_key low, high;
  low.octets[0] = 0x7f;
  high.octets[0] = 0x80;
  CHECK(low < high);
  CHECK(low != high);
}
