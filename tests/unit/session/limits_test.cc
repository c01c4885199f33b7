// Every limit, once as a listener's and once as a role's: at the limit a packet passes, one above
// it is refused by the limit's own name.

#include <functional>

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

namespace {

using Lower = std::function<void(Bounds&)>;

enum class Whose { listener, role };

/// Everything is allowed, and the limits are lowered by the listener or by one of two roles.
Conversation limited(Whose whose, const Lower& lower) {
  policy::PolicySpec spec = everything();
  spec.roles.push_back(role("other"));
  Bounds bounds;
  if (whose == Whose::listener) {
    lower(bounds);
  } else {
    lower(spec.roles.back().bounds.emplace(unbounded()));
  }
  return Conversation(spec, bounds);
}

struct LimitRow {
  const char* name;
  Lower lower;
  wire::Connect fits;
  wire::Connect over;
  unsigned reason;  // in CONNACK of 5.0
};

wire::Connect connect_of(std::size_t bytes) {
  wire::Connect connect{.level = v5, .username = "u"};
  connect.username.append(bytes - wire::connect(connect).size(), 'u');
  REQUIRE(wire::connect(connect).size() == bytes);
  return connect;
}

}  // namespace

TEST_CASE("the limits that CONNECT is held to") {
  const LimitRow rows[] = {
      {"mqtt.packet-too-large", [](Bounds& l) { l.max_packet_before_connect = 100; },
       connect_of(100), connect_of(101), 0x95},
      {"mqtt.packet-too-large", [](Bounds& l) { l.max_packet = 100; }, connect_of(100),
       connect_of(101), 0x95},
      {"mqtt.client-id-too-long",
       [](Bounds& l) { l.max_client_id_length = 5; },
       {.level = v5, .client_id = "12345"},
       {.level = v5, .client_id = "123456"},
       0x85},
      {"mqtt.client-id-characters",
       [](Bounds& l) {
         l.client_id_characters = Characters::none();
         l.client_id_characters.add('a');
         l.client_id_characters.add('-');
       },
       {.level = v5, .client_id = "a-a"},
       {.level = v5, .client_id = "a-b"},
       0x85},
      {"mqtt.will-too-large",
       [](Bounds& l) { l.max_will_payload = 4; },
       {.level = v5, .will_topic = "t", .will_payload = "four"},
       {.level = v5, .will_topic = "t", .will_payload = "fives"},
       0x97},
      {"mqtt.topic-too-long",
       [](Bounds& l) { l.max_topic_length = 4; },
       {.level = v5, .will_topic = "four"},
       {.level = v5, .will_topic = "fives"},
       0x90},
      {"mqtt.topic-levels",
       [](Bounds& l) { l.max_topic_levels = 3; },
       {.level = v5, .will_topic = "a/b/c"},
       {.level = v5, .will_topic = "a/b/c/d"},
       0x90},
      {"mqtt.user-properties",
       [](Bounds& l) { l.max_user_properties = 2; },
       {.level = v5, .properties = user_properties(2)},
       {.level = v5, .properties = user_properties(3)},
       0x97},
      {"mqtt.user-properties",
       [](Bounds& l) { l.max_user_property_bytes = 4; },
       {.level = v5, .will_topic = "t", .will_properties = user_properties(2)},
       {.level = v5, .will_topic = "t", .will_properties = user_property("k", "four")},
       0x97},
      {"mqtt.control-character",
       [](Bounds& l) { l.refuse_control_characters = true; },
       {.level = v5, .client_id = "a b"},
       {.level = v5, .client_id = "a\tb"},
       0x81},
  };
  for (const LimitRow& row : rows) {
    for (const Whose whose : {Whose::listener, Whose::role}) {
      CAPTURE(std::string(row.name));
      CAPTURE(static_cast<int>(whose));
      const bool framed = std::string_view(row.name) == "mqtt.packet-too-large";
      Conversation good = limited(whose, row.lower);
      good.client_sends(wire::connect(row.fits));
      CHECK(good.dialled());
      CHECK(good.events.refusals.empty());

      Conversation bad = limited(whose, row.lower);
      bad.client_sends(wire::connect(row.over));
      CHECK(bad.closed());
      CHECK_FALSE(bad.dialled());
      REQUIRE(bad.events.refusals.size() == 1);
      CHECK(bad.events.refusals[0].name == row.name);
      CHECK(bad.events.refusals[0].packet == mqtt::PacketType::connect);
      CHECK(bad.events.refusals[0].action == Action::disconnect);
      // From its header alone nobody can tell which version a CONNECT will be of.
      const bool unknown = framed && whose == Whose::listener;
      CHECK(bad.client_gets() == (unknown ? "" : wire::connack(v5, row.reason)));

      // 3.x has a return code for the client identifier only. [MQTT-3.2.2-6 (3.1.1)]
      wire::Connect old = row.over;
      if (!old.properties.empty() || !old.will_properties.empty()) continue;
      old.level = v3_1_1;
      if (framed) old.username += "uuu";  // it has no properties to fill it
      Conversation older = limited(whose, row.lower);
      older.client_sends(wire::connect(old));
      CHECK(older.closed());
      CHECK_FALSE(older.dialled());
      CHECK(older.client_gets() == (row.reason == 0x85 ? wire::connack(v3_1_1, 2) : ""));
      CHECK(older.events.refusals.size() == 1);
      CHECK(older.events.refusals[0].name == row.name);
    }
  }
}

