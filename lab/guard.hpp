#pragma once

#include <functional>

namespace lanrage::lab {

/// Runs `body`, which builds laboratories, in a child process and returns its exit code, so that
/// nothing is left behind however it ends: on SIGINT, SIGTERM and SIGHUP the child is asked to end
/// (SIGTERM) and killed when it does not; when it crashes or throws, that is reported on standard
/// error and the code is 1. Before this returns, everything its laboratories owned is removed.
/// After a signal the code is 128 + its number, unless the child ended on its own terms meanwhile.
///
/// Call it while the process has one thread and no other children. The child ignores SIGINT and
/// SIGHUP: deciding about them is this function's business.
int run_guarded(const std::function<int()>& body);

/// In the child: waits for SIGTERM instead of dying of it, then returns. For `--keep`.
void wait_for_the_end();

} // namespace lanrage::lab
