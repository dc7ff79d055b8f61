#include "net/crypto.hpp"
#include "net/frames.hpp"
#include "require.hpp"

using namespace lanrage::net;

namespace {

const shared_key key;

/// The fuzzer cannot forge a MAC: this makes the frame authentic, to get behind the check.
bytes signed_copy(byte_view datagram) {
  if (datagram.size() < mac16::size) return {};
  const auto body = datagram.first(datagram.size() - mac16::size);
  bytes out(body.begin(), body.end());
  const auto mac = blake2s_mac(key.reveal(), {body});
  out.insert(out.end(), mac.octets.begin(), mac.octets.end());
  return out;
}

/// The encoding is canonical: what decodes encodes to the very same octets.
void read_all(byte_view datagram) {
  const bytes raw(datagram.begin(), datagram.end());
  if (const auto frame = decode_probe(datagram, key)) require(encode(*frame, key) == raw);
  if (const auto frame = decode_path_check(datagram, key)) require(encode(*frame, key) == raw);
  if (const auto frame = decode_hello(datagram)) require(encode(*frame) == raw);
  if (const auto frame = decode_challenge(datagram)) require(encode(*frame) == raw);
  if (const auto frame = decode_registered(datagram, key)) require(encode(*frame, key) == raw);
  if (const auto frame = decode_refused(datagram, key))
    require(encode(*frame, frame->authentic ? &key : nullptr) == raw);
  const bool authentic = verify_frame(datagram, key);
  if (const auto frame = decode_registration(datagram); frame && authentic)
    require(encode(*frame, key) == raw);
  if (const auto frame = decode_ping(datagram); frame && authentic)
    require(encode(*frame, key) == raw);
  if (const auto frame = decode_bye(datagram); frame && authentic)
    require(encode(*frame, key) == raw);
  if (const auto token = read_token(datagram)) require(encode(*token) == raw);
  require(peek_probe(datagram).has_value() <= (classify(datagram) == datagram_class::probe));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_all({data, size});
  read_all(signed_copy({data, size}));
  return 0;
}
