// What is beyond a bound costs no more than it must: a filter is refused in its place, and the
// conversation goes on.

#include <functional>

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using mqtt::PacketType;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

namespace {

std::string many(unsigned first, wire::Level level, unsigned id, std::size_t count,
                 std::string_view name = "f/") {
  std::string body = wire::u16(id) + wire::properties(level);
  for (std::size_t i = 0; i < count; ++i) {
    body += wire::text(std::string(name) + std::to_string(i));
    if (first == 0x82) body += wire::u8(0);
  }
  return wire::packet(first, body);
}
std::string subscribe_to(wire::Level level, unsigned id, std::size_t count) {
  return many(0x82, level, id, count);
}
std::string unsubscribe_from(wire::Level level, unsigned id, std::size_t count) {
  return many(0xA2, level, id, count);
}
std::string codes(wire::Level level, unsigned id, std::size_t granted, std::size_t refused) {
  return wire::packet(0x90, wire::u16(id) + wire::properties(level) + std::string(granted, '\0') +
                                std::string(refused, level == v5 ? '\x97' : '\x80'));
}
std::string unsuback(wire::Level level, unsigned id, std::initializer_list<unsigned> all) {
  std::string body = wire::u16(id) + wire::properties(level);
  for (const unsigned code : all) body += level == v5 ? wire::u8(code) : "";
  return wire::packet(0xB0, body);
}

}  // namespace

TEST_CASE("the 513th filter of a SUBSCRIBE is refused in its place, and the others go on") {
  for (const wire::Level level : wire::kLevels) {
    for (const std::size_t count : {512U, 513U, 600U, 3000U}) {
      CAPTURE(count);
      Conversation talk = bounded();
      talk.open({.level = level});
      talk.client_sends(subscribe_to(level, 9, count));
      CHECK(talk.broker_gets() == subscribe_to(level, 9, 512));
      talk.broker_sends(codes(level, 9, 512, 0));
      CHECK(talk.client_gets() == codes(level, 9, 512, count - 512));
      CHECK_FALSE(talk.closed());
      REQUIRE(talk.events.refusals.size() == (count > 512 ? 1 : 0));  // one for all of them
      if (count == 512) continue;
      CHECK(last_refusal(talk) == "mqtt.too-many-filters 97");
      CHECK(talk.events.refusals[0].topic == "f/512");
      CHECK(talk.events.refusals[0].action == Action::drop);
    }
  }
}

TEST_CASE("filters beyond the number, and refused for other reasons before, each in its place") {
  for (const wire::Level level : wire::kLevels) {
    const unsigned rule = level == v5 ? 0x87 : 0x80;
    const unsigned quota = level == v5 ? 0x97 : 0x80;
    Bounds bounds;
    bounds.max_filters = 3;
    Conversation talk(up_and_down(), bounds);
    talk.open({.level = level});
    talk.client_sends(
        wire::subscribe(level, 1, {{"no"}, {"down/a"}, {"down/b"}, {"down/c"}, {"no"}}));
    CHECK(talk.broker_gets() == wire::subscribe(level, 1, {{"down/a"}, {"down/b"}}));
    talk.broker_sends(wire::suback(level, 1, {0, 0x80}));
    CHECK(talk.client_gets() == wire::suback(level, 1, {rule, 0, 0x80, quota, quota}));
    // Nothing is left of the first three: answered here.
    talk.client_sends(wire::subscribe(level, 2, {{"no"}, {"no"}, {"no"}, {"down/c"}}));
    CHECK(talk.broker_gets().empty());
    CHECK(talk.client_gets() == wire::suback(level, 2, {rule, rule, rule, quota}));
  }
}

TEST_CASE("UNSUBSCRIBE may name any number of filters") {
  for (const wire::Level level : wire::kLevels) {
    Conversation talk = bounded([](Bounds& b) { b.max_subscriptions = 600; });
    talk.open({.level = level});
    talk.client_sends(subscribe_to(level, 1, 512));
    (void)talk.broker_gets();
    talk.broker_sends(codes(level, 1, 512, 0));
    (void)talk.client_gets();
    const std::string all = unsubscribe_from(level, 2, 3000);
    talk.client_sends(all);
    CHECK(talk.broker_gets() == all);
    CHECK(talk.events.refusals.empty());
    talk.broker_sends(wire::packet(
        0xB0, wire::u16(2) + (level == v5 ? wire::u8(0) + std::string(3000, '\0') : "")));
    (void)talk.client_gets();
    // All 512 are given up.
    talk.client_sends(subscribe_to(level, 3, 512));
    CHECK(talk.broker_gets() == subscribe_to(level, 3, 512));
    CHECK(talk.memory() < 512 * 64);
  }
}

