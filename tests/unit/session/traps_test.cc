// What a gateway between a client and a broker gets wrong most easily, where one conversation shows
// it. tests/README.md lists the traps and all tests of each.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

namespace {

std::string plain_delivery(wire::Level level, std::string topic, unsigned qos, unsigned id,
                           bool dup = false) {
  return wire::publish(
      {.level = level, .topic = std::move(topic), .qos = qos, .packet_id = id, .dup = dup});
}

/// The broker sends the next message once the one before it is complete, as one with an in-flight
/// window of one does; what the client gets is acknowledged by it.
void deliver_one_by_one(wire::Level level, unsigned qos) {
  Conversation talk(up_and_down());
  talk.open({.level = level}, level == v5 ? wire::receive_maximum(1) : "");
  for (unsigned id = 1; id <= 20; ++id) {
    const bool refused = id % 4 != 0;
    const std::string message =
        plain_delivery(level, refused ? "down/secret/x" : "down/a", qos, id);
    talk.broker_sends(message);
    CHECK(talk.client_gets() == (refused ? "" : message));
    if (!refused) talk.client_sends(qos == 1 ? wire::puback(id) : wire::pubrec(id));
    REQUIRE(talk.broker_gets() == (qos == 1 ? wire::puback(id) : wire::pubrec(id)));
    if (qos == 1) continue;
    talk.broker_sends(wire::pubrel(id));
    CHECK(talk.client_gets() == (refused ? "" : wire::pubrel(id)));
    if (!refused) talk.client_sends(wire::pubcomp(id));
    REQUIRE(talk.broker_gets() == wire::pubcomp(id));
  }
  CHECK_FALSE(talk.closed());
  CHECK(talk.events.refusals.size() == 15);
}

}  // namespace

TEST_CASE("trap: dropped deliveries do not fill the broker's window of one") {
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    deliver_one_by_one(level, 1);
    deliver_one_by_one(level, 2);
  }
}

TEST_CASE("trap: a dropped delivery that comes again with DUP is acknowledged again") {
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    Conversation talk(up_and_down());
    talk.open({.level = level});
    for (const bool dup : {false, true, true}) {
      talk.broker_sends(plain_delivery(level, "down/secret/x", 1, 5, dup));
      CHECK(talk.broker_gets() == wire::puback(5));
      talk.broker_sends(plain_delivery(level, "down/secret/x", 2, 6, dup));
      CHECK(talk.broker_gets() == wire::pubrec(6));
    }
    talk.broker_sends(wire::pubrel(6));
    CHECK(talk.broker_gets() == wire::pubcomp(6));
    CHECK(talk.client_gets().empty());
  }
}

TEST_CASE("trap: after a reconnect the broker goes on with a delivery that was dropped before it") {
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    Conversation again(up_and_down());
    again.open({.level = level, .clean = false});
    // The PUBREC was lost: the message comes again, and is dropped again.
    again.broker_sends(plain_delivery(level, "down/secret/x", 2, 6, true));
    CHECK(again.broker_gets() == wire::pubrec(6));
    again.broker_sends(wire::pubrel(6));
    CHECK(again.broker_gets() == wire::pubcomp(6));
    CHECK(again.client_gets().empty());
    // It was not lost: PUBREL comes alone. Only the client can know it, and answers as it may.
    again.broker_sends(wire::pubrel(7));
    CHECK(again.client_gets() == wire::pubrel(7));
    const std::string answer = level == v5 ? wire::ack(7, 7, 0x92) : wire::pubcomp(7);
    again.client_sends(answer);
    CHECK(again.broker_gets() == answer);
    CHECK_FALSE(again.closed());
  }
}

