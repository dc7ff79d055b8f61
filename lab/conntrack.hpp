#pragma once

namespace lanrage::lab {

/// Forgets every tracked connection, and with it every NAT binding, of a network namespace
/// (ctnetlink, so no conntrack tool is needed). Throws failure.
void flush_conntrack(int net_ns);

} // namespace lanrage::lab
