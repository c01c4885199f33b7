#include "app/file_watch.h"

#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "../net/loopback.h"
#include "../support/temporary_folder.h"

namespace sallyport::app {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kGateway = R"([broker]
address = "127.0.0.1:1883"
[[listener]]
name = "plain"
address = "127.0.0.1:1884"
tls = { certificate = "tls/crt", key = "tls/key" }
[policy]
files = ["policies/*.toml", "plants/*/policy.toml"]
)";

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A gateway without a gateway: its files load where tls/crt and tls/key hold the same.
struct Site final : FileWatch::Handler {
  explicit Site(const settings::Reload& how) : settings(how) {
    folder.make("tls");
    folder.make("policies");
    folder.make("plants/one");
    folder.write("gateway.toml", kGateway);
    folder.write("tls/crt", "1");
    folder.write("tls/key", "1");
    folder.write("policies/a.toml", "a");
    folder.write("plants/one/policy.toml", "a");
  }
  ~Site() { watch.close(); }
  void start() {
    watch.open(*loop);
    watch.follow(settings, look_at(path), false);
    REQUIRE(!stale);
  }

  bool on_files_changed(bool report) override {
    ++attempts;
    Inputs inputs = look_at(path);
    if (text_of(folder.path("tls/crt")) != text_of(folder.path("tls/key"))) {
      if (report) ++reported;
      if (report && mends) folder.write("tls/crt", "1");
      return false;
    }
    ++reloads;
    in_force = inputs.hash;
    watch.follow(settings, std::move(inputs), partly);
    return true;
  }
  void on_stale(bool now) override { stale = now; }
  void on_unwatched(const std::string& why) override { unwatched = why; }

  /// Runs until what lies on disk is in force.
  void until_in_force() {
    loop.until([&] { return in_force == look_at(path).hash && !stale; });
  }
  void run_for(milliseconds time) {
    const Instant end = net::Loop::now() + time;
    loop.until([&] { return net::Loop::now() >= end; });
  }

  test::TemporaryFolder folder;
  std::string path = folder.path("gateway.toml");
  net::TestLoop loop;
  settings::Reload settings;
  FileWatch watch{path, loop.timers(), *this};
  bool mends = false;  // what is reported is taken back before anybody looks again
  bool partly = false;
  bool stale = true;
  int attempts = 0;
  int reloads = 0;
  int reported = 0;
  std::string in_force;
  std::string unwatched;
};

// A poll that never comes: what is noticed was told by the kernel.
constexpr settings::Reload kWatch = {
    .watch = true, .debounce = milliseconds(20), .patience = milliseconds(200), .poll = hours(1)};

