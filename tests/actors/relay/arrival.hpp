#pragma once

#include "messages/interfaces.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

namespace lanrage::actors::test {

/// Delivers an answer of a relay to the selector when it has travelled.
struct arrival {
  msg::frame_received frame;
};

} // namespace lanrage::actors::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::test::arrival)
