#pragma once

#include "net/errc.hpp"

#include <string>
#include <string_view>

namespace lanrage::cli {

/// What `lanrage` ends with (docs/interfaces.md). Scripts rely on the numbers.
enum class exit_code : int {
  done = 0,
  failed = 1,
  usage = 2,     ///< bad usage or configuration
  no_daemon = 3, ///< no daemon answers on the socket
  not_found = 4, ///< no such peer or party
};
constexpr int to_int(exit_code code) {
  return static_cast<int>(code);
}

/// A failure as it is shown: the daemon's own words, or ours about not reaching it.
struct failure {
  std::string code; ///< an error code's name; a newer daemon may have one we do not know
  std::string text;
  std::string remedy; ///< may be empty
};

/// A sentence of net/errc.cpp is "what happened; the remedy".
failure to_failure(const net::error& error);

exit_code exit_code_of(std::string_view code);

/// One sentence and its remedy to standard error; with `json` also one object to standard output.
exit_code report(const failure& what, bool json);

} // namespace lanrage::cli
