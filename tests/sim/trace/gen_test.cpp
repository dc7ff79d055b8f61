#include "sim/trace/cut.hpp"
#include "sim/trace/gen.hpp"
#include "sim/trace/summary.hpp"
#include "tests/sim/trace/trace_text.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lanrage::test;
using namespace lanrage::sim::trace;
using namespace std::chrono_literals;

namespace {

std::string generated(const gen_options& how) {
  text_sink to;
  const auto done = generate(how, to);
  if (!done) return to_string(done.error());
  return to.text;
}

std::string cut_of(const std::string& text, const cut_options& how) {
  text_sink to;
  const auto done = cut(text_input("t", text), how, to);
  if (!done) return to_string(done.error());
  REQUIRE(says(to.text) == "good");
  return body_of(to.text);
}

std::uint64_t hash_of(const std::string& text) {
  return fnv(fnv_start, text);
}

} // namespace

TEST_CASE("every model makes a good trace of the length asked for") {
  for (const auto* name : {"steady", "diurnal", "bursty", "starlink", "shifts", "mesh"}) {
    INFO(name);
    const auto how = defaults_of(parse_model(name).value());
    const auto text = generated(how);
    CHECK(says(text) == "good");
    CHECK(copied(text) == text);
    const auto found = summarize(text_input("t", text)).value();
    CHECK(found.counted.span == how.interval * (how.duration / how.interval - 1));
    CHECK(found.counted.lost > 0);
    CHECK(found.counted.lost * 5 < found.counted.samples);
    CHECK(found.of_samples->min > 0ns);
  }
  CHECK_FALSE(parse_model("other"));
}

TEST_CASE("the seed decides, and the same one gives the same octets everywhere") {
  auto how = defaults_of(model::starlink);
  how.duration = 5min;
  const auto first = generated(how);
  CHECK(generated(how) == first);
  how.seed = 2;
  CHECK(generated(how) != first);
  // The same with every compiler and on every machine.
  how.seed = 1;
  for (const auto& [which, hash] :
       std::vector<std::pair<model, std::string>>{{model::steady, "6916d5d8a9a5a3d0"},
                                                  {model::diurnal, "1e2ff96ff4dc4ff6"},
                                                  {model::bursty, "71759ad90f3d3d52"},
                                                  {model::starlink, "8db1b8bfe5739686"},
                                                  {model::shifts, "1a12220bbbc47709"},
                                                  {model::mesh, "13e1ff5ce46965c7"}}) {
    auto small = defaults_of(which);
    small.duration = small.interval * 200;
    small.nodes = small.nodes ? 8 : 0;
    CHECK(hash_text(hash_of(generated(small))) == hash);
  }
}

TEST_CASE("a generator refuses what no trace may hold") {
  auto how = defaults_of(model::steady);
  how.interval = 0s;
  CHECK(generated(how).find("gen: found ") == 0);
  how = defaults_of(model::steady);
  how.interval = 1ns;
  CHECK(generated(how).find("gen: found more than") == 0);
  how = defaults_of(model::mesh);
  how.nodes = 1;
  CHECK(generated(how) == "gen: found 1 nodes, expected 2 to 1024");
}

TEST_CASE("percentiles are exact, by rank of the sorted samples") {
  auto how = defaults_of(model::diurnal);
  const auto text = generated(how);
  std::vector<nanoseconds> samples;
  auto trace = reader::open(text_input("t", text)).value();
  for (auto next = trace.next().value(); next; next = trace.next().value())
    if (next->kind == record_kind::sample) samples.push_back(next->value);
  std::sort(samples.begin(), samples.end());
  const auto found = summarize(text_input("t", text)).value();
  CHECK(found.of_samples->min == samples.front());
  CHECK(found.of_samples->p50 == samples[samples.size() * 50 / 100]);
  CHECK(found.of_samples->p99 == samples[samples.size() * 99 / 100]);
  CHECK(found.of_samples->max == samples.back());
  for (int n = 1; n < 205; ++n) {
    std::string body;
    for (int i = n; i > 0; --i)
      body += "s 0 0 " + std::to_string(i * 3'000'000LL) + "\n";
    const auto one = summarize(text_input("t", closed(one_link + body))).value();
    REQUIRE(one.of_samples->p50 == (n * 50 / 100 + 1) * 3ms);
    REQUIRE(one.of_samples->p99 == (n * 99 / 100 + 1) * 3ms);
  }
}

TEST_CASE("a trace without samples has no percentiles") {
  const auto found = summarize(text_input("t", closed(one_link + "l 0 0\n"))).value();
  CHECK_FALSE(found.of_samples);
  CHECK(found.counted.lost == 1);
}

TEST_CASE("a cut has exactly the records of its part, from a new origin") {
  const auto text = closed(with(one_link, "origin_unix_ns=none", "origin_unix_ns=1000") +
                           "s 0 0 1\ns 10 0 2\nm 0 a\nl 10 0\ns 10 0 4\n");
  CHECK(cut_of(text, {10ns, 30ns, {}}) == "s 0 0 2\nm 0 a\nl 10 0\n");
  CHECK(cut_of(text, {11ns, {}, {}}) == "l 9 0\ns 10 0 4\n");
  text_sink to;
  cut(text_input("t", text), {11ns, {}, {}}, to).value();
  CHECK(to.text.find("origin_unix_ns=1011 ") != std::string::npos);
}

TEST_CASE("the parts of a trace have the sum of its counts") {
  const auto text = generated(defaults_of(model::bursty));
  const auto whole = check(text_input("t", text)).value();
  text_sink front, back;
  const auto a = cut(text_input("t", text), {0s, 17min, {}}, front).value();
  const auto b = cut(text_input("t", text), {17min, {}, {}}, back).value();
  CHECK(a.samples + b.samples == whole.samples);
  CHECK(a.lost + b.lost == whole.lost);
  CHECK(a.sum + b.sum == whole.sum);
}

TEST_CASE("a link that is down at the cut goes down there") {
  const auto text = closed(one_link + "s 0 0 1\nd 5 0\nr 20 0\ns 5 0 2\n");
  CHECK(cut_of(text, {10ns, {}, {}}) == "d 0 0\nr 15 0\ns 5 0 2\n");
}

TEST_CASE("links of a mesh that are picked become links of their own") {
  auto how = defaults_of(model::mesh);
  how.nodes = 3;
  how.duration = how.interval;
  const auto text = generated(how);
  const auto body = cut_of(text, {0s, {}, {link_id{4}, link_id{0}}});
  CHECK(body.find("s 0 1 ") == 0);
  CHECK(body.find("s 0 0 ") != std::string::npos);
  CHECK(std::count(body.begin(), body.end(), '\n') == 2);
  CHECK(cut_of(text, {0s, {}, {link_id{6}}}) ==
        "t: found link 6, expected different links of 0 to 5");
  CHECK(cut_of(text, {1s, {}, {}}).find("t: found no record in that part") == 0);
  CHECK(cut_of(text, {1s, 1s, {}}).find("t: found an end") == 0);
}
