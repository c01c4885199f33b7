#include "observe/name_table.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace sallyport::observe {

TEST_CASE("a name keeps its id, and an id its name") {
  NameTable table(10);
  const auto a = table.id("no-internals");
  const auto b = table.id("telemetry");
  CHECK(a != b);
  CHECK(a != NameTable::kOther);
  CHECK(table.id("no-internals") == a);
  CHECK(table.name(a) == "no-internals");
  CHECK(table.name(b) == "telemetry");
  CHECK(table.size() == 2);
}

TEST_CASE("what comes beyond the limit is other, and what was there before stays itself") {
  NameTable table(1000);
  std::set<NameTable::Id> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(table.id("rule-" + std::to_string(i)));
  CHECK(ids.size() == 1000);
  CHECK(ids.count(NameTable::kOther) == 0);
  for (int i = 1000; i < 5000; ++i)
    REQUIRE(table.id("rule-" + std::to_string(i)) == NameTable::kOther);
  CHECK(table.name(NameTable::kOther) == "other");
  CHECK(table.name(table.id("rule-0")) == "rule-0");
  CHECK(table.name(table.id("rule-999")) == "rule-999");
  CHECK(table.size() == 1000);
}

TEST_CASE("an id that nobody gave is other") {
  NameTable table(4);
  CHECK(table.name(3) == "other");
  CHECK(table.name(60'000) == "other");
}

TEST_CASE("names become labels that no scraper chokes on") {
  NameTable table(100);
  const auto label = [&](std::string_view name) { return std::string(table.name(table.id(name))); };
  CHECK(label("line\nbreak\"quote\\") == "line_break\"quote\\");
  CHECK(label("gr\xC3\xBC\xC3\x9F") == "gr\xC3\xBC\xC3\x9F");
  CHECK(label("bad\xFFutf8\xC3") == "bad_utf8_");
  CHECK(label("") == "unnamed");
  CHECK(label(std::string(128, 'a')) == std::string(128, 'a'));
  CHECK(label(std::string(129, 'a')) == std::string(128, 'a'));
  // Cut before the character that would be split, and nothing of it is left.
  CHECK(label(std::string(127, 'b') + "\xC3\xBC") == std::string(127, 'b'));
  CHECK(label(std::string(126, 'c') + "\xE2\x82\xAC" + "x") == std::string(126, 'c'));
}

TEST_CASE("threads that meet the same new names agree on the ids, and never pass the limit") {
  NameTable table(200);
  constexpr int kThreads = 4;
  std::vector<std::vector<NameTable::Id>> seen(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 400; ++i)
        seen[static_cast<std::size_t>(t)].push_back(
            table.id("r" + std::to_string((i * 7 + t) % 400)));
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(table.size() <= 200);
  std::set<NameTable::Id> distinct;
  for (int i = 0; i < 400; ++i) {
    const auto id = table.id("r" + std::to_string(i));
    if (id == NameTable::kOther) continue;
    CHECK(table.name(id) == "r" + std::to_string(i));
    CHECK(distinct.insert(id).second);
  }
  CHECK(distinct.size() == table.size());
}

}  // namespace sallyport::observe
