#pragma once

#include "actors/relay/relay_table.hpp"
#include "net/errc.hpp"

#include <map>
#include <string>
#include <string_view>

/// What is remembered of relays over restarts, and its text: JSON, `{"v":1,"relays":[...]}`, and
/// `"udp_blocked":true` where it is. The list of relays and the tokens are the directory's; here is
/// only what saves time.
namespace lanrage::actors {

inline constexpr std::string_view relays_document_name = "relays.json";

struct remembered_relays {
  std::map<net::relay_id, remembered_relay> relays;
  bool udp_blocked = false; ///< streams are opened at once
};

/// Of those that are listed and gave us a cookie; the others have nothing to resume.
remembered_relays worth_saving(const relay_table_memory& memory);

std::string to_text(const remembered_relays& all);
/// An empty text is a first start; bad_state when it cannot be understood.
net::result<remembered_relays> parse_relays(std::string_view text);

} // namespace lanrage::actors