TEST_CASE("trap: a refused QoS 2 message goes on after a reconnect") {
  for (const wire::Level level : {v3_1, v3_1_1}) {
    const std::string message = plain_delivery(level, "no", 2, 7);
    Conversation first(up_and_down());
    first.open({.level = level, .clean = false});
    first.client_sends(message);
    CHECK(first.client_gets() == wire::pubrec(7));
    first.ends(Side::client);

    // PUBREC was lost: the client sends the message again, and it is refused again.
    Conversation lost(up_and_down());
    lost.open({.level = level, .clean = false});
    lost.client_sends(plain_delivery(level, "no", 2, 7, true));
    CHECK(lost.client_gets() == wire::pubrec(7));
    for (int i = 0; i < 2; ++i) {
      lost.client_sends(wire::pubrel(7));
      CHECK(lost.client_gets() == wire::pubcomp(7));
    }
    CHECK(lost.broker_gets().empty());

    // It was not lost: PUBREL comes alone. It may be of a message that the broker has.
    Conversation got(up_and_down());
    got.open({.level = level, .clean = false});
    got.client_sends(wire::pubrel(7));
    CHECK(got.broker_gets() == wire::pubrel(7));
    got.broker_sends(wire::pubcomp(7));
    CHECK(got.client_gets() == wire::pubcomp(7));
  }
}

TEST_CASE("trap: a client without Clean Start, refused in part, keeps identifiers and options") {
  const std::string id = wire::u8(0x0B) + wire::varint(300);
  const std::string more = id + user_property("k", "v");
  Conversation talk(up_and_down());
  talk.open({.level = v5, .clean = false});
  // No Local, Retain As Published, Retain Handling 2; QoS 2.
  const wire::Filter one{"down/a", 0x02 | 0x04 | 0x08 | 0x20};
  const wire::Filter two{"$share/g/down/b", 0x01 | 0x08 | 0x10};
  talk.client_sends(wire::subscribe(v5, 9, {{"no", 1}, one, {"down/secret/#", 2}, two}, more));
  CHECK(talk.broker_gets() == wire::subscribe(v5, 9, {one, two}, more));
  talk.broker_sends(wire::suback(v5, 9, {2, 0x9E}, reason_string("why")));
  CHECK(talk.client_gets() == wire::suback(v5, 9, {0x87, 2, 0x87, 0x9E}, reason_string("why")));
}

TEST_CASE("trap: CONNACK's limits bind as they are told, the gateway's and the broker's") {
  Bounds bounds;
  bounds.max_packet = 200;
  bounds.max_topic_aliases = 3;
  bounds.max_qos2_in_flight = 4;
  bounds.max_keep_alive = 100;
  struct Row {
    bool broker_is_lower;
    std::uint32_t packet;
    unsigned aliases, receive, keep_alive;
  };
  for (const Row& row : {Row{true, 150, 2, 3, 50}, Row{false, 1000, 9, 90, 600}}) {
    CAPTURE(row.broker_is_lower);
    const auto connack = [](std::uint32_t packet, unsigned aliases, unsigned receive,
                            unsigned keep_alive) {
      return wire::connack(v5, 0,
                           wire::maximum_packet_size(packet) + wire::topic_alias_maximum(aliases) +
                               wire::receive_maximum(receive) +
                               wire::server_keep_alive(keep_alive));
    };
    const auto begin = [&](Conversation& talk) {
      talk.client_sends(wire::connect({.level = v5, .keep_alive = 70}));
      talk.broker_accepts();
      talk.broker_sends(connack(row.packet, row.aliases, row.receive, row.keep_alive));
      (void)talk.broker_gets();
    };
    const std::uint32_t packet = row.broker_is_lower ? 150 : 200;
    const unsigned aliases = row.broker_is_lower ? 2 : 3;
    const unsigned receive = row.broker_is_lower ? 3 : 4;
    const unsigned keep_alive = row.broker_is_lower ? 50 : 100;
    const auto publish = [](std::size_t bytes) {
      return wire::publish({.level = v5, .topic = "up/a", .payload = std::string(bytes - 10, 'x')});
    };
    Conversation size(up_and_down(), bounds);
    begin(size);
    CHECK(size.client_gets() == connack(packet, aliases, receive, keep_alive));
    CHECK(size.events.rewrites.size() == (row.broker_is_lower ? 0 : 1));
    const std::string fits = publish(packet);
    REQUIRE(fits.size() == packet);
    size.client_sends(fits);
    CHECK(size.broker_gets() == fits);
    size.client_sends(publish(packet + 1));
    CHECK(size.client_gets() == wire::disconnect(0x95));

    Conversation alias(up_and_down(), bounds);
    begin(alias);
    const auto with_alias = [](unsigned number) {
      return wire::publish({.level = v5, .topic = "up/a", .properties = wire::topic_alias(number)});
    };
    (void)alias.client_gets();
    alias.client_sends(with_alias(aliases));
    CHECK(alias.broker_gets() == with_alias(aliases));
    alias.client_sends(with_alias(aliases + 1));
    CHECK(alias.client_gets() == wire::disconnect(0x94));

    Conversation flight(up_and_down(), bounds);
    begin(flight);
    (void)flight.client_gets();
    for (unsigned n = 1; n <= receive; ++n) flight.client_sends(plain_delivery(v5, "up/a", 1, n));
    CHECK_FALSE(flight.closed());
    flight.client_sends(plain_delivery(v5, "up/a", 1, receive + 1));
    CHECK(flight.client_gets() == wire::disconnect(0x93));

    Conversation silent(up_and_down(), bounds);
    begin(silent);
    silent.pass(std::chrono::milliseconds(1500) * keep_alive - std::chrono::milliseconds(1));
    CHECK_FALSE(silent.closed());
    silent.pass(std::chrono::milliseconds(1));
    CHECK(silent.closed());
  }
}

