#include "lab/estate.hpp"

#include "lab/failure.hpp"
#include "lab/netns.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

namespace lanrage::lab {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto janitor_patience = 3s;

std::string base36(unsigned value) {
  std::string text;
  do
    text.insert(text.begin(), "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36]);
  while ((value /= 36) != 0);
  return text;
}

/// The lock file lies beside the folder, so that it can be held while the folder is removed.
fs::path lock_path(const std::string& prefix) {
  return fs::path{estate_folder} / (prefix + "lock");
}

fs::path folder_path(const std::string& prefix) {
  return fs::path{estate_folder} / prefix.substr(0, prefix.size() - 1);
}

unique_fd open_locked(const fs::path& path, int how) {
  unique_fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!fd) throw_errno("open " + path.string());
  if (::flock(fd.get(), how) != 0) return {};
  // Whoever held the lock before may have removed the file: then this is a lock on nothing.
  struct stat held {
  }, there{};
  if (::fstat(fd.get(), &held) != 0 || ::stat(path.c_str(), &there) != 0 ||
      held.st_ino != there.st_ino)
    return {};
  return fd;
}

/// Serialises coming and going of laboratories on this machine.
unique_fd enter_estates() {
  for (;;) {
    std::error_code error;
    fs::create_directories(estate_folder, error);
    if (error) throw failure(std::string{"create "} + estate_folder + ": " + error.message());
    ::chmod(estate_folder, 0700);
    try {
      if (auto fd = open_locked(fs::path{estate_folder} / "door", LOCK_EX)) return fd;
    } catch (const failure&) {
      if (fs::exists(estate_folder)) throw;
    }
  }
}

/// Removes the common folder when it is empty but for the door. Call inside enter_estates().
void remove_if_empty() {
  std::error_code ignored;
  for (const auto& e : fs::directory_iterator{estate_folder, ignored})
    if (e.path().filename() != "door") return;
  fs::remove(fs::path{estate_folder} / "door", ignored);
  fs::remove(estate_folder, ignored);
}

/// All but the processes: namespaces by their prefix, then the files. Idempotent.
void remove_belongings(const std::string& prefix) {
  for (const auto& name : netns_names(prefix))
    remove_netns(name);
  std::error_code ignored;
  fs::remove_all(folder_path(prefix), ignored);
  fs::remove(lock_path(prefix), ignored);
}

/// Process 1 of the laboratory's pid namespace. Forked, never executed; holds no locks of others.
[[noreturn]] void run_janitor(int lifeline, const std::string& prefix) {
  ::setsid();
  ::prctl(PR_SET_NAME, "lanrage-lab");
  for (int s : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
    ::signal(s, SIG_IGN);
  ::signal(SIGCHLD, SIG_IGN); // orphans of members become its children; reaped by the kernel
  ::dup2(lifeline, 3);
  ::syscall(SYS_close_range, 4u, ~0u, 0u);
  char byte;
  while (::read(3, &byte, 1) < 0 && errno == EINTR) {
  }
  // As process 1 this means everything in our own pid namespace; anywhere else it would be the
  // whole machine.
  if (::getpid() == 1) ::kill(-1, SIGKILL);
  try {
    auto door = enter_estates();
    remove_belongings(prefix);
    remove_if_empty();
  } catch (...) {
    ::_exit(1);
  }
  ::_exit(0);
}

void kill_processes_of(const std::string& prefix) {
  for (const auto& name : netns_names(prefix)) {
    try {
      for (auto pid : processes_in(netns{name}.fd()))
        ::kill(pid, SIGKILL);
    } catch (const failure&) {
      // A half-built namespace (its name exists, the mount does not): nothing lives in there.
    }
  }
}

} // namespace

estate::estate() {
  sweep_stale();
  claim();
  try {
    start_janitor();
  } catch (...) {
    release();
    throw;
  }
}

void estate::claim() {
  static std::atomic<unsigned> made{0};
  auto door = enter_estates();
  for (;;) {
    auto n = ++made;
    prefix_ = "lr" + base36(unsigned(::getpid())) + (n == 1 ? "" : "." + std::to_string(n)) + "-";
    // Taken by a runner in another pid namespace that sees the same folder: try the next.
    if (fs::exists(lock_path(prefix_)) || !netns_names(prefix_).empty()) continue;
    lock_ = open_locked(lock_path(prefix_), LOCK_EX | LOCK_NB);
    if (lock_) break;
  }
  folder_ = folder_path(prefix_);
  fs::create_directory(folder_);
  ::chmod(folder_.c_str(), 0700);
}

void estate::start_janitor() {
  int p[2];
  if (::pipe2(p, O_CLOEXEC) != 0) throw_errno("pipe");
  unique_fd read_end{p[0]};
  lifeline_ = unique_fd{p[1]};
  int error = 0;
  // A thread of its own: unshare changes where the children of the calling thread are born.
  std::thread{[&] {
    if (::unshare(CLONE_NEWPID) != 0) {
      error = errno;
      return;
    }
    janitor_ = ::fork();
    if (janitor_ == 0) run_janitor(read_end.get(), prefix_);
    if (janitor_ < 0) error = errno;
  }}.join();
  if (error != 0) throw_errno("start janitor", error);
  auto path = "/proc/" + std::to_string(janitor_) + "/ns/pid";
  pid_ns_ = unique_fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!pid_ns_) throw_errno("open " + path);
}

estate::~estate() {
  release();
}

void estate::release() noexcept {
  lifeline_.reset();
  if (janitor_ > 0) {
    unique_fd watch{int(::syscall(SYS_pidfd_open, janitor_, 0))};
    pollfd p{watch.get(), POLLIN, 0};
    while (::poll(&p, 1, int(janitor_patience / 1ms)) < 0 && errno == EINTR) {
    }
    ::kill(janitor_, SIGKILL);
    // It cannot end before every process of its pid namespace was waited for. One that its owner
    // has not collected yet must not hold us up: the belongings are removed below all the same.
    ::waitpid(janitor_, nullptr, WNOHANG);
    janitor_ = -1;
  }
  pid_ns_.reset();
  if (!lock_) return;
  try {
    auto door = enter_estates();
    remove_belongings(prefix_);
    remove_if_empty();
  } catch (...) {
    // Left for the next runner's sweep; a destructor has nobody to tell.
  }
  lock_.reset();
}

std::vector<std::string> known_estates() {
  std::vector<std::string> prefixes;
  std::error_code ignored;
  for (const auto& e : fs::directory_iterator{estate_folder, ignored}) {
    auto name = e.path().filename().string();
    if (name.ends_with("-lock")) prefixes.push_back(name.substr(0, name.size() - 4));
  }
  std::sort(prefixes.begin(), prefixes.end());
  return prefixes;
}

std::vector<std::string> sweep_stale() {
  std::vector<std::string> swept;
  if (known_estates().empty()) return swept;
  auto door = enter_estates();
  for (const auto& prefix : known_estates()) {
    auto lock = open_locked(lock_path(prefix), LOCK_EX | LOCK_NB);
    if (!lock) continue; // its runner lives
    kill_processes_of(prefix);
    remove_belongings(prefix);
    swept.push_back(prefix);
  }
  remove_if_empty(); // entering may have made the folder anew, behind a janitor that was quicker
  return swept;
}

} // namespace lanrage::lab
