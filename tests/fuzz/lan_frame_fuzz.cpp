#include "net/lan_frame.hpp"
#include "require.hpp"

using namespace lanrage::net;

namespace {

const auto keys = lan_keys_of(party_secret{});
const sign_private_key sign_key;

constexpr std::size_t header_octets = 8;
constexpr std::size_t tag_octets = 8;

/// The fuzzer cannot break a seal: its input is sealed for it, to get behind the check.
bytes sealed_copy(byte_view input) {
  if (input.empty()) return {};
  byte_writer header;
  header.u32(0x4C4E5201).u8(input[0]).zeros(3);
  const random_source zeros = [](std::span<std::uint8_t> out) {
    std::fill(out.begin(), out.end(), std::uint8_t{0});
  };
  const auto sealed = seal(keys.seal, header.view(), input.subspan(1), zeros);
  const auto mac = blake2s_mac(keys.tag.reveal(), {byte_view{sealed}.first(12)});
  byte_writer out;
  out.raw(header.view()).raw(byte_view{mac.octets}.first(tag_octets)).raw(sealed);
  return out.take();
}

/// The encoding is canonical: what decodes encodes to the very same octets.
void read(byte_view datagram) {
  const auto frame = decode_lan(datagram, keys);
  if (!frame) return;
  require(is_of_party(datagram, keys));
  const auto same_nonce = [&](std::span<std::uint8_t> out) {
    const auto nonce = datagram.subspan(header_octets + tag_octets, out.size());
    std::copy(nonce.begin(), nonce.end(), out.begin());
  };
  if (const auto* letter = std::get_if<lan_letter>(&*frame)) {
    const auto again = encode(*letter, keys, same_nonce);
    require(again == bytes(datagram.begin(), datagram.end()));
    return;
  }
  const auto& said = std::get<lan_announcement>(*frame);
  require(said.echoes.size() <= lan_echoes_max);
  // Whose signature it has is asked later; with ours it is as long, and is ours.
  auto ours = said;
  ours.sign_key = public_key(sign_key);
  const auto again = encode(ours, keys, sign_key, same_nonce);
  require(again.size() == datagram.size());
  const auto back = decode_lan(again, keys);
  require(back && is_signed(std::get<lan_announcement>(*back), keys));
  (void)is_signed(said, keys);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read({data, size});
  read(sealed_copy({data, size}));
  return 0;
}
