#pragma once

#include "sim/trace/import.hpp"
#include "sim/trace/reader.hpp"

#include <cstdlib>

/// What every importer's fuzz target asks of it.
namespace lanrage::fuzz {

/// An import is refused with a sentence, or is a trace that a reader accepts with the same counts.
template <class Import>
void import_and_check(const std::uint8_t* data, std::size_t size, Import import) {
  using namespace sim::trace;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  text_sink to;
  const auto imported = import(text_input("fuzz", text), to);
  if (!imported) {
    if (to_string(imported.error()).empty()) std::abort();
    return;
  }
  const auto read = check(text_input("imported", to.text));
  if (!read || read->samples != imported->samples || read->lost != imported->lost ||
      read->unknown != imported->unknown || read->sum != imported->sum ||
      read->span != imported->span)
    std::abort();
}

} // namespace lanrage::fuzz
