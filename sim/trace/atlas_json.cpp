#include "sim/trace/atlas_json.hpp"

#include "sim/trace/numbers.hpp"

namespace lanrage::sim::trace {

/// Where a value that comes now stands.
atlas_handler::place atlas_handler::where() const {
  if (depth_ < entry_depth_) return place::outside;
  if (depth_ == entry_depth_) return place::entry;
  if (in_result_ && depth_ == entry_depth_ + 2) return place::packet;
  return place::elsewhere;
}

bool atlas_handler::stop(error_code& ec, std::string found, std::string expected) {
  trouble = problem{{}, 0, std::move(found), std::move(expected), {}};
  ec = boost::json::make_error_code(boost::json::error::exception);
  return false;
}

bool atlas_handler::keep(string_view part) {
  text_.append(part.data(), part.size());
  return true;
}

std::string atlas_handler::taken(string_view rest) {
  keep(rest);
  return std::exchange(text_, {});
}

bool atlas_handler::on_array_begin(error_code& ec) {
  if (depth_ == 0) {
    entry_depth_ = 2;
  } else if (where() == place::outside) {
    return stop(ec, "an array among the results", "objects");
  } else if (where() == place::entry && entry_key_ == "result") {
    in_result_ = true;
    entry_.has_result = true;
  }
  ++depth_;
  return true;
}

bool atlas_handler::on_array_end(std::size_t, error_code&) {
  --depth_;
  if (depth_ == entry_depth_) in_result_ = false;
  if (depth_ == 0) entry_depth_ = 1;
  return true;
}

bool atlas_handler::on_object_begin(error_code&) {
  ++depth_;
  if (depth_ == entry_depth_) {
    entry_ = {};
    entry_key_.clear();
  } else if (where() == place::packet) {
    packet_ = {};
  }
  return true;
}

bool atlas_handler::on_object_end(std::size_t, error_code& ec) {
  const auto ended = where();
  --depth_;
  if (ended == place::packet) return end_packet(ec);
  if (ended != place::entry) return true;
  if (!entry_.type.empty() && entry_.type != "ping")
    return stop(ec, "a result of type " + in_quotes(entry_.type), "\"type\":\"ping\"");
  if (!entry_.probe_id || !entry_.timestamp || !entry_.has_result)
    return stop(ec, "a result without prb_id, timestamp or result", "all three");
  if (const auto why = take(entry_)) return stop(ec, why->found, why->expected);
  return true;
}

bool atlas_handler::end_packet(error_code& ec) {
  if (packet_.duplicate) return true; // no probe of its own
  if (entry_.packets.size() == max_packets)
    return stop(ec, "one more packet", "at most " + std::to_string(max_packets) + " per result");
  if (packet_.lost)
    entry_.packets.push_back({record_kind::lost, {}});
  else if (packet_.rtt)
    entry_.packets.push_back({record_kind::sample, *packet_.rtt});
  else if (packet_.error)
    entry_.packets.push_back({record_kind::unknown, {}});
  else
    return stop(ec, "a packet without rtt, x or error", "one of them");
  return true;
}

bool atlas_handler::on_key(string_view rest, std::size_t, error_code&) {
  auto key = taken(rest);
  if (depth_ == entry_depth_)
    entry_key_ = std::move(key);
  else if (where() == place::packet)
    packet_key_ = std::move(key);
  return true;
}

bool atlas_handler::on_string(string_view rest, std::size_t, error_code& ec) {
  auto text = taken(rest);
  switch (where()) {
  case place::entry:
    if (entry_key_ == "type")
      entry_.type = std::move(text);
    else if (entry_key_ == "dst_name")
      entry_.target = std::move(text);
    else if (entry_key_ == "dst_addr" && entry_.target.empty())
      entry_.target = std::move(text);
    else if (entry_key_ == "prb_id" || entry_key_ == "timestamp" || entry_key_ == "msm_id")
      return stop(ec, '"' + entry_key_ + "\" as a text", "a number");
    return true;
  case place::packet:
    if (packet_key_ == "x") packet_.lost = true;
    if (packet_key_ == "error") packet_.error = true;
    if (packet_key_ == "rtt") return stop(ec, "\"rtt\" as a text", "a number of milliseconds");
    return true;
  case place::outside:
    return stop(ec, "a text among the results", "objects");
  case place::elsewhere:
    return scalar(ec);
  }
  return true;
}

bool atlas_handler::number(string_view rest, error_code& ec) {
  const auto text = taken(rest);
  if (where() == place::entry) return entry_number(text, ec);
  if (where() == place::packet) return packet_number(text, ec);
  return scalar(ec);
}

bool atlas_handler::entry_number(const std::string& text, error_code& ec) {
  auto* const field = entry_key_ == "prb_id"      ? &entry_.probe_id
                      : entry_key_ == "msm_id"    ? &entry_.measurement_id
                      : entry_key_ == "timestamp" ? &entry_.timestamp
                                                  : nullptr;
  if (!field) return true;
  *field = parse_count(text);
  constexpr std::int64_t most = 1'000'000'000'000;
  if (!*field || **field > most)
    return stop(ec, '"' + entry_key_ + "\": " + in_quotes(text), "a whole number from 0");
  return true;
}

bool atlas_handler::packet_number(const std::string& text, error_code& ec) {
  if (packet_key_ == "dup") packet_.duplicate = true;
  if (packet_key_ == "error") packet_.error = true;
  if (packet_key_ != "rtt") return true;
  const auto rtt = parse_decimal(text, digits_of(unit::ms));
  if (!rtt || *rtt < 0 || *rtt > limits::value.count())
    return stop(ec, "\"rtt\": " + in_quotes(text), "0 to 1 h in milliseconds");
  packet_.rtt = nanoseconds{*rtt};
  return true;
}

/// A value nobody asked for, where there may be one.
bool atlas_handler::scalar(error_code& ec) {
  if (where() == place::outside) return stop(ec, "a value among the results", "objects");
  if (in_result_ && depth_ == entry_depth_ + 1)
    return stop(ec, "a value among a result's packets", "objects with rtt, x or error");
  return true;
}

} // namespace lanrage::sim::trace