TEST_CASE("a role lowers and never raises") {
  Bounds bounds;
  bounds.max_client_id_length = 3;
  policy::PolicySpec spec = everything();
  spec.roles[0].bounds = unbounded();
  spec.roles[0].bounds->max_client_id_length = 10;
  Conversation talk(spec, bounds);
  talk.client_sends(wire::connect({.client_id = "four"}));
  CHECK(talk.closed());
  CHECK(talk.events.refusals.at(0).name == "mqtt.client-id-too-long");
}

TEST_CASE("bridges: where the listener lets them in, a role may still not") {
  const auto bridge = [] {
    std::string connect = wire::connect();
    connect[8] = static_cast<char>(0x84);
    return connect;
  };
  Bounds bounds;
  bounds.bridges = true;
  for (const bool allowed : {true, false}) {
    policy::PolicySpec spec = everything();
    spec.roles[0].bounds = unbounded();
    spec.roles[0].bounds->bridges = allowed;
    Conversation talk(spec, bounds);
    talk.client_sends(bridge());
    CHECK(talk.dialled() == allowed);
    if (allowed) continue;
    CHECK(talk.client_gets() == wire::connack(v3_1_1, 1));
    CHECK(talk.events.refusals.at(0).name == "mqtt.protocol-version");
  }
}

TEST_CASE("the limits that an open session is held to") {
  struct Open {
    const char* name;
    Lower lower;
    std::string fits;
    std::string over;
    bool ends = false;  // nothing can be answered; else proportion_test.cc says what is
  };
  const auto publish = [](std::string topic, std::string raw = {}) {
    return wire::publish(
        {.level = v5, .topic = std::move(topic), .payload = "", .properties = std::move(raw)});
  };
  const Open rows[] = {
      {"mqtt.packet-too-large", [](Bounds& l) { l.max_packet = 128; },
       publish(std::string(123, 't')), publish(std::string(124, 't')), true},
      {"mqtt.packet-gathered", [](Bounds& l) { l.max_gathered = 128; },
       publish(std::string(123, 't')), publish(std::string(124, 't')), true},
      {"mqtt.topic-too-long", [](Bounds& l) { l.max_topic_length = 4; }, publish("four"),
       publish("fives")},
      {"mqtt.topic-levels", [](Bounds& l) { l.max_topic_levels = 2; }, publish("a/b"),
       publish("a/b/c")},
      {"mqtt.user-properties", [](Bounds& l) { l.max_user_properties = 1; },
       publish("t", user_properties(1)), publish("t", user_properties(2))},
      {"mqtt.user-properties", [](Bounds& l) { l.max_user_property_bytes = 2; },
       publish("t", user_property("k", "v")), publish("t", user_property("k", "vv"))},
      {"mqtt.topic-alias", [](Bounds& l) { l.max_topic_aliases = 2; },
       publish("t", wire::topic_alias(2)), publish("t", wire::topic_alias(3)), true},
      {"mqtt.control-character", [](Bounds& l) { l.refuse_control_characters = true; },
       publish("a b"),
       publish("a\x7F"
               "b")},
  };
  for (const Open& row : rows) {
    for (const Whose whose : {Whose::listener, Whose::role}) {
      CAPTURE(std::string(row.name));
      CAPTURE(static_cast<int>(whose));
      Conversation talk = limited(whose, row.lower);
      talk.open({.level = v5}, wire::topic_alias_maximum(10));
      talk.client_sends(row.fits);
      CHECK(talk.broker_gets() == row.fits);
      CHECK(talk.events.refusals.empty());
      talk.client_sends(row.over);
      CHECK(talk.closed() == row.ends);
      CHECK(talk.broker_gets().empty());
      REQUIRE(talk.events.refusals.size() == 1);
      CHECK(talk.events.refusals[0].name == row.name);
    }
  }
}

