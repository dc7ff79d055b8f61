#pragma once

#include <memory>
#include <string>
#include <vector>

namespace spdlog {
class logger;
}

namespace lanrage::sim::invariants {

/// Hears the errors that the daemons log, whatever else is logged or not. While it lives it stands
/// before the program's logger and passes on what that would have taken.
class error_ear {
 public:
  error_ear();
  ~error_ear();
  error_ear(const error_ear&) = delete;
  error_ear& operator=(const error_ear&) = delete;

  /// Since it was asked last.
  std::vector<std::string> take();

 private:
  std::shared_ptr<std::vector<std::string>> heard_;
  std::shared_ptr<spdlog::logger> before_;
};

} // namespace lanrage::sim::invariants