TEST_CASE("a filter beyond the bounds on topics is refused in its place") {
  struct Row {
    const char* name;
    std::function<void(Bounds&)> lower;
    std::string bad;
  };
  const Row rows[] = {
      {"mqtt.topic-too-long", [](Bounds& b) { b.max_topic_length = 4; }, "five5"},
      {"mqtt.topic-levels", [](Bounds& b) { b.max_topic_levels = 2; }, "a/b/c"},
      {"mqtt.topic-levels", [](Bounds&) {}, std::string(1000, '/')},  // CVE-2019-11779
      {"mqtt.control-character", [](Bounds&) {}, "a\x01"},
  };
  for (const wire::Level level : wire::kLevels) {
    for (const Row& row : rows) {
      CAPTURE(row.name);
      Conversation talk = bounded(row.lower);
      talk.open({.level = level});
      talk.client_sends(wire::subscribe(level, 1, {{"a"}, {row.bad, 1}, {"b"}}));
      CHECK(talk.broker_gets() == wire::subscribe(level, 1, {{"a"}, {"b"}}));
      talk.broker_sends(wire::suback(level, 1, {0, 0}));
      CHECK(talk.client_gets() == wire::suback(level, 1, {0, level == v5 ? 0x8FU : 0x80U, 0}));
      CHECK(last_refusal(talk) == std::string(row.name) + " 8F");
      CHECK(talk.events.refusals.back().topic == row.bad);

      talk.client_sends(wire::unsubscribe(level, 2, {"a", row.bad, "b"}));
      CHECK(talk.broker_gets() == wire::unsubscribe(level, 2, {"a", "b"}));
      talk.broker_sends(unsuback(level, 2, {0, 0x11}));
      CHECK(talk.client_gets() == unsuback(level, 2, {0, 0x8F, 0x11}));
      CHECK(last_refusal(talk) == std::string(row.name) + " 8F");
      talk.client_sends(wire::unsubscribe(level, 3, {row.bad}));
      CHECK(talk.broker_gets().empty());
      CHECK(talk.client_gets() == unsuback(level, 3, {0x8F}));
      CHECK_FALSE(talk.closed());
      // A malformed one behind it is malformed all the same.
      talk.client_sends(wire::subscribe(level, 4, {{row.bad}, {"a#"}}));
      CHECK(talk.closed());
      CHECK(last_refusal(talk) == "mqtt.topic-filter 81");
    }
  }
}

TEST_CASE("a filter that is beyond a bound and malformed is malformed") {
  for (const wire::Level level : wire::kLevels) {
    for (const std::string bad : {"five#", "five\xFF", "fi\x01\xFF"}) {
      Conversation talk = bounded([](Bounds& b) { b.max_topic_length = 4; });
      talk.open({.level = level});
      talk.client_sends(wire::subscribe(level, 1, {{bad}}));
      CHECK(talk.closed());
      CHECK(last_refusal(talk) == (bad == "five#" ? "mqtt.topic-filter 81" : "mqtt.utf8 81"));
    }
  }
}

TEST_CASE("3.x: $share without a name and a filter is a filter, and goes no further") {
  for (const wire::Level level : {v3_1, v3_1_1}) {
    Conversation talk = bounded();
    talk.open({.level = level});
    talk.client_sends(wire::subscribe(level, 1, {{"$share/ab"}, {"a"}}));  // CVE-2025-68699
    CHECK(talk.broker_gets() == wire::subscribe(level, 1, {{"a"}}));
    talk.broker_sends(wire::suback(level, 1, {0}));
    CHECK(talk.client_gets() == wire::suback(level, 1, {0x80, 0}));
    CHECK(last_refusal(talk) == "mqtt.share-name 8F");
    talk.client_sends(wire::subscribe(level, 2, {{"$share/a#/b"}}));
    CHECK(talk.closed());
    CHECK(last_refusal(talk) == "mqtt.topic-filter 81");
  }
}

TEST_CASE("a request with too many user properties is answered filter by filter") {
  Conversation talk = bounded();
  talk.open({.level = v5});
  talk.client_sends(wire::subscribe(v5, 1, {{"a"}, {"b"}}, user_properties(21)));
  CHECK(talk.client_gets() == wire::suback(v5, 1, {0x97, 0x97}));
  CHECK(last_refusal(talk) == "mqtt.user-properties 97");
  const std::string body =
      wire::u16(2) + wire::properties(v5, user_properties(21)) + wire::text("a");
  talk.client_sends(wire::packet(0xA2, body));
  CHECK(talk.client_gets() == unsuback(v5, 2, {0x83}));
  CHECK(talk.broker_gets().empty());
  CHECK_FALSE(talk.closed());
}

TEST_CASE("what is remembered of a request in part is bounded by the number of filters") {
  Conversation talk = bounded([](Bounds& b) { b.max_filters = 4; });
  talk.open({.level = v5});
  const std::string bad(2000, 'x');
  std::string body = wire::u16(1) + wire::properties(v5) + wire::text(bad);
  for (int i = 0; i < 5000; ++i) body += wire::text("a");
  talk.client_sends(wire::packet(0xA2, body));
  CHECK(talk.broker_gets().empty());
  const std::string answer = talk.client_gets();
  CHECK(answer == wire::packet(0xB0, wire::u16(1) + wire::u8(0) + std::string(5001, '\x83')));
  talk.client_sends(subscribe_to(v5, 2, 5000));
  CHECK(talk.broker_gets() == subscribe_to(v5, 2, 4));
  CHECK(talk.memory() < 1024);
}