TEST_CASE("file watch: every way of changing what is read, one after the other") {
  Site site(kWatch);
  const auto& at = site.folder;
  site.start();
  const std::pair<std::string, std::function<void()>> ways[] = {
      {"written in place", [&] { at.write("policies/a.toml", "b"); }},
      {"appended to", [&] { std::ofstream(at.path("policies/a.toml"), std::ios::app) << "more"; }},
      {"renamed over", [&] { at.replace("policies/a.toml", "c"); }},
      {"removed and made anew",
       [&] {
         at.remove("policies/a.toml");
         at.write("policies/a.toml", "d");
       }},
      {"a backup is kept, as vi does",
       [&] {
         at.rename("policies/a.toml", "policies/a.toml~");
         at.write("policies/a.toml", "e");
       }},
      {"a link in its place",
       [&] {
         at.make("elsewhere");
         at.write("elsewhere/a", "f");
         at.remove("policies/a.toml");
         at.link("policies/a.toml", "../elsewhere/a");
       }},
      {"what the link points to", [&] { at.write("elsewhere/a", "g"); }},
      {"the link points elsewhere",
       [&] {
         at.write("elsewhere/b", "h");
         at.link("elsewhere/link", "../elsewhere/b");
         at.rename("elsewhere/link", "policies/a.toml");
       }},
      {"a new file that a pattern matches", [&] { at.write("policies/b.toml", "i"); }},
      {"one of them goes", [&] { at.remove("policies/b.toml"); }},
      {"a new folder that a pattern matches",
       [&] {
         at.make("plants/two");
         site.run_for(milliseconds(60));  // it is watched before anything is in it
         at.write("plants/two/policy.toml", "j");
       }},
      {"the whole folder is replaced",
       [&] {
         at.make("new");
         at.write("new/a.toml", "k");
         at.rename("policies", "old");
         at.rename("new", "policies");
       }},
      {"a file in the new folder", [&] { at.write("policies/a.toml", "l"); }},
      {"the gateway file", [&] { at.replace("gateway.toml", std::string(kGateway) + "# more\n"); }},
      {"both of a pair, as one folder",
       [&] {
         at.make("tls2");
         at.write("tls2/crt", "2");
         at.write("tls2/key", "2");
         at.rename("tls", "tls1");
         at.rename("tls2", "tls");
       }},
  };
  for (const auto& [way, change] : ways) {
    CAPTURE(way);
    const std::string before = look_at(site.path).hash;
    const int reloads = site.reloads;
    change();
    REQUIRE(look_at(site.path).hash != before);
    site.until_in_force();
    CHECK(site.reloads > reloads);
  }
  CHECK(site.reported == 0);
  CHECK(site.unwatched == "");
}

TEST_CASE("file watch: a volume that the kubelet swaps, again and again") {
  Site site(kWatch);
  const auto& at = site.folder;
  const auto fill = [&](const std::string& number) {
    at.make("..2026_" + number);
    at.write("..2026_" + number + "/a.toml", number);
    at.write("..2026_" + number + "/crt", number);
    at.write("..2026_" + number + "/key", number);
  };
  fill("0");
  at.link("..data", "..2026_0");
  for (const char* name : {"policies/a.toml", "tls/crt", "tls/key"}) {
    at.remove(name);
    at.link(name, "../..data/" + std::string(name).substr(std::string(name).find('/') + 1));
  }
  site.start();
  for (int i = 1; i <= 5; ++i) {
    // atomic_writer.go: a new folder, a link beside, renamed over, the old folder removed.
    fill(std::to_string(i));
    at.link("..data_tmp", "..2026_" + std::to_string(i));
    at.rename("..data_tmp", "..data");
    at.remove("..2026_" + std::to_string(i - 1));
    site.until_in_force();
    CHECK(text_of(at.path("tls/key")) == std::to_string(i));
    CHECK(site.reloads >= i);
  }
  CHECK(site.reported == 0);
}

TEST_CASE("file watch: half of a pair is waited for, and never in force") {
  settings::Reload patient = kWatch;
  patient.patience = hours(1);
  Site site(patient);
  site.start();
  site.folder.write("tls/crt", "2");
  site.loop.until([&] { return site.attempts > 0; });
  CHECK(site.stale);
  CHECK(site.reloads == 0);
  CHECK(site.reported == 0);
  site.folder.write("tls/key", "2");
  site.until_in_force();
  CHECK(site.reloads == 1);
  CHECK(site.reported == 0);
}

TEST_CASE("file watch: what does not load is reported once, and not tried again until it changes") {
  Site site(kWatch);
  site.start();
  site.folder.write("tls/crt", "2");
  site.loop.until([&] { return site.reported == 1; });
  const int attempts = site.attempts;
  // Same contents: nothing to try.
  site.folder.replace("tls/crt", "2");
  site.run_for(milliseconds(500));
  CHECK(site.attempts == attempts);
  CHECK(site.reported == 1);
  CHECK(site.stale);
  site.folder.write("tls/crt", "1");
  site.loop.until([&] { return site.reloads == 1; });  // so that the newest one has succeeded
  CHECK(!site.stale);
  site.folder.write("tls/crt", "2");
  site.loop.until([&] { return site.reported == 2; });
}

