#include "observe/top_table.h"

#include <doctest/doctest.h>

namespace sallyport::observe {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::size_t add(TopTable& table, std::uint64_t key, double amount) {
  return table.add(key, amount, {NameKind::client_id, "client-" + std::to_string(key)});
}

}  // namespace

TEST_CASE("who does most comes first, and no more are shown than were asked for") {
  TopTable table(2);
  add(table, 1, 10);
  add(table, 2, 30);
  add(table, 3, 20);
  CHECK(table.rows().empty());
  table.publish(0);
  const auto rows = table.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].name == "client-2");
  CHECK(rows[1].name == "client-3");
  CHECK(rows[0].per_second == doctest::Approx(0.5));
}

TEST_CASE("in a crowd without end whoever does more than its share is found") {
  TopTable table(3);
  std::uint64_t stranger = 1000;
  for (int round = 0; round < 2000; ++round) {
    add(table, 1, 1);
    add(table, 2, 1);
    for (int i = 0; i < 10; ++i) add(table, ++stranger, 1);
  }
  table.publish(0);
  const auto rows = table.rows();
  REQUIRE(rows.size() == 3);
  // Of 24,000 each of the two did 2,000; the others did 1 each, and may be overrated.
  CHECK((rows[0].name == "client-1" || rows[0].name == "client-2"));
  CHECK((rows[1].name == "client-1" || rows[1].name == "client-2"));
  CHECK(rows[0].per_second * 60 >= 2000);
}

TEST_CASE("what was counted fades, and is forgotten with the name") {
  TopTable table(1);
  const std::size_t place = add(table, 7, 60);
  table.publish(kSecond);
  CHECK(table.rows().at(0).per_second == doctest::Approx(1).epsilon(0.02));
  table.publish(61 * kSecond);
  CHECK(table.rows().at(0).per_second == doctest::Approx(0.368).epsilon(0.02));
  CHECK(table.add_at(place, 7, 1));
  table.publish(1000 * kSecond);
  CHECK(table.rows().empty());
  CHECK_FALSE(table.add_at(place, 7, 1));
}

TEST_CASE("a place is another's as soon as the entry is") {
  TopTable table(1);
  const std::size_t place = add(table, 1, 0.1);
  CHECK(table.add_at(place, 1, 0.1));
  for (std::uint64_t key = 2; key < 30; ++key) add(table, key, 5);
  CHECK_FALSE(table.add_at(place, 1, 1));
  CHECK_FALSE(table.add_at(99, 1, 1));
}

TEST_CASE("names are shown without what hides or what is too long") {
  TopTable table(3);
  table.add(1, 3,
            {NameKind::client_id,
             "a\xE2\x80\xAE"
             "b\n\xFF"});
  table.add(2, 2, {NameKind::certificate, std::string(127, 'x') + "\xC3\xBC"});
  table.publish(0);
  const auto rows = table.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].name == "a\\u202eb\\x0a\\xff");
  CHECK(rows[1].name.size() <= 128);
  CHECK(rows[1].name.starts_with("xxx"));
}

TEST_CASE("nobody is counted where nobody may be shown") {
  TopTable table(0);
  CHECK(add(table, 1, 1) == 0);
  table.publish(0);
  CHECK(table.rows().empty());
}

TEST_CASE("workers are added up by name and kind") {
  const auto rows = merge({{NameKind::client_id, "a", 1},
                           {NameKind::address, "a", 5},
                           {NameKind::client_id, "b", 3},
                           {NameKind::client_id, "a", 3}},
                          2);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].kind == NameKind::address);
  CHECK(rows[1].name == "a");
  CHECK(rows[1].per_second == 4);
}

}  // namespace sallyport::observe
