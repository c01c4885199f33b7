#include "app/inputs.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "../support/temporary_folder.h"
#include "app/assemble.h"

namespace sallyport::app {
namespace {

constexpr std::string_view kTreeGateway = R"([broker]
address = "127.0.0.1:1883"
[[listener]]
name = "plain"
address = "127.0.0.1:1884"
[policy]
files = ["*.policy"]
[observe]
token = "token"
)";
constexpr std::string_view kRole = R"([[role]]
name = "sensor"
[[role.allow]]
id = "a"
publish = "a"
)";
constexpr std::string_view kTwoRules = R"([[role]]
name = "sensor"
[[role.allow]]
id = "a"
publish = "a"
[[role.allow]]
id = "b"
publish = "b"
)";

struct Tree {
  Tree() {
    folder.write("gateway.toml", kTreeGateway);
    folder.write("one.policy", kRole);
    folder.write("token", "0123456789abcdef\n");
  }
  [[nodiscard]] Inputs look() const { return look_at(folder.path("gateway.toml")); }
  test::TemporaryFolder folder;
};

TEST_CASE("inputs: contents make the hash, and nothing else does") {
  const Tree site;
  const Inputs before = site.look();
  CHECK(before.files == std::vector<std::string>{site.folder.path("gateway.toml"),
                                                 site.folder.path("one.policy"),
                                                 site.folder.path("token")});
  CHECK(site.look() == before);
  CHECK(before.recent);

  site.folder.replace("one.policy", kRole);
  CHECK(site.look().hash == before.hash);
  CHECK(state_now(before) != before.state);

  const Tree elsewhere;
  CHECK(elsewhere.look().hash == before.hash);
}

TEST_CASE("inputs: a change of any file, a new one, and one that goes are seen") {
  const Tree site;
  Inputs before = site.look();
  const auto changed = [&] {
    const bool state = state_now(before) != before.state;
    const Inputs now = site.look();
    const bool hash = now.hash != before.hash;
    before = now;
    return state && hash;
  };
  site.folder.write("token", "0123456789abcdef0\n");
  CHECK(changed());
  site.folder.write("two.policy", "");
  CHECK(changed());
  site.folder.remove("two.policy");
  CHECK(changed());
  site.folder.write("one.policy", "");
  CHECK(changed());
  site.folder.write("gateway.toml", "not [ toml");
  CHECK(changed());
  CHECK(before.files == std::vector<std::string>{site.folder.path("gateway.toml")});
  site.folder.remove("gateway.toml");
  CHECK(changed());
}

TEST_CASE("inputs: an empty file is another thing than none") {
  const Tree site;
  site.folder.write("token", "");
  const std::string empty = site.look().hash;
  site.folder.remove("token");
  CHECK(site.look().hash != empty);
}

TEST_CASE("inputs: a pipe does not hold anybody up") {
  const Tree site;
  site.folder.remove("token");
  REQUIRE(::mkfifo(site.folder.path("token").c_str(), 0600) == 0);
  CHECK(site.look().files.size() == 3);
  CHECK(!assemble(site.folder.path("gateway.toml")));
}

TEST_CASE("inputs: what is assembled is what its hash says, while others write") {
  const Tree site;
  const std::string one = site.look().hash;
  site.folder.replace("one.policy", kTwoRules);
  const std::string two = site.look().hash;
  std::atomic<bool> over = false;
  // As slow as this machine is: often enough nothing changes while all is read.
  std::atomic<int> pause = 100;  // microseconds
  std::thread writer([&] {
    for (int i = 0; !over; ++i) {
      site.folder.replace("one.policy", i % 2 == 0 ? kRole : kTwoRules);
      std::this_thread::sleep_for(std::chrono::microseconds(i % 7 * pause));
    }
  });
  int good = 0;
  int wrong = 0;
  for (int i = 0; i < 300 && good < 50; ++i) {
    const auto all = assemble(site.folder.path("gateway.toml"));
    if (!all) {  // it changed each time
      pause = std::min(2 * pause, 1'000'000);
      continue;
    }
    ++good;
    const std::size_t rules = all->policy->rule_count();
    if (all->inputs.hash != (rules == 1 ? one : two)) ++wrong;
  }
  over = true;
  writer.join();
  CHECK(wrong == 0);
  CHECK(good == 50);
}

}  // namespace
}  // namespace sallyport::app
