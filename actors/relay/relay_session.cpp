#include "actors/relay/relay_session.hpp"

#include <algorithm>
#include <memory>

namespace lanrage::actors {

namespace defaults = config::defaults;
using net::frame_kind;
using namespace std::chrono_literals;

namespace {

/// Requests whose answers may still come.
constexpr std::size_t in_flight_max = 8;
/// A relay refuses what is too far ahead of its clock, so this stays below relay_timestamp_ahead.
constexpr auto stale_step = 60s;
constexpr int stale_steps_max = 9;
static_assert(stale_step * stale_steps_max < defaults::relay_timestamp_ahead);
constexpr int challenges_max = 3;
/// Beyond any calendar, and far from where arithmetic with it overflows.
constexpr std::uint64_t time_max = 1ULL << 53;
/// Indices claimed here that are remembered as ours.
constexpr std::size_t claimed_max = 4'096;

std::chrono::milliseconds ms_of(msg::time_point when) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch());
}

} // namespace

relay_session::relay_session(net::relay_info info, net::shared_key key, const relay_identity& own,
                             std::chrono::milliseconds unix_offset,
                             const remembered_relay& remembered)
    : info_(std::move(info)), to_(info_.address), reached_(info_.address), key_(key), own_(own),
      clock_offset_(unix_offset), cookie_(remembered.cookie), timestamp_(remembered.timestamp) {
  if (remembered.rtt) rtt_.add(*remembered.rtt);
}

void relay_session::want(time_point now, relay_effects& out) {
  if (wanted_) return;
  wanted_ = true;
  asking_.reset();
  ask(now, out);
}

void relay_session::release(time_point now, relay_effects& out) {
  if (!wanted_) return;
  if (registered_) {
    timestamp_ = next_timestamp(now);
    send(encode(net::bye{own_.key, timestamp_}, key_), out);
  }
  wanted_ = registered_ = false;
  asking_.reset();
  pinging_.reset();
  renew_at_.reset();
  shown_.clear();
  listed_.clear();
}

void relay_session::measure(time_point now, relay_effects& out) {
  if (asking_ || wanted_) return;
  say_hello(now, out);
}

void relay_session::tokens(std::vector<net::bytes> valid, time_point now, relay_effects& out) {
  tokens_ = std::move(valid);
  const bool news = std::any_of(tokens_.begin(), tokens_.end(),
                                [&](const net::bytes& t) { return shown_.count(t) == 0; });
  if (wanted_ && news && !asking_) ask(now, out);
}

void relay_session::renew(time_point now, relay_effects& out) {
  if (!wanted_) return;
  asking_.reset();
  ask(now, out);
}

void relay_session::go_by(const net::endpoint& to, time_point now, relay_effects& out) {
  if (to_ == to) return;
  to_ = to;
  cookie_.reset(); // it belongs to our address there
  other_way_ = true;
  in_vain_ = false;
  asking_.reset();
  pinging_.reset();
  registrations_.clear();
  pings_.clear();
  if (!registered_) reached_ = to;
  if (wanted_) ask(now, out);
}

void relay_session::way_ended(time_point now, relay_effects& out) {
  if (registered_) lose(now, out);
}

void relay_session::check(time_point now, relay_effects& out) {
  if (registered_ && !pinging_ && !asking_) say_ping(now, out);
}

std::optional<relay_session::time_point> relay_session::deadline() const {
  std::optional<time_point> out;
  const auto sooner = [&](const std::optional<time_point>& when) {
    if (when && (!out || *when < *out)) out = when;
  };
  if (asking_) sooner(asking_->due);
  if (pinging_) sooner(pinging_->due);
  if (!asking_) sooner(renew_at_);
  return out;
}

void relay_session::tick(time_point now, relay_effects& out) {
  if (pinging_ && now >= pinging_->due) {
    overdue(*pinging_);
    if (pinging_->sent >= defaults::relay_lost_after)
      lose(now, out);
    else
      say_ping(now, out);
  }
  if (asking_ && now >= asking_->due) {
    overdue(*asking_);
    if (registered_ && asking_->sent >= defaults::relay_lost_after) lose(now, out);
    if (asking_->sent >= defaults::relay_lost_after) unheard();
    if (!wanted_ && asking_->sent >= defaults::relay_measure_requests) {
      asking_.reset();
      return; // unreachable, until it answers some day
    }
    ask(now, out);
  } else if (!asking_ && renew_at_ && now >= *renew_at_) {
    ask(now, out);
  }
}

/// The next request towards being registered: with a cookie the registration itself, which resumes
/// in one round trip; if the relay does not honour it, its challenge is the answer.
void relay_session::ask(time_point now, relay_effects& out) {
  if (!wanted_ || !cookie_) return say_hello(now, out);
  if (!registered_ && tokens_.empty()) {
    asking_.reset(); // tokens() continues
    return;
  }
  say_registration(now, out);
}

