#include "lab/process.hpp"

#include "lab/failure.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <csignal>
#include <cstdlib>
#include <thread>

extern char** environ;

namespace lanrage::lab {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_line = 1u << 20;
constexpr std::size_t max_capture = 16u << 20;

/// Everything a child needs, prepared before fork: between fork and exec only system calls run.
struct launch {
  std::string path;
  std::vector<char*> argv;
  std::vector<std::string> env_strings;
  std::vector<char*> envp;
  habitat where;
  std::array<int, 3> streams{-1, -1, -1};
  int report = -1; ///< close-on-exec pipe: errno and step when something fails before exec
};

struct launch_error {
  int error = 0;
  char step[24] = {};
};

[[noreturn]] void fail_child(int report, const char* step) {
  launch_error e;
  e.error = errno;
  std::strncpy(e.step, step, sizeof e.step - 1);
  [[maybe_unused]] auto n = ::write(report, &e, sizeof e);
  ::_exit(127);
}

[[noreturn]] void run_child(const launch& l) {
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int s : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD})
    ::signal(s, SIG_DFL);
  for (int i = 0; i < 3; ++i) {
    int from = l.streams[std::size_t(i)];
    // dup2 onto itself would leave close-on-exec set.
    if ((from == i ? ::fcntl(i, F_SETFD, 0) : ::dup2(from, i)) < 0) fail_child(l.report, "dup2");
  }
  if (l.where.net_ns >= 0 && ::setns(l.where.net_ns, CLONE_NEWNET) != 0)
    fail_child(l.report, "enter network");
  if (l.where.mount_ns >= 0 && ::setns(l.where.mount_ns, CLONE_NEWNS) != 0)
    fail_child(l.report, "enter mounts");
  // Descriptors of the runner (its locks and pipes above all) must not outlive it in a child.
  // The report pipe is close-on-exec by itself; everything else is marked so here.
  ::syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
  ::execve(l.path.c_str(), l.argv.data(), l.envp.data());
  fail_child(l.report, "execute");
}

