#pragma once

#include "sim/trace/problem.hpp"
#include "sim/trace/values.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::sim::trace {

/// One RIPE Atlas ping result: what a probe measured at one time.
struct atlas_entry {
  struct packet {
    record_kind kind = record_kind::sample; ///< sample, lost or unknown
    nanoseconds rtt{};
  };
  std::optional<std::int64_t> probe_id;
  std::optional<std::int64_t> measurement_id; ///< msm_id
  std::optional<std::int64_t> timestamp;      ///< seconds since 1970
  std::string type;
  std::string target; ///< dst_name, else dst_addr
  bool has_result = false;
  std::vector<packet> packets;
};

/// Takes a result's fields from Boost.JSON's events, so that numbers keep their text and nothing
/// but one entry is in memory. Names its methods as basic_parser calls them.
class atlas_handler {
 public:
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_object_size = 10'000;
  static constexpr std::size_t max_key_size = 1'024;
  static constexpr std::size_t max_string_size = 64 * 1024;
  static constexpr std::size_t max_packets = 10'000; ///< of one result

  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;

  /// `take` is called with each entry; what it returns stops the reading.
  std::function<std::optional<problem>(const atlas_entry&)> take;
  std::optional<problem> trouble; ///< why the reading stopped; without file and line

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_array_begin(error_code& ec);
  bool on_array_end(std::size_t, error_code&);
  bool on_object_begin(error_code& ec);
  bool on_object_end(std::size_t, error_code& ec);
  bool on_string_part(string_view part, std::size_t, error_code&) { return keep(part); }
  bool on_string(string_view rest, std::size_t, error_code& ec);
  bool on_key_part(string_view part, std::size_t, error_code&) { return keep(part); }
  bool on_key(string_view rest, std::size_t, error_code&);
  bool on_number_part(string_view part, error_code&) { return keep(part); }
  bool on_int64(std::int64_t, string_view rest, error_code& ec) { return number(rest, ec); }
  bool on_uint64(std::uint64_t, string_view rest, error_code& ec) { return number(rest, ec); }
  bool on_double(double, string_view rest, error_code& ec) { return number(rest, ec); }
  bool on_bool(bool, error_code& ec) { return scalar(ec); }
  bool on_null(error_code& ec) { return scalar(ec); }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

 private:
  enum class place : std::uint8_t { outside, entry, packet, elsewhere };
  place where() const;
  bool keep(string_view part);
  bool number(string_view rest, error_code& ec);
  bool entry_number(const std::string& text, error_code& ec);
  bool packet_number(const std::string& text, error_code& ec);
  bool scalar(error_code& ec);
  bool end_packet(error_code& ec);
  bool stop(error_code& ec, std::string found, std::string expected);
  std::string taken(string_view rest);

  int depth_ = 0;
  int entry_depth_ = 1; ///< 2 inside an array of results
  bool in_result_ = false;
  std::string text_; ///< parts of the value or key that is coming in
  std::string entry_key_;
  std::string packet_key_;
  atlas_entry entry_;
  struct {
    std::optional<nanoseconds> rtt;
    bool lost = false;
    bool error = false;
    bool duplicate = false;
  } packet_;
};

} // namespace lanrage::sim::trace
