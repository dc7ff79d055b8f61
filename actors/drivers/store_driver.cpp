#include "actors/drivers/store_driver.hpp"

#include "actors/shell.hpp"
#include "messages/error.hpp"
#include "net/os/descriptor.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace lanrage::actors {

namespace {

struct store_state {
  static inline const char* name = "store";
  std::filesystem::path folder;
};

net::error disk_error(const std::string& what, const std::filesystem::path& file) {
  const auto why = errno;
  return net::fail(why == EACCES || why == EPERM ? net::errc::not_permitted : net::errc::bad_state,
                   what + " " + file.string() + ": " + std::strerror(why));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

msg::store_actor::behavior_type store(msg::store_actor::stateful_pointer<store_state> self,
                                      const std::filesystem::path& folder) {
  install_handlers(self, "store");
  self->state.folder = folder;
  return {[=](const msg::store_put& put) -> caf::result<msg::done> {
    const auto written = replace_file(self->state.folder / put.name, put.text);
    if (written) return msg::done{};
    spdlog::error("state: {}", net::to_string(written.error()));
    return msg::to_caf(written.error());
  }};
}

} // namespace

net::result<void> replace_file(const std::filesystem::path& file, const std::string& text) {
  auto beside = file;
  beside += ".new";
  {
    const net::os::descriptor out{
        ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (out.get() < 0) return disk_error("cannot create", beside);
    if (!write_all(out.get(), text) || ::fsync(out.get()) != 0)
      return disk_error("cannot write", beside);
  }
  if (::rename(beside.c_str(), file.c_str()) != 0) return disk_error("cannot replace", file);
  return {};
}

net::result<std::string> read_file(const std::filesystem::path& file, std::size_t limit) {
  const net::os::descriptor in{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (in.get() < 0) return disk_error("cannot open", file);
  std::string text;
  std::array<char, 16 * 1024> chunk;
  for (;;) {
    const auto count = ::read(in.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_error("cannot read", file);
    if (count == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(count));
    if (text.size() > limit)
      return net::fail(net::errc::bad_state,
                       file.string() + " is larger than " + std::to_string(limit) + " octets");
  }
}

msg::store_actor spawn_store_driver(caf::actor_system& system, std::filesystem::path folder) {
  return system.spawn(store, std::move(folder));
}

} // namespace lanrage::actors
