#pragma once

#include <boost/json/value.hpp>

#include <string>

namespace lanrage::cli {

/// One line of JSON with numbers as people and line tools expect them: 25.5, where Boost.JSON
/// writes 2.55E1.
std::string to_line(const boost::json::value& value);

} // namespace lanrage::cli
