#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <uv.h>

#include "net/loop.h"
#include "net/socket.h"

namespace sallyport::net {

/// Tells that something of a name has changed in a folder: it was written and closed, or it came,
/// went, was renamed or got other rights. inotify(7), and not uv_fs_event_t, which neither says
/// that the system has no watches left nor follows a folder that was replaced.
///
/// It does not see what is written through a file that stays open, through mmap(), or on another
/// machine of a network file system.
///
/// Thread: the loop's.
class FolderWatch final {
 public:
  /// Names in a folder, by the folder's path; kAny: all of them.
  using Folders = std::map<std::string, std::set<std::string>>;
  static constexpr const char* kAny = "*";

  class Handler {
   public:
    /// Once or more for one or more changes. May call watch() and close().
    virtual void on_folder_change() = 0;

   protected:
    ~Handler() = default;
  };

  /// A folder that cannot be watched, and why: a libuv error code.
  struct Failure {
    std::string folder;
    int error = 0;
  };

  /// `handler` outlives it.
  explicit FolderWatch(Handler& handler) : handler_(handler) {}
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// Watches nothing yet. 0, or a libuv error code.
  [[nodiscard]] int open(Loop& loop);
  /// The object stays until the loop has run again.
  void close();
  [[nodiscard]] bool is_open() const { return static_cast<bool>(file_); }

  /// Replaces what is watched; each path is looked up anew. Returns the first folder that is there
  /// and cannot be watched; the others are. Nothing is watched, and nothing fails, where it is not
  /// open.
  [[nodiscard]] std::optional<Failure> watch(const Folders& folders);
  /// Folders that are watched.
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  void read();
  [[nodiscard]] bool concerns(int watch, const std::string& name) const;

  Handler& handler_;
  Socket file_;
  uv_poll_t poll_{};
  std::map<int, std::set<std::string>>
      names_;  // by watch descriptor, which the kernel never reuses
};

}  // namespace sallyport::net
