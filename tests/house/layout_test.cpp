#include "tests/house/rules.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

using namespace lanrage::house;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Every C++ file of ours, sorted by path.
const std::vector<source>& sources() {
  static const auto all = [] {
    std::vector<source> out;
    const fs::path root{lanrage::places::source};
    for (const auto* room :
         {"net", "config", "messages", "actors", "sim", "lab", "cli", "bench", "tests"}) {
      if (!fs::exists(root / room)) continue;
      for (const auto& entry : fs::recursive_directory_iterator{root / room})
        if (entry.path().extension() == ".hpp" || entry.path().extension() == ".cpp")
          out.push_back({fs::relative(entry.path(), root).string(), read(entry.path())});
    }
    std::sort(out.begin(), out.end(),
              [](const source& a, const source& b) { return a.path < b.path; });
    return out;
  }();
  return all;
}

using rule = std::function<std::vector<violation>(const source&)>;

/// One line per violation; empty when the house is in order.
std::string violations(const rule& check) {
  std::string out;
  for (const auto& file : sources())
    for (const auto& found : check(file))
      out += "\n  " + to_string(found);
  return out;
}

/// What a rule says about a sample; "" when it is content.
std::string says(const rule& check, const std::string& path, const std::string& text) {
  const auto found = check({path, text});
  return found.empty() ? "" : to_string(found.front());
}

const rule iteration = [](const source& file) {
  return check_iteration(file, "std::unordered_map<int, std::vector<int>> by_key_;");
};

} // namespace

TEST_CASE("the house has files to look at") {
  CHECK(sources().size() > 20);
}

TEST_CASE("rooms include only what their direction allows") {
  CHECK(violations(check_includes) == "");
}

TEST_CASE("pure files include neither CAF, Asio nor spdlog and read no clock") {
  CHECK(violations(check_purity) == "");
}

TEST_CASE("nobody sleeps, rolls own dice or reads a clock of their own") {
  CHECK(violations(check_banned_calls) == "");
}

TEST_CASE("cores and actors never iterate in an order of chance") {
  const fs::path root{lanrage::places::source};
  CHECK(violations([&](const source& file) {
          const auto header = fs::path{root / file.path}.replace_extension(".hpp");
          return check_iteration(file, fs::exists(header) ? read(header) : "");
        }) == "");
}

TEST_CASE("files and functions stay small enough to read in one sitting") {
  CHECK(violations(check_sizes) == "");
}

TEST_CASE("every handler of a message map says what comes of its message") {
  CHECK(violations(check_message_maps) == "");
}

TEST_CASE("a file's room is its folder, and a role is a room of its own") {
  CHECK(room_of("net/stun.cpp") == "net");
  CHECK(room_of("net/wg/state.hpp") == "net");
  CHECK(room_of("net/os/raw_port.cpp") == "net/os");
  CHECK(room_of("actors/peer/repair.cpp") == "actors/peer");
  CHECK(room_of("actors/wiring.cpp") == "actors/wiring");
  CHECK(room_of("actors/shell.hpp") == "actors");
  CHECK(room_of("rules.hpp") == "");
}

TEST_CASE("the include rule fires on each direction it forbids") {
  const auto includes = [](const std::string& from, const std::string& what) {
    return says(check_includes, from, "#pragma once\n#include \"" + what + "\"\n");
  };
  CHECK(includes("net/stun.hpp", "config/defaults.hpp") ==
        "net/stun.hpp:2: net must not include config");
  CHECK(includes("net/stun.hpp", "net/os/raw_port.hpp") ==
        "net/stun.hpp:2: net must not include net/os: only drivers and the daemon touch the "
        "system");
  CHECK(includes("config/keys.cpp", "messages/values.hpp") != "");
  CHECK(includes("messages/values.hpp", "actors/shell.hpp") != "");
  CHECK(includes("actors/peer/repair.cpp", "actors/nat/gather.hpp") ==
        "actors/peer/repair.cpp:2: actors/peer includes actors/nat: role folders meet in messages/ "
        "only");
  CHECK(includes("actors/peer/peer_actor.cpp", "net/os/raw_port.hpp") != "");
  CHECK(includes("actors/nat/nat_core.cpp", "net/control/protocol.hpp") != "");
  CHECK(includes("actors/nat/nat_core.cpp", "actors/wiring.hpp") != "");
  CHECK(includes("actors/wiring.cpp", "actors/drivers/wg_driver.hpp") != "");
  CHECK(includes("sim/world.cpp", "net/os/raw_port.hpp") != "");
  CHECK(includes("sim/world.cpp", "actors/drivers/wg_driver.hpp") != "");
  CHECK(includes("lab/netns.cpp", "actors/wiring.hpp") != "");
  CHECK(includes("cli/main.cpp", "repair.hpp") != "");
}

