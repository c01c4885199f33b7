#include "net/folder_watch.h"

#include <cerrno>
#include <cstring>

#include <sys/inotify.h>
#include <unistd.h>

namespace sallyport::net {

namespace {

// Not IN_MODIFY: a log in the same folder would wake the loop with each line.
constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

int FolderWatch::open(Loop& loop) {
  Socket file(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!file) return uv_translate_sys_error(errno);
  if (const int error = uv_poll_init(loop.native(), &poll_, file.fd()); error != 0) return error;
  file_ = std::move(file);
  poll_.data = this;
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<FolderWatch*>(handle->data)->read();
  });
  return 0;
}

void FolderWatch::close() {
  if (!file_) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  file_.reset();
  names_.clear();
}

std::optional<FolderWatch::Failure> FolderWatch::watch(const Folders& folders) {
  if (!file_) return std::nullopt;
  std::optional<Failure> failure;
  std::map<int, std::set<std::string>> watched;
  for (const auto& [folder, names] : folders) {
    // The watch that a folder has is answered again; one that was put in its place gets its own.
    const int watch = ::inotify_add_watch(file_.fd(), folder.c_str(), kChanges | IN_ONLYDIR);
    if (watch >= 0) {
      watched[watch].insert(names.begin(), names.end());
    } else if (errno != ENOENT && errno != ENOTDIR && !failure) {
      failure = Failure{folder, uv_translate_sys_error(errno)};
    }
  }
  for (const auto& [watch, names] : names_) {
    // Fails where the folder is gone, and its watch with it.
    if (!watched.contains(watch)) ::inotify_rm_watch(file_.fd(), watch);
  }
  names_ = std::move(watched);
  return failure;
}

bool FolderWatch::concerns(int watch, const std::string& name) const {
  const auto names = names_.find(watch);
  if (names == names_.end()) return false;  // of a watch that was taken away
  return name.empty() || names->second.contains(name) || names->second.contains(kAny);
}

void FolderWatch::read() {
  alignas(inotify_event) char bytes[16 * 1024];
  const ssize_t got = ::read(file_.fd(), bytes, sizeof(bytes));
  bool changed = false;
  for (ssize_t at = 0; at < got;) {
    inotify_event event{};
    std::memcpy(&event, bytes + at, sizeof(event));
    const std::string name = event.len == 0 ? "" : bytes + at + sizeof(event);
    // Where the queue has run over, anything may have happened.
    if ((event.mask & IN_Q_OVERFLOW) != 0 || concerns(event.wd, name)) changed = true;
    at += static_cast<ssize_t>(sizeof(event) + event.len);
  }
  if (changed) handler_.on_folder_change();
}

}  // namespace sallyport::net
