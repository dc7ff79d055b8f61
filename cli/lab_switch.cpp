#include "cli/lab_switch.hpp"

#include "lab/delay_switch.hpp"
#include "lab/failure.hpp"

#include <csignal>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace lanrage::cli {

namespace {

using std::chrono::microseconds;

lab::delay_switch* running = nullptr;

/// Throws lab::failure with what is wrong about the line.
void apply_line(lab::delay_switch& wire, const std::string& line) {
  std::istringstream in{line};
  std::string interface, word;
  long delay = 0, jitter = 0;
  lab::port_settings settings;
  if (!(in >> interface >> delay >> jitter >> settings.loss))
    throw lab::failure("expected: INTERFACE DELAY_US JITTER_US LOSS [blocked]");
  if (delay < 0 || jitter < 0 || settings.loss < 0 || settings.loss > 1)
    throw lab::failure("out of range");
  if (in >> word) {
    if (word != "blocked") throw lab::failure("unknown word " + word);
    settings.blocked = true;
  }
  settings.delay = microseconds{delay};
  settings.jitter = microseconds{jitter};
  wire.set(wire.port(interface), settings);
}

void serve_lines(lab::delay_switch& wire) {
  for (std::string line; std::getline(std::cin, line);) {
    try {
      apply_line(wire, line);
      std::cout << "ok" << std::endl;
    } catch (const lab::failure& e) {
      std::cout << "error: " << e.what() << std::endl;
    }
  }
}

} // namespace

int run_lab_switch(int argc, char** argv) {
  std::vector<std::string> interfaces;
  lab::delay_switch::options options;
  microseconds one_way{0};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--no-realtime") {
      options.realtime = false;
    } else if (word == "--delay" && i + 1 < argc) {
      char* end = nullptr;
      one_way = microseconds{std::strtol(argv[++i], &end, 10)};
      if (*end != '\0' || one_way < microseconds{0}) return 2;
    } else if (word.starts_with("--")) {
      std::cerr << "lab-switch: unknown option " << word << "\n";
      return 2;
    } else {
      interfaces.push_back(word);
    }
  }
  if (interfaces.size() < 2) {
    std::cerr << "lab-switch: needs at least two interfaces\n";
    return 2;
  }
  try {
    lab::delay_switch wire{interfaces, options};
    lab::port_settings settings;
    settings.delay = one_way / 2;
    for (std::size_t p = 0; p < interfaces.size(); ++p)
      wire.set(p, settings);
    running = &wire;
    // SIGTERM ends the blocking read of standard input.
    struct sigaction stop {};
    stop.sa_handler = [](int) {
      if (running != nullptr) running->stop();
    };
    ::sigaction(SIGTERM, &stop, nullptr);
    ::sigaction(SIGINT, &stop, nullptr);
    wire.start();
    serve_lines(wire);
    wire.stop();
    running = nullptr;
  } catch (const lab::failure& e) {
    std::cerr << "lab-switch: " << e.what() << "\n";
    return 1;
  }
  return 0;
}

} // namespace lanrage::cli