TEST_CASE("QoS 2 messages in flight have a limit") {
  for (const Whose whose : {Whose::listener, Whose::role}) {
    for (const wire::Level level : {v3_1, v3_1_1, v5}) {
      Conversation talk = limited(whose, [](Bounds& l) { l.max_qos2_in_flight = 2; });
      talk.open({.level = level});
      const auto publish = [&](unsigned id) {
        return wire::publish({.level = level, .topic = "t", .qos = 2, .packet_id = id});
      };
      talk.client_sends(publish(1) + publish(2));
      talk.broker_sends(wire::pubrec(1));
      talk.client_sends(wire::pubrel(1));
      talk.broker_sends(wire::pubcomp(1));
      talk.client_sends(publish(3));
      CHECK_FALSE(talk.closed());
      (void)talk.broker_gets();
      talk.client_sends(publish(4));          // CVE-2023-28366
      CHECK(talk.closed() == (level == v5));  // which was told; see proportion_test.cc
      CHECK(talk.broker_gets().empty());
      CHECK(talk.events.refusals.at(0).name == "mqtt.qos2-in-flight");
    }
  }
}

TEST_CASE("partial SUBSCRIBEs that wait for their SUBACK have a limit") {
  for (const Whose whose : {Whose::listener, Whose::role}) {
    Conversation talk = limited(whose, [](Bounds& l) {
      l.max_requests = 2;
      l.max_subscriptions = 1;
    });
    talk.open({.level = v5});
    talk.client_sends(wire::subscribe(v5, 1, {{"a"}, {"b"}}));
    talk.client_sends(wire::subscribe(v5, 2, {{"a"}, {"b"}}));
    CHECK(talk.broker_gets() == wire::subscribe(v5, 1, {{"a"}}) + wire::subscribe(v5, 2, {{"a"}}));
    CHECK(talk.events.refusals.size() == 2);
    CHECK(talk.events.refusals.back().name == "mqtt.subscriptions");
    talk.client_sends(wire::subscribe(v5, 3, {{"a"}, {"b"}}));
    CHECK(talk.broker_gets().empty());
    CHECK(talk.client_gets() == wire::suback(v5, 3, {0x97, 0x97}));
    CHECK(talk.events.refusals.back().name == "mqtt.requests-in-flight");
  }
}

