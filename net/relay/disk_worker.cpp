#include "net/relay/state_files.hpp"

#include "net/os/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace lanrage::net::relay {

namespace {

constexpr unsigned private_mode = 0600;
constexpr std::size_t state_octets_max = 256u << 20; // far above a full table's snapshot
constexpr std::size_t jobs_max = 4;

result<void> write_all(int fd, byte_view contents, const std::filesystem::path& file) {
  while (!contents.empty()) {
    const auto count = ::write(fd, contents.data(), contents.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os::last_error("cannot write " + file.string());
    contents = contents.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

result<relay_private_key> create_key(const std::filesystem::path& file,
                                     const random_source& random) {
  const auto key = generate_x25519<relay_private_key>(random);
  auto text = to_base64(key.reveal()) + "\n";
  const auto done = write_state(file, as_bytes(text), private_mode);
  std::fill(text.begin(), text.end(), '\0');
  if (!done) return done.error();
  return key;
}

} // namespace

result<void> make_private_directory(const std::filesystem::path& where) {
  std::error_code failed;
  if (std::filesystem::is_directory(where, failed)) return {};
  std::filesystem::create_directories(where, failed);
  if (failed) return os::system_error(failed.value(), "cannot create " + where.string());
  if (::chmod(where.c_str(), 0700) != 0) return os::last_error("cannot protect " + where.string());
  return {};
}

result<std::optional<bytes>> read_state(const std::filesystem::path& file) {
  const os::descriptor fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd && errno == ENOENT) return std::optional<bytes>{};
  if (!fd) return os::last_error("cannot read " + file.string());
  bytes out;
  std::array<std::uint8_t, 65'536> part{};
  for (;;) {
    const auto count = ::read(fd.get(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os::last_error("cannot read " + file.string());
    if (count == 0) return std::optional{std::move(out)};
    if (out.size() + static_cast<std::size_t>(count) > state_octets_max)
      return fail(errc::bad_state, file.string() + " is too large to be ours");
    out.insert(out.end(), part.begin(), part.begin() + count);
  }
}

result<void> write_state(const std::filesystem::path& file, byte_view contents, unsigned mode) {
  const auto temporary = file.string() + ".new";
  ::unlink(temporary.c_str()); // left by a crash, perhaps with another mode
  os::descriptor fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
  if (!fd) return os::last_error("cannot create " + temporary);
  if (const auto done = write_all(fd.get(), contents, file); !done) return done;
  if (::fdatasync(fd.get()) != 0) return os::last_error("cannot store " + file.string());
  fd.reset();
  if (::rename(temporary.c_str(), file.c_str()) != 0)
    return os::last_error("cannot replace " + file.string());
  return {};
}

result<relay_private_key> load_or_create_key(const std::filesystem::path& file,
                                             const random_source& random) {
  const auto found = read_state(file);
  if (!found) return found.error();
  if (!*found) return create_key(file, random);
  auto text = std::string{(*found)->begin(), (*found)->end()};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  const auto raw = from_base64(text);
  const auto key = raw ? relay_private_key::from(*raw) : std::nullopt;
  std::fill(text.begin(), text.end(), '\0');
  if (!key) return fail(errc::bad_state, file.string() + " does not hold a relay key");
  return *key;
}

disk_worker::disk_worker() : thread_([this] { work(); }) {}

disk_worker::~disk_worker() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool disk_worker::post(std::function<void()> job) {
  {
    const std::lock_guard lock{mutex_};
    if (jobs_.size() >= jobs_max) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void disk_worker::work() {
  std::unique_lock lock{mutex_};
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

} // namespace lanrage::net::relay