TEST_CASE("the include rule is content with what is allowed") {
  for (const auto& [from, what] : std::vector<std::pair<std::string, std::string>>{
           {"net/os/raw_port.cpp", "net/stun.hpp"},
           {"config/keys.cpp", "net/ids.hpp"},
           {"actors/peer/repair.cpp", "messages/values.hpp"},
           {"actors/peer/repair.cpp", "actors/peer/repair.hpp"},
           {"actors/drivers/wg_driver.cpp", "net/os/raw_port.hpp"},
           {"actors/directory/directory_core.cpp", "net/control/protocol.hpp"},
           {"actors/wiring.cpp", "actors/peer/peer_actor.hpp"},
           {"actors/daemon/daemon.cpp", "actors/wiring.hpp"},
           {"sim/world.cpp", "actors/wiring.hpp"},
           {"tests/house/layout_test.cpp", "rules.hpp"},
           {"cli/serve.cpp", "net/relay/server.hpp"}}) {
    INFO(from << " includes " << what);
    CHECK(says(check_includes, from, "#include \"" + what + "\"\n") == "");
  }
  CHECK(says(check_includes, "net/stun.hpp", "// #include <config/defaults.hpp>\n") == "");
}

TEST_CASE("the purity rule fires in cores and only there") {
  const auto caf = "#include <caf/actor.hpp>\n";
  CHECK(says(check_purity, "actors/peer/repair.cpp", caf) != "");
  CHECK(says(check_purity, "actors/peer/peer_actor.cpp", caf) == "");
  CHECK(says(check_purity, "actors/wg/wg_writer.cpp", caf) == "");
  CHECK(says(check_purity, "actors/drivers/wg_driver.cpp", caf) == "");
  CHECK(says(check_purity, "net/stun.cpp", "#include <boost/asio/buffer.hpp>\n") != "");
  CHECK(says(check_purity, "net/stun.cpp", "#include <boost/json.hpp>\n") == "");
  CHECK(says(check_purity, "net/relay/routing.cpp", "#include <spdlog/spdlog.h>\n") != "");
  CHECK(says(check_purity, "net/relay/server.cpp", "#include <spdlog/spdlog.h>\n") == "");
  CHECK(says(check_purity, "net/control/registry.cpp", "#include <sqlite3.h>\n") != "");
  CHECK(says(check_purity, "net/control/store.cpp", "#include <sqlite3.h>\n") == "");
  CHECK(says(check_purity, "net/stun.cpp", "auto t = std::chrono::steady_clock::now();\n") != "");
  CHECK(says(check_purity, "net/stun.cpp", "auto t = time(nullptr);\n") != "");
  CHECK(says(check_purity, "net/stun.cpp", "// steady_clock::now() is the caller's\n") == "");
}

