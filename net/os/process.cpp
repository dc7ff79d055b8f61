#include "net/os/process.hpp"

#include "net/os/descriptor.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

namespace lanrage::net::os {

namespace {

namespace asio = boost::asio;
using stream = asio::posix::stream_descriptor;

constexpr std::string_view sbin = "/usr/local/sbin:/usr/sbin:/sbin";

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts)
    out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

result<std::filesystem::path> locate(const std::vector<std::string>& argv) {
  if (argv.empty()) return fail(errc::bad_config, "an empty command");
  const auto path = find_program(argv.front());
  if (!path) return fail(errc::bad_config, "no program '" + argv.front() + "'");
  return *path;
}

/// The input as a file in memory: no pipe to fill, and /dev/stdin can be opened.
result<descriptor> input_file(const std::string& text) {
  if (text.empty()) {
    descriptor null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    if (!null) return last_error("/dev/null");
    return null;
  }
  descriptor file{::memfd_create("lanrage-input", MFD_CLOEXEC)};
  if (!file) return last_error("memfd_create");
  for (std::size_t at = 0; at < text.size();) {
    const auto written = ::write(file.get(), text.data() + at, text.size() - at);
    if (written <= 0) return last_error("write input");
    at += static_cast<std::size_t>(written);
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return last_error("rewind input");
  return file;
}

struct child {
  pid_t pid = -1;
  descriptor alive; ///< a pidfd: readable when the process has ended
  descriptor output;
  descriptor complaints;
};

struct spawn_actions {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  spawn_actions() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  spawn_actions(const spawn_actions&) = delete;
  spawn_actions& operator=(const spawn_actions&) = delete;
  ~spawn_actions() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
};

result<child> start(const command& what) {
  const auto path = locate(what.argv);
  if (!path) return path.error();
  const auto input = input_file(what.input);
  if (!input) return input.error();
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return last_error("pipe");
  child made;
  made.output = descriptor{out[0]};
  const descriptor out_end{out[1]};
  if (::pipe2(err, O_CLOEXEC) != 0) return last_error("pipe");
  made.complaints = descriptor{err[0]};
  const descriptor err_end{err[1]};

  spawn_actions actions;
  ::posix_spawn_file_actions_adddup2(&actions.files, input->get(), 0);
  ::posix_spawn_file_actions_adddup2(&actions.files, out_end.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions.files, err_end.get(), 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions.files, 3);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&actions.attributes, &none);
  ::posix_spawnattr_setsigdefault(&actions.attributes, &all);
  ::posix_spawnattr_setpgroup(&actions.attributes, 0); // a group of its own, to kill it whole
  ::posix_spawnattr_setflags(&actions.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                      POSIX_SPAWN_SETPGROUP);
  const auto argv = pointers(what.argv);
  const int problem = ::posix_spawn(&made.pid, path->c_str(), &actions.files, &actions.attributes,
                                    argv.data(), environ);
  if (problem != 0) return system_error(problem, "start " + path->string());
  made.alive = descriptor{static_cast<int>(::syscall(SYS_pidfd_open, made.pid, 0))};
  if (!made.alive) {
    const auto why = last_error("pidfd_open");
    ::kill(-made.pid, SIGKILL);
    ::waitpid(made.pid, nullptr, 0);
    return why;
  }
  return made;
}

/// One run of a program on an io context. Keeps itself alive until it has told the outcome.
class runner : public std::enable_shared_from_this<runner> {
 public:
  runner(asio::io_context& context, const command& what, child made,
         std::function<void(result<outcome>)> done)
      : pid_(made.pid), output_max_(what.output_max), name_(what.argv.front()),
        alive_(context, made.alive.release()), output_(context, made.output.release()),
        complaints_(context, made.complaints.release()), timer_(context, what.deadline),
        done_(std::move(done)) {
    output_.non_blocking(true);
    complaints_.non_blocking(true);
  }

  void begin() {
    const auto self = shared_from_this();
    watch(output_, told_.output);
    watch(complaints_, told_.complaints);
    alive_.async_wait(stream::wait_read, [self](auto problem) {
      if (!problem) self->end();
    });
    timer_.async_wait([self](auto problem) {
      if (problem) return;
      self->killed_ = true; // its end comes in through the pidfd
      ::kill(-self->pid_, SIGKILL);
    });
  }

 private:
  void watch(stream& from, std::string& into) {
    from.async_wait(stream::wait_read, [self = shared_from_this(), &from, &into](auto problem) {
      if (!problem && self->take(from, into)) self->watch(from, into);
    });
  }

  /// Reads what is there; false at the end of the stream.
  bool take(stream& from, std::string& into) {
    std::array<char, 16 * 1'024> buffer;
    for (;;) {
      boost::system::error_code problem;
      const auto size = from.read_some(asio::buffer(buffer), problem);
      if (problem) return problem == asio::error::would_block;
      const auto kept = std::min(size, output_max_ - into.size());
      into.append(buffer.data(), kept);
      told_.truncated = told_.truncated || kept < size;
    }
  }

