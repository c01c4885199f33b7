// What is beyond a bound costs no more than it must: a PUBLISH is refused by itself, and the
// conversation goes on.

#include <functional>

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using mqtt::PacketType;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

TEST_CASE("a PUBLISH beyond a bound is refused by itself") {
  struct Row {
    const char* name;
    std::function<void(Bounds&)> lower;
    wire::Publish publish;
    unsigned code;  // in PUBACK and PUBREC of 5.0
    bool only_5 = false;
  };
  const Row rows[] = {
      {"mqtt.topic-too-long", [](Bounds& b) { b.max_topic_length = 4; }, {.topic = "five5"}, 0x90},
      {"mqtt.topic-levels", [](Bounds& b) { b.max_topic_levels = 2; }, {.topic = "a/b/c"}, 0x90},
      {"mqtt.control-character", [](Bounds&) {}, {.topic = "a\x01"}, 0x90},
      {"mqtt.user-properties",
       [](Bounds& b) { b.max_user_properties = 1; },
       {.topic = "t", .properties = user_properties(2)},
       0x97,
       true},
      {"mqtt.user-properties",
       [](Bounds& b) { b.max_user_property_bytes = 2; },
       {.topic = "t", .properties = user_property("k", "vv")},
       0x97,
       true},
      {"mqtt.topic-too-long",
       [](Bounds& b) { b.max_topic_length = 4; },
       {.topic = "t", .properties = wire::response_topic("fives")},
       0x90,
       true},
  };
  for (const wire::Level level : wire::kLevels) {
    for (const Row& row : rows) {
      if (row.only_5 && level != v5) continue;
      CAPTURE(row.name);
      Conversation talk = bounded(row.lower);
      talk.open({.level = level});
      wire::Publish publish = row.publish;
      publish.level = level;
      for (publish.qos = 0; publish.qos < 3; ++publish.qos) {
        publish.packet_id = publish.qos + 10;
        talk.client_sends(wire::publish(publish));
        CHECK(talk.broker_gets().empty());
        const unsigned type = publish.qos == 1 ? 4 : 5;
        CHECK(talk.client_gets() == (publish.qos == 0 ? ""
                                     : level == v5    ? wire::ack(type, publish.packet_id, row.code)
                                                      : wire::ack(type, publish.packet_id)));
        CHECK(talk.events.refusals.back().name == row.name);
        CHECK(talk.events.refusals.back().action == Action::drop);
      }
      if (level != v5) {
        talk.client_sends(wire::pubrel(12));
        CHECK(talk.client_gets() == wire::pubcomp(12));
      }
      const std::string good = wire::publish({.level = level, .topic = "ok"});
      talk.client_sends(good);
      CHECK(talk.broker_gets() == good);
      CHECK_FALSE(talk.closed());
    }
  }
}

