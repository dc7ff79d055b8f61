#include "lab/netns.hpp"

#include "lab/failure.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <filesystem>
#include <thread>

namespace lanrage::lab {

namespace {

void write_setting(const kernel_setting& s) {
  unique_fd fd{::open(("/proc/sys/" + s.key).c_str(), O_WRONLY | O_CLOEXEC)};
  bool done = fd && ::write(fd.get(), s.value.data(), s.value.size()) == ssize_t(s.value.size());
  if (!done && !s.optional) throw_errno("set " + s.key);
}

} // namespace

void in_netns(int net_ns, const std::function<void()>& work) {
  std::exception_ptr error;
  std::thread{[&] {
    try {
      if (::setns(net_ns, CLONE_NEWNET) != 0) throw_errno("enter network namespace");
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }}.join();
  if (error) std::rethrow_exception(error);
}

void ip_batch(const std::string& lines, const std::string& netns_name) {
  process_spec spec;
  spec.argv = {"ip"};
  if (!netns_name.empty()) spec.argv.insert(spec.argv.end(), {"-n", netns_name});
  spec.argv.insert(spec.argv.end(), {"-batch", "-"});
  spec.input = lines;
  must_run(spec);
}

void write_settings(int net_ns, const std::vector<kernel_setting>& settings) {
  in_netns(net_ns, [&] { std::for_each(settings.begin(), settings.end(), write_setting); });
}

netns::netns(std::string name) : name_(std::move(name)) {
  fd_ = unique_fd{
      ::open((std::filesystem::path{netns_folder} / name_).c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd_) throw_errno("open network namespace " + name_);
}

std::vector<std::string> netns_names(const std::string& prefix) {
  std::vector<std::string> names;
  DIR* folder = ::opendir(netns_folder);
  if (folder == nullptr) return names;
  while (const dirent* e = ::readdir(folder)) {
    std::string name{e->d_name};
    if (name.starts_with(prefix) && name != "." && name != "..") names.push_back(name);
  }
  ::closedir(folder);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<pid_t> processes_in(int net_ns) {
  std::vector<pid_t> pids;
  struct stat wanted {};
  if (::fstat(net_ns, &wanted) != 0) throw_errno("stat namespace");
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", ignored}) {
    auto text = entry.path().filename().string();
    pid_t pid = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc{} || end != text.data() + text.size()) continue;
    struct stat there {};
    // A process may end between listing and looking: then it is simply not there.
    if (::stat((entry.path() / "ns/net").c_str(), &there) != 0) continue;
    if (there.st_ino == wanted.st_ino && there.st_dev == wanted.st_dev) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

bool remove_netns(const std::string& name) {
  auto path = std::filesystem::path{netns_folder} / name;
  ::umount2(path.c_str(), MNT_DETACH);
  return ::unlink(path.c_str()) == 0;
}

} // namespace lanrage::lab