void relay_session::say_hello(time_point now, relay_effects& out) {
  if (wanted_ && !registered_ && tokens_.empty()) {
    asking_.reset();
    return;
  }
  if (!asking_) asking_ = exchange{0, defaults::relay_rto, {}, 0};
  // A challenge does not say which hello it answers. Of a few, the first: too far rather than too
  // near, and registrations soon put it right. Of many, the last: the relay has just come back.
  if (asking_->sent == 0 || asking_->sent >= defaults::relay_measure_requests) hello_at_ = now;
  ++asking_->sent;
  asking_->due = now + asking_->wait;
  send(encode(net::hello{own_.key}), out);
  ++asked_;
}

void relay_session::say_registration(time_point now, relay_effects& out) {
  if (!asking_) asking_ = exchange{0, registered_ ? first_wait() : defaults::relay_rto, {}, 0};
  hello_at_.reset();
  ++asking_->sent;
  asking_->due = now + asking_->wait;
  net::registration said{own_.key, *cookie_, next_timestamp(now), {}, claims_};
  timestamp_ = said.timestamp;
  for (const auto& token : tokens_) {
    if (said.tokens.size() == net::tokens_per_frame_max) break;
    if (shown_.count(token) == 0) said.tokens.push_back(token);
  }
  showing_ = said.tokens;
  if (said.routes.size() > net::routes_per_frame_max) said.routes.resize(net::routes_per_frame_max);
  for (const auto& claim : said.routes)
    if (claimed_.size() < claimed_max) claimed_.insert(claim.index);
  registrations_.push_back({timestamp_, now});
  if (registrations_.size() > in_flight_max) registrations_.pop_front();
  send(encode(said, key_), out);
  ++asked_;
}

void relay_session::say_ping(time_point now, relay_effects& out) {
  if (!pinging_) pinging_ = exchange{0, first_wait(), {}, 0};
  ++pinging_->sent;
  pinging_->due = now + pinging_->wait;
  pings_.push_back({++nonce_, now});
  if (pings_.size() > in_flight_max) pings_.pop_front();
  send(encode(net::relay_ping{false, own_.hash, nonce_, 0}, key_), out);
  ++asked_;
}

void relay_session::send(net::bytes frame, relay_effects& out) {
  out.frames.push_back({to_, std::make_shared<const net::bytes>(std::move(frame))});
}

void relay_session::receive(net::byte_view datagram, time_point now, relay_effects& out) {
  const auto kind = net::kind_of(datagram);
  if (kind == frame_kind::challenge) return on_challenge(datagram, now, out);
  if (kind == frame_kind::registered) return on_registered(datagram, now, out);
  if (kind == frame_kind::refused) return on_refused(datagram, now, out);
  if (kind == frame_kind::pong) return on_pong(datagram, now);
}

/// Not authenticated, so it is only heard in answer to a request of ours, and a few times: a forged
/// one costs a round trip, since the relay will challenge again, and many cannot make us spin.
void relay_session::on_challenge(net::byte_view datagram, time_point now, relay_effects& out) {
  const auto said = net::decode_challenge(datagram);
  if (!said || !asking_ || asking_->challenges >= challenges_max) return;
  if (said->time_unix_ms > time_max) return;
  if (hello_at_) heard(now - *hello_at_);
  hello_at_.reset();
  cookie_ = said->value;
  clock_offset_ = std::chrono::milliseconds{said->time_unix_ms} - ms_of(now);
  if (!wanted_) {
    asking_.reset();
    return;
  }
  shown_.clear(); // a cookie that stopped counting may mean a relay that forgot us
  const auto challenges = asking_->challenges + 1;
  asking_.reset();
  ask(now, out);
  if (asking_) asking_->challenges = challenges;
}

void relay_session::on_registered(net::byte_view datagram, time_point now, relay_effects& out) {
  const auto said = net::decode_registered(datagram, key_);
  if (!said || !wanted_) return;
  if (!measured(registrations_, said->timestamp, now)) return; // old, or repeated
  const bool latest = said->timestamp == timestamp_;
  listed_ = said->routes;
  if (latest) {
    shown_.insert(showing_.begin(), showing_.end());
    showing_.clear();
  }
  stale_ = 0;
  asking_.reset();
  pinging_.reset();
  renew_at_ = now + defaults::relay_renew;
  if (!registered_ || reached_ != to_) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(*rtt());
    const auto how = !by_udp() ? " over TLS (TCP)" : registered_ ? " over UDP again" : "";
    out.news.push_back("registered with " + info_.name + how + ", " + std::to_string(took.count()) +
                       " ms away");
    registered_ = true;
    reached_ = to_;
  }
  const bool more = std::any_of(tokens_.begin(), tokens_.end(),
                                [&](const net::bytes& t) { return shown_.count(t) == 0; });
  if (latest && more) return ask(now, out); // more parties than fit one frame
  if (!loaded_at_ || now - *loaded_at_ >= defaults::relay_load_every) say_ping(now, out);
}

