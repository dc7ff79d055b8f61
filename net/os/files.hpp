#pragma once

#include "net/bytes.hpp"
#include "net/errc.hpp"
#include "net/keys.hpp"
#include "net/os/descriptor.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

/// What programs keep on disk: replaced whole, and secrets readable by their owner alone. Errors:
/// not_permitted, else bad_state; the detail names the file.
namespace lanrage::net::os {

/// Makes the folder (0700) when it is not there.
result<void> make_private_folder(const std::filesystem::path& folder);

/// Makes the folder as above and keeps others who claim that name in it out, for as long as the
/// descriptor lives. already_exists when one is there.
result<descriptor> claim(const std::filesystem::path& folder, const std::string& name);

/// The whole of a file of at most `octets_max`; nothing when there is no such file.
result<std::optional<std::string>> read_file(const std::filesystem::path& file,
                                             std::size_t octets_max);

/// Replaces a file so that a crash leaves the old or the new contents, never half of them: written
/// beside it, synced, renamed.
result<void> replace_file(const std::filesystem::path& file, byte_view contents,
                          unsigned mode = 0600);

/// The text of a secret file, made with `make` when there is none. A file that others can read is
/// refused (not_permitted) rather than used; one that is there is never replaced.
result<std::string> load_or_make_secret(const std::filesystem::path& file,
                                        const std::function<result<std::string>()>& make);

/// A secret key in a file as `wg` reads it: base64 and a line break. `fresh` is kept when there is
/// no file.
template <class Key>
result<Key> load_or_make_key(const std::filesystem::path& file, const Key& fresh) {
  const auto text = load_or_make_secret(
      file, [&]() -> result<std::string> { return to_base64(fresh.reveal()) + "\n"; });
  if (!text) return text.error();
  const auto raw =
      from_base64(std::string_view{*text}.substr(0, text->find_last_not_of("\r\n") + 1));
  const auto key = raw ? Key::from(*raw) : std::nullopt;
  if (!key) return fail(errc::bad_state, file.string() + " holds no key in base64");
  return *key;
}

} // namespace lanrage::net::os
