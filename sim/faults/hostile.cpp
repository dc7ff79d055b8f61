#include "config/defaults.hpp"
#include "net/crypto.hpp"
#include "net/frames.hpp"
#include "sim/faults/part.hpp"

#include <algorithm>
#include <deque>

/// F69 and F70: a member or a relay that means harm. It says what it heard to whom it was not said,
/// as it was or changed, and makes up the rest. That a hostile relay loses, delays and reorders is
/// what F3, F5 and F30 do; a hostile control server is in control.cpp.
namespace lanrage::sim::faults {
namespace {

constexpr std::size_t kept_most = 64; ///< datagrams, and addresses
enum class lie : std::int64_t { replay, forge, misname, refuse };

class hostile_part final : public part {
 public:
  explicit hostile_part(context& in) : part(in) {}

  bool does(int id) const override { return id == 69 || id == 70; }

  void prepare(active& what) override {
    for (const auto& each : what.on)
      all_.push_back(
          {&what, each, in_.random(what, "lies/" + std::to_string(each.number)), {}, {}});
    in_.tap = [this](node_id from, node_id to, const packet& seen) { hear(from, to, seen); };
  }

  void begin(active& what) override {
    for (std::size_t i = 0; i < all_.size(); ++i)
      if (all_[i].of == &what) act(i);
  }

 private:
  struct liar {
    active* of = nullptr;
    scenario::thing who;
    stream random;
    std::deque<net::bytes> heard;
    std::deque<net::endpoint> others; ///< whom it knows of
  };

  static bool is_relay(const liar& it) { return it.of->what.kind == 70; }

  void hear(node_id from, node_id to, const packet& seen) {
    for (auto& it : all_) {
      const auto node = in_.stage().node_at(it.who);
      if (node != from && node != to) continue;
      const auto& other = node == to ? seen.from : seen.to;
      if (std::find(it.others.begin(), it.others.end(), other) == it.others.end())
        keep(it.others, other);
      if (node == to) keep(it.heard, seen.data);
    }
  }
  template <class T>
  static void keep(std::deque<T>& in, const T& what) {
    in.push_back(what);
    if (in.size() > kept_most) in.pop_front();
  }

  void act(std::size_t number) {
    auto& it = all_[number];
    if (!it.of->now) return;
    in_.after(it.of->time("every"), [this, number] { act(number); });
    if (it.heard.empty() || it.others.empty()) return;
    const auto said = make(it);
    const auto& to = it.others[it.random.below(it.others.size())];
    auto& w = in_.where();
    if (is_relay(it))
      w.net().send(in_.stage().node_at(it.who), config::defaults::relay_port, to, said, in_.now());
    else
      w.on(in_.stage().member_at(it.who.number)).send_frame(to, said);
    in_.fired(*it.of);
  }

  net::bytes make(liar& it) {
    auto out = it.heard[it.random.below(it.heard.size())];
    switch (static_cast<lie>(it.of->argument("how"))) {
    case lie::replay:
      break;
    case lie::forge:
      flip(it, out);
      break;
    case lie::misname:
      rename(it, out);
      break;
    case lie::refuse:
      return refusal(it);
    }
    return out;
  }

  /// One bit. Of WireGuard's packets where its tags are, since the simulated one knows no others.
  static void flip(liar& it, net::bytes& data) {
    if (data.empty()) return;
    std::size_t first = 0;
    std::size_t count = data.size();
    if (net::classify(data) == net::datagram_class::wireguard) {
      constexpr std::size_t tag = 16, mac1_from_end = 32, proof_at = 20, proof_octets = 8;
      if (data.size() <= mac1_from_end) return;
      first = data[0] == 1   ? data.size() - mac1_from_end
              : data[0] == 2 ? proof_at
                             : data.size() - tag;
      count = data[0] == 1 ? tag : proof_octets;
    }
    data[first + it.random.below(count)] ^= static_cast<std::uint8_t>(1U << it.random.below(8));
  }

  /// A probe or a path check of somebody else, or for somebody else.
  void rename(liar& it, net::bytes& data) {
    constexpr std::size_t from_at = 8, to_at = 16;
    if (net::classify(data) != net::datagram_class::probe || data.size() < to_at + from_at) return;
    auto& w = in_.where();
    const member_id other{static_cast<std::uint32_t>(it.random.below(w.member_count()))};
    const auto hash = net::hash_of(w.key(other));
    std::copy(hash.octets.begin(), hash.octets.end(),
              data.begin() +
                  static_cast<std::ptrdiff_t>(it.random.below(2) == 0 ? from_at : to_at));
  }

  /// "You are not registered", "no such index", "no such peer": hints, as they have no MAC.
  static net::bytes refusal(liar& it) {
    net::bytes out{0x4c, 0x4e, 0x52, 0x01, 0x14, 0, 0, 0};
    out.push_back(static_cast<std::uint8_t>(1 + it.random.below(6)));
    out.insert(out.end(), 3, 0);
    for (int i = 0; i < 4; ++i)
      out.push_back(static_cast<std::uint8_t>(it.random.below(256)));
    return out;
  }

  std::deque<liar> all_;
};

} // namespace

std::unique_ptr<part> make_hostile_part(context& in) {
  return std::make_unique<hostile_part>(in);
}

} // namespace lanrage::sim::faults
