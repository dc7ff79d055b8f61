#include "cli/json_text.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using lanrage::cli::to_line;

TEST_CASE("JSON goes through unchanged, numbers without exponents") {
  for (const auto* text : {R"({"a":[1,-2,18446744073709551615,25.5,0.0001,null,true,"x\"\n"]})",
                           "{}", "[]", R"([{},[],""])", "1000000000000000000000", "-0.5"}) {
    INFO(text);
    CHECK(to_line(boost::json::parse(text)) == text);
  }
}
