// The table of attributes: each row stands in `match`, in placeholders and in comparisons, without
// anybody having to remember it.
#include <set>

#include "given.h"

namespace sallyport::policy {
namespace {

TEST_CASE("rows have names of their own") {
  std::set<std::string_view> keys;
  std::set<std::string_view> placeholders;
  for (const Attribute& row : kAttributes) {
    CHECK(!row.match.empty());
    CHECK(keys.insert(row.match).second);
    if (!row.placeholder.empty()) CHECK(placeholders.insert(row.placeholder).second);
  }
}

TEST_CASE("the device of the tests has a value for every row") {
  const Identity identity = device();
  for (const Attribute& row : kAttributes) {
    CAPTURE(row.match);
    CHECK(!row.values(identity).empty());
  }
}

TEST_CASE("a role for another value is another role, whatever the attribute") {
  // Merged roles would give each other's rules to whoever has one of them.
  const Identity identity = device();
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    const Attribute& row = kAttributes[i];
    CAPTURE(row.match);
    RoleSpec mine = role("mine", {allow("may-mine", {"mine/#"})});
    mine.match.asked[i] = {row.values(identity).front()};
    RoleSpec other = role("other", {allow("may-other", {"other/#"})});
    other.match.asked[i] = {row.is_network() ? "203.0.113.1" : "bad0"};
    for (const bool mine_first : {true, false}) {
      const Client client(mine_first ? std::vector{mine, other} : std::vector{other, mine});
      CHECK(words(client.publishes("mine/t")) == "allowed by may-mine");
      CHECK(words(client.publishes("other/t")) == "refused by policy.no-rule: drop 0x87");
    }
  }
}

TEST_CASE("specs are compared by all lists, and never by where they stand") {
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    CAPTURE(kAttributes[i].match);
    MatchSpec a;
    MatchSpec b;
    a.asked[i] = {"x"};
    b.asked[i] = {"y"};
    CHECK(a != b);
    CHECK(a < b);
    CHECK(a != MatchSpec{});
    b.asked[i] = {Text("x", Place{7, 9})};
    CHECK(a == b);
  }
}

TEST_CASE("the placeholder of a row takes the values that its match key is held against") {
  const Identity identity = device();
  for (const Attribute& row : kAttributes) {
    if (row.placeholder.empty()) continue;
    CAPTURE(row.placeholder);
    RoleSpec spec = role("r");
    spec.rules = {allow("own", {"x/${" + std::string(row.placeholder) + "}"})};
    const Client client({spec});
    for (const std::string& value : row.values(identity)) {
      if (value.find('/') == std::string::npos) CHECK(client.publishes("x/" + value).allowed);
    }
    CHECK_FALSE(client.publishes("x/bad0").allowed);
  }
}

}  // namespace
}  // namespace sallyport::policy