TEST_CASE("trap: the beginning of a longer Remaining Length is no error") {
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    const std::string connect =
        wire::connect({.level = level, .client_id = std::string(120, 'c'), .username = "user"});
    REQUIRE(connect.substr(0, 1) == "\x10");
    REQUIRE((static_cast<unsigned char>(connect[1]) & 0x80) != 0);
    Conversation talk(up_and_down());
    talk.client_sends(connect.substr(0, 2));
    CHECK_FALSE(talk.closed());
    CHECK(talk.events.refusals.empty());
    talk.client_sends(connect.substr(2));
    CHECK(talk.dialled());

    // Of a PUBLISH, and from the other side.
    Conversation open(up_and_down());
    open.open({.level = level});
    const std::string up =
        wire::publish({.level = level, .topic = "up/a", .payload = std::string(200, 'x')});
    open.client_sends(up.substr(0, 2));
    CHECK_FALSE(open.closed());
    open.client_sends(up.substr(2));
    CHECK(open.broker_gets() == up);
    const std::string down =
        wire::publish({.level = level, .topic = "down/a", .payload = std::string(200, 'x')});
    open.broker_sends(down.substr(0, 2));
    CHECK_FALSE(open.closed());
    open.broker_sends(down.substr(2));
    CHECK(open.client_gets() == down);
  }
}

