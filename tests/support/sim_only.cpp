#include "cli/sim.hpp"

#include <CLI/CLI.hpp>

/// `lanrage sim ...` and nothing else of the program: sim_only sim golden sim/scenarios/*.toml
int main(int argc, char** argv) {
  CLI::App app{"lanrage sim, without the rest"};
  app.require_subcommand(1);
  std::function<int()> command;
  lanrage::cli::add_sim(app, command);
  CLI11_PARSE(app, argc, argv);
  return command();
}
