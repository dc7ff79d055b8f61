#pragma once

#include <sys/socket.h>

#include <cstring>

namespace lanrage::net::os {

/// Puts one control message (cmsg(3)) into the room that `header` has for it: at least
/// CMSG_SPACE(sizeof info) octets, aligned as cmsghdr.
template <class Info>
void put_control_message(msghdr& header, int level, int type, const Info& info) {
  header.msg_controllen = CMSG_SPACE(sizeof info);
  auto* c = CMSG_FIRSTHDR(&header);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(c), &info, sizeof info);
}

} // namespace lanrage::net::os
