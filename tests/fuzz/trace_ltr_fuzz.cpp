#include "sim/trace/reader.hpp"
#include "sim/trace/replay.hpp"
#include "sim/trace/writer.hpp"

#include <cstdlib>

using namespace lanrage::sim::trace;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// What is read and written again is the same, octet by octet.
void read_and_write(std::string_view text) {
  auto from = reader::open(text_input("fuzz", text));
  if (!from || from->head().link_count() == 0) return;
  text_sink to;
  writer out{to};
  out.begin(from->head());
  for (;;) {
    const auto next = from->next();
    if (!next) {
      require(!to_string(next.error()).empty());
      return;
    }
    if (!*next) break;
    out.write(**next);
  }
  require(out.finish().has_value());
  require(to.text == text);
}

/// A replay of anything ends with a problem or goes on; it never asks for more than the file has.
void replay_it(std::string_view text) {
  auto trace = replay::open(text_input("fuzz", text), {});
  if (!trace || trace->head().link_count() == 0) return;
  nanoseconds now{};
  for (int i = 0; i < 100; ++i) {
    const auto link = link_id(i % trace->head().link_count());
    const auto found = trace->at(link, now);
    if (!found) return;
    (void)one_way(*found, trace->head(), link, toward::b, 1);
    now += nanoseconds{1} + now / 2;
  }
}

/// The fuzzer cannot compute a trailer: this closes a body for it.
std::string with_trailer(std::string_view text) {
  auto from = reader::open(text_input("fuzz", text));
  if (!from) return {};
  for (;;) {
    const auto next = from->next();
    if (!next) break;
    if (!*next) return {};
  }
  return std::string{text} + write_trailer(from->seen()) + hash_text(fnv(fnv_start, text)) + '\n';
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const auto& each : {std::string{text}, with_trailer(text)}) {
    read_and_write(each);
    replay_it(each);
  }
  return 0;
}
