#pragma once

#include "sim/trace/hash.hpp"
#include "sim/trace/sink.hpp"
#include "sim/trace/values.hpp"

#include <optional>
#include <string>

namespace lanrage::sim::trace {

/// Writes a trace record by record. What a reader has read and this has written is the same,
/// octet by octet. Calls out of order (time going back, a cell outside a block) are defects and
/// throw std::logic_error; a sink's failure is kept until finish().
class writer {
 public:
  explicit writer(byte_sink& to) : to_(to) {}

  void begin(const header& head);
  bool begun() const { return begun_; }

  /// Values within limits::value, times within limits::time and not before the last record's.
  /// Cells follow their block in the order of the links.
  void write(const record& what);

  void sample(nanoseconds time, link_id link, nanoseconds value) {
    write({record_kind::sample, false, time, link, value, {}});
  }
  void lost(nanoseconds time, link_id link) {
    write({record_kind::lost, false, time, link, {}, {}});
  }
  void unknown(nanoseconds time, link_id link, std::string_view why) {
    write({record_kind::unknown, false, time, link, {}, why});
  }

  /// The trailer. The sink's own end (commit) is the caller's.
  result<totals> finish();

 private:
  void count(const record& what);
  void line(const record& what);
  void cell(const record& what);
  void word(bool first, char c);
  void number(std::int64_t value);
  void digits(std::int64_t value);
  void flush();

  byte_sink& to_;
  bool begun_ = false;
  std::size_t links_ = 0;
  std::size_t nodes_ = 0; ///< of a mesh, else 0
  std::size_t cell_ = 0;  ///< next one of the block that is open
  bool in_block_ = false;
  std::string buffer_;
  std::uint64_t hash_ = fnv_start;
  totals totals_;
  std::optional<problem> trouble_;
};

/// The trailer without its hash and line feed: "end records=1 samples=1 ... sum_ns=5 hash=".
std::string write_trailer(const totals& counted);

} // namespace lanrage::sim::trace
