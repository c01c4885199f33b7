#include "app/folders.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <system_error>

#include "config/load.h"

namespace sallyport::app {

namespace {

using std::filesystem::path;

constexpr int kMostLinks = 40;  // as the kernel follows

/// Puts the parts of `way` before what is still to be walked.
void prepend(std::deque<path>& parts, const path& way) {
  parts.insert(parts.begin(), way.begin(), way.end());
}

/// Walks as the kernel does, and notes each step. Returns the folder or file at the end; empty:
/// there is none.
path walk(const path& way, net::FolderWatch::Folders& folders) {
  std::error_code error;
  std::deque<path> parts;
  prepend(parts, std::filesystem::absolute(way, error));
  path at = "/";
  for (int links = 0; !parts.empty();) {
    const path part = parts.front();
    parts.pop_front();
    if (part == "/") at = part;
    if (part == "/" || part.empty() || part == ".") continue;
    if (part == "..") {
      at = at.parent_path();
      continue;
    }
    folders[at.string()].insert(part.string());
    const path next = at / part;
    const auto status = std::filesystem::symlink_status(next, error);
    if (!std::filesystem::exists(status)) return {};
    if (!std::filesystem::is_symlink(status)) {
      at = next;
      continue;
    }
    const path target = std::filesystem::read_symlink(next, error);
    if (error || ++links > kMostLinks) return {};
    prepend(parts, target);
  }
  return at;
}

/// May a part of a pattern match several names? A backslash counts, too: what is watched beyond
/// need does no harm.
bool is_pattern(const path& part) {
  return part.native().find_first_of("*?[\\") != std::string::npos;
}

/// The way to every folder in which the pattern lets the file system choose, with all names there;
/// and from what it may choose on, with the name that comes next.
void walk_pattern(const path& pattern, net::FolderWatch::Folders& folders) {
  bool literal = true;
  path before = pattern.is_absolute() ? "" : ".";
  for (const path& part : pattern) {
    if (!literal || is_pattern(part)) {
      std::vector<std::string> there = {before.string()};
      if (!literal) there = config::expand_glob(before.string());
      for (const std::string& folder : there) {
        const path at = walk(folder, folders);
        if (at.empty()) continue;
        folders[at.string()].insert(is_pattern(part) ? net::FolderWatch::kAny : part.string());
      }
      literal = false;
    }
    before /= part;
  }
  if (literal) walk(before, folders);
}

}  // namespace

net::FolderWatch::Folders folders_of(const std::vector<std::string>& files,
                                     const std::vector<std::string>& patterns) {
  net::FolderWatch::Folders folders;
  for (const std::string& file : files) walk(file, folders);
  for (const std::string& pattern : patterns) walk_pattern(pattern, folders);
  return folders;
}

}  // namespace sallyport::app
