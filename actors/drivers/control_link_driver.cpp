#include "actors/drivers/control_link_driver.hpp"

#include "actors/shell.hpp"
#include "net/control/client.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace lanrage::actors {

/// From the io thread to the actor; it passes on what belongs to the connection it has now.
struct link_news {
  msg::control_heard heard;
};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::link_news)

namespace lanrage::actors {

namespace {

namespace control = net::control;
using control_link_shell = msg::control_link_actor::extend<caf::reacts_to<link_news>>;

struct link_state {
  static inline const char* name = "control_link";
  // First, as CAF would make an aggregate whose first member is a handle from its own pointer.
  std::uint64_t attempt = 0;
  msg::control_sink sink;
  std::shared_ptr<control::client> client;
  /// The connection before: closed when the new one stands or failed. The server replaces it by
  /// the new one in one step, so that nobody sees this member offline in between.
  std::shared_ptr<control::client> retiring;

  void retire() {
    if (retiring) retiring->close();
    retiring.reset();
  }
  void close() {
    retire();
    if (client) client->close();
    client.reset();
  }
  ~link_state() { close(); }
};
using link_pointer = control_link_shell::stateful_pointer<link_state>;

control::membership membership_of(const msg::party_credential& party) {
  return {party.party, party.name, party.verifier, party.create};
}

/// What the callbacks of one connection know; touched on the io thread only.
struct connection_view {
  std::optional<std::chrono::microseconds> round_trip;
  bool welcomed = false;
};

control::client_events events_for(const control_link_shell& me, std::uint64_t attempt) {
  auto seen = std::make_shared<connection_view>();
  const auto tell = [me, attempt](auto what) {
    caf::anon_send(me, link_news{{attempt, std::move(what)}});
  };
  control::client_events out;
  out.opened = [] {}; // the welcome right behind it says so
  out.round_trip = [seen](std::chrono::microseconds rtt) {
    // The smallest is the path's; the others waited for somebody.
    seen->round_trip = std::min(rtt, seen->round_trip.value_or(rtt));
  };
  out.message = [seen, tell](control::server_message message) {
    auto* hello = std::get_if<control::welcome>(&message);
    if (hello != nullptr && !std::exchange(seen->welcomed, true)) {
      const auto rtt = seen->round_trip.value_or(std::chrono::microseconds{0});
      return tell(msg::link_opened{std::move(*hello), rtt / 2});
    }
    tell(std::move(message));
  };
  out.closed = [tell](net::error why) { tell(msg::link_closed{std::move(why)}); };
  return out;
}

void open(link_pointer self, boost::asio::io_context& io, const net::wg_private_key& key,
          const msg::control_open& wanted) {
  auto& state = self->state;
  state.retire();
  state.retiring = std::move(state.client);
  state.attempt = wanted.attempt;
  std::vector<control::membership> parties;
  for (const auto& party : wanted.parties)
    parties.push_back(membership_of(party));
  auto options = control::default_client_options(
      wanted.server, wanted.change ? wanted.change->to : key, std::move(parties));
  if (wanted.change) options.replaces = wanted.change->from;
  state.client = control::client::open(io, std::move(options),
                                       events_for(control_link_shell{self}, wanted.attempt));
}

control_link_shell::behavior_type control_link(link_pointer self, const msg::roles& roles,
                                               boost::asio::io_context* io,
                                               const net::wg_private_key& key, bool restarted) {
  install_handlers(self, link_state::name);
  self->state.sink = roles.directory;
  if (restarted)
    self->send(self->state.sink,
               msg::control_heard{0, msg::link_closed{net::fail(net::errc::closed, "a new link")}});
  return {
      [=](const msg::control_open& wanted) { open(self, *io, key, wanted); },
      [=](const msg::control_join& wanted) {
        if (self->state.client) self->state.client->join(membership_of(wanted.party));
      },
      [=](const msg::control_say& said) {
        if (self->state.client) self->state.client->send(said.message);
      },
      [=](const msg::control_close&) { self->state.close(); },
      [=](const msg::attach_control& attached) { self->state.sink = attached.sink; },
      [=](const link_news& news) {
        auto& state = self->state;
        if (news.heard.attempt != state.attempt || !state.client) return;
        state.retire();
        if (std::holds_alternative<msg::link_closed>(news.heard.what)) state.client.reset();
        self->send(state.sink, news.heard);
      },
  };
}

} // namespace

msg::control_link_actor spawn_control_link_driver(caf::actor_system& system,
                                                  const msg::roles& roles,
                                                  boost::asio::io_context& io,
                                                  const net::wg_private_key& key, bool restarted) {
  return system.spawn(control_link, roles, &io, key, restarted);
}

} // namespace lanrage::actors
