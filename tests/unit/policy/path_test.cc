// Cutting topics into levels eight bytes at a time, against the plain way.
#include "policy/path.h"

#include <algorithm>
#include <random>

#include "sallyport/topic.h"

#include "given.h"
#include "policy/subject.h"
#include "policy/trie.h"

namespace sallyport::policy {
namespace {

/// The bytes in memory of exactly their size, so that a sanitizer sees who reads behind them.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(text.begin(), text.end()) {
    bytes_.shrink_to_fit();
  }
  [[nodiscard]] std::string_view text() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

Level alone(std::string_view text) {
  Level level;
  CHECK(take_level(text.data(), text.data() + text.size(), level) == nullptr);
  return level;
}

void check_cut(std::string_view text) {
  const Exact exact(text);
  Path path(exact.text());
  mqtt::Levels plain(exact.text());
  std::uint32_t depth = 0;
  for (std::string_view expected; plain.next(expected) && depth < kMaxFilterLevels; ++depth) {
    REQUIRE_FALSE(path.ends_at(depth));
    const Level& level = path.at(depth);
    REQUIRE(level.text() == expected);
    // Wherever a level stands, it has the hash and the first word that it has by itself.
    const Exact copy(expected);
    const Level same = alone(copy.text());
    REQUIRE(level.hash == same.hash);
    REQUIRE(level.first == same.first);
    REQUIRE(level.is_wildcard() == (expected == "+" || expected == "#"));
  }
  if (depth < kMaxFilterLevels) CHECK(path.ends_at(depth));
}

TEST_CASE("levels of every length at every place") {
  for (std::size_t before = 0; before < 20; ++before) {
    for (std::size_t size = 0; size < 40; ++size) {
      const std::string level(size, 'x');
      check_cut(std::string(before, 'a') + "/" + level);
      check_cut(std::string(before, 'a') + "/" + level + "/");
      check_cut(std::string(before, 'a') + "/" + level + "/b");
    }
  }
}

TEST_CASE("bytes that are nearly a slash") {
  std::mt19937 random(11);
  const std::string_view bytes("/./0\xAF\x2E\x30\xAE\xB0\x80\xFF\x01+#$a", 16);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    const auto size = std::uniform_int_distribution<std::size_t>(3, 40)(random);
    while (text.size() < size) {
      text += bytes[std::uniform_int_distribution<std::size_t>(0, bytes.size() - 1)(random)];
    }
    check_cut(text);
  }
}

TEST_CASE("a path with more levels than a rule can have") {
  check_cut(std::string(65'535, '/'));
  check_cut(std::string(127, '/'));
  check_cut(std::string(128, '/'));
}

TEST_CASE("two filters are what they are written out to") {
  const auto text = [](std::string_view filter) {
    Path path(filter);
    std::string all;
    for (std::uint32_t depth = 0; !path.ends_at(depth); ++depth) {
      if (depth != 0) all += '|';
      all += path.at(depth).text();
    }
    return all;
  };
  CHECK(text("#") == "+|#");
  CHECK(text("/#") == "|+|#");
  CHECK(text("a#") == "a#");
  CHECK(text("+") == "+");
  CHECK(text("+/#") == "+|#");
  CHECK(text("//#") == "||#");
  CHECK(Path("$SYS/x").dollar());
  CHECK_FALSE(Path("a/$SYS").dollar());
}

TEST_CASE("a rule's levels are told apart by every byte, however long they are") {
  for (std::size_t size = 1; size <= 40; ++size) {
    const std::string level(size, 'k');
    const Client client({role("r", {allow("first", {level + "/x"}), allow("last", {"x/" + level}),
                                    allow("other", {"y/" + level + level})})});
    CHECK(client.publishes(level + "/x").allowed);
    CHECK(client.publishes("x/" + level).allowed);
    CHECK_FALSE(client.publishes("y/" + level).allowed);
    CHECK_FALSE(client.publishes("x/" + level + "k").allowed);
    CHECK_FALSE(client.publishes("x/" + level.substr(1)).allowed);
    for (std::size_t i = 0; i < size; ++i) {
      std::string wrong = level;
      wrong[i] = 'K';
      CHECK_FALSE(client.publishes(wrong + "/x").allowed);
      CHECK_FALSE(client.publishes("x/" + wrong).allowed);
    }
  }
}

TEST_CASE("a hundred thousand rules, and each is found") {
  RoleSpec spec = role("r");
  for (int i = 0; i < 100'000; ++i) {
    const std::string number = std::to_string(i);
    spec.rules.push_back(allow("r" + number, {"site/line-" + number + "/+/t"}));
  }
  const Client client({spec});
  CHECK(client->policy()->rule_count() == 100'000);
  for (int i = 0; i < 100'000; i += 7) {
    const std::string number = std::to_string(i);
    const Verdict verdict = client.publishes("site/line-" + number + "/x/t");
    REQUIRE(verdict.allowed);
    REQUIRE(verdict.cause.name == "r" + number);
  }
  CHECK_FALSE(client.publishes("site/line-100000/x/t").allowed);
}

TEST_CASE("wildcards and literals that fork at every level are walked once each") {
  // Every way to write six levels as a literal, `+` or a placeholder that all fit one topic.
  constexpr std::uint32_t kLevels = 6;
  const std::string_view choices[] = {"a", "+", "${client_id}"};
  Identity identity = device();
  identity.client_id = "a";
  Trie trie;
  const Trie::Index root = trie.add_root();
  std::uint32_t filters = 0;
  for (; filters < 3 * 3 * 3 * 3 * 3 * 3; ++filters) {
    std::string filter;
    for (std::uint32_t level = 0, rest = filters; level < kLevels; ++level, rest /= 3) {
      filter.append(choices[rest % 3]).append("/");
    }
    std::vector<Problem> none;
    REQUIRE(trie.add(root, parse_filter(filter + "#", none), filters));
    REQUIRE(none.empty());
  }
  trie.freeze();
  const auto visited = [&](std::string_view topic) {
    std::vector<std::uint32_t> rules;
    Path path(topic);
    const Subject subject(identity);
    trie.walk(root, path, subject.substitutes(), [&rules](std::span<const std::uint32_t> found) {
      rules.insert(rules.end(), found.begin(), found.end());
    });
    std::sort(rules.begin(), rules.end());
    CHECK(std::adjacent_find(rules.begin(), rules.end()) == rules.end());
    return rules.size();
  };
  CHECK(visited("a/a/a/a/a/a") == filters);
  CHECK(visited("a/a/a/a/a/a/and/more") == filters);
  CHECK(visited("b/b/b/b/b/b") == 1);
  CHECK(visited("a/b/a/a/a/a") == filters / 3);
  CHECK(visited("a/a/a/a/a") == 0);
}

}  // namespace
}  // namespace sallyport::policy
