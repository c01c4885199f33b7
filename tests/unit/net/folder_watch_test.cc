#include "net/folder_watch.h"

#include <sys/resource.h>

#include "../support/temporary_folder.h"
#include "loopback.h"

using namespace sallyport;
using namespace sallyport::net;

namespace {

struct Watched final : FolderWatch::Handler {
  Watched() {
    REQUIRE(watch.open(*loop) == 0);
    REQUIRE(!watch.watch({{folder.path(), {"one"}}}));
  }
  ~Watched() { watch.close(); }
  void on_folder_change() override { ++changes; }

  /// Was something told since the last time? inotify has its events ready when a call returns.
  bool told() {
    loop.drain();
    return std::exchange(changes, 0) > 0;
  }

  test::TemporaryFolder folder;
  TestLoop loop;
  FolderWatch watch{*this};
  int changes = 0;
};

}  // namespace

TEST_CASE("folder watch: every way of changing a file is told, and other names are not") {
  Watched it;
  CHECK(!it.told());
  it.folder.write("one", "a");
  CHECK(it.told());
  it.folder.write("one", "b");
  CHECK(it.told());
  it.folder.replace("one", "c");
  CHECK(it.told());
  std::filesystem::permissions(it.folder.path("one"), std::filesystem::perms::owner_read);
  CHECK(it.told());
  it.folder.remove("one");
  CHECK(it.told());
  it.folder.link("one", "two");
  CHECK(it.told());
  it.folder.rename("one", "three");
  CHECK(it.told());
  it.folder.write("two", "a");
  it.folder.remove("two");
  CHECK(!it.told());
}

TEST_CASE("folder watch: all names of a folder, and a folder that ends") {
  Watched it;
  it.folder.make("inner");
  REQUIRE(!it.watch.watch({{it.folder.path("inner"), {FolderWatch::kAny}}}));
  CHECK(it.watch.size() == 1);
  it.told();
  it.folder.write("one", "a");
  CHECK(!it.told());
  it.folder.write("inner/whatever", "a");
  CHECK(it.told());
  it.folder.rename("inner", "outer");
  CHECK(it.told());
  it.folder.remove("outer");
  CHECK(it.told());
}

TEST_CASE("folder watch: a folder in another one's place is the one that counts") {
  Watched it;
  it.folder.make("inner");
  const FolderWatch::Folders folders = {{it.folder.path("inner"), {"x"}}};
  REQUIRE(!it.watch.watch(folders));
  it.folder.rename("inner", "old");
  it.folder.make("inner");
  REQUIRE(!it.watch.watch(folders));
  it.told();
  it.folder.write("old/x", "a");
  CHECK(!it.told());
  it.folder.write("inner/x", "a");
  CHECK(it.told());
}

TEST_CASE("folder watch: it says what cannot be watched") {
  Watched it;
  // What is not there comes later: no failure.
  CHECK(!it.watch.watch({{it.folder.path("none"), {"x"}}}));
  CHECK(it.watch.size() == 0);

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  FolderWatch other(it);
  const int error = other.open(*it.loop);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(error == UV_EMFILE);
  CHECK(!other.is_open());
  CHECK(!other.watch({{it.folder.path(), {"x"}}}));
}
