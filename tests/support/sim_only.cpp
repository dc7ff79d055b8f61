#include "cli/sim.hpp"

#include <CLI/CLI.hpp>

/// `lanrage sim ...` and nothing else of the program: sim_only sim golden sim/scenarios/*.toml
int main(int argc, char** argv) {
  CLI::App app{"lanrage sim, without the rest"};
  app.require_subcommand(1);
  std::function<int()> command;
  lanrage::cli::add_sim(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& said) {
    return app.exit(said) == 0 ? 0 : lanrage::cli::to_int(lanrage::cli::sim_exit::bad_input);
  }
  return command();
}