TEST_CASE("file watch: what is taken back while it is reported is followed by a reload, too") {
  Site site(kWatch);
  site.start();
  site.mends = true;
  site.folder.write("tls/crt", "2");
  site.loop.until([&] { return site.reported == 1; });
  site.loop.until([&] { return site.reloads == 1; });
  CHECK(!site.stale);
}

TEST_CASE("file watch: a failed reload that somebody asked for is not reported again") {
  Site site(kWatch);
  site.start();
  site.folder.write("tls/crt", "2");
  site.watch.failed();
  CHECK(site.stale);
  site.run_for(milliseconds(500));
  CHECK(site.attempts == 0);
  site.folder.write("tls/key", "2");
  site.until_in_force();
  CHECK(site.reloads == 1);
}

TEST_CASE("file watch: a touch is no change, and other files are none of its business") {
  Site site(kWatch);
  site.start();
  site.folder.replace("policies/a.toml", "a");
  site.folder.write("audit.jsonl", "line");
  site.folder.write("policies/a.toml.swp", "x");
  site.run_for(milliseconds(200));
  CHECK(site.attempts == 0);
  CHECK(!site.stale);
}

TEST_CASE("file watch: a storm of changes is few reloads, and the last change is in force") {
  settings::Reload slow = kWatch;
  slow.debounce = milliseconds(50);
  Site site(slow);
  site.start();
  const Instant begin = net::Loop::now();
  int changes = 0;
  while (net::Loop::now() - begin < seconds(1)) {
    site.folder.replace("policies/a.toml", "storm " + std::to_string(++changes));
    site.loop.round();
  }
  // It is read while it goes on, after five debounces at the latest.
  CHECK(site.reloads >= 1);
  site.until_in_force();
  const auto debounces = (net::Loop::now() - begin) / slow.debounce;
  CHECK(site.reloads <= debounces + 1);
  CHECK(changes > 2 * site.reloads);
}

TEST_CASE("file watch: without the kernel's word a look at the files finds every change") {
  settings::Reload polling = kWatch;
  polling.poll = milliseconds(100);
  Site site(polling);
  // Not opened, as where the system has no inotify left: nothing is watched, and nothing fails.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  site.watch.open(*site.loop);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(site.unwatched == "too many open files");
  site.watch.follow(site.settings, look_at(site.path), false);
  site.folder.replace("policies/a.toml", "b");
  site.until_in_force();
  site.folder.write("policies/a.toml", "c");  // of the same size, perhaps in the same tick
  site.until_in_force();
  site.folder.write("policies/b.toml", "d");
  site.until_in_force();
  CHECK(site.reloads == 3);
}

TEST_CASE("file watch: switched off it reloads nothing, and says what is stale all the same") {
  settings::Reload off = kWatch;
  off.watch = false;
  off.poll = milliseconds(100);
  Site site(off);
  site.start();
  site.folder.write("policies/a.toml", "b");
  site.loop.until([&] { return site.stale; });
  site.folder.write("policies/a.toml", "a");
  site.loop.until([&] { return !site.stale; });
  CHECK(site.attempts == 0);
}

TEST_CASE("file watch: files that wait for a restart are ahead until then") {
  Site site(kWatch);
  site.start();
  site.partly = true;
  site.folder.write("policies/a.toml", "b");
  site.loop.until([&] { return site.reloads == 1; });
  CHECK(site.stale);
  site.run_for(milliseconds(200));
  CHECK(site.reloads == 1);
  site.partly = false;
  site.folder.write("policies/a.toml", "c");
  site.until_in_force();
}

TEST_CASE("file watch: once it is closed nothing happens any more") {
  Site site(kWatch);
  site.start();
  site.folder.write("policies/a.toml", "b");
  site.watch.close();
  site.run_for(milliseconds(200));
  CHECK(site.attempts == 0);
}

}  // namespace
}  // namespace sallyport::app
