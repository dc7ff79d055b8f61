#pragma once

#include "sim/policy/mesh_recording.hpp"
#include "sim/trace/import.hpp"

#include <filesystem>
#include <span>

namespace lanrage::sim::policy {

/// Matrices, one file per slice in the order given.
trace::result<mesh_recording> load_matrices(std::span<const trace::input> slices,
                                            const trace::matrix_options& how);
/// The same by name; a single file called *.ltr is a trace and needs no options.
trace::result<mesh_recording> load(std::span<const std::filesystem::path> files,
                                   const trace::matrix_options& how);
bool is_trace(std::span<const std::filesystem::path> files);

} // namespace lanrage::sim::policy
