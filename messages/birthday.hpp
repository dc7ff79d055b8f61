#pragma once

#include "net/endpoint.hpp"
#include "net/keys.hpp"
#include "net/port_rewrite.hpp"

#include <string>
#include <vector>

/// What is said of birthday probing (docs/decisions/0023).
namespace lanrage::msg {

/// Birthday probing, agreed upon by both sides.
struct birthday_plan {
  bool guess = false; ///< guess the peer's ports; else open many of ours
  net::endpoint peer; ///< where the peer is seen; to guess: its address
};
/// How birthday probing went.
struct birthday_report {
  int probes = 0;        ///< that we sent
  bool found = false;    ///< the peer was met at a port
  std::string problem{}; ///< why that port could not be used
};
/// The peer's connection is on this path no more and does not wait for it.
struct release_path {
  net::wg_public_key key;
  net::endpoint where;
};
/// From now on the kernel has these rewrites, and no others of ours.
struct rewrite_ports {
  std::vector<net::port_rewrite> all;
};

} // namespace lanrage::msg