TEST_CASE("subscriptions of a session have a limit") {
  for (const Whose whose : {Whose::listener, Whose::role}) {
    for (const wire::Level level : {v3_1, v3_1_1, v5}) {
      const unsigned no = level == v5 ? 0x97 : 0x80;
      Conversation talk = limited(whose, [](Bounds& l) { l.max_subscriptions = 3; });
      talk.open({.level = level});
      const auto granted = [&](unsigned id, std::initializer_list<wire::Filter> filters,
                               std::initializer_list<unsigned> codes) {
        const std::string subscribe = wire::subscribe(level, id, filters);
        talk.client_sends(subscribe);
        CHECK(talk.broker_gets() == subscribe);
        talk.broker_sends(wire::suback(level, id, codes));
        CHECK(talk.client_gets() == wire::suback(level, id, codes));
      };
      granted(1, {{"a"}, {"b"}}, {0, 0});
      // Two more: the first fits. In place.
      talk.client_sends(wire::subscribe(level, 2, {{"c"}, {"d"}, {"a", 1}}));
      CHECK(talk.broker_gets() == wire::subscribe(level, 2, {{"c"}, {"a", 1}}));
      talk.broker_sends(wire::suback(level, 2, {0, 1}));
      CHECK(talk.client_gets() == wire::suback(level, 2, {0, no, 1}));
      REQUIRE(talk.events.refusals.size() == 1);
      CHECK(talk.events.refusals[0].name == "mqtt.subscriptions");
      CHECK(talk.events.refusals[0].topic == "d");
      CHECK(talk.events.refusals[0].action == Action::drop);
      // None fits: answered here.
      talk.client_sends(wire::subscribe(level, 3, {{"e"}, {"f"}}));
      CHECK(talk.broker_gets().empty());
      CHECK(talk.client_gets() == wire::suback(level, 3, {no, no}));
      // What is held is replaced and not counted again.
      granted(4, {{"a", 2}, {"b"}, {"c"}}, {2, 0, 0});
      // UNSUBSCRIBE makes room.
      talk.client_sends(wire::unsubscribe(level, 5, {"b"}));
      talk.broker_sends(level == v5 ? unsuback(5, {0}) : wire::packet(0xB0, wire::u16(5)));
      (void)talk.broker_gets();
      (void)talk.client_gets();
      // What the broker refuses does not count; what the policy refuses never did.
      granted(6, {{"x"}}, {0x80});
      granted(7, {{"$share/g/a"}}, {0});
      talk.client_sends(wire::subscribe(level, 8, {{"z"}}));
      CHECK(talk.client_gets() == wire::suback(level, 8, {no}));
      CHECK_FALSE(talk.closed());
    }
  }
}

TEST_CASE("a filter that the policy refuses is not counted as a subscription") {
  Bounds bounds;
  bounds.max_subscriptions = 1;
  Conversation talk(up_and_down(), bounds);
  talk.open();
  talk.client_sends(wire::subscribe(v3_1_1, 1, {{"no"}, {"down/secret/x"}, {"down/a"}}));
  CHECK(talk.broker_gets() == wire::subscribe(v3_1_1, 1, {{"down/a"}}));
  talk.broker_sends(wire::suback(v3_1_1, 1, {0}));
  CHECK(talk.client_gets() == wire::suback(v3_1_1, 1, {0x80, 0x80, 0}));
}

TEST_CASE("a reload lowers and raises the number of subscriptions of a live session") {
  policy::PolicySpec spec = everything();
  Conversation talk(spec);
  talk.open({.level = v5});
  talk.client_sends(wire::subscribe(v5, 1, {{"a"}, {"b"}}));
  spec.roles[0].bounds = unbounded();
  spec.roles[0].bounds->max_subscriptions = 2;
  talk.set_policy(spec);
  (void)talk.broker_gets();
  talk.client_sends(wire::subscribe(v5, 2, {{"c"}}));
  CHECK(talk.client_gets() == wire::suback(v5, 2, {0x97}));
  spec.roles[0].bounds->max_subscriptions = 3;
  talk.set_policy(spec);
  talk.client_sends(wire::subscribe(v5, 3, {{"c"}}));
  CHECK(talk.broker_gets() == wire::subscribe(v5, 3, {{"c"}}));
}

