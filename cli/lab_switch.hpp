#pragma once

namespace lanrage::cli {

/// `lanrage lab-switch [--delay US] [--no-realtime] INTERFACE...` (not in the help): joins
/// interfaces of the current network namespace by a delaying switch until standard input ends or
/// SIGTERM. One way between two ports takes --delay microseconds. Lines on standard input change a
/// port: `INTERFACE DELAY_US JITTER_US LOSS(0..1) [blocked]`, where DELAY_US is this port's share;
/// each is answered with `ok` or `error: REASON`. Exit codes: 0, 1 failed, 2 bad usage.
int run_lab_switch(int argc, char** argv);

} // namespace lanrage::cli
