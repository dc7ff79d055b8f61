#include "sim/policy/load.hpp"

namespace lanrage::sim::policy {

trace::result<mesh_recording> load_matrices(std::span<const trace::input> slices,
                                            const trace::matrix_options& how) {
  trace::text_sink text;
  if (const auto got = trace::import_matrix(slices, how, text); !got) return got.error();
  return mesh_recording::read(trace::text_input(slices.front().name, text.text));
}

bool is_trace(std::span<const std::filesystem::path> files) {
  return files.size() == 1 && files.front().extension() == ".ltr";
}

trace::result<mesh_recording> load(std::span<const std::filesystem::path> files,
                                   const trace::matrix_options& how) {
  std::vector<trace::input> inputs;
  for (const auto& file : files) {
    auto opened = trace::file_input(file);
    if (!opened) return opened.error();
    inputs.push_back(std::move(*opened));
  }
  return is_trace(files) ? mesh_recording::read(inputs.front()) : load_matrices(inputs, how);
}

} // namespace lanrage::sim::policy