TEST_CASE("keep-alive: 5.0 is told another one, within both bounds") {
  struct Told {
    unsigned asked;
    unsigned broker;  // Server Keep Alive; 0: none
    unsigned told;    // 0: nothing new
  };
  const Told rows[] = {
      {30, 0, 0},     {29, 0, 30},     {1, 0, 30},  {100, 0, 0},
      {101, 0, 100},  {65535, 0, 100}, {0, 0, 100},  // none is longer than the longest
      {60, 50, 0},    {60, 10, 0},                   // what the broker wants is not too short
      {60, 200, 100}, {5, 200, 100},   {5, 10, 0},
  };
  for (const Whose whose : {Whose::listener, Whose::role}) {
    for (const Told& row : rows) {
      CAPTURE(row.asked);
      CAPTURE(row.broker);
      Conversation talk = limited(whose, [](Bounds& l) {
        l.min_keep_alive = 30;
        l.max_keep_alive = 100;
      });
      talk.client_sends(wire::connect({.level = v5, .keep_alive = row.asked}));
      talk.broker_accepts();
      const auto connack = [](unsigned seconds) {
        return wire::connack(v5, 0,
                             wire::maximum_packet_size(100) + wire::receive_maximum(10) +
                                 (seconds == 0 ? "" : wire::server_keep_alive(seconds)));
      };
      talk.broker_sends(connack(row.broker));
      CHECK(talk.client_gets() == connack(row.told != 0 ? row.told : row.broker));
      CHECK(talk.events.refusals.empty());
      const unsigned counts = row.told != 0 ? row.told : row.broker != 0 ? row.broker : row.asked;
      talk.pass(std::chrono::milliseconds(1500) * counts - std::chrono::milliseconds(1));
      CHECK_FALSE(talk.closed());
      talk.pass(std::chrono::milliseconds(1));
      CHECK(talk.closed());
      CHECK(last_refusal(talk) == "mqtt.keep-alive 8D");
    }
  }
}

TEST_CASE("5.0: a client that was told a longer keep-alive is kept alive at the broker") {
  Bounds bounds;
  bounds.min_keep_alive = 60;
  Conversation talk(everything(), bounds);
  talk.open({.level = v5, .keep_alive = 10});
  // Silent for as long as it was told it may be: the broker hears of it every 10 s.
  for (int i = 0; i < 5; ++i) {
    talk.pass(std::chrono::seconds(10));
    CHECK(talk.broker_gets() == wire::pingreq());
    talk.broker_sends(wire::pingresp());
    CHECK(talk.client_gets().empty());
  }
  talk.client_sends(wire::pingreq());
  CHECK(talk.broker_gets() == wire::pingreq());
  talk.broker_sends(wire::pingresp());
  CHECK(talk.client_gets() == wire::pingresp());
  // And no longer than that.
  talk.pass(std::chrono::seconds(90));
  CHECK(talk.closed());
}

TEST_CASE("keep-alive: 3.x cannot be told another one") {
  struct Bound {
    unsigned asked;
    const char* name;  // empty: within the bounds
  };
  for (const Whose whose : {Whose::listener, Whose::role}) {
    for (const wire::Level level : {v3_1, v3_1_1}) {
      for (const auto& [asked, name] :
           {Bound{30, ""}, Bound{29, "mqtt.keep-alive-minimum"}, Bound{100, ""},
            Bound{101, "mqtt.keep-alive-maximum"}, Bound{0, "mqtt.keep-alive-maximum"}}) {
        for (const bool refuse : {false, true}) {
          CAPTURE(asked);
          CAPTURE(refuse);
          Conversation talk = limited(whose, [&](Bounds& l) {
            l.min_keep_alive = 30;
            l.max_keep_alive = 100;
            l.refuse_mqtt3_keep_alive = refuse;
          });
          const bool out = *name != '\0';
          talk.client_sends(wire::connect({.level = level, .keep_alive = asked}));
          CHECK(talk.dialled() == (!out || !refuse));
          CHECK(talk.closed() == (out && refuse));
          CHECK(talk.client_gets().empty());  // no return code fits
          REQUIRE(talk.events.refusals.size() == (out ? 1 : 0));
          if (out) {
            CHECK(talk.events.refusals[0].name == name);
            CHECK(talk.events.refusals[0].action == (refuse ? Action::disconnect : Action::report));
          }
          if (talk.closed()) continue;
          talk.broker_accepts();
          talk.broker_sends(wire::connack(level));
          CHECK(talk.client_gets() == wire::connack(level));
          const unsigned counts = asked == 0 ? 100 : std::min(asked, 100U);
          talk.pass(std::chrono::milliseconds(1500) * counts - std::chrono::milliseconds(1));
          CHECK_FALSE(talk.closed());
          talk.pass(std::chrono::milliseconds(1));
          CHECK(talk.closed());
        }
      }
    }
  }
}
