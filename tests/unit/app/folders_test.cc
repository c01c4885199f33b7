#include "app/folders.h"

#include <doctest/doctest.h>

#include "../support/temporary_folder.h"

namespace sallyport::app {
namespace {

using Names = std::set<std::string>;

TEST_CASE("folders: each step of a way that leads over links, as Kubernetes mounts files") {
  const test::TemporaryFolder folder;
  folder.make("..2026_01");
  folder.write("..2026_01/gateway.toml", "x");
  folder.link("..data", "..2026_01");
  folder.link("gateway.toml", "..data/gateway.toml");
  const auto folders = folders_of({folder.path("gateway.toml")}, {});
  CHECK(folders.at(folder.path("..2026_01")) == Names{"gateway.toml"});
  // The path of a folder ends with "/" here, as path() makes it.
  std::string root = folder.path();
  root.pop_back();
  CHECK(folders.at(root) == Names{"gateway.toml", "..data", "..2026_01"});
  CHECK(folders.at("/").size() == 1);
}

TEST_CASE("folders: what is not there ends the way, and links in a circle do") {
  const test::TemporaryFolder folder;
  std::string root = folder.path();
  root.pop_back();
  CHECK(folders_of({folder.path("a/b/c")}, {}).at(root) == Names{"a"});
  folder.link("x", "y");
  folder.link("y", "x");
  CHECK(folders_of({folder.path("x")}, {}).at(root) == Names{"x", "y"});
  folder.make("in");
  folder.link("in/up", "../b");
  CHECK(folders_of({folder.path("in/up")}, {}).at(root) == Names{"in", "b"});
}

TEST_CASE("folders: a pattern counts where it lets the file system choose") {
  const test::TemporaryFolder folder;
  std::string root = folder.path();
  root.pop_back();
  folder.make("plants/one");
  folder.make("plants/two");
  const auto folders =
      folders_of({}, {folder.path("plants/*/p*.toml"), folder.path("single.toml"),
                      folder.path("later/*.toml"), folder.path("plants/t*/x.toml")});
  CHECK(folders.at(folder.path("plants")) == Names{"*", "one", "two"});
  CHECK(folders.at(folder.path("plants/one")) == Names{"*"});
  CHECK(folders.at(folder.path("plants/two")) == Names{"*", "x.toml"});
  CHECK(folders.at(root) == Names{"plants", "single.toml", "later"});
}

}  // namespace
}  // namespace sallyport::app
