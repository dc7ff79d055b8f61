#include "net/os/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace lanrage::net::os {

namespace {

constexpr std::size_t secret_octets_max = 64 * 1024;

/// For the errno of the call that just failed.
error disk_error(const std::string& what, const std::filesystem::path& file) {
  auto why = last_error("cannot " + what + ' ' + file.string());
  if (why.code != errc::not_permitted) why.code = errc::bad_state;
  return why;
}

bool write_all(int fd, byte_view contents) {
  while (!contents.empty()) {
    const auto count = ::write(fd, contents.data(), contents.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    contents = contents.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

} // namespace

result<void> make_private_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::is_directory(folder, failed)) return {};
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    errno = failed.value();
    return disk_error("create", folder);
  }
  if (::chmod(folder.c_str(), 0700) != 0) return disk_error("protect", folder);
  return {};
}

result<descriptor> claim(const std::filesystem::path& folder, const std::string& name) {
  if (const auto made = make_private_folder(folder); !made) return made.error();
  const auto lock_file = folder / name;
  descriptor lock{::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!lock) return disk_error("create", lock_file);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return disk_error("lock", lock_file);
  return fail(errc::already_exists, folder.string() + " is in use by another process");
}

result<std::optional<std::string>> read_file(const std::filesystem::path& file,
                                             std::size_t octets_max) {
  const descriptor in{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!in && errno == ENOENT) return std::optional<std::string>{};
  if (!in) return disk_error("open", file);
  std::string text;
  std::array<char, 64 * 1024> chunk;
  for (;;) {
    const auto count = ::read(in.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_error("read", file);
    if (count == 0) return std::optional{std::move(text)};
    text.append(chunk.data(), static_cast<std::size_t>(count));
    if (text.size() > octets_max)
      return fail(errc::bad_state,
                  file.string() + " is larger than " + std::to_string(octets_max) + " octets");
  }
}

result<void> replace_file(const std::filesystem::path& file, byte_view contents, unsigned mode) {
  const auto beside = file.string() + ".new";
  ::unlink(beside.c_str()); // left by a crash, perhaps with another mode
  {
    const descriptor out{::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
    if (!out) return disk_error("create", beside);
    if (!write_all(out.get(), contents) || ::fdatasync(out.get()) != 0)
      return disk_error("write", beside);
  }
  if (::rename(beside.c_str(), file.c_str()) != 0) return disk_error("replace", file);
  return {};
}

result<std::string> load_or_make_secret(const std::filesystem::path& file,
                                        const std::function<result<std::string>()>& make) {
  struct ::stat about {};
  if (::stat(file.c_str(), &about) != 0) {
    if (errno != ENOENT) return disk_error("open", file);
    auto made = make();
    if (!made) return made;
    if (const auto kept = replace_file(file, as_bytes(*made)); !kept) return kept.error();
    return made;
  }
  if ((about.st_mode & 077) != 0)
    return fail(errc::not_permitted,
                file.string() + " can be read by others: chmod 600 it, or remove it to get a new "
                                "one if it may have been read");
  auto found = read_file(file, secret_octets_max);
  if (!found) return found.error();
  return std::move(*found).value_or("");
}

} // namespace lanrage::net::os
