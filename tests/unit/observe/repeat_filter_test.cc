#include "observe/repeat_filter.h"

#include <string>

#include <doctest/doctest.h>

#include "support.h"

namespace sallyport::observe {

namespace {

using Answer = RepeatFilter::Answer;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr settings::AuditLimits kLimits{.burst = 100, .per_second = 10, .crowd = 20};

struct Asked {
  bool begun = true;
  bool as_crowd = true;
};

int passed(RepeatFilter& filter, const Identity& who, std::string_view cause, int times,
           std::int64_t now, Asked asked = {}) {
  int n = 0;
  for (int i = 0; i < times; ++i) {
    const RepeatKey key = filter.key(who, asked.begun, 0, cause);
    n += filter.pass(key, asked.as_crowd, now) == Answer::write ? 1 : 0;
  }
  return n;
}

Identity by_password(std::string username, std::string client_id) {
  Identity who = testing::sensor();
  who.certificate = nullptr;
  who.username = std::move(username);
  who.client_id = std::move(client_id);
  return who;
}

}  // namespace

TEST_CASE("a flood passes its burst, then so many a second") {
  RepeatFilter filter(kLimits, {1, 2});
  const Identity who = testing::sensor();
  const std::int64_t now = 5 * kSecond;
  CHECK(passed(filter, who, "rule", 10'000, now) == 100);
  CHECK(passed(filter, who, "rule", 10'000, now + kSecond) == 10);
  CHECK(passed(filter, who, "rule", 10'000, now + 2 * kSecond) == 10);
  // Quiet for long enough, it has the burst again, and not more.
  CHECK(passed(filter, who, "rule", 10'000, now + 3600 * kSecond) == 100);
}

TEST_CASE("clients behind one address that logged in by password have an allowance each") {
  RepeatFilter filter(kLimits, {3, 4});
  for (int session = 0; session < 100; ++session)
    static_cast<void>(passed(filter, by_password("noisy", "noisy-" + std::to_string(session)),
                             "policy.no-rule", 1000, kSecond));
  CHECK(passed(filter, by_password("quiet", "quiet-1"), "policy.no-rule", 1, kSecond) == 1);
}

TEST_CASE("sessions of one certificate are told apart by client identifier") {
  RepeatFilter filter(kLimits, {5, 6});
  Identity who = testing::sensor();
  CHECK(passed(filter, who, "rule", 1000, kSecond) == 100);
  who.client_id = "sensor-2";
  CHECK(passed(filter, who, "rule", 1000, kSecond) == 100);
}

TEST_CASE("client identifiers without end are bounded where they can be made up") {
  RepeatFilter filter(kLimits, {7, 8});
  int lines = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Identity who = by_password("u" + std::to_string(i), "c" + std::to_string(i));
    lines += passed(filter, who, "policy.no-role", 1, kSecond, {.begun = false});
  }
  CHECK(lines == 100 * 20);
  const RepeatKey key = filter.key(by_password("new", "new"), false, 0, "policy.no-role");
  CHECK(filter.pass(key, true, kSecond) == Answer::crowd_repeats);
  CHECK(filter.pass(key, true, 2 * kSecond) == Answer::write);
  // Another address, and another cause of the same one, are not touched by it.
  Identity other = by_password("new", "new");
  CHECK(passed(filter, other, "policy.connect-rate", 1, kSecond, {.begun = false}) == 1);
  other.address = "192.0.2.8";
  CHECK(passed(filter, other, "policy.no-role", 1, kSecond, {.begun = false}) == 1);
}

TEST_CASE("an IPv6 customer is one crowd, whichever of its addresses it uses") {
  for (const std::uint8_t bits : {std::uint8_t{64}, std::uint8_t{128}}) {
    RepeatFilter filter(kLimits, {7, 8});
    int lines = 0;
    for (int i = 0; i < 10'000; ++i) {
      Identity who = by_password("u" + std::to_string(i), "c" + std::to_string(i));
      who.address = "2001:db8:0:1::" + std::to_string(i % 10'000);
      who.address_prefix.v6 = bits;
      lines += passed(filter, who, "policy.no-role", 1, kSecond, {.begun = false});
    }
    CHECK(lines == (bits == 64 ? 100 * 20 : 10'000));
  }
}

TEST_CASE("what repeats uses up nothing of the crowd's") {
  RepeatFilter filter(kLimits, {9, 10});
  // One client, a million times: it may write 100 of the 2,000.
  CHECK(passed(filter, by_password("a", "a"), "no", 1'000'000, kSecond, {.begun = false}) == 100);
  for (int i = 0; i < 1900; ++i)
    REQUIRE(passed(filter, by_password("b", std::to_string(i)), "no", 1, kSecond,
                   {.begun = false}) == 1);
}

TEST_CASE("no other client ever loses a line to the table being full") {
  RepeatFilter filter(kLimits, {11, 12});
  // Far more clients than places; every one of them has its whole burst.
  for (int i = 0; i < 20'000; ++i) {
    Identity who = testing::sensor();
    who.certificate = nullptr;
    who.address = "address " + std::to_string(i);
    REQUIRE(passed(filter, who, "rule", 5, 0) == 5);
  }
}

TEST_CASE("keys depend on every part, on the kind and on the secret") {
  const RepeatFilter filter(kLimits, {13, 14});
  const Identity who = testing::sensor();
  const RepeatKey key = filter.key(who, true, 0, "rule");
  CHECK(filter.key(who, true, 0, "rule").client == key.client);
  CHECK(filter.key(who, true, 1, "rule").client != key.client);
  CHECK(filter.key(who, true, 0, "rulf").client != key.client);
  CHECK(RepeatFilter(kLimits, {13, 15}).key(who, true, 0, "rule").client != key.client);
  Identity other = who;
  other.username = "some";
  other.client_id = "onesensor-1";  // the same bytes, cut elsewhere
  CHECK(filter.key(other, true, 0, "rule").client != key.client);
}

}  // namespace sallyport::observe
