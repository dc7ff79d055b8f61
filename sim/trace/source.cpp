#include "sim/trace/source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace lanrage::sim::trace {
namespace {

/// An open file, closed with its last reader.
class file {
 public:
  explicit file(int descriptor) : descriptor_(descriptor) {}
  ~file() { ::close(descriptor_); }
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

class file_source : public byte_source {
 public:
  file_source(std::shared_ptr<const file> from, std::string name)
      : from_(std::move(from)), name_(std::move(name)) {}

  result<std::size_t> read(std::span<char> into) override {
    for (;;) {
      const auto got = seekable_ ? ::pread(from_->descriptor(), into.data(), into.size(), offset_)
                                 : ::read(from_->descriptor(), into.data(), into.size());
      if (got >= 0) {
        offset_ += got;
        return static_cast<std::size_t>(got);
      }
      if (errno == ESPIPE && seekable_)
        seekable_ = false;
      else if (errno != EINTR)
        return system_problem(name_, "read", errno);
    }
  }

 private:
  std::shared_ptr<const file> from_;
  std::string name_;
  off_t offset_ = 0;
  bool seekable_ = true;
};

class text_source : public byte_source {
 public:
  explicit text_source(std::string_view text) : text_(text) {}

  result<std::size_t> read(std::span<char> into) override {
    const auto count = std::min(into.size(), text_.size());
    std::memcpy(into.data(), text_.data(), count);
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
};

} // namespace

result<input> file_input(const std::filesystem::path& path) {
  const auto name = path.string();
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return system_problem(name, "open", errno);
  auto shared = std::make_shared<const file>(descriptor);
  struct stat about {};
  if (::fstat(descriptor, &about) == 0 && S_ISDIR(about.st_mode))
    return system_problem(name, "read", EISDIR);
  return input{name, [shared, name]() -> result<std::unique_ptr<byte_source>> {
                 return std::unique_ptr<byte_source>{std::make_unique<file_source>(shared, name)};
               }};
}

input text_input(std::string name, std::string_view text) {
  return {std::move(name), [text]() -> result<std::unique_ptr<byte_source>> {
            return std::unique_ptr<byte_source>{std::make_unique<text_source>(text)};
          }};
}

} // namespace lanrage::sim::trace
