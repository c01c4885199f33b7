#include <bitset>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sallyport/topic.h"

/// matches(), contains() and overlaps() against what they mean, over everything that is small.
namespace sallyport::mqtt::test {

namespace {

using Level = std::string;
using Path = std::vector<Level>;

std::string join(const Path& path) {
  std::string out = path.front();
  for (std::size_t i = 1; i < path.size(); ++i) out += "/" + path[i];
  return out;
}

/// Every path of 1 to `depth` levels out of `alphabet`, except the empty string.
std::vector<Path> paths(const std::vector<Level>& alphabet, std::size_t depth) {
  std::vector<Path> all;
  std::vector<Path> longest = {{}};
  for (std::size_t i = 0; i < depth; ++i) {
    std::vector<Path> longer;
    for (const Path& path : longest) {
      for (const Level& level : alphabet) {
        longer.push_back(path);
        longer.back().push_back(level);
      }
    }
    for (const Path& path : longer) {
      if (!join(path).empty()) all.push_back(path);
    }
    longest = std::move(longer);
  }
  return all;
}

std::vector<Path> filters() {
  std::vector<Path> all = {{"#"}};
  for (const Path& path : paths({"a", "b", "$x", "", "+"}, 3)) {
    all.push_back(path);
    if (path.size() < 3) {
      all.push_back(path);
      all.back().push_back("#");
    }
  }
  all.push_back({"", "#"});
  return all;
}

/// 4.7 word by word, as a recursion.
bool covers(const Path& filter, const Path& topic, std::size_t at = 0) {
  if (at == 0 && topic[0].starts_with("$") && (filter[0] == "+" || filter[0] == "#")) return false;
  if (at == filter.size()) return at == topic.size();
  if (filter[at] == "#") return at <= topic.size();
  if (at == topic.size()) return false;
  return (filter[at] == "+" || filter[at] == topic[at]) && covers(filter, topic, at + 1);
}

// One literal more and one level more than the filters have, so that "everything" can be told from
// "everything that is written down".
constexpr std::size_t kTopics = 5 + 25 + 125 + 625 - 1;
using Set = std::bitset<kTopics>;

struct World {
  std::vector<Path> filters = test::filters();
  std::vector<Path> topics = paths({"a", "b", "$x", "", "c"}, 4);
  std::vector<std::string> filter_text;
  std::vector<std::string> topic_text;
  std::vector<Set> sets;  // by filter: the topics that it matches

  World() {
    for (const Path& f : filters) filter_text.push_back(join(f));
    for (const Path& t : topics) topic_text.push_back(join(t));
    for (const Path& f : filters) {
      Set set;
      for (std::size_t i = 0; i < topics.size(); ++i) set[i] = covers(f, topics[i]);
      sets.push_back(set);
    }
  }
};

}  // namespace

TEST_CASE("[MQTT-4.7.2-1] [MQTT-4.7.3-4] matching agrees with the oracle") {
  const World world;
  REQUIRE(world.topics.size() == kTopics);
  std::size_t wrong = 0;
  std::size_t matched = 0;
  for (std::size_t f = 0; f < world.filters.size(); ++f) {
    for (std::size_t t = 0; t < world.topics.size(); ++t) {
      const bool answer = matches(world.filter_text[f], world.topic_text[t]);
      matched += answer;
      if (answer != world.sets[f][t]) {
        ++wrong;
        MESSAGE(world.filter_text[f] << " and " << world.topic_text[t]);
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(matched > 4'000);
}

TEST_CASE("4.7: contains and overlaps agree with the oracle for every two small filters") {
  const World world;
  std::size_t wrong = 0;
  std::size_t contained = 0;
  std::size_t overlapping = 0;
  for (std::size_t a = 0; a < world.filters.size(); ++a) {
    for (std::size_t b = 0; b < world.filters.size(); ++b) {
      const bool is_within = (world.sets[b] & ~world.sets[a]).none();
      const bool meet = (world.sets[a] & world.sets[b]).any();
      contained += is_within;
      overlapping += meet;
      if (contains(world.filter_text[a], world.filter_text[b]) != is_within) {
        ++wrong;
        MESSAGE(world.filter_text[a] << " contains " << world.filter_text[b] << "? " << is_within);
      }
      if (overlaps(world.filter_text[a], world.filter_text[b]) != meet) {
        ++wrong;
        MESSAGE(world.filter_text[a] << " overlaps " << world.filter_text[b] << "? " << meet);
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(contained > 500);
  CHECK(overlapping > contained);
}

TEST_CASE("[MQTT-4.7.2-1] a leading wildcard does not reach $ topics") {
  CHECK_FALSE(matches("#", "$SYS/uptime"));
  CHECK_FALSE(matches("+/uptime", "$SYS/uptime"));
  CHECK(matches("$SYS/#", "$SYS/uptime"));
  CHECK(matches("$SYS/+", "$SYS/uptime"));
  CHECK(matches("a/#", "a/$b"));
  CHECK_FALSE(contains("#", "$SYS/#"));
  CHECK_FALSE(overlaps("#", "$SYS/#"));
  CHECK_FALSE(overlaps("$SYS/#", "+/a"));
}

TEST_CASE("4.7.1.2: # also stands for the level above it") {
  CHECK(matches("sport/tennis/#", "sport/tennis"));
  CHECK(matches("sport/tennis/#", "sport/tennis/"));
  CHECK_FALSE(matches("sport/tennis/#", "sport"));
  CHECK_FALSE(matches("sport/tennis/#", "sport/tennisball"));
  CHECK_FALSE(contains("a/+", "a/#"));
  CHECK(contains("a/#", "a/+"));
  CHECK(contains("+/#", "#"));
}

}  // namespace sallyport::mqtt::test
