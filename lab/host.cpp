#include "lab/host.hpp"

#include "lab/failure.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <thread>

namespace lanrage::lab {

namespace {

/// What the mount helper needs, prepared before fork: it makes system calls only.
struct mount_plan {
  int net_ns = -1;
  std::string root, run, names;
  bool separate_var_run = false;
  int ready = -1;    ///< write one byte: 0 done, else errno
  int lifeline = -1; ///< stay until this ends
};

int make_private_mounts(const mount_plan& plan) {
  if (::setns(plan.net_ns, CLONE_NEWNET) != 0 || ::unshare(CLONE_NEWNS) != 0) return errno;
  // Slave, not private: namespaces unmounted outside must go away in here as well.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return errno;
  int root = ::open(plan.root.c_str(), O_PATH | O_DIRECTORY);
  if (root < 0) return errno;
  char root_link[32];
  std::snprintf(root_link, sizeof root_link, "/proc/self/fd/%d", root);
  if (::mount(plan.run.c_str(), "/run", nullptr, MS_BIND, nullptr) != 0) return errno;
  if (plan.separate_var_run && ::mount("/run", "/var/run", nullptr, MS_BIND, nullptr) != 0)
    return errno;
  // The new /run hides our own folder; show it again under the path it has outside.
  if (::mount(root_link, plan.root.c_str(), nullptr, MS_BIND, nullptr) != 0) return errno;
  const unsigned long harmless = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("proc", "/proc", "proc", harmless, nullptr) != 0) return errno;
  // Nice to have: names of the laboratory's machines. Without them addresses serve.
  ::mount(plan.names.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr);
  // Nice to have: /sys/class/net of this network. Some containers forbid it.
  ::mount("sysfs", "/sys", "sysfs", harmless, nullptr);
  return 0;
}

[[noreturn]] void run_mount_helper(const mount_plan& plan) {
  char error = char(make_private_mounts(plan));
  [[maybe_unused]] auto n = ::write(plan.ready, &error, 1);
  while (::read(plan.lifeline, &error, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

struct pipe_ends {
  unique_fd read, write;
};

pipe_ends make_pipe() {
  int p[2];
  if (::pipe2(p, O_CLOEXEC) != 0) throw_errno("pipe");
  return {unique_fd{p[0]}, unique_fd{p[1]}};
}

} // namespace

host::host(std::string name, netns network, int pid_ns, std::filesystem::path root)
    : name_(std::move(name)), network_(std::move(network)), pid_ns_(pid_ns),
      root_(std::move(root)) {
  make_mounts();
}

std::vector<pid_t> host::processes(const std::string& program) const {
  auto pids = processes();
  std::erase_if(pids, [&](pid_t pid) {
    std::ifstream in{"/proc/" + std::to_string(pid) + "/comm"};
    std::string name;
    return !std::getline(in, name) || name != program; // it may have ended meanwhile
  });
  return pids;
}

void host::make_mounts() {
  namespace fs = std::filesystem;
  auto run = root_ / "run";
  fs::create_directories(run / root_.lexically_relative("/run"));
  std::ofstream{root_ / "hosts"};
  std::error_code ignored;
  auto ready = make_pipe();
  auto lifeline = make_pipe();
  mount_plan plan{network_.fd(),
                  root_.string(),
                  run.string(),
                  (root_ / "hosts").string(),
                  fs::canonical("/var/run", ignored) != "/run" && fs::exists("/var/run"),
                  ready.write.get(),
                  lifeline.read.get()};
  pid_t helper = -1;
  // /proc can only be mounted by a process of the pid namespace it shall show.
  std::thread{[&] {
    if (::setns(pid_ns_, CLONE_NEWPID) != 0) return;
    helper = ::fork();
    if (helper != 0) return;
    ::close(lifeline.write.get());
    run_mount_helper(plan);
  }}.join();
  if (helper < 0) throw_errno("start mount helper of " + name_);
  ready.write.reset();
  char error = 0;
  bool told = ::read(ready.read.get(), &error, 1) == 1;
  auto path = "/proc/" + std::to_string(helper) + "/ns/mnt";
  if (told && error == 0) mount_ns_ = unique_fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  lifeline.write.reset();
  ::waitpid(helper, nullptr, 0);
  if (error != 0) throw_errno("build mounts of " + name_, error);
  if (!mount_ns_) throw failure("the mount helper of " + name_ + " died");
}

} // namespace lanrage::lab
