#pragma once

#include "sim/trace/import.hpp"
#include "sim/trace/reader.hpp"

#include <cstdlib>

/// What every importer's fuzz target asks of it.
namespace lanrage::fuzz {

/// A few octets may stand for a million lost probes; who writes so much is not looked at further.
class bounded_sink final : public sim::trace::byte_sink {
 public:
  sim::trace::result<void> write(std::string_view octets) override {
    text += octets;
    if (text.size() <= most) return {};
    return sim::trace::problem{"bound", 0, "a longer trace", "a shorter one"};
  }
  std::string text;

 private:
  static constexpr std::size_t most = 4 << 20;
};

/// An import is refused with a sentence, or is a trace that a reader accepts with the same counts.
template <class Import>
void import_and_check(const std::uint8_t* data, std::size_t size, Import import) {
  using namespace sim::trace;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  bounded_sink to;
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
