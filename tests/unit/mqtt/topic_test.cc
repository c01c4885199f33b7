#include "sallyport/topic.h"

#include <string>

#include <doctest/doctest.h>

#include "packets.h"

namespace sallyport::mqtt::test {

namespace {

std::string name(std::string_view topic, const Bounds& bounds = {}) {
  const Exact exact(topic);
  const auto bad = check_topic_name(as_text(exact.bytes()), bounds);
  return bad ? std::string(to_string(*bad)) : "ok";
}

std::string filter(std::string_view topic, const Bounds& bounds = {}) {
  const Exact exact(topic);
  const auto bad = check_topic_filter(as_text(exact.bytes()), bounds);
  return bad ? std::string(to_string(*bad)) : "ok";
}

std::string repeat(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

}  // namespace

TEST_CASE("[MQTT-4.7.3-1] a topic has at least one character") {
  CHECK(name("") == "mqtt.topic-name");
  CHECK(filter("") == "mqtt.topic-filter");
  CHECK(name("a") == "ok");
  CHECK(name("/") == "ok");
  CHECK(filter("/") == "ok");
  CHECK(name(" ") == "ok");
}

TEST_CASE(
    "[MQTT-4.7.1-1 (3.1.1)] [MQTT-4.7.0-1] [MQTT-3.3.2-2] a topic name holds no wildcard, "
    "anywhere") {
  for (const char wildcard : {'+', '#'}) {
    for (std::size_t size = 1; size < 30; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string topic(size, 't');
        topic[at] = wildcard;
        CHECK(name(topic) == "mqtt.topic-name");
      }
    }
    // Beside what is not ASCII the slower way is taken.
    CHECK(name(std::string("pümpe/") + wildcard) == "mqtt.topic-name");
  }
}

TEST_CASE("4.7: nothing but wildcards is special in a topic name") {
  // The neighbours in ASCII of what the fast way looks for, and all the others.
  for (int c = 0x20; c < 0x7F; ++c) {
    if (c == '+' || c == '#') continue;
    for (std::size_t size = 1; size < 20; ++size) {
      std::string topic(size, static_cast<char>(c));
      CHECK(name(topic) == "ok");
    }
  }
  CHECK(name("$SYS/broker/uptime") == "ok");
  CHECK(name("plant/pümpe/温度") == "ok");
}

TEST_CASE("[MQTT-4.7.3-2] [MQTT-1.5.4-2] topics are UTF-8 without U+0000") {
  using namespace std::string_view_literals;
  CHECK(name("a\0b"sv) == "mqtt.utf8");
  CHECK(filter("a/\0"sv) == "mqtt.utf8");
  CHECK(name("a/\xED\xA0\x80") == "mqtt.utf8");
  CHECK(filter("+/\xFF/#") == "mqtt.utf8");
  CHECK(name("a\nb") == "mqtt.control-character");
  CHECK(filter("a\x7F/#") == "mqtt.control-character");
  Bounds lenient;
  lenient.refuse_control_characters = false;
  CHECK(name("a\nb", lenient) == "ok");
  CHECK(filter("a\x7F/#", lenient) == "ok");
  CHECK(name("a\0b"sv, lenient) == "mqtt.utf8");
}

TEST_CASE("1.5.4: every byte at every place of a topic name, sixteen at a time or not") {
  Bounds lenient;
  lenient.refuse_control_characters = false;
  std::size_t wrong = 0;
  for (std::size_t size = 1; size < 50; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (unsigned c = 0; c < 256; ++c) {
        std::string topic(size, 'x');
        topic[at] = static_cast<char>(c);
        const bool control = c < 0x20 || c == 0x7F;
        const std::string expected = c == 0 || c >= 0x80    ? "mqtt.utf8"
                                     : control              ? "mqtt.control-character"
                                     : c == '+' || c == '#' ? "mqtt.topic-name"
                                                            : "ok";
        wrong += name(topic) != expected;
        wrong += name(topic, lenient) != (control && c != 0 ? "ok" : expected);
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("levels are counted right wherever the slashes stand") {
  for (std::size_t size = 1; size < 70; ++size) {
    for (std::size_t one = 0; one < size; ++one) {
      for (std::size_t other = one; other < size; ++other) {
        std::string topic(size, '.');  // the neighbour of `/` in ASCII
        topic[one] = topic[other] = '/';
        Bounds bounds;
        bounds.max_topic_levels = one == other ? 2 : 3;
        const std::string at_limit = name(topic, bounds);
        --bounds.max_topic_levels;
        const std::string above = name(topic, bounds);
        if (at_limit != "ok" || above != "mqtt.topic-levels") FAIL_CHECK(topic);
      }
    }
  }
}

TEST_CASE("topic length is limited") {
  Bounds bounds;
  bounds.max_topic_length = 20;
  for (std::size_t size = 1; size < 40; ++size) {
    const std::string topic(size, 'a');
    CHECK(name(topic, bounds) == (size <= 20 ? "ok" : "mqtt.topic-too-long"));
    CHECK(filter(topic, bounds) == (size <= 20 ? "ok" : "mqtt.topic-too-long"));
  }
  CHECK(filter("$share/g/0123456789ab", bounds) == "mqtt.topic-too-long");
}

TEST_CASE("topic levels are limited: CVE-2019-11779") {
  Bounds bounds;
  bounds.max_topic_levels = 5;
  for (std::size_t slashes = 0; slashes < 40; ++slashes) {
    CAPTURE(slashes);
    const char* expected = slashes < 5 ? "ok" : "mqtt.topic-levels";
    CHECK(name(repeat("/", slashes) + "a", bounds) == expected);
    CHECK(name(repeat("abc/", slashes) + "d", bounds) == expected);
    CHECK(name(repeat("é/", slashes) + "d", bounds) == expected);
    CHECK(filter(repeat("+/", slashes) + "#", bounds) == expected);
    CHECK(filter("$share/g/" + repeat("x/", slashes) + "y", bounds) == expected);
  }
  for (std::size_t slashes = 230; slashes < 280; ++slashes) {
    CAPTURE(slashes);
    bounds.max_topic_levels = static_cast<std::uint16_t>(slashes + 1);
    CHECK(name(repeat("/", slashes), bounds) == "ok");
    CHECK(name(repeat("/", slashes) + "tail/", bounds) == "mqtt.topic-levels");
    bounds.max_topic_levels = static_cast<std::uint16_t>(slashes);
    CHECK(name(repeat("/", slashes), bounds) == "mqtt.topic-levels");
  }
  CHECK(name(repeat("/", 1000)) == "mqtt.topic-levels");
  bounds.max_topic_length = 65'535;
  CHECK(filter(repeat("/", 65'400), bounds) == "mqtt.topic-levels");
  bounds.max_topic_levels = 65'535;
  CHECK(name(repeat("/", 65'534), bounds) == "ok");
  CHECK(name(repeat("/", 65'535), bounds) == "mqtt.topic-levels");
}

TEST_CASE(
    "[MQTT-4.7.1-2 (3.1.1)] [MQTT-4.7.1-3] [MQTT-4.7.1-1 (5.0)] [MQTT-4.7.1-2 (5.0)] wildcards "
    "take whole levels, # the last one") {
  for (const char* good : {"#", "+", "/", "a", "a/#", "+/#", "+/+", "/+", "+/", "a/+/b", "//", "/#",
                           "$SYS/#", "+/a/#", "a//+", "sport/tennis/player1/#"}) {
    CAPTURE(good);
    CHECK(filter(good) == "ok");
  }
  for (const char* bad : {"a#", "#a", "a/#/b", "#/", "##", "#/#", "a+", "+a", "a/b+", "++", "+#",
                          "a/+#", "a/#/", "sport/tennis#", "sport+", "/#/a", "a/b#/c"}) {
    CAPTURE(bad);
    CHECK(filter(bad) == "mqtt.topic-filter");
  }
}

TEST_CASE("[MQTT-4.8.2-1] [MQTT-4.8.2-2] the grammar of $share: CVE-2025-68699") {
  for (const char* good :
       {"$share/group/a", "$share/g/#", "$share/g/+/b", "$share/g//", "$share/$g/a",
        "$share/g/$SYS/a", "$share", "$shared/a", "$sharex", "$SHARE/"}) {
    CAPTURE(good);
    CHECK(filter(good) == "ok");
  }
  for (const char* bad : {"$share/", "$share//", "$share//a", "$share/ab", "$share/ab/",
                          "$share/+/a", "$share/#/a", "$share/#", "$share/a+b/c", "$share/g#/c"}) {
    CAPTURE(bad);
    CHECK(filter(bad) == "mqtt.share-name");
  }
  CHECK(filter("$share/g/a#") == "mqtt.topic-filter");
  CHECK(filter("$share/g/#/a") == "mqtt.topic-filter");
}

TEST_CASE("4.8.2: taking $share apart") {
  const auto shared = split_share("$share/group/plant/+/#");
  CHECK(shared.share_name == "group");
  CHECK(shared.filter == "plant/+/#");
  CHECK(split_share("$share/g//").filter == "/");
  for (const char* plain : {"a", "#", "$share", "$shared/a/b", "share/a/b", "/$share/a/b"}) {
    CHECK(split_share(plain).share_name.empty());
    CHECK(split_share(plain).filter == plain);
  }
}

}  // namespace sallyport::mqtt::test
