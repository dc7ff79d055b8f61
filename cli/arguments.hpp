#pragma once

namespace lanrage::cli {

/// Parses the command line, runs the command, returns the exit code. Problems of usage go to
/// standard error and are exit code 2.
int run(int argc, char** argv);

} // namespace lanrage::cli
