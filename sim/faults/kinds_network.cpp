#include "sim/faults/arguments.hpp"

/// What links and boxes do: F1 to F20, and F66.
namespace lanrage::sim::faults {
namespace {

constexpr const char* behaviors =
    "endpoint-independent|address-dependent|address-and-port-dependent";

kind on_links(int id, const char* name, duration shortest, duration longest, const char* about,
              std::vector<argument> arguments) {
  arguments.push_back(way());
  return {id,
          name,
          id == 66 ? seam::input : seam::link,
          aim_ends,
          true,
          false,
          shortest,
          longest,
          about,
          std::move(arguments)};
}
kind on_boxes(int id, const char* name, duration shortest, duration longest, const char* about,
              std::vector<argument> arguments = {}) {
  return {id,    name,     seam::nat, aim_boxes, false,
          false, shortest, longest,   about,     std::move(arguments)};
}

std::vector<kind> link_kinds() {
  return {
      on_links(1, "recorded", 10s, 10min, "delay and loss follow a recording made from the seed",
               {word_of("model", "bursty|starlink|shifts|steady|diurnal"),
                time_of("base", 0ms, 1s, 40ms, 5ms, 150ms, "the recording's round trip")}),
      on_links(2, "loss", 1s, 5min, "packets are lost, by themselves or in bursts",
               {share_of("share", 20, 60, "of the packets"),
                count_of("burst", 1, 1'000, 1, 1, 20,
                         "lost in a row on average (Gilbert and Elliott)")}),
      on_links(3, "delay", 1s, 5min, "packets take longer",
               {time_of("by", 0ms, 1min, 100ms, 0ms, 500ms, "each of them"),
                time_of("jitter", 0ms, 1min, 0ms, 0ms, 200ms, "up to this much more")}),
      on_links(4, "stall", 100ms, 90s, "packets are held and come in order when it ends", {}),
      on_links(5, "reorder", 1s, 5min, "some packets are overtaken by later ones",
               {share_of("share", 20, 50, "of the packets"),
                time_of("by", 0ms, 1min, 50ms, 1ms, 500ms, "these are late by up to")}),
      on_links(6, "duplicate", 1s, 5min, "packets arrive twice, perhaps minutes later",
               {share_of("share", 20, 50, "of the packets"),
                time_of("by", 0ms, 1h, 10ms, 0ms, 3min, "the copy comes up to this much later")}),
      on_links(7, "corrupt", 1s, 5min, "packets are damaged or cut short",
               {share_of("share", 10, 30, "of the packets"), word_of("how", "flip|cut")}),
      on_links(
          8, "black-hole", 1s, 10min, "large packets vanish without a word",
          {count_of("octets", 68, 65'535, 1'000, 200, 1'400, "of an IP packet that still passes")}),
      on_links(9, "rate", 1s, 5min, "the link is slow, and its queue overflows",
               {count_of("kbit", 1, 1'000'000, 64, 8, 2'000, "kbit/s"),
                count_of("queue", 0, 100'000'000, 16'384, 2'000, 200'000,
                         "octets that wait; more are dropped")}),
      on_links(10, "partition", 1s, 5min, "nothing passes", {}),
      on_links(11, "swizzle", 5s, 2min,
               "links are clogged one by one in a drawn order and freed in another one", {}),
      on_links(12, "path-change", 30s, 10min, "the delay steps now and then",
               {time_of("by", 0ms, 1min, 80ms, 5ms, 300ms, "up to this much more at a step"),
                time_of("every", 1s, 1h, 30s, 5s, 2min, "between two steps")}),
  };
}

std::vector<kind> box_kinds() {
  return {
      on_boxes(13, "nat-behavior", 30s, 20min, "the box is of another class, its mappings gone",
               {word_of("mapping", behaviors), word_of("filtering", behaviors)}),
      on_boxes(14, "nat-lifetime", 1min, 30min, "mappings live shorter",
               {time_of("lifetime", 1s, 24h, 30s, 10s, 5min, "unused, whole seconds"),
                flag_of("refresh", false, "what comes in keeps them alive, too")}),
      on_boxes(15, "nat-reboot", 0s, 1min, "the box restarts: its mappings are gone", {}),
      on_boxes(16, "new-address", 100ms, 6s,
               "the box gets another address: first nothing passes, then all but control"),
      on_boxes(17, "no-hairpin", 10s, 20min, "the box does not turn packets round"),
      on_boxes(18, "nat-ports", 10s, 5min, "the box has few ports and forgets its mappings",
               {count_of("ports", 1, 60'000, 4, 1, 40, "it can give out"),
                flag_of("steal", false, "a new mapping takes the oldest one's port")}),
      on_boxes(19, "no-udp", 1s, 5min, "the box lets no UDP through"),
      on_boxes(20, "double-nat", 1min, 20min, "the provider puts a box of its own before this one",
               {word_of("mapping", behaviors), word_of("filtering", behaviors)}),
  };
}

} // namespace

std::vector<kind> network_kinds() {
  auto out = link_kinds();
  for (auto& each : box_kinds())
    out.push_back(std::move(each));
  out.push_back(on_links(66, "broken-trace", 5s, 2min,
                         "the link follows a recording with gaps, or one that ends",
                         {word_of("how", "gaps|ends")}));
  return out;
}

} // namespace lanrage::sim::faults
