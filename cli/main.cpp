#include "cli/arguments.hpp"
#include "net/errc.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>

int main(int argc, char** argv) {
  try {
    return lanrage::cli::run(argc, argv);
  } catch (const std::exception& defect) {
    std::cerr << "lanrage: " << lanrage::net::sentence(lanrage::net::errc::internal) << ": "
              << defect.what() << '\n';
    return EXIT_FAILURE;
  }
}