TEST_CASE("3.x: a PUBLISH larger than max_packet is dropped, for nobody told the client") {
  for (const wire::Level level : {v3_1, v3_1_1}) {
    Conversation talk = bounded([](Bounds& b) { b.max_packet = 128; });
    talk.open({.level = level});
    const std::string big = wire::publish(
        {.level = level, .topic = "t", .payload = std::string(100'000, 'p'), .qos = 1});
    const std::string good = wire::publish({.level = level, .topic = "t"});
    const std::size_t before = talk.memory();
    talk.client_sends(big.substr(0, 50'000));
    CHECK(talk.client_gets() == wire::puback(1));
    CHECK(talk.memory() == before);
    talk.client_sends(big.substr(50'000) + good);
    CHECK(talk.broker_gets() == good);
    CHECK(last_refusal(talk) == "mqtt.packet-too-large 97");
    CHECK(talk.events.refusals.size() == 1);
    // Anything else that large has no answer.
    talk.client_sends(wire::subscribe(level, 2, {{std::string(128, 'x')}}));
    CHECK(talk.closed());
    CHECK(last_refusal(talk) == "mqtt.packet-too-large 95");
  }
}

TEST_CASE("5.0: a PUBLISH larger than CONNACK has told ends the session [MQTT-3.2.2-15]") {
  const auto sized = [](std::size_t size) {
    std::string publish = wire::publish({.level = v5, .topic = "t", .payload = "", .qos = 1});
    const std::size_t head = publish.size() + (size > 128 ? 1 : 0);
    publish = wire::publish(
        {.level = v5, .topic = "t", .payload = std::string(size - head, 'p'), .qos = 1});
    REQUIRE(publish.size() == size);
    return publish;
  };
  policy::PolicySpec spec = everything();
  Bounds bounds;
  bounds.max_packet = 300;
  Conversation talk(spec, bounds);
  talk.open({.level = v5});
  spec.roles[0].bounds = unbounded();
  spec.roles[0].bounds->max_packet = 200;
  talk.set_policy(spec);
  // Within what it was told, and no longer allowed: by itself.
  talk.client_sends(sized(300));
  CHECK(talk.client_gets() == wire::ack(4, 1, 0x97));
  CHECK(talk.broker_gets().empty());
  CHECK_FALSE(talk.closed());
  talk.client_sends(sized(301));
  CHECK(talk.closed());
  CHECK(talk.client_gets() == wire::disconnect(0x95));
}

TEST_CASE("an alias that a PUBLISH beyond a bound has set stands for what is refused") {
  const auto publish = [](std::string topic, unsigned alias) {
    return wire::publish(
        {.level = v5, .topic = std::move(topic), .qos = 1, .properties = wire::topic_alias(alias)});
  };
  Conversation talk = bounded([](Bounds& b) { b.max_topic_length = 8; });
  talk.open({.level = v5}, wire::topic_alias_maximum(10));
  talk.client_sends(publish(std::string(60'000, 'x'), 1));
  CHECK(talk.client_gets() == wire::ack(4, 1, 0x90));
  CHECK(talk.memory() < 4096);
  talk.client_sends(publish("", 1));
  CHECK(talk.client_gets() == wire::ack(4, 1, 0x90));
  CHECK(last_refusal(talk) == "mqtt.topic-too-long 90");
  CHECK(talk.broker_gets().empty());
  // Set anew, it is good.
  talk.client_sends(publish("short", 1) + publish("", 1));
  CHECK(talk.broker_gets() == publish("short", 1) + publish("", 1));
  // A good topic with too much else: the alias is known here, and its topic is put back.
  talk.client_sends(wire::publish(
      {.level = v5, .topic = "good", .properties = wire::topic_alias(2) + user_properties(21)}));
  CHECK(last_refusal(talk) == "mqtt.user-properties 97");
  talk.client_sends(publish("", 2));
  CHECK(talk.broker_gets() == publish("good", 2));
}

TEST_CASE("one more QoS 2 message than may be in flight is refused by itself") {
  for (const wire::Level level : wire::kLevels) {
    Conversation talk = bounded([](Bounds& b) { b.max_qos2_in_flight = 2; });
    // So small that CONNACK cannot tell it of the bound.
    const std::string small = level == v5 ? wire::maximum_packet_size(20) : "";
    talk.open({.level = level, .properties = small},
              level == v5 ? user_property("kkkkk", "vvvv") : "");
    const auto publish = [&](unsigned id) {
      return wire::publish({.level = level, .topic = "t", .qos = 2, .packet_id = id});
    };
    talk.client_sends(publish(1) + publish(2));
    CHECK(talk.broker_gets() == publish(1) + publish(2));
    talk.client_sends(publish(3));
    CHECK(talk.broker_gets().empty());
    CHECK(talk.client_gets() == (level == v5 ? wire::ack(5, 3, 0x97) : wire::pubrec(3)));
    CHECK(last_refusal(talk) == "mqtt.qos2-in-flight 97");
    CHECK_FALSE(talk.closed());
    if (level != v5) {
      talk.client_sends(wire::pubrel(3));
      CHECK(talk.client_gets() == wire::pubcomp(3));
      // As many again that it leaves open, and no more.
      talk.client_sends(publish(4) + publish(5));
      CHECK(talk.client_gets() == wire::pubrec(4) + wire::pubrec(5));
      talk.client_sends(publish(6));
      CHECK(talk.closed());
      CHECK(last_refusal(talk) == "mqtt.qos2-in-flight 93");
    } else {
      talk.broker_sends(wire::pubrec(1));
      talk.client_sends(wire::pubrel(1));
      talk.broker_sends(wire::pubcomp(1));
      talk.client_sends(publish(7));
      CHECK(talk.broker_gets() == wire::pubrel(1) + publish(7));
    }
  }
}

TEST_CASE("what has to be gathered is bounded from the header on") {
  for (const wire::Level level : wire::kLevels) {
    Conversation talk = bounded([](Bounds& b) { b.max_gathered = 1000; });
    talk.open({.level = level});
    // Announced, and never sent.
    talk.client_sends(wire::u8(0x82) + wire::varint(1000));
    CHECK(talk.closed());
    CHECK(talk.memory() < 100);
    CHECK(last_refusal(talk) == "mqtt.packet-gathered 97");
    CHECK(talk.client_gets() == (level == v5 ? wire::disconnect(0x97) : ""));
  }
  // Of a PUBLISH its head counts, and not its payload.
  Conversation talk = bounded([](Bounds& b) { b.max_gathered = 1000; });
  talk.open({.level = v5});
  const std::string big = wire::publish(
      {.level = v5, .topic = "t", .payload = std::string(50'000, 'p'), .properties = {}});
  talk.client_sends(big);
  CHECK(talk.broker_gets() == big);
  const std::string correlation = wire::u8(0x09) + wire::text(std::string(1000, 'c'));
  talk.client_sends(wire::publish({.level = v5, .topic = "t", .properties = correlation}));
  CHECK(talk.closed());
  CHECK(last_refusal(talk) == "mqtt.packet-gathered 97");
}

TEST_CASE("a broker's packet that has to be gathered is bounded by its own key") {
  SessionOptions options;
  options.broker_gathered = 64 * 1024;
  for (const std::size_t extra : {0U, 1U}) {
    Conversation talk(everything(), options);
    talk.open({.level = v5});
    const std::string head = wire::u16(1) + wire::properties(v5);
    const std::size_t size = 64 * 1024 - 4 + extra;  // behind a fixed header of four bytes
    const std::string suback = wire::packet(0x90, head + std::string(size - head.size(), '\0'));
    talk.broker_sends(suback);
    CHECK_FALSE(talk.closed());
    CHECK(talk.client_gets() == (extra == 0 ? suback : ""));
    if (extra == 1) CHECK(last_refusal(talk) == "mqtt.packet-gathered 97");
  }
}

TEST_CASE("own packets behind a payload that streams: their cause waits beyond the bound") {
  SessionOptions options;
  options.queued_replies = 8;
  Conversation talk(everybody({allow("up", {"up"}, {"#"})}), options);
  talk.open();
  const std::string delivery = wire::publish({.topic = "t", .payload = std::string(5000, 'p')});
  talk.broker_sends(delivery.substr(0, 100));
  const std::string refused = wire::publish({.topic = "no", .qos = 1});
  talk.client_sends(refused);
  talk.client_sends(refused);
  CHECK(talk.paused(Side::client) == 0);
  talk.client_sends(refused);
  CHECK(talk.paused(Side::client) == Session::kRepliesQueued);
  talk.broker_sends(delivery.substr(100));
  CHECK(talk.paused(Side::client) == 0);
  CHECK(talk.client_gets() == delivery + wire::puback(1) + wire::puback(1) + wire::puback(1));
}

TEST_CASE("a bound that is as high as the protocol goes adds nothing to CONNACK") {
  const auto highest = [](Bounds& b) {
    for (const BoundRow& row : kBounds) {
      std::visit(
          [&](auto field) {
            using Value = std::remove_reference_t<decltype(b.*field)>;
            if constexpr (std::is_same_v<Value, std::uint16_t> ||
                          std::is_same_v<Value, std::uint32_t>) {
              b.*field =
                  static_cast<Value>(row.stricter == Stricter::smaller ? row.most : row.least);
            }
          },
          row.field);
    }
  };
  for (const unsigned keep_alive : {0U, 1U, 60U, 65535U}) {
    for (const std::string& told :
         {std::string(), wire::topic_alias_maximum(65535) + wire::receive_maximum(65535),
          wire::maximum_packet_size(268'435'460), wire::maximum_packet_size(UINT32_MAX)}) {
      CAPTURE(keep_alive);
      Conversation talk = bounded(highest);
      const std::string connect = wire::connect(
          {.level = v5, .keep_alive = keep_alive, .properties = wire::topic_alias_maximum(65535)});
      talk.client_sends(connect);
      talk.broker_accepts();
      CHECK(talk.broker_gets() == connect);
      const std::string connack = wire::connack(v5, 0, told);
      talk.broker_sends(connack);
      CHECK(talk.client_gets() == connack);
      CHECK(talk.events.rewrites.empty());
      CHECK(talk.events.refusals.empty());
      if (keep_alive == 0) {
        talk.pass(std::chrono::hours(1000));
        CHECK_FALSE(talk.closed());
        CHECK(talk.broker_gets().empty());
      }
    }
  }
}

TEST_CASE("max_packet at MQTT's own maximum refuses no packet") {
  Conversation talk = bounded([](Bounds& b) { b.max_packet = 256 * 1024 * 1024; });
  talk.open({.level = v5});
  // The largest that there is: five bytes of header and 268,435,455 behind it. 2.2.3 (3.1.1)
  talk.client_sends(wire::u8(0x30) + wire::varint(268'435'455) + wire::text("t") + wire::u8(0));
  CHECK(talk.broker_gets().size() == 9);
  CHECK(talk.events.refusals.empty());
}

TEST_CASE("3.x: max_keep_alive at MQTT's own maximum lets clients without keep-alive be") {
  for (const wire::Level level : {v3_1, v3_1_1}) {
    Conversation talk = bounded([](Bounds& b) {
      b.max_keep_alive = 65535;
      b.refuse_mqtt3_keep_alive = true;
    });
    talk.open({.level = level, .keep_alive = 0});
    CHECK(talk.events.refusals.empty());
    talk.pass(std::chrono::hours(1000));
    CHECK_FALSE(talk.closed());
  }
}

TEST_CASE("max_pause bounds throttling of a client without keep-alive") {
  policy::PolicySpec spec = everything();
  policy::RateSpec rate;
  rate.messages = Rate{1, std::chrono::seconds(10)};
  rate.on_exceed = Action::throttle;
  spec.roles[0].limits = rate;
  for (const int seconds : {9, 10}) {
    Bounds bounds;
    bounds.max_pause = std::chrono::seconds(seconds);
    Conversation talk(spec, bounds);
    talk.open({.keep_alive = 0});
    const std::string publish = wire::publish({.topic = "t"});
    talk.client_sends(publish + publish);
    CHECK(talk.broker_gets() == publish);
    CHECK(talk.events.throttles.size() == (seconds == 10 ? 1 : 0));
    CHECK(talk.events.refusals.size() == (seconds == 10 ? 1 : 2));  // keep-alive is reported
  }
}
