#pragma once

#include "sim/trace/import.hpp"
#include "sim/trace/reader.hpp"
#include "sim/trace/writer.hpp"

#include <string>
#include <string_view>

/// Small traces as text, for tests.
namespace lanrage::test {

namespace st = sim::trace;

inline const std::string one_link = "ltr 1\n"
                                    "time unit=ns origin_unix_ns=none clock=nominal end=stop\n"
                                    "value quantity=rtt unit=ns split=half\n"
                                    "node 0 label=a\n"
                                    "node 1 label=b\n"
                                    "link 0 a=0 b=1 dir=both max_age_ns=none fifo=no "
                                    "default=unreachable\n"
                                    "body\n";

/// The header with one of its words replaced.
inline std::string with(std::string text, std::string_view old, std::string_view other) {
  const auto at = text.find(old);
  if (at == std::string::npos) throw std::logic_error("no such word");
  return text.replace(at, old.size(), other);
}

/// Header and body with the trailer that belongs to them.
inline std::string closed(const std::string& text) {
  auto from = st::reader::open(st::text_input("t", text)).value();
  for (auto next = from.next(); next && *next;)
    next = from.next();
  return text + st::write_trailer(from.seen()) + st::hash_text(st::fnv(st::fnv_start, text)) + '\n';
}

/// "found ..., expected ..." with file and line, or "good".
inline std::string says(const std::string& text) {
  const auto found = st::check(st::text_input("t", text));
  return found ? "good" : st::to_string(found.error());
}

/// What reading and writing makes of it.
inline std::string copied(const std::string& text) {
  auto from = st::reader::open(st::text_input("t", text)).value();
  st::text_sink to;
  st::writer out{to};
  out.begin(from.head());
  for (auto next = from.next().value(); next; next = from.next().value())
    out.write(*next);
  out.finish().value();
  return to.text;
}

/// The body of a trace: what stands between "body" and the trailer.
inline std::string body_of(const std::string& text) {
  const auto start = text.find("\nbody\n") + 6;
  return text.substr(start, text.rfind("end records=") - start);
}

} // namespace lanrage::test
