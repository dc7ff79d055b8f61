#include "net/bytes.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;

TEST_CASE("integers are written in network order and read back") {
  byte_writer out;
  out.u8(1).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0f).zeros(2);
  const auto data = out.take();
  CHECK(data == bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 0});
  byte_reader in{data};
  CHECK(in.u8() == 1);
  CHECK(in.u16() == 0x0203);
  CHECK(in.u32() == 0x04050607);
  CHECK(in.u64() == 0x08090a0b0c0d0e0f);
  CHECK_FALSE(in.done());
  CHECK(in.take(2).size() == 2);
  CHECK(in.done());
}

TEST_CASE("a read past the end yields zeros and spoils the reader for good") {
  const bytes data{1, 2, 3};
  byte_reader in{data};
  CHECK(in.u32() == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.u8() == 0); // although an octet is there
  CHECK(in.array<2>() == std::array<std::uint8_t, 2>{});
  CHECK_FALSE(in.done());
}
