#include "net/stun.hpp"
#include "require.hpp"
#include "tests/net/relay/world.hpp"

using namespace lanrage::net;
using namespace lanrage::net::relay;
using namespace lanrage::net::relay::test;

namespace {

/// A member by a stream and one by UDP with a session, and a stranger; any of them says anything,
/// and time passes.
class gathering {
 public:
  gathering() {
    a_.address = flow_endpoint(1, 9);
    a_.join();
    b_.join();
    require(shake_hands(a_, index(1), b_, index(2)));
  }

  void say(std::uint8_t who, const bytes& datagram) {
    const endpoint from = who == 0 ? a_.address : who == 1 ? b_.address : stranger_;
    const auto out = world_.send(datagram, from);
    if (out.nothing()) return;
    if (who <= 1) return;
    // Nobody unproven reaches a member, or gets more than it sent; a STUN success may be longer,
    // and goes to another port of the one that asked if that is wanted.
    const auto asked = stun::parse_request(datagram);
    auto back = stranger_;
    if (asked && asked->wanted.response_port != 0) back.port = asked->wanted.response_port;
    require(out.what == verdict::action::answer && out.to == back);
    require(out.payload.size() <= datagram.size() || asked);
  }
  void pass(std::uint8_t tenths) {
    world_.pass(std::chrono::milliseconds{tenths * 100});
    world_.core.tick(world_.now);
  }
  void restore(const bytes& body) { (void)world_.core.restore(sealed_snapshot(body), world_.now); }

 private:
  world world_{small_limits(), 7};
  fake_member a_{world_, "198.51.100.1:51820"};
  fake_member b_{world_, "[2001:db8::2]:51820"};
  endpoint stranger_ = at("203.0.113.200:9");
};

} // namespace

/// The input: sender, tenths of a second, length, datagram; again and again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gathering all;
  byte_view rest{data, size};
  constexpr std::size_t head = 4;
  constexpr std::uint8_t snapshot = 3;
  while (rest.size() >= head) {
    const auto who = static_cast<std::uint8_t>(rest[0] % 4);
    all.pass(rest[1]);
    const std::size_t wanted = static_cast<std::size_t>(rest[2]) << 8 | rest[3];
    rest = rest.subspan(head);
    const auto taken = rest.first(std::min(wanted, rest.size()));
    const bytes datagram(taken.begin(), taken.end());
    if (who == snapshot)
      all.restore(datagram);
    else
      all.say(who, datagram);
    rest = rest.subspan(taken.size());
  }
  return 0;
}