unique_fd open_output(const output& where, unique_fd& read_end) {
  if (const auto* file = std::get_if<to_file>(&where)) {
    unique_fd fd{::open(file->path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    if (!fd) throw_errno("open " + file->path.string());
    return fd;
  }
  if (std::holds_alternative<to_null>(where))
    return unique_fd{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  int p[2];
  if (::pipe2(p, O_CLOEXEC) != 0) throw_errno("pipe");
  read_end = unique_fd{p[0]};
  ::fcntl(p[0], F_SETFL, O_NONBLOCK);
  return unique_fd{p[1]};
}

/// A file in memory rather than a pipe: any size, and no SIGPIPE when the child never reads it.
unique_fd open_input(const std::string& text) {
  if (text.empty()) return unique_fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  unique_fd fd{::memfd_create("input", MFD_CLOEXEC)};
  if (!fd || ::write(fd.get(), text.data(), text.size()) != ssize_t(text.size()) ||
      ::lseek(fd.get(), 0, SEEK_SET) != 0)
    throw_errno("prepare input");
  return fd;
}

void fill_environment(launch& l, const std::map<std::string, std::string>& extra) {
  for (char** e = environ; *e != nullptr; ++e) {
    std::string entry{*e};
    if (!extra.contains(entry.substr(0, entry.find('=')))) l.env_strings.push_back(entry);
  }
  for (const auto& [key, value] : extra)
    l.env_strings.push_back(key + "=" + value);
  for (auto& s : l.env_strings)
    l.envp.push_back(s.data());
  l.envp.push_back(nullptr);
}

/// Forks in a thread of its own: entering a pid namespace works for the children of the calling
/// thread only, and this way the rest of the program keeps its own.
pid_t fork_into(const launch& l) {
  pid_t child = -1;
  int error = 0;
  auto fork_here = [&] {
    if (l.where.pid_ns >= 0 && ::setns(l.where.pid_ns, CLONE_NEWPID) != 0) {
      error = errno;
      return;
    }
    child = ::fork();
    if (child == 0) run_child(l);
    if (child < 0) error = errno;
  };
  if (l.where.pid_ns < 0)
    fork_here();
  else
    std::thread{fork_here}.join();
  if (child < 0) throw_errno("start " + l.path, error);
  return child;
}

std::chrono::milliseconds left(process::clock::time_point deadline) {
  auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - process::clock::now());
  return std::clamp<std::chrono::milliseconds>(rest, 0ms, 3600000ms);
}

} // namespace

std::string to_string(const exit_status& status) {
  if (status.signal != 0) return "killed by signal " + std::to_string(status.signal);
  return "exit code " + std::to_string(status.code);
}

std::optional<std::filesystem::path> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return std::filesystem::path{name};
  const char* given = std::getenv("PATH");
  std::string path =
      std::string{given != nullptr ? given : ""} + ":/usr/local/sbin:/usr/sbin:/sbin";
  for (std::size_t at = 0; at <= path.size();) {
    auto end = std::min(path.find(':', at), path.size());
    auto candidate = std::filesystem::path{path.substr(at, end - at)} / name;
    if (end > at && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return std::nullopt;
}

process::process(const process_spec& spec, const habitat& where) {
  assert(!spec.argv.empty());
  auto program = find_program(spec.argv[0]);
  if (!program) throw failure("program not found: " + spec.argv[0]);
  launch l;
  l.path = program->string();
  l.where = where;
  auto argv = spec.argv;
  for (auto& a : argv)
    l.argv.push_back(a.data());
  l.argv.push_back(nullptr);
  fill_environment(l, spec.env);
  unique_fd in = open_input(spec.input);
  unique_fd out = open_output(spec.out, out_);
  unique_fd err = open_output(spec.err, err_);
  l.streams = {in.get(), out.get(), err.get()};
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) throw_errno("pipe");
  unique_fd report_read{report[0]}, report_write{report[1]};
  l.report = report[1];

  pid_ = fork_into(l);
  report_write.reset();
  launch_error e;
  auto n = ::read(report_read.get(), &e, sizeof e);
  if (n == ssize_t(sizeof e)) {
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    throw failure(std::string{"start "} + spec.argv[0] + ": " + e.step + ": " +
                  std::strerror(e.error));
  }
  pidfd_ = unique_fd{int(::syscall(SYS_pidfd_open, pid_, 0))};
  if (!pidfd_) throw_errno("pidfd_open");
}

process& process::operator=(process&& other) noexcept {
  if (this != &other) {
    kill_now();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
    out_ = std::move(other.out_);
    err_ = std::move(other.err_);
    buffered_ = std::move(other.buffered_);
    ended_ = std::exchange(other.ended_, std::nullopt);
  }
  return *this;
}

process::~process() {
  kill_now();
}

void process::kill_now() {
  if (pidfd_ && !ended_) {
    signal(SIGKILL);
    wait_for(5s);
  }
}

bool process::running() {
  return pidfd_ && !wait_for(0ms);
}

void process::signal(int number) {
  if (pidfd_ && !ended_) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

std::optional<exit_status> process::wait_until(clock::time_point deadline) {
  if (ended_ || !pidfd_) return ended_;
  for (;;) {
    pollfd p{pidfd_.get(), POLLIN, 0};
    int n = ::poll(&p, 1, int(left(deadline).count()));
    if (n > 0) break;
    if (n == 0 || errno != EINTR) return std::nullopt;
  }
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) return std::nullopt;
  ended_ =
      WIFSIGNALED(status) ? exit_status{0, WTERMSIG(status)} : exit_status{WEXITSTATUS(status), 0};
  return ended_;
}

exit_status process::stop(std::chrono::milliseconds grace) {
  signal(SIGTERM);
  if (auto s = wait_for(grace)) return *s;
  signal(SIGKILL);
  return wait_for(5s).value_or(exit_status{0, SIGKILL});
}

std::optional<std::string> process::read_line(clock::time_point deadline) {
  for (;;) {
    auto end = buffered_.find('\n');
    if (end != std::string::npos || buffered_.size() >= max_line) {
      auto line = buffered_.substr(0, end);
      buffered_.erase(0, end == std::string::npos ? end : end + 1);
      return line;
    }
    char chunk[4096];
    auto n = out_ ? ::read(out_.get(), chunk, sizeof chunk) : 0;
    if (n > 0) {
      buffered_.append(chunk, std::size_t(n));
      continue;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) return std::nullopt;
    pollfd p{out_.get(), POLLIN, 0};
    if (::poll(&p, 1, int(left(deadline).count())) == 0) return std::nullopt;
  }
}

/// Drains both outputs of a process until they end.
struct command_reader {
  static void drain(process& p, command_result& result, process::clock::time_point deadline) {
    auto take = [](unique_fd& fd, std::string& into) {
      char chunk[16384];
      auto n = ::read(fd.get(), chunk, sizeof chunk);
      if (n > 0 && into.size() < max_capture) into.append(chunk, std::size_t(n));
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) fd.reset();
    };
    while (p.out_ || p.err_) {
      pollfd fds[2] = {{p.out_.get(), POLLIN, 0}, {p.err_.get(), POLLIN, 0}};
      int n = ::poll(fds, 2, int(left(deadline).count()));
      if (n == 0) {
        result.timed_out = true;
        return;
      }
      if (n > 0 && fds[0].revents != 0) take(p.out_, result.out);
      if (n > 0 && fds[1].revents != 0) take(p.err_, result.err);
    }
  }
};

command_result run_command(const process_spec& spec, const habitat& where,
                           std::chrono::milliseconds limit) {
  auto deadline = process::clock::now() + limit;
  command_result result;
  process p{spec, where};
  command_reader::drain(p, result, deadline);
  auto status = result.timed_out ? std::nullopt : p.wait_until(deadline);
  result.timed_out = !status;
  result.status = status ? *status : p.stop(0ms);
  return result;
}

command_result run_command(std::vector<std::string> argv, const habitat& where,
                           std::chrono::milliseconds limit) {
  process_spec spec;
  spec.argv = std::move(argv);
  return run_command(spec, where, limit);
}

std::string must_run(const process_spec& spec, const habitat& where,
                     std::chrono::milliseconds limit) {
  auto r = run_command(spec, where, limit);
  if (r.ok()) return r.out;
  std::string line;
  for (const auto& a : spec.argv)
    line += (line.empty() ? "" : " ") + a;
  throw failure(line + ": " + (r.timed_out ? "no end within its time" : to_string(r.status)) +
                (r.err.empty() ? "" : ": " + r.err));
}

} // namespace lanrage::lab
