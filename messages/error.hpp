#pragma once

#include "net/errc.hpp"

#include <caf/error.hpp>

#include <string>

/// The only bridge between our errors and CAF's.
namespace lanrage::msg {

/// Code and detail travel in a caf::error of category "lanrage".
caf::error to_caf(const net::error& failure);
/// Back again; CAF's own errors become the nearest of ours (request_timeout: timed_out,
/// request_receiver_down: closed, else internal) with CAF's text as detail.
net::error from_caf(const caf::error& failure);

} // namespace lanrage::msg
