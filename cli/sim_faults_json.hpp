#pragma once

#include "sim/faults/coverage.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <vector>

/// What faults did, as JSON: [{"id":2,"name":"loss","planned":3,"fired":120,"states":{...}}];
/// states without any moment are left out.
namespace lanrage::cli {

boost::json::array faults_json(const std::vector<sim::faults::seen_kind>& of);
/// Absent when it is not that.
std::optional<std::vector<sim::faults::seen_kind>> faults_of(const boost::json::value& from);

} // namespace lanrage::cli