TEST_CASE("an identifier that the broker will assign stands for nothing before CONNACK") {
  const policy::PolicySpec own = everybody({allow("own", {"dev/${client_id}/#"})});
  for (const std::string topic : {"dev//will", "dev/auto-7/will", "dev/${client_id}/will"}) {
    Conversation will(own);
    will.client_sends(wire::connect({.level = v5, .client_id = "", .will_topic = topic}));
    CHECK(will.closed());
    CHECK_FALSE(will.dialled());
    CHECK(will.client_gets() == wire::connack(v5, 0x87));
  }
  policy::PolicySpec bound = own;
  bound.roles[0].client_id = "${username}";
  Conversation binding(bound);
  binding.client_sends(wire::connect({.level = v5, .client_id = "", .username = "auto-7"}));
  CHECK(binding.closed());
  CHECK_FALSE(binding.dialled());

  for (const bool clean : {true, false}) {
    Conversation talk(own);
    talk.client_sends(wire::connect({.level = v5, .client_id = "", .clean = clean}));
    talk.broker_accepts();
    (void)talk.broker_gets();
    // What comes early is decided by what CONNACK says.
    const std::string early = wire::publish({.level = v5, .topic = "dev/auto-7/up"});
    talk.client_sends(early + wire::publish({.level = v5, .topic = "dev//up"}));
    CHECK(talk.broker_gets().empty());
    talk.broker_sends(wire::connack(v5, 0, wire::assigned_client_id("auto-7")));
    CHECK(talk.broker_gets() == early);
    CHECK(talk.events.refusals.size() == 1);
  }
  // 3.1.1 never learns what the broker calls it, and neither does the gateway.
  Conversation old(own);
  old.open({.client_id = ""});
  old.client_sends(wire::publish({.topic = "dev//up"}) + wire::publish({.topic = "dev/x/up"}));
  CHECK(old.broker_gets().empty());
}

TEST_CASE("[MQTT-3.1.0-1] whatever comes before CONNECT is refused for being first") {
  const std::string method = wire::authentication_method("SCRAM");
  for (const std::string& first :
       {wire::publish({.topic = "up/a"}), wire::puback(1), wire::pubrec(1), wire::pubrel(1),
        wire::pubcomp(1), wire::subscribe(v3_1_1, 1, {{"a"}}), wire::unsubscribe(v3_1_1, 1, {"a"}),
        wire::pingreq(), wire::disconnect(), auth(0x18, method), auth(0x19, method),
        wire::packet(0xF0, ""), wire::packet(0xF7, "x")}) {
    CAPTURE(first);
    Conversation talk(up_and_down());
    talk.client_sends(first);
    CHECK(talk.closed());
    CHECK_FALSE(talk.dialled());
    CHECK(talk.client_gets().empty());
    REQUIRE(talk.events.refusals.size() == 1);
    CHECK(talk.events.refusals[0].name == "mqtt.connect-first");
  }
}

TEST_CASE("enhanced authentication: the broker is never dialled for a CONNECT that is refused") {
  const std::string method = wire::authentication_method("SCRAM");
  policy::PolicySpec spec = up_and_down();
  spec.roles[0].match["username"] = {"joe"};
  Conversation refused(spec);
  refused.client_sends(wire::connect({.level = v5, .properties = method, .username = "ann"}));
  CHECK(refused.client_gets() == wire::connack(v5, 0x87));
  CHECK(refused.closed());
  CHECK_FALSE(refused.dialled());

  // Both ways, in several steps, and once more in the open session.
  Conversation talk(spec);
  talk.client_sends(wire::connect({.level = v5, .properties = method, .username = "joe"}));
  talk.broker_accepts();
  (void)talk.broker_gets();
  const std::string data = method + wire::u8(0x16) + wire::text("nonce");
  for (int step = 0; step < 3; ++step) {
    talk.broker_sends(auth(0x18, data));
    CHECK(talk.client_gets() == auth(0x18, data));
    talk.client_sends(auth(0x18, data));
    CHECK(talk.broker_gets() == auth(0x18, data));
  }
  const std::string connack =
      wire::connack(v5, 0, method + wire::maximum_packet_size(100) + wire::receive_maximum(1));
  talk.broker_sends(connack);
  CHECK(talk.client_gets() == connack);
  talk.client_sends(auth(0x19, data));
  CHECK(talk.broker_gets() == auth(0x19, data));
  talk.broker_sends(auth(0x18, data));
  CHECK(talk.client_gets() == auth(0x18, data));
  talk.client_sends(auth(0x18, data));
  CHECK(talk.broker_gets() == auth(0x18, data));
  talk.broker_sends(auth(0x00, data));
  CHECK(talk.client_gets() == auth(0x00, data));
  CHECK(talk.events.rewrites.empty());
  CHECK(talk.events.refusals.empty());
}
