#pragma once

#include "messages/error.hpp"

#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

#include <spdlog/spdlog.h>

#include <exception>
#include <string>

/// What every shell does alike. CAF's own handlers print to the standard output.
namespace lanrage::actors {

/// One sentence about an error, ours or CAF's.
inline std::string text_of(const caf::error& failure) {
  if (!failure) return "normal";
  if (failure.category() == caf::atom("exit"))
    return std::string(caf::to_string(static_cast<caf::exit_reason>(failure.code())));
  return net::to_string(msg::from_caf(failure));
}

/// A thrown exception becomes an error with its text, which the guardian logs as the cause; an
/// unhandled message is a defect, logged and refused.
template <class Actor>
void install_handlers(Actor* self, const std::string& name) {
  self->set_exception_handler([](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& broken) {
      return msg::to_caf(net::fail(net::errc::internal, broken.what()));
    } catch (...) {
      return msg::to_caf(net::fail(net::errc::internal, "an exception of unknown type"));
    }
  });
  self->set_down_handler([](caf::down_msg&) {});
  self->set_default_handler(
      [name](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
        spdlog::error("{}: no handler for a message of {} parts", name, view.content().size());
        return caf::make_error(caf::sec::unexpected_message);
      });
}

} // namespace lanrage::actors
