// Preloaded into a program: its calendar is off by as many nanoseconds as a file says at the time,
// its monotonic clocks are right. The file is named by SHIFTED_CLOCK and holds one int64_t.
// (libfaketime changes what waits and what files tell, too, which a clock that is set does not.)

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

using get_time = int (*)(clockid_t, timespec*);
constexpr std::int64_t second = 1'000'000'000;

const std::int64_t* opened() {
  static const std::int64_t nothing = 0;
  const char* name = std::getenv("SHIFTED_CLOCK");
  const int fd = name ? ::open(name, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return &nothing;
  void* at = ::mmap(nullptr, sizeof nothing, PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  return at == MAP_FAILED ? &nothing : static_cast<const std::int64_t*>(at);
}

int real_time(clockid_t which, timespec* out) {
  static const auto real = reinterpret_cast<get_time>(::dlsym(RTLD_NEXT, "clock_gettime"));
  return real(which, out);
}

/// Since 1970, in nanoseconds.
std::int64_t shifted_now() {
  static const std::int64_t* const by = opened();
  timespec now{};
  real_time(CLOCK_REALTIME, &now);
  return now.tv_sec * second + now.tv_nsec + __atomic_load_n(by, __ATOMIC_RELAXED);
}

} // namespace

extern "C" {

int clock_gettime(clockid_t which, timespec* out) noexcept {
  if (which != CLOCK_REALTIME) return real_time(which, out);
  const auto now = shifted_now();
  *out = {now / second, now % second};
  return 0;
}

int gettimeofday(timeval* out, void* /*zone*/) noexcept {
  const auto now = shifted_now();
  *out = {now / second, now % second / 1'000};
  return 0;
}

time_t time(time_t* out) noexcept {
  const auto now = static_cast<time_t>(shifted_now() / second);
  if (out) *out = now;
  return now;
}
}