  void end() {
    int status = 0;
    ::waitpid(pid_, &status, 0); // the pidfd said that it has ended
    ::kill(-pid_, SIGKILL);      // nothing it left in its group may hold our pipes
    take(output_, told_.output);
    take(complaints_, told_.complaints);
    told_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    timer_.cancel();
    boost::system::error_code ignored;
    output_.close(ignored);
    complaints_.close(ignored);
    alive_.close(ignored);
    const auto done = std::move(done_);
    if (killed_)
      done(fail(errc::timed_out, name_ + " did not end in time"));
    else
      done(std::move(told_));
  }

  const pid_t pid_;
  const std::size_t output_max_;
  const std::string name_;
  stream alive_;
  stream output_;
  stream complaints_;
  asio::steady_timer timer_;
  std::function<void(result<outcome>)> done_;
  outcome told_;
  bool killed_ = false;
};

// --- detached programs ---------------------------------------------------------------------------

struct detached_report {
  int problem = 0; ///< errno of what failed, or 0
  pid_t pid = -1;
};

/// What the grandchild needs, made before the fork: nothing may be allocated afterwards.
struct detached_plan {
  const char* path;
  char* const* argv;
  char* const* environment;
  int input;
  int output;
  int report; ///< write end of a pipe
};

[[noreturn]] void give_up(int report) {
  const detached_report failed{errno, -1};
  (void)!::write(report, &failed, sizeof failed);
  ::_exit(127);
}

/// In the grandchild. Only async-signal-safe calls.
[[noreturn]] void become(const detached_plan& plan) {
  const detached_report started{0, ::getpid()};
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number)
    ::signal(number, SIG_DFL);
  if (::write(plan.report, &started, sizeof started) != sizeof started) ::_exit(127);
  // The report moves out of the way; it closes itself when exec succeeds.
  const int report = ::fcntl(plan.report, F_DUPFD_CLOEXEC, 3);
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.output, 2) < 0)
    give_up(report);
  if (::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) give_up(report);
  ::execve(plan.path, plan.argv, plan.environment);
  give_up(report);
}

std::vector<std::string> whole_environment(const std::vector<std::string>& more) {
  auto out = more; // the first of two entries of one name counts
  for (char** at = environ; *at != nullptr; ++at)
    out.emplace_back(*at);
  return out;
}

} // namespace

std::optional<std::filesystem::path> find_program(std::string_view name) {
  if (name.empty()) return std::nullopt;
  const auto runs = [](const std::string& path) {
    std::error_code ignored;
    return ::access(path.c_str(), X_OK) == 0 && !std::filesystem::is_directory(path, ignored);
  };
  if (name.find('/') != std::string_view::npos) {
    const std::string path{name};
    return runs(path) ? std::optional<std::filesystem::path>{path} : std::nullopt;
  }
  const char* path = std::getenv("PATH");
  std::string folders = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  folders.append(":").append(sbin);
  for (std::size_t at = 0; at <= folders.size();) {
    const auto end = std::min(folders.find(':', at), folders.size());
    auto full = folders.substr(at, end - at).append("/").append(name);
    if (end > at && runs(full)) return full;
    at = end + 1;
  }
  return std::nullopt;
}

void run(asio::io_context& context, command what, std::function<void(result<outcome>)> done) {
  auto made = start(what);
  if (!made) {
    asio::post(context, [done = std::move(done), why = made.error()] { done(why); });
    return;
  }
  const auto job = std::make_shared<runner>(context, what, std::move(*made), std::move(done));
  asio::post(context, [job] { job->begin(); });
}

result<outcome> run(const command& what) {
  asio::io_context context{1};
  result<outcome> told = fail(errc::internal, "the program was not waited for");
  run(context, what, [&](result<outcome> how) { told = std::move(how); });
  context.run();
  return told;
}

result<int> spawn_detached(const std::vector<std::string>& argv, const std::filesystem::path& log,
                           const std::vector<std::string>& environment) {
  const auto path = locate(argv);
  if (!path) return path.error();
  const auto target = log.empty() ? std::filesystem::path{"/dev/null"} : log;
  const descriptor input{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  const descriptor output{
      ::open(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!input || !output) return last_error("open " + target.string());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return last_error("pipe");
  const descriptor report{ends[0]};
  descriptor report_end{ends[1]};
  const auto arguments = pointers(argv);
  const auto texts = whole_environment(environment);
  const auto variables = pointers(texts);
  const detached_plan plan{path->c_str(), arguments.data(), variables.data(),
                           input.get(),   output.get(),     report_end.get()};

  const auto middle = ::fork();
  if (middle < 0) return last_error("fork");
  if (middle == 0) {
    // The session leader ends at once, so that the program can never get a terminal and belongs
    // to init from its first moment.
    if (::setsid() < 0) give_up(plan.report);
    const auto last = ::fork();
    if (last < 0) give_up(plan.report);
    if (last > 0) ::_exit(0);
    become(plan);
  }
  report_end.reset();
  ::waitpid(middle, nullptr, 0);
  pid_t started = -1;
  detached_report told;
  while (::read(report.get(), &told, sizeof told) == sizeof told) {
    if (told.problem != 0) return system_error(told.problem, "start " + path->string());
    started = told.pid;
  }
  if (started < 0) return fail(errc::internal, "start " + path->string());
  return started;
}

} // namespace lanrage::net::os
