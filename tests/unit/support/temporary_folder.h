#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace sallyport::test {

/// A folder that lives as long as a test, and the ways in which files in it are replaced.
class TemporaryFolder final {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sallyport-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string path(std::string_view name = "") const {
    return (root_ / name).string();
  }
  void make(std::string_view name) const { std::filesystem::create_directories(root_ / name); }
  /// In place, as `cat >` does.
  void write(std::string_view name, std::string_view text) const {
    std::ofstream(root_ / name, std::ios::binary | std::ios::trunc) << text;
  }
  /// As mv and most editors do.
  void replace(std::string_view name, std::string_view text) const {
    const std::string other = std::string(name) + ".new";
    write(other, text);
    rename(other, name);
  }
  void rename(std::string_view from, std::string_view to) const {
    std::filesystem::rename(root_ / from, root_ / to);
  }
  void remove(std::string_view name) const { std::filesystem::remove_all(root_ / name); }
  void link(std::string_view name, std::string_view target) const {
    std::filesystem::create_symlink(target, root_ / name);
  }

 private:
  std::filesystem::path root_;
};

}  // namespace sallyport::test