void relay_session::on_refused(net::byte_view datagram, time_point now, relay_effects& out) {
  const auto said = net::decode_refused(datagram, key_);
  if (!said || !wanted_) return;
  if (said->authentic && said->value && asking_) cookie_ = said->value;
  switch (said->code) {
  case net::refusal::unregistered:
    // Perhaps forged when it carries no MAC: asking again does no harm, and one request at a time
    // keeps forgeries from making us talk. Whoever has a token stays "registered" for the one round
    // trip that it takes, so that nobody moves away for nothing.
    if (asking_ && !said->authentic) return;
    if (said->authentic && tokens_.empty()) registered_ = false;
    shown_.clear();
    showing_.clear();
    asking_.reset();
    return ask(now, out);
  case net::refusal::stale:
    if (!said->authentic || !asking_) return;
    return on_stale(now, out);
  case net::refusal::bad_token:
    if (!said->authentic) return;
    out.news.push_back(info_.name + " does not accept our token");
    std::erase_if(tokens_, [&](const net::bytes& t) {
      return std::find(showing_.begin(), showing_.end(), t) != showing_.end();
    });
    asking_.reset();
    if (registered_ || !tokens_.empty()) ask(now, out);
    return;
  case net::refusal::full:
    if (!said->authentic) return;
    out.news.push_back(info_.name + " is full");
    return pause(now);
  case net::refusal::unknown_index:
    if (said->authentic) unknown_ = net::session_index{said->argument};
    return;
  case net::refusal::no_such_peer:
    return; // the peer is not there (yet); its own registration mends that
  }
}

/// The relay's clock decides, and its challenge tells it. If that is not enough, an earlier self of
/// ours was ahead of it, at most by what the relay allows.
void relay_session::on_stale(time_point now, relay_effects& out) {
  ahead_ = stale_step * std::min(stale_, stale_steps_max);
  ++stale_;
  timestamp_ = 0;
  registrations_.clear();
  cookie_.reset();
  if (stale_ > stale_steps_max + 1) return pause(now);
  asking_.reset();
  ask(now, out);
}

/// Ask again, but not soon.
void relay_session::pause(time_point now) {
  asking_ = exchange{1, defaults::relay_rto_max, now + defaults::relay_rto_max, 0};
}

void relay_session::on_pong(net::byte_view datagram, time_point now) {
  const auto said = net::decode_ping(datagram);
  if (!said || !said->answer || said->from != own_.hash || !verify_frame(datagram, key_)) return;
  if (!measured(pings_, said->nonce, now)) return;
  load_ = said->load;
  loaded_at_ = now;
  pinging_.reset();
}

/// Whether this answers a request of ours; if so, its round trip counts.
bool relay_session::measured(std::deque<sent_frame>& sent, std::uint64_t number, time_point now) {
  const auto found = std::find_if(sent.begin(), sent.end(),
                                  [&](const sent_frame& f) { return f.number == number; });
  if (found == sent.end()) return false;
  heard(now - found->at);
  sent.erase(sent.begin(), found + 1);
  return true;
}

void relay_session::overdue(exchange& what) {
  ++overdue_;
  what.challenges = 0;
  what.wait = std::min<std::chrono::nanoseconds>(2 * what.wait, defaults::relay_rto_max);
}

void relay_session::heard(std::chrono::nanoseconds rtt) {
  if (std::exchange(other_way_, false)) rtt_.clear();
  rtt_.add(rtt);
  measured_ = std::chrono::duration_cast<std::chrono::microseconds>(rtt);
  in_vain_ = false;
}

/// What was its distance may not be when it comes back.
void relay_session::unheard() {
  rtt_.clear();
  measured_ = measurement{};
  in_vain_ = true;
}

void relay_session::lose(time_point now, relay_effects& out) {
  registered_ = false;
  renew_at_.reset();
  pinging_.reset();
  shown_.clear();
  listed_.clear();
  unheard();
  const auto penalty = defaults::relay_penalty_first * (1 << std::min(losses_, 10));
  ++losses_;
  failures_ = failures(now) + 1;
  lost_at_ = now;
  trusted_again_ = now + std::min<std::chrono::seconds>(penalty, defaults::relay_penalty_max);
  out.news.push_back("lost " + info_.name);
  if (!asking_) ask(now, out);
}

bool relay_session::doubtful(time_point now) const {
  return (asking_ && asking_->sent > 1) || (pinging_ && pinging_->sent > 1) || now < trusted_again_;
}

std::vector<net::route_claim> relay_session::learnt() const {
  std::vector<net::route_claim> out;
  for (const auto& route : listed_)
    if (claimed_.count(route.index) == 0) out.push_back(route);
  return out;
}

std::chrono::nanoseconds relay_session::first_wait() const {
  const auto known = rtt();
  if (!known) return defaults::relay_rto;
  return std::clamp<std::chrono::nanoseconds>(2 * *known + defaults::relay_rto_margin,
                                              defaults::relay_rto_min, defaults::relay_rto_max);
}

std::uint64_t relay_session::next_timestamp(time_point now) {
  const auto time = (ms_of(now) + clock_offset_ + ahead_).count();
  return std::max(timestamp_ + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(time, 0)));
}

} // namespace lanrage::actors