TEST_CASE("each banned call fires where it is banned and not elsewhere") {
  const auto bad = [](const std::string& path, const std::string& code) {
    return says(check_banned_calls, path, code) != "";
  };
  CHECK(bad("actors/peer/peer_actor.cpp", "std::this_thread::sleep_for(5s);"));
  CHECK(bad("tests/net/stun_test.cpp", "usleep(5);"));
  CHECK_FALSE(bad("lab/party.cpp", "std::this_thread::sleep_for(5s);"));
  CHECK(bad("actors/nat/nat_actor.cpp", "auto t = std::chrono::system_clock::now();"));
  CHECK(bad("sim/world.cpp", "auto t = std::chrono::steady_clock::now();"));
  CHECK_FALSE(bad("actors/daemon/daemon.cpp", "auto t = std::chrono::system_clock::now();"));
  CHECK(bad("actors/nat/nat_core.cpp", "std::random_device d;"));
  CHECK(bad("cli/main.cpp", "srand(1);"));
  CHECK(bad("sim/world.cpp", "std::uniform_int_distribution<int> d;"));
  CHECK(bad("cli/main.cpp", "#include <caf/all.hpp>"));
  CHECK(bad("lab/netns.cpp", "::system(\"ip link\");"));
  CHECK_FALSE(bad("actors/peer/peer_actor.cpp", "// never sleep_for( here"));
  CHECK_FALSE(bad("actors/peer/peer_actor.cpp", "log(\"sleep_for(5)\");"));
  CHECK_FALSE(bad("actors/wiring.cpp", "caf::actor_system& system) {"));
}

TEST_CASE("the iteration rule fires on a loop over an unordered member") {
  CHECK(says(iteration, "actors/nat/nat_core.cpp", "for (auto& [k, v] : by_key_) {") ==
        "actors/nat/nat_core.cpp:1: iterates over the unordered by_key_: its order is chance; use "
        "std::map or a sorted vector");
  CHECK(says(iteration, "actors/nat/nat_core.cpp", "auto it = by_key_.begin();") != "");
  CHECK(says(iteration, "actors/nat/nat_core.cpp", "auto it = by_key_.find(k);") == "");
  CHECK(says(iteration, "lab/netns.cpp", "for (auto& [k, v] : by_key_) {") == "");
  CHECK(says(check_banned_calls, "x", "") == "");
}

TEST_CASE("the size rule fires on a long file and on a long function") {
  const std::string filler(401, '\n');
  CHECK(says(check_sizes, "net/stun.cpp", filler) ==
        "net/stun.cpp:401: the file has 401 lines, at most 400: split it by what it does");
  CHECK(says(check_sizes, "net/stun.cpp", filler.substr(1)) == "");
  CHECK(says(check_sizes, "tests/net/stun_test.cpp", filler) == "");

  const auto function = [](std::size_t lines) {
    return "int f(int x) const {\n" + std::string(lines - 2, '\n') + "}\n";
  };
  CHECK(says(check_sizes, "net/stun.cpp", function(71)) ==
        "net/stun.cpp:1: the function has 71 lines, at most 70: name its parts");
  CHECK(says(check_sizes, "net/stun.cpp", function(70)) == "");
}

TEST_CASE("the message map rule fires on a handler without a comment") {
  const std::string map = "using a = caf::typed_actor<\n    /// Said once.\n    caf::reacts_to<b>";
  CHECK(says(check_message_maps, "messages/interfaces.hpp", map + ">;\n") == "");
  CHECK(says(check_message_maps, "messages/interfaces.hpp",
             map + ",\n    caf::replies_to<c>::with<d>>;\n") ==
        "messages/interfaces.hpp:4: a handler without a comment: say above it what comes of the "
        "message");
  CHECK(says(check_message_maps, "messages/sinks.hpp",
             "using a = caf::typed_actor<caf::reacts_to<b>>;\n") != "");
  CHECK(says(check_message_maps, "actors/nat/nat_actor.cpp", "caf::reacts_to<b>;\n") == "");
}

TEST_CASE("comments and strings are no code, and lines keep their numbers") {
  CHECK(without_comments_and_strings("a // b\nc /* d\ne */ f\n\"g\\\"h\" 'i' R\"(j\nk)\" l\n") ==
        "a \nc \n f\n\"\" '' \"\"\n l\n");
  CHECK(without_comments_and_strings("20'000 + 1'000 // x") == "20'000 + 1'000 ");
}
